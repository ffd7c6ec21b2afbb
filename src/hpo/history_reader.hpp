#pragma once

#include <vector>

#include "numgeom/hpo/evaluation.hpp"
#include "numgeom/hpo/space.hpp"
#include "numgeom/hpo/surrogate.hpp"

namespace numgeom {

/// A history in numbers: what a Gaussian process is conditioned on.
struct Seen {
  Observations losses;  ///< pulled down to a ceiling; variances are δ², unknown ones negative
  Observations log_deltas;
  std::vector<Eigen::VectorXd> running;
  std::vector<const Evaluation*> finished;  ///< those with a loss; they live in the history
  bool any_delta = false;
};

/// Of a history with at least one loss. `Surrogate`s of its space take `nominal_cells`.
[[nodiscard]] Seen read_history(const Space& space, const History& history);
/// How many values each coordinate of the unit cube has; 0 for ordered ones.
[[nodiscard]] std::vector<int> nominal_cells(const Space& space);

}  // namespace numgeom

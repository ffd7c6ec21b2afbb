#pragma once

#include <Eigen/Core>
#include <functional>
#include <vector>

#include "deviates.hpp"
#include "lbfgs.hpp"
#include "numgeom/hpo/space.hpp"

namespace numgeom {

/// A function on the unit cube that is to be maximised.
struct Acquisition {
  /// One value a row.
  std::function<Eigen::VectorXd(const Eigen::MatrixXd& points)> values;
  /// The value, and its derivatives by the ordered coordinates.
  SmoothFunction smooth;
};

/// Feasible points of the cube, the most promising first: the ends of local searches, then the
/// starts. `centres` are points near which it is worth looking. Points are `Space::encode`d.
/// Throws `Error` where no feasible point is found.
[[nodiscard]] std::vector<Eigen::VectorXd> maximise(const Space& space,
                                                    const Acquisition& acquisition,
                                                    const std::vector<Eigen::VectorXd>& centres,
                                                    Deviates& deviates);

/// Feasible points: scrambled Sobol ones over the whole cube, and normal steps from the centres.
/// One a row; at least one. Throws `Error` where none is found.
[[nodiscard]] Eigen::MatrixXd candidates(const Space& space, int count,
                                         const std::vector<Eigen::VectorXd>& centres,
                                         Deviates& deviates);

}  // namespace numgeom

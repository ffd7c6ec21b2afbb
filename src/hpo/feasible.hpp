#pragma once

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <optional>
#include <utility>

#include "deviates.hpp"
#include "numgeom/error.hpp"
#include "numgeom/hpo/design.hpp"
#include "numgeom/hpo/space.hpp"

namespace numgeom {

/// How many infeasible points in a row mean that the constraints cannot be met.
inline constexpr int kMostRejected = 10'000;

inline Error nothing_feasible() {
  return Error(fmt::format("space: {} points in a row broke a constraint: nothing is feasible",
                           kMostRejected));
}

/// The trials before a model, where `search.startup` says nothing: one for each coordinate, 5
/// to 10.
[[nodiscard]] inline std::size_t startup_trials(const Space& space, const Search& search) {
  const int trials = search.startup > 0 ? search.startup : std::clamp(space.dimensions(), 5, 10);
  return static_cast<std::size_t>(trials);
}

/// The points of these trials: a scrambled Sobol sequence.
[[nodiscard]] inline std::unique_ptr<Sampler> startup_design(const Space& space, Search search) {
  search.method = SearchMethod::kSobol;
  search.seed = search.seed_or_zero();
  return design_sampler(space, search);
}

/// The first of `tries` points drawn that is feasible and accepted, with its configuration.
template <class Draw, class Accept>
[[nodiscard]] std::optional<std::pair<Eigen::VectorXd, Assignment>> feasible_of(
    const Space& space, int tries, const Draw& draw, const Accept& accept) {
  for (int i = 0; i < tries; ++i) {
    Eigen::VectorXd point = draw();
    Assignment assignment = space.decode(point);
    if (accept(assignment) && space.feasible(assignment))
      return std::pair(std::move(point), std::move(assignment));
  }
  return std::nullopt;
}

/// A feasible point, uniform among them. Throws `Error` where none is found.
[[nodiscard]] inline std::pair<Eigen::VectorXd, Assignment> feasible_at_random(const Space& space,
                                                                               Deviates& deviates) {
  const auto draw = [&] {
    Eigen::VectorXd point(space.dimensions());
    for (double& x : point) x = deviates.uniform();
    return point;
  };
  auto found = feasible_of(space, kMostRejected, draw, [](const Assignment&) { return true; });
  if (!found) throw nothing_feasible();
  return *std::move(found);
}

}  // namespace numgeom

#pragma once

#include <memory>
#include <vector>

#include "numgeom/hpo/sampler.hpp"

namespace numgeom {

/// Points of the unit cube, one after the other.
class PointStream {
 public:
  virtual ~PointStream() = default;
  /// Nothing where there are no more.
  [[nodiscard]] virtual std::optional<Eigen::VectorXd> next() = 0;
};

/// Independent uniform points.
[[nodiscard]] std::unique_ptr<PointStream> random_points(int dimensions, std::uint64_t seed);
/// A Sobol sequence (Boost.Random's direction numbers), from its second point on: the first is a
/// corner. With a seed its digits are scrambled by a random lower triangular matrix and a random
/// shift for every coordinate: the points stay a (t, s)-sequence, and each is uniform. Throws
/// `Error` for more than 3667 dimensions. Source: Matoušek, J. Complexity 14 (1998).
[[nodiscard]] std::unique_ptr<PointStream> sobol_points(int dimensions,
                                                        std::optional<std::uint64_t> seed);
/// Latin hypercubes of `size` points, one after the other.
[[nodiscard]] std::unique_ptr<PointStream> latin_hypercube_points(int dimensions, int size,
                                                                  std::uint64_t seed);

/// Positions of a grid along one parameter: `points` from end to end, or the cells of one that has
/// no more of them (all cells where they have no order).
[[nodiscard]] std::vector<double> grid_positions(const Parameter& parameter, int points);

/// A method that looks at no loss: list, grid, random, Sobol, Latin hypercube.
[[nodiscard]] bool is_design(SearchMethod method);

/// The sampler of such a method. Infeasible points are left out; the first coordinate varies
/// slowest on a grid, and configurations that differ in inactive parameters only come once.
/// Deviates come from Boost.Random, so they do not depend on the standard library.
[[nodiscard]] std::unique_ptr<Sampler> design_sampler(const Space& space, const Search& search);

/// All configurations of such a method: `trials` of them, or as many as the list or grid has.
/// Throws `Error` for other methods.
[[nodiscard]] std::vector<Assignment> sample(const Space& space, const Search& search);

}  // namespace numgeom

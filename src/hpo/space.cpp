#include "numgeom/hpo/space.hpp"

#include <fmt/format.h>

#include <boost/random/mersenne_twister.hpp>
#include <boost/random/sobol.hpp>
#include <boost/random/uniform_01.hpp>
#include <cmath>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

/// Positions in the unit square become a configuration.
Configuration place(const Space& space, double lr_position, double decay_position) {
  return {space.lr.at(lr_position), space.weight_decay.at(decay_position)};
}

std::vector<double> grid_positions(const Range& range, int points) {
  if (range.is_fixed() || points == 1) return {0.0};
  std::vector<double> positions;
  for (int i = 0; i < points; ++i) positions.push_back(static_cast<double>(i) / (points - 1));
  return positions;
}

std::vector<Configuration> grid(const Space& space, int points) {
  std::vector<Configuration> result;
  for (const double lr : grid_positions(space.lr, points))
    for (const double decay : grid_positions(space.weight_decay, points))
      result.push_back(place(space, lr, decay));
  return result;
}

std::vector<Configuration> random(const Space& space, int trials, std::uint64_t seed) {
  boost::random::mt19937_64 engine(seed);
  boost::random::uniform_01<double> uniform;
  std::vector<Configuration> result;
  for (int i = 0; i < trials; ++i) {
    const double lr = uniform(engine);
    const double decay = uniform(engine);
    result.push_back(place(space, lr, decay));
  }
  return result;
}

std::vector<Configuration> sobol(const Space& space, int trials) {
  constexpr std::size_t kDimensions = 2;
  boost::random::sobol engine(kDimensions);
  const auto position = [&engine] { return std::ldexp(static_cast<double>(engine()), -64); };
  std::vector<Configuration> result;
  for (int i = 0; i < trials; ++i) {
    const double lr = position();
    const double decay = position();
    result.push_back(place(space, lr, decay));
  }
  return result;
}

}  // namespace

double Range::at(double t) const {
  if (t <= 0 || is_fixed()) return low;
  if (t >= 1) return high;
  if (!logarithmic) return low + t * (high - low);
  return std::exp(std::log(low) + t * (std::log(high) - std::log(low)));
}

void Range::validate(const char* name) const {
  if (!std::isfinite(low) || low < 0)
    throw Error(fmt::format("{}: low must be a finite number ≥ 0, not {}", name, low));
  if (!std::isfinite(high) || high < low)
    throw Error(
        fmt::format("{}: high must be a finite number ≥ low = {}, not {}", name, low, high));
  if (logarithmic && low == 0)
    throw Error(fmt::format("{}: low must be > 0 on a logarithmic scale, not 0", name));
}

std::vector<Configuration> sample(const Space& space, const Search& search) {
  switch (search.method) {
    case SearchMethod::kList:
      return search.configurations;
    case SearchMethod::kGrid:
      return grid(space, search.points);
    case SearchMethod::kRandom:
      return random(space, search.trials, search.seed);
    case SearchMethod::kSobol:
      break;
  }
  return sobol(space, search.trials);
}

}  // namespace numgeom

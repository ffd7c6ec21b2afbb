#pragma once

#include <boost/random/mersenne_twister.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/seed_seq.hpp>
#include <boost/random/uniform_01.hpp>
#include <cstdint>

namespace numgeom {

/// The random numbers of one suggestion: a stream for every pair (seed, index of the trial).
/// Boost.Random's, so they do not depend on the standard library.
class Deviates {
 public:
  Deviates(std::uint64_t seed, std::uint64_t index) {
    const auto upper = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
    const auto lower = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
    boost::random::seed_seq words{upper(seed), lower(seed), upper(index), lower(index)};
    engine_.seed(words);
  }

  [[nodiscard]] std::uint64_t word() { return engine_(); }
  [[nodiscard]] double uniform() { return uniform_(engine_); }
  [[nodiscard]] double normal() { return normal_(engine_); }

  /// An index, in proportion to the weights, whose sum is `total`.
  template <class Weights>
  [[nodiscard]] int index(const Weights& weights, double total) {
    double left = uniform() * total;
    int i = 0;
    for (const double weight : weights) {
      if ((left -= weight) < 0) return i;
      ++i;
    }
    return i - 1;
  }

 private:
  boost::random::mt19937_64 engine_;
  boost::random::uniform_01<double> uniform_;
  boost::random::normal_distribution<double> normal_;
};

}  // namespace numgeom

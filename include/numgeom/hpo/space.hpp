#pragma once

#include <cstdint>
#include <vector>

#include "numgeom/train/problem.hpp"

namespace numgeom {

/// Values that one hyperparameter may take: an interval on a linear or logarithmic scale, or one
/// value (low = high).
struct Range {
  double low = 0;
  double high = 0;
  bool logarithmic = false;

  static Range fixed(double value) { return {value, value, false}; }
  [[nodiscard]] bool is_fixed() const { return low == high; }
  /// The value at position t ∈ [0, 1]: low + t·(high − low), or its analogue in the logarithm. The
  /// ends are met exactly.
  [[nodiscard]] double at(double t) const;
  /// Throws `Error` naming `name` unless 0 ≤ low ≤ high are finite, and low > 0 if logarithmic.
  void validate(const char* name) const;
};

/// The space that configurations are drawn from.
struct Space {
  Range lr = {1e-3, 1.0, true};
  Range weight_decay = Range::fixed(0);
};

/// How configurations are chosen.
enum class SearchMethod {
  kList,    ///< as given
  kGrid,    ///< equally spaced on each scale, both ends included
  kRandom,  ///< uniform on each scale, seeded
  kSobol    ///< a Sobol sequence: spread more evenly than random
};

struct Search {
  SearchMethod method = SearchMethod::kSobol;
  int trials = 12;                            ///< random, sobol
  int points = 4;                             ///< grid: for each hyperparameter that is not fixed
  std::uint64_t seed = 0;                     ///< random
  std::vector<Configuration> configurations;  ///< list
};

/// The configurations of a search, in a fixed order. The first dimension (lr) varies slowest on a
/// grid. Deviates come from Boost.Random, so they do not depend on the standard library.
[[nodiscard]] std::vector<Configuration> sample(const Space& space, const Search& search);

}  // namespace numgeom

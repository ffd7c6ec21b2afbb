#pragma once

#include <compare>
#include <string>
#include <vector>

#include "numgeom/arithmetic/float_format.hpp"
#include "numgeom/arithmetic/summation.hpp"

namespace numgeom {

/// A native precision that a trial can be trained in. Its name is
///
///     fp64 | fp32 | tf32 | (fp16 | bf16)[-mixed][-stochastic]
///
/// followed by -sequential, -pairwise or -kahan where sums are not in Eigen's order; for example
/// "bf16-mixed" or "fp32-kahan". What each name stores, computes and rounds: docs/precisions.md.
struct Precision {
  FloatFormat format = FloatFormat::kFp32;
  bool mixed = false;       ///< fp16 and bf16: weights and updates stay in fp32
  bool stochastic = false;  ///< fp16 and bf16: rounded to one neighbour or the other at random
  Summation summation = Summation::kBlocked;

  static const Precision kFp64;
  static const Precision kFp32;

  friend bool operator==(const Precision&, const Precision&) = default;
  friend auto operator<=>(const Precision&, const Precision&) = default;
};

inline constexpr Precision Precision::kFp64{FloatFormat::kFp64};
inline constexpr Precision Precision::kFp32{FloatFormat::kFp32};

/// All that have a name: fp64 first, every order of summation.
[[nodiscard]] std::vector<Precision> all_precisions();

/// The name. Throws `Error` where there is none, as for a mixed fp32.
[[nodiscard]] std::string to_string(const Precision& precision);
/// From a name as above, its parts in that order. Throws `Error` naming the text and what is
/// expected otherwise.
[[nodiscard]] Precision parse_precision(const std::string& name);
/// u of the coarsest format that values are rounded to: that of the products' operands in tf32, of
/// activations and gradients in mixed forms. An error of stochastic rounding may be twice as large.
[[nodiscard]] double unit_roundoff(const Precision& precision);

}  // namespace numgeom

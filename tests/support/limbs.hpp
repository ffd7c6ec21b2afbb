#pragma once

#include <algorithm>

#include "numgeom/arithmetic/ball_arithmetic.hpp"
#include "numgeom/arithmetic/limb_arithmetic.hpp"
#include "support/random.hpp"

namespace numgeom::test {

/// The same numbers in as many limbs as it takes to hold them exactly.
inline LimbMatrix exact_limbs(const BigFloatMatrix& x) {
  bool any = false;
  std::int64_t top = 0;
  std::int64_t least = 0;
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < x.cols(); ++j) {
      if (x(i, j).is_zero()) continue;
      const std::int64_t exponent = mpfr_get_exp(x(i, j).get());
      const auto bits = static_cast<std::int64_t>(mpfr_min_prec(x(i, j).get()));
      top = any ? std::max(top, exponent) : exponent;
      least = any ? std::min(least, exponent - bits) : exponent - bits;
      any = true;
    }
  LimbMatrix result(x.rows(), x.cols(), limbs_for_bits(static_cast<int>(top - least)), least);
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < x.cols(); ++j) result.set(i, j, x(i, j));
  return result;
}

/// Integers where limbs go wrong, if they do: zeros, ±1, runs of ones and zeros, the most negative
/// and most positive numbers of a limb, and random bits.
inline LimbMatrix random_limbs(Random& random, Eigen::Index rows, Eigen::Index cols, int limbs,
                               std::int64_t exponent = 0) {
  LimbMatrix result(rows, cols, limbs, exponent);
  const bool corners = random.coin();
  for (Eigen::Index i = 0; i < rows; ++i)
    for (Eigen::Index j = 0; j < cols; ++j) {
      const int kind = corners ? random.below(6) : 6;
      for (int s = 0; s < limbs; ++s) {
        std::uint64_t digit = random.bits() & LimbMatrix::kLimbMask;
        if (kind == 0) digit = 0;
        if (kind == 1) digit = LimbMatrix::kLimbMask;
        if (kind == 2) digit = random.coin() ? 0 : LimbMatrix::kLimbMask;
        if (kind == 3) digit = s == 0 ? 1 : 0;
        const bool top = s == limbs - 1;
        if (kind == 4) digit = top ? (LimbMatrix::kLimbMask >> 1) : LimbMatrix::kLimbMask;
        // The most negative number itself has no counterpart and is never stored.
        if (top && digit == (LimbMatrix::kLimbMask >> 1) + 1) ++digit;
        result.block(i, j / LimbMatrix::kLanes)[s].lane[j % LimbMatrix::kLanes] = digit;
      }
    }
  return result;
}

}  // namespace numgeom::test

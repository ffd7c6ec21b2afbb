#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "numgeom/arithmetic/strict_math.hpp"

namespace numgeom {

/// Arguments from here to 0 are good for `exp_nearly`.
inline constexpr double kLeastExponent = -690;
/// |exp_nearly(x) − e^x| ≤ this times e^x.
inline constexpr double kExpError = 0x1p-49;

/// e^x for x in [kLeastExponent, 0], in doubles, without branches so that loops over it are
/// vectorised.
///
/// x = k·ln 2 + r with |r| ≤ 0.3466, e^r by Taylor's polynomial of degree 13. Inclusion: none by
/// itself; the relative error is at most `kExpError` for every rounding to nearest, with or without
/// FMA. Source: proofs/exponential.md.
inline double exp_nearly(double x) {
  constexpr double kLog2E = 0x1.71547652b82fep0;
  constexpr double kLn2High = 0x1.62e42feep-1;  // 32 bits: its product with k is exact
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  constexpr double kRound = 0x1.8p52;
  const double k = (x * kLog2E + kRound) - kRound;
  const double r = (x - k * kLn2High) - k * kLn2Low;
  double sum = 1.0 / 6227020800;
  sum = sum * r + 1.0 / 479001600;
  sum = sum * r + 1.0 / 39916800;
  sum = sum * r + 1.0 / 3628800;
  sum = sum * r + 1.0 / 362880;
  sum = sum * r + 1.0 / 40320;
  sum = sum * r + 1.0 / 5040;
  sum = sum * r + 1.0 / 720;
  sum = sum * r + 1.0 / 120;
  sum = sum * r + 1.0 / 24;
  sum = sum * r + 1.0 / 6;
  sum = sum * r + 0.5;
  sum = sum * r + 1.0;
  sum = sum * r + 1.0;
  constexpr int kMantissaBits = 52;
  constexpr int kBias = 1023;
  const auto power = static_cast<std::uint64_t>(static_cast<std::int64_t>(k) + kBias)
                     << kMantissaBits;
  return sum * std::bit_cast<double>(power);
}

}  // namespace numgeom

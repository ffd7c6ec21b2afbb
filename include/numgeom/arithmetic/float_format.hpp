#pragma once

#include <cstdint>

#include "numgeom/arithmetic/matrix.hpp"

namespace numgeom {

/// Binary floating-point formats that native training stores or multiplies numbers in.
enum class FloatFormat {
  kFp64,  ///< IEEE binary64: 52 bits of fraction
  kFp32,  ///< IEEE binary32: 23 bits
  kTf32,  ///< 10 bits, the exponents of fp32: what tensor cores read of an fp32 operand
  kFp16,  ///< IEEE binary16: 10 bits, exponents from −14 to 15, subnormals down to 2^-24
  kBf16   ///< bfloat16: 7 bits, the exponents of fp32
};

/// Numbers are stored in it to save room: fp16 and bf16, which have mixed and stochastic forms.
[[nodiscard]] constexpr bool is_storage(FloatFormat format) {
  return format == FloatFormat::kFp16 || format == FloatFormat::kBf16;
}

/// u: half the distance from 1 to the next number of the format; 2^-53, 2^-24, 2^-11, 2^-11, 2^-8.
[[nodiscard]] double unit_roundoff(FloatFormat format);

/// The number of the format that is nearest to x, the even one of two; beyond the greatest number
/// ±∞. A zero keeps its sign, an infinity stays, NaN stays a (quiet) NaN. The identity for formats
/// that hold every float.
[[nodiscard]] float round_to_nearest(FloatFormat format, float x);
/// The same for every entry.
void round_to_nearest(FloatFormat format, Matrix<float>& x);

/// Rounds every entry x to one of the two numbers of the format around it, away from zero with
/// probability |x − toward|/|away − toward|: the expectation is x. A number of the format stays
/// itself.
///
/// The random bits of entry i (row by row) are SplitMix64's i-th output for the stream `key`: they
/// depend on nothing else. Probabilities are exact, in fp16's subnormal range multiples of 2^-20.
/// Between the greatest number and the next power of two, "away" is ±∞; beyond it all become ±∞.
/// Source: Croci, Fasi, Higham, Mary & Mikaitis, "Stochastic rounding", R. Soc. Open Sci. 9, 2022.
void round_stochastically(FloatFormat format, std::uint64_t key, Matrix<float>& x);

}  // namespace numgeom

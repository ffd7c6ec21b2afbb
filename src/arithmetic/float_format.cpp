#include "numgeom/arithmetic/float_format.hpp"

#include <bit>
#include <type_traits>

#include "split_mix.hpp"

namespace numgeom {
namespace {

constexpr std::uint32_t kSign = 0x80000000U;
constexpr std::uint32_t kInfinity = 0x7f800000U;
constexpr std::uint32_t kQuiet = 0x00400000U;

/// Fraction bits of a float that the format has not.
constexpr int dropped_bits(FloatFormat format) {
  switch (format) {
    case FloatFormat::kTf32:
    case FloatFormat::kFp16:
      return 13;
    case FloatFormat::kBf16:
      return 16;
    default:
      return 0;
  }
}

/// What is added to a significand before it is cut: it decides which way it goes.
struct Nearest {
  /// Half of the last place that is kept, less one where that place is even.
  static std::uint32_t addend(std::uint32_t magnitude, int dropped) {
    return ((1U << (dropped - 1)) - 1) + ((magnitude >> dropped) & 1U);
  }
  /// Floats in [½, 1) are multiples of 2^-24, as fp16's subnormal numbers are.
  static float subnormal_half(float magnitude) { return (magnitude + 0.5F) - 0.5F; }
};

/// The same with random bits, uniform over all that is cut off.
struct Stochastic {
  std::uint32_t random;

  [[nodiscard]] std::uint32_t addend(std::uint32_t /*magnitude*/, int dropped) const {
    return random >> (32 - dropped);
  }
  /// In units of 2^-44, which are 2^-20 of the spacing.
  [[nodiscard]] float subnormal_half(float magnitude) const {
    const auto units = static_cast<std::int32_t>(magnitude * 0x1p44F);
    const auto added = static_cast<std::int32_t>(random >> 12);
    return static_cast<float>((units + added) >> 20) * 0x1p-24F;
  }
};

/// Without branches, so that loops over it vectorise.
template <FloatFormat kFormat, class Rule>
float rounded(float x, const Rule& rule) {
  constexpr int kDropped = dropped_bits(kFormat);
  constexpr std::uint32_t kMask = (1U << kDropped) - 1;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = bits & kSign;
  const std::uint32_t magnitude = bits & ~kSign;
  // A carry out of the fraction steps the exponent, as it should.
  std::uint32_t result = (magnitude + rule.addend(magnitude, kDropped)) & ~kMask;
  if constexpr (kFormat == FloatFormat::kFp16) {
    constexpr std::uint32_t kTooGreat = 0x47800000U;     // 2^16
    constexpr std::uint32_t kLeastNormal = 0x38800000U;  // 2^-14
    const std::uint32_t clamped = magnitude < kLeastNormal ? magnitude : 0;
    const auto small =
        std::bit_cast<std::uint32_t>(rule.subnormal_half(std::bit_cast<float>(clamped)));
    result = magnitude < kLeastNormal ? small : result;
    result = result >= kTooGreat ? kInfinity : result;
  }
  result = magnitude == kInfinity ? kInfinity : result;
  result = magnitude > kInfinity ? (magnitude | kQuiet) & ~kMask : result;
  return std::bit_cast<float>(result | sign);
}

/// f(std::integral_constant<FloatFormat, …>) for a format narrower than float.
template <class F>
void with_format(FloatFormat format, const F& f) {
  switch (format) {
    case FloatFormat::kTf32:
      return f(std::integral_constant<FloatFormat, FloatFormat::kTf32>());
    case FloatFormat::kFp16:
      return f(std::integral_constant<FloatFormat, FloatFormat::kFp16>());
    case FloatFormat::kBf16:
      return f(std::integral_constant<FloatFormat, FloatFormat::kBf16>());
    case FloatFormat::kFp64:
    case FloatFormat::kFp32:
      return;
  }
}

}  // namespace

double unit_roundoff(FloatFormat format) {
  switch (format) {
    case FloatFormat::kFp64:
      return 0x1p-53;
    case FloatFormat::kFp32:
      return 0x1p-24;
    case FloatFormat::kTf32:
    case FloatFormat::kFp16:
      return 0x1p-11;
    case FloatFormat::kBf16:
      return 0x1p-8;
  }
  return 0;
}

float round_to_nearest(FloatFormat format, float x) {
  with_format(format, [&x](auto constant) { x = rounded<constant.value>(x, Nearest()); });
  return x;
}

void round_to_nearest(FloatFormat format, Matrix<float>& x) {
  float* const entries = x.data();
  const Eigen::Index size = x.size();
  with_format(format, [=](auto constant) {
    for (Eigen::Index i = 0; i < size; ++i)
      entries[i] = rounded<constant.value>(entries[i], Nearest());
  });
}

void round_stochastically(FloatFormat format, std::uint64_t key, Matrix<float>& x) {
  float* const entries = x.data();
  const Eigen::Index size = x.size();
  with_format(format, [=](auto constant) {
    for (Eigen::Index i = 0; i < size; ++i) {
      const Stochastic rule{
          static_cast<std::uint32_t>(split_mix(key, static_cast<std::uint64_t>(i)) >> 32)};
      entries[i] = rounded<constant.value>(entries[i], rule);
    }
  });
}

}  // namespace numgeom

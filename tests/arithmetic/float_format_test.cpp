#include "numgeom/arithmetic/float_format.hpp"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "support/random.hpp"

using namespace numgeom;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::uint32_t kSignBit = 0x80000000U;

float from_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }
std::uint32_t to_bits(float x) { return std::bit_cast<std::uint32_t>(x); }

struct Shape {
  FloatFormat format;
  int precision;  // bits of the significand, the leading one too
  int least_exponent;
  double greatest;
};

const Shape kTf32{FloatFormat::kTf32, 11, -126, (2 - 0x1p-10) * 0x1p127};
const Shape kFp16{FloatFormat::kFp16, 11, -14, 65504};
const Shape kBf16{FloatFormat::kBf16, 8, -126, (2 - 0x1p-7) * 0x1p127};

/// Rounding to nearest even, from its definition.
float reference(const Shape& shape, float x) {
  if (!std::isfinite(x) || x == 0) return x;
  const int exponent = std::max(std::ilogb(x), shape.least_exponent);
  const int last_place = exponent - (shape.precision - 1);
  const double rounded = std::ldexp(std::nearbyint(std::ldexp(double{x}, -last_place)), last_place);
  if (std::abs(rounded) > shape.greatest) return std::copysign(kInfinity, x);
  return static_cast<float>(std::copysign(rounded, x));
}

void require_same(float found, float expected, float x) {
  const bool same = std::isnan(expected) ? std::isnan(found) : to_bits(found) == to_bits(expected);
  if (same) return;
  CAPTURE(x, found, expected);
  FAIL("rounded wrongly");
}

/// Every 16-bit pattern of Half, the numbers half way to the next one and their neighbours.
template <class Half>
void check_all_values(const Shape& shape) {
  for (std::uint32_t pattern = 0; pattern < 0x10000U; ++pattern) {
    const float x = static_cast<float>(std::bit_cast<Half>(static_cast<std::uint16_t>(pattern)));
    if (std::isnan(x)) {
      CHECK(std::isnan(round_to_nearest(shape.format, x)));
      continue;
    }
    require_same(round_to_nearest(shape.format, x), x, x);
    if (std::isinf(x)) continue;
    const float next =
        static_cast<float>(std::bit_cast<Half>(static_cast<std::uint16_t>(pattern + 1)));
    // Beyond the greatest number the spacing goes on as before.
    const double step = std::isinf(next) ? std::ldexp(1.0, std::ilogb(x) - (shape.precision - 1))
                                         : std::abs(double{next} - double{x});
    const float middle =
        static_cast<float>(std::copysign(std::abs(double{x}) + step / 2, double{x}));
    const float even = (pattern & 1U) == 0 ? x : next;
    require_same(round_to_nearest(shape.format, middle), even, middle);
    require_same(round_to_nearest(shape.format, std::nextafterf(middle, 0)), x, middle);
    const float beyond = std::nextafterf(middle, std::copysign(kInfinity, x));
    require_same(round_to_nearest(shape.format, beyond), next, beyond);
  }
}

/// Calls check(x) for floats all over the range, of both signs, and a matrix of them.
template <class Check>
void for_floats(const Check& check) {
  const auto step = static_cast<std::uint32_t>(4093 / std::min(test::effort(), 4000.0)) | 1U;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += step)
    check(from_bits(static_cast<std::uint32_t>(bits)));
}

}  // namespace

TEST_CASE("unit roundoffs are half the distance from 1 to the next number") {
  CHECK(unit_roundoff(FloatFormat::kFp64) == std::numeric_limits<double>::epsilon() / 2);
  CHECK(unit_roundoff(FloatFormat::kFp32) == std::numeric_limits<float>::epsilon() / 2);
  CHECK(unit_roundoff(FloatFormat::kBf16) ==
        static_cast<float>(std::numeric_limits<Eigen::bfloat16>::epsilon()) / 2);
  for (const Shape& shape : {kTf32, kFp16, kBf16}) {
    const double u = unit_roundoff(shape.format);
    CHECK(round_to_nearest(shape.format, static_cast<float>(1 + 2 * u)) == 1 + 2 * u);
    CHECK(round_to_nearest(shape.format, static_cast<float>(1 + u)) == 1);
    CHECK(round_to_nearest(shape.format, static_cast<float>(1 + 1.01 * u)) == 1 + 2 * u);
  }
}

TEST_CASE("all 16-bit numbers stay, and what lies between goes to the nearest, or the even") {
  check_all_values<Eigen::half>(kFp16);
  check_all_values<Eigen::bfloat16>(kBf16);
}

TEST_CASE("rounding agrees with Eigen's formats and with its definition on floats of all sizes") {
  for_floats([](float x) {
    require_same(round_to_nearest(FloatFormat::kFp16, x), static_cast<float>(Eigen::half(x)), x);
    require_same(round_to_nearest(FloatFormat::kBf16, x), static_cast<float>(Eigen::bfloat16(x)),
                 x);
    for (const Shape& shape : {kTf32, kFp16, kBf16})
      require_same(round_to_nearest(shape.format, x), reference(shape, x), x);
    require_same(round_to_nearest(FloatFormat::kFp32, x), x, x);
  });
}

TEST_CASE("matrices are rounded entry by entry, NaN and infinities kept") {
  Matrix<float> x(7, 41);
  auto random = test::Random::announced("float formats", 3);
  for (Eigen::Index i = 0; i < x.size(); ++i)
    x.data()[i] = from_bits(static_cast<std::uint32_t>(random.bits()));
  x(0, 0) = std::nanf("");
  x(1, 1) = from_bits(0x7f800001U);  // a NaN with nothing but a low bit
  x(2, 2) = kInfinity;
  x(3, 3) = -kInfinity;
  x(4, 4) = -0.0F;
  for (const Shape& shape : {kTf32, kFp16, kBf16}) {
    Matrix<float> rounded = x;
    round_to_nearest(shape.format, rounded);
    for (Eigen::Index i = 0; i < x.size(); ++i)
      require_same(rounded.data()[i], round_to_nearest(shape.format, x.data()[i]), x.data()[i]);
    CHECK(std::isnan(rounded(0, 0)));
    CHECK(std::isnan(rounded(1, 1)));
    CHECK((to_bits(rounded(1, 1)) & 0x1fffU) == 0);
    CHECK(rounded(2, 2) == kInfinity);
    CHECK(rounded(3, 3) == -kInfinity);
    CHECK(to_bits(rounded(4, 4)) == kSignBit);
  }
}

TEST_CASE("fp16 underflows gradually and overflows to infinity") {
  const auto half = [](float x) { return round_to_nearest(FloatFormat::kFp16, x); };
  CHECK(half(0x1p-24F) == 0x1p-24F);
  CHECK(half(0x1.8p-24F) == 0x1p-23F);
  CHECK(half(0x1p-25F) == 0);
  CHECK(half(0x1.000002p-25F) == 0x1p-24F);
  CHECK(to_bits(half(-0x1p-26F)) == kSignBit);
  CHECK(half(65519.996F) == 65504);
  CHECK(half(65520) == kInfinity);
  CHECK(half(-1e30F) == -kInfinity);
}

TEST_CASE("stochastic rounding keeps the numbers of the format") {
  for (const Shape& shape : {kTf32, kFp16, kBf16}) {
    Matrix<float> x(1, 0x10000);
    for (std::uint32_t i = 0; i < 0x10000U; ++i)
      x(0, i) = round_to_nearest(shape.format, from_bits(i << 16U));
    for (std::uint64_t key = 0; key < 4; ++key) {
      Matrix<float> rounded = x;
      round_stochastically(shape.format, key, rounded);
      for (Eigen::Index i = 0; i < x.size(); ++i)
        require_same(rounded.data()[i], x.data()[i], x.data()[i]);
    }
  }
}

TEST_CASE("stochastic rounding goes to a neighbour, and to x in the mean") {
  constexpr int kKeys = 400;
  constexpr Eigen::Index kEntries = 500;
  auto random = test::Random::announced("stochastic rounding", 5);
  for (const Shape& shape : {kTf32, kFp16, kBf16}) {
    for (int round = 0; round < 30; ++round) {
      // fp16: subnormal numbers too.
      const auto x = static_cast<float>((random.coin() ? 1 : -1) * (1 + random.unit()) *
                                        std::ldexp(1.0, random.below(38) - 24));
      if (shape.format == FloatFormat::kFp16 && std::abs(x) > 30000) continue;
      const int place = std::max(std::ilogb(x), shape.least_exponent) - (shape.precision - 1);
      const double spacing = std::ldexp(1.0, place);
      const double down = std::floor(x / spacing) * spacing;
      const double share = (x - down) / spacing;
      double ups = 0;
      for (int key = 0; key < kKeys; ++key) {
        Matrix<float> rounded = Matrix<float>::Constant(1, kEntries, x);
        round_stochastically(shape.format, static_cast<std::uint64_t>(1000 * round + key), rounded);
        for (Eigen::Index i = 0; i < kEntries; ++i) {
          if (rounded(0, i) == down) continue;
          if (rounded(0, i) != down + spacing) FAIL("not a neighbour: " << x << rounded(0, i));
          ups += 1;
        }
      }
      constexpr double kDraws = double{kKeys} * kEntries;
      INFO("x = " << x << ", share " << share << ", rounded up " << ups / kDraws);
      CHECK(std::abs(ups / kDraws - share) <= 5 * std::sqrt(share * (1 - share) / kDraws) + 1e-5);
    }
  }
}

TEST_CASE("random bits of entries and of keys are independent, and the same for the same key") {
  constexpr Eigen::Index kEntries = 20000;
  const float half_way = 1 + 0x1p-8F;
  const auto ups = [&](std::uint64_t key) {
    Matrix<float> x = Matrix<float>::Constant(1, kEntries, half_way);
    round_stochastically(FloatFormat::kBf16, key, x);
    return x;
  };
  const Matrix<float> first = ups(7);
  const Matrix<float> second = ups(8);
  CHECK(first == ups(7));
  const double deviation = 5 * std::sqrt(0.25 * kEntries);
  const auto agreeing = static_cast<double>((first.array() == second.array()).count());
  CHECK(std::abs(agreeing - kEntries / 2.0) < deviation);
  const auto neighbours = static_cast<double>(
      (first.leftCols(kEntries - 1).array() == first.rightCols(kEntries - 1).array()).count());
  CHECK(std::abs(neighbours - kEntries / 2.0) < deviation);
}

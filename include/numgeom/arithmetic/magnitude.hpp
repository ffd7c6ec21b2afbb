#pragma once

#include <bit>
#include <cmath>
#include <compare>
#include <cstdint>
#include <limits>

#include "numgeom/arithmetic/big_float.hpp"
#include "numgeom/arithmetic/strict_math.hpp"

namespace numgeom {

/// An upper bound on a nonnegative real: a double mantissa times a power of two.
///
///     value = mantissa · 2^exponent,   mantissa ∈ {0} ∪ [½, 1) ∪ {∞}
///
/// Inclusion: every operation returns a value ≥ the exact result for operands that are upper bounds
/// (rounding is always upward). The exponent means that nothing underflows: a radius of 2^-100000
/// is as good as one of 2^-10. Beyond 2^±kMostExponent a bound is ∞ or stays at the least value.
/// Precision: one operation is at most 2^-50 too large, relatively.
/// NaN is taken as unbounded (∞), since nothing is known then.
class Magnitude {
 public:
  static constexpr std::int64_t kMostExponent = std::int64_t{1} << 60;

  Magnitude() = default;
  /// |x|, exactly.
  explicit Magnitude(double x) : Magnitude(x, 0) {}
  /// |x| · 2^exponent, exactly.
  Magnitude(double x, std::int64_t exponent) {
    constexpr std::uint64_t kFraction = (std::uint64_t{1} << 52) - 1;
    constexpr std::uint64_t kHalf = std::uint64_t{1022} << 52;
    const auto bits = std::bit_cast<std::uint64_t>(x);
    const auto biased = static_cast<int>(bits >> 52 & 0x7ff);
    if (biased == 0x7ff) {
      mantissa_ = std::numeric_limits<double>::infinity();
    } else if (biased != 0) {
      mantissa_ = std::bit_cast<double>((bits & kFraction) | kHalf);
      exponent_ = exponent + (biased - 1022);
      saturate();
    } else if (x != 0) {
      int shift = 0;
      mantissa_ = std::abs(std::frexp(x, &shift));
      exponent_ = exponent + shift;
      saturate();
    }
  }
  static Magnitude infinity() { return Magnitude(std::numeric_limits<double>::infinity()); }
  static Magnitude power_of_two(std::int64_t exponent) { return {1.0, exponent}; }
  /// An upper bound on |x|.
  static Magnitude upper(const BigFloat& x) {
    if (!x.is_finite()) return infinity();
    if (x.is_zero()) return {};
    long exponent = 0;
    const double mantissa = mpfr_get_d_2exp(&exponent, x.get(), MPFR_RNDA);
    return {mantissa, exponent};
  }

  [[nodiscard]] double mantissa() const { return mantissa_; }
  [[nodiscard]] std::int64_t exponent() const { return exponent_; }
  [[nodiscard]] bool is_zero() const { return mantissa_ == 0; }
  [[nodiscard]] bool is_finite() const { return std::isfinite(mantissa_); }

  /// The least double that this class can show to be ≥ the value; ∞ beyond the range.
  [[nodiscard]] double to_double_up() const {
    if (is_zero() || !is_finite()) return mantissa_;
    if (exponent_ > 1024) return std::numeric_limits<double>::infinity();
    if (exponent_ >= -1021) return std::ldexp(mantissa_, static_cast<int>(exponent_));
    // Subnormal: the scaled value may have been rounded down, its neighbour above is a bound.
    const int shift = static_cast<int>(exponent_ < -1100 ? -1100 : exponent_);
    return std::nextafter(std::ldexp(mantissa_, shift), std::numeric_limits<double>::infinity());
  }
  /// This value with 53 bits of precision: exact within MPFR's exponents, above it beyond them.
  [[nodiscard]] BigFloat to_big_float() const {
    BigFloat result = BigFloat::exact(mantissa_);
    mpfr_mul_2si(result.get(), result.get(), static_cast<long>(exponent_), MPFR_RNDU);
    return result;
  }
  /// log₂ of the value (not a bound); −∞ for zero.
  [[nodiscard]] double log2() const {
    return std::log2(mantissa_) + static_cast<double>(exponent_);
  }

  friend Magnitude operator+(const Magnitude& a, const Magnitude& b) {
    if (a.is_zero()) return b;
    if (b.is_zero()) return a;
    const Magnitude& large = a.exponent_ >= b.exponent_ ? a : b;
    const Magnitude& small = a.exponent_ >= b.exponent_ ? b : a;
    if (!large.is_finite() || !small.is_finite()) return infinity();
    const std::int64_t gap = large.exponent_ - small.exponent_;
    const double shifted =
        gap > 60 ? 0x1p-60
                 : small.mantissa_ * std::bit_cast<double>(std::uint64_t(1023 - gap) << 52);
    return {inflate(large.mantissa_ + shifted), large.exponent_};
  }
  friend Magnitude operator*(const Magnitude& a, const Magnitude& b) {
    if (a.is_zero() || b.is_zero()) return {};
    return {inflate(a.mantissa_ * b.mantissa_), a.exponent_ + b.exponent_};
  }
  /// a/b for an upper bound a and a *lower* bound b > 0; ∞ for b = 0.
  friend Magnitude divide_up(const Magnitude& a, const Magnitude& lower) {
    if (lower.is_zero()) return infinity();
    if (a.is_zero()) return {};
    return {inflate(a.mantissa_ / lower.mantissa_), a.exponent_ - lower.exponent_};
  }
  /// √a, at most 2^-50 too large, relatively.
  friend Magnitude sqrt_up(const Magnitude& a) {
    if (a.is_zero() || !a.is_finite()) return a;
    const bool odd = (a.exponent_ & 1) != 0;
    const double mantissa = odd ? 2 * a.mantissa_ : a.mantissa_;
    return {inflate(std::sqrt(mantissa)), (a.exponent_ - (odd ? 1 : 0)) / 2};
  }
  Magnitude& operator+=(const Magnitude& other) { return *this = *this + other; }
  Magnitude& operator*=(const Magnitude& other) { return *this = *this * other; }

  /// Order of the stored bounds (not of the reals that they bound).
  friend std::partial_ordering operator<=>(const Magnitude& a, const Magnitude& b) {
    if (a.is_zero() || b.is_zero() || !a.is_finite() || !b.is_finite())
      return a.mantissa_ <=> b.mantissa_;
    if (a.exponent_ != b.exponent_) return a.exponent_ <=> b.exponent_;
    return a.mantissa_ <=> b.mantissa_;
  }
  friend bool operator==(const Magnitude& a, const Magnitude& b) { return std::is_eq(a <=> b); }

 private:
  /// Keeps exponents so small that the sum of two fits in 64 bits; always upward.
  void saturate() {
    if (exponent_ > kMostExponent) {
      mantissa_ = std::numeric_limits<double>::infinity();
      exponent_ = 0;
    } else if (exponent_ < -kMostExponent) {
      mantissa_ = 0.5;
      exponent_ = -kMostExponent;
    }
  }
  /// Two ulps up at the least: covers one rounding to nearest of a normal number and its own.
  static double inflate(double x) { return x * (1 + 0x1p-51); }

  double mantissa_ = 0;
  std::int64_t exponent_ = 0;
};

Magnitude sqrt_up(const Magnitude& a);

}  // namespace numgeom

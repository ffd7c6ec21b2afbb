#pragma once

#include <iosfwd>
#include <type_traits>

#include "numgeom/arithmetic/big_float.hpp"
#include "numgeom/arithmetic/magnitude.hpp"

namespace numgeom {

/// A real number enclosed by a midpoint with p bits and a radius:  { x : |x − midpoint| ≤ radius }.
///
/// Inclusion: for every function f here and all reals xᵢ in the operands, f(x₁, …) lies in the
/// result (proofs/inclusion.md).
/// Precision: carried by the object; a result has the greatest precision of its operands, and an
/// exact double or int brings 53 bits. Nothing global is read or set. One operation on points is at
/// most one ulp of the result wide.
/// An unbounded ball (infinite radius) stands for all reals. `is_defined()` turns false for good
/// once an operand left the natural domain of a function (division by a ball that holds 0, log or
/// sqrt of a ball that reaches below it): the value is then enclosed only *if it exists*, and
/// nothing that is not defined is ever certified.
/// Throws: `Error` when made from NaN or ±∞.
class Ball {
 public:
  static constexpr int kDefaultBits = 53;

  Ball() = default;
  /// Exactly `x`, with `bits` bits (at least 53).
  Ball(double x, int bits = kDefaultBits);  // NOLINT(google-explicit-constructor)
  /// For integer literals.
  template <class Integer>
  requires std::is_same_v<Integer, int> Ball(Integer x)
      : Ball(static_cast<double>(x)) {}  // NOLINT(google-explicit-constructor)
  explicit Ball(BigFloat midpoint, Magnitude radius = {});
  /// The narrowest ball with a `bits`-bit midpoint that this class can show to contain [lower,
  /// upper].
  static Ball from_bounds(const BigFloat& lower, const BigFloat& upper, int bits);
  static Ball entire(int bits = kDefaultBits);

  [[nodiscard]] int bits() const { return midpoint_.bits(); }
  [[nodiscard]] const BigFloat& midpoint() const { return midpoint_; }
  [[nodiscard]] const Magnitude& radius() const { return radius_; }
  /// A number ≤ (≥) every member, within 2^-(bits+32) of the tightest, relatively; ∓∞ if unbounded.
  [[nodiscard]] BigFloat lower() const;
  [[nodiscard]] BigFloat upper() const;
  /// An upper bound on |x| over the members.
  [[nodiscard]] Magnitude magnitude() const { return Magnitude::upper(midpoint_) + radius_; }
  [[nodiscard]] bool is_point() const { return radius_.is_zero(); }
  [[nodiscard]] bool is_bounded() const { return radius_.is_finite(); }
  [[nodiscard]] bool is_defined() const { return defined_; }
  [[nodiscard]] bool contains(const BigFloat& x) const;
  [[nodiscard]] bool contains(double x) const { return contains(BigFloat::exact(x)); }

  /// The same ball with a greater radius.
  [[nodiscard]] Ball widened(const Magnitude& by) const;
  [[nodiscard]] Ball undefined() const;

  Ball operator-() const;
  Ball& operator+=(const Ball& other) { return *this = *this + other; }
  Ball& operator-=(const Ball& other) { return *this = *this - other; }
  Ball& operator*=(const Ball& other) { return *this = *this * other; }
  Ball& operator/=(const Ball& other) { return *this = *this / other; }
  friend Ball operator+(const Ball& a, const Ball& b);
  friend Ball operator-(const Ball& a, const Ball& b);
  friend Ball operator*(const Ball& a, const Ball& b);
  friend Ball operator/(const Ball& a, const Ball& b);

 private:
  BigFloat midpoint_{kDefaultBits};
  Magnitude radius_;
  bool defined_ = true;
};

/// Every member of `a` is less than every member of `b`, and both are defined.
[[nodiscard]] bool certainly_less(const Ball& a, const Ball& b);
[[nodiscard]] bool certainly_less_equal(const Ball& a, const Ball& b);
/// Some member of `a` may be less than some member of `b`; true of balls that are not defined.
[[nodiscard]] bool possibly_less(const Ball& a, const Ball& b);
/// The balls have no point in common.
[[nodiscard]] bool certainly_disjoint(const Ball& a, const Ball& b);

[[nodiscard]] Ball sqrt(const Ball& x);
[[nodiscard]] Ball sqr(const Ball& x);
[[nodiscard]] Ball exp(const Ball& x);
[[nodiscard]] Ball log(const Ball& x);
[[nodiscard]] Ball expm1(const Ball& x);
[[nodiscard]] Ball log1p(const Ball& x);
[[nodiscard]] Ball tanh(const Ball& x);
[[nodiscard]] Ball erf(const Ball& x);
[[nodiscard]] Ball sinh(const Ball& x);
[[nodiscard]] Ball cosh(const Ball& x);
[[nodiscard]] Ball pow(const Ball& x, int exponent);
[[nodiscard]] Ball fma(const Ball& x, const Ball& y, const Ball& z);
[[nodiscard]] Ball abs(const Ball& x);
[[nodiscard]] Ball min(const Ball& x, const Ball& y);
[[nodiscard]] Ball max(const Ball& x, const Ball& y);

/// `midpoint ± radius`, for people.
std::ostream& operator<<(std::ostream& out, const Ball& x);

}  // namespace numgeom

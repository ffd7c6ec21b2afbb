#pragma once

#include <algorithm>
#include <boost/numeric/interval/arith.hpp>
#include <boost/numeric/interval/arith2.hpp>
#include <boost/numeric/interval/checking.hpp>
#include <boost/numeric/interval/policies.hpp>
#include <boost/numeric/interval/utility.hpp>
#include <cmath>
#include <concepts>
#include <iosfwd>
#include <limits>

#include "numgeom/arithmetic/big_float.hpp"
#include "numgeom/arithmetic/rounding.hpp"

namespace numgeom {

/// Rounding policy for `boost::numeric::interval<double>`: `numgeom::rounding`, no mode switch.
struct IntervalRounding {
  using unprotected_rounding = IntervalRounding;

  template <class T>
  requires(std::numeric_limits<T>::digits <=
           std::numeric_limits<double>::digits) double conv_down(T v) {
    return static_cast<double>(v);
  }
  template <class T>
  requires(std::numeric_limits<T>::digits <=
           std::numeric_limits<double>::digits) double conv_up(T v) {
    return static_cast<double>(v);
  }
  double add_down(double a, double b) { return rounding::add_down(a, b); }
  double add_up(double a, double b) { return rounding::add_up(a, b); }
  double sub_down(double a, double b) { return rounding::sub_down(a, b); }
  double sub_up(double a, double b) { return rounding::sub_up(a, b); }
  double mul_down(double a, double b) { return rounding::mul_down(a, b); }
  double mul_up(double a, double b) { return rounding::mul_up(a, b); }
  double div_down(double a, double b) { return rounding::div_down(a, b); }
  double div_up(double a, double b) { return rounding::div_up(a, b); }
  double sqrt_down(double a) { return rounding::sqrt_down(a); }
  double sqrt_up(double a) { return rounding::sqrt_up(a); }
  double median(double a, double b) {
    const double sum = a + b;
    return std::isinf(sum) ? a / 2 + b / 2 : sum / 2;
  }
  double int_down(double a) { return std::floor(a); }
  double int_up(double a) { return std::ceil(a); }
};

/// A closed, connected set of reals [lower, upper], with a record of whether all that led to it was
/// defined: the scalar that certifies in doubles.
///
///     x ∘ y ⊇ { a ∘ b : a ∈ x, b ∈ y, a ∘ b defined },     f(x) ⊇ { f(a) : a ∈ x, f(a) defined }
///
/// Inclusion: every operation returns an interval that contains the exact result for every choice
/// of reals in its operands (IEEE 1788, natural interval extension), whatever the optimiser does
/// with it. An infinite bound is a limit, not a member: [1, ∞] is { a : a ≥ 1 }.
///
/// Decoration (IEEE 1788 "def" against "trv"): `is_defined()` is true while no operand left the
/// natural domain of an operation on the way. √[-1, 4] = [0, 2] and 1/[0, 1] = [1, ∞] are the right
/// sets but undefined, every operation passes that on, and no `certainly_…` predicate is true of an
/// undefined interval: a certificate cannot rest on one. The empty set is undefined.
///
/// There is no operator< and no operator==: enclosures are compared by `certainly_less`,
/// `possibly_less` and their kin.
///
/// Precision: + − · / √ sqr fma abs min max are the tightest interval of doubles; the other
/// functions are as tight as MPFR's correct rounding makes them, with which the bounds of monotone
/// pieces are computed (so at most one ulp wide on points).
/// Throws `Error` from constructors when the bounds are no such set; operations never throw.
/// Source: IEEE Std 1788-2015; Boost.Interval (case distinctions), `numgeom::rounding` (bounds).
class Interval {
 public:
  using Base = boost::numeric::interval<
      double, boost::numeric::interval_lib::policies<
                  IntervalRounding, boost::numeric::interval_lib::checking_base<double>>>;

  /// The point 0.
  Interval() = default;
  /// The point `x`, exactly. Throws `Error` for NaN and ±∞, which are not reals.
  Interval(double x) : set_(x, x, true) {
    if (!(std::fabs(x) <= rounding::kMax)) throw_not_a_set(x, x);
  }
  /// The integer `n`; the smallest enclosing interval where it is not a double (|n| > 2^53).
  template <std::integral T>
  requires(sizeof(T) <= 8) Interval(T n) : Interval(to_interval(n)) {}
  Interval(long double) = delete;
  /// { a : lower ≤ a ≤ upper }. Throws `Error` for NaN, lower > upper, lower = ∞ or upper = −∞.
  Interval(double lower, double upper) : set_(lower, upper, true) {
    if (!(lower <= upper && lower <= rounding::kMax && upper >= -rounding::kMax))
      throw_not_a_set(lower, upper);
  }
  /// The smallest interval that contains `x`. Throws `Error` for NaN and ±∞.
  explicit Interval(const BigFloat& x) : Interval(x.to_double_down(), x.to_double_up()) {}

  /// All reals, [−∞, ∞].
  static Interval entire() { return Interval(Base::whole(), true); }
  /// The empty set; undefined.
  static Interval empty() { return Interval(Base::empty(), false); }

  /// The bounds; NaN if empty.
  [[nodiscard]] double lower() const { return set_.lower(); }
  [[nodiscard]] double upper() const { return set_.upper(); }
  /// Whether every operation that led here was defined on all of its operands.
  [[nodiscard]] bool is_defined() const { return defined_; }
  [[nodiscard]] bool is_empty() const { return std::isnan(lower()); }
  [[nodiscard]] bool is_entire() const {
    return lower() == -rounding::kInfinity && upper() == rounding::kInfinity;
  }
  [[nodiscard]] bool is_point() const { return lower() == upper(); }
  [[nodiscard]] bool is_bounded() const {
    return lower() >= -rounding::kMax && upper() <= rounding::kMax;
  }

  /// Whether `x` is a member; never of the empty set, and ±∞ and NaN never are.
  [[nodiscard]] bool contains(double x) const {
    return lower() <= x && x <= upper() && std::fabs(x) <= rounding::kMax;
  }
  [[nodiscard]] bool contains(const BigFloat& x) const {
    return !is_empty() && x.is_finite() && mpfr_cmp_d(x.get(), lower()) >= 0 &&
           mpfr_cmp_d(x.get(), upper()) <= 0;
  }
  /// Whether `inner` is a subset and neither is empty.
  [[nodiscard]] bool contains(const Interval& inner) const {
    return lower() <= inner.lower() && inner.upper() <= upper();
  }

  /// A double inside, nearest to (lower + upper)/2: 0 for `entire()`, ±DBL_MAX for a half-line, NaN
  /// if empty.
  [[nodiscard]] double midpoint() const;
  /// The least double r with [m − r, m + r] ⊇ this for m = `midpoint()`; ∞ if unbounded, NaN if
  /// empty.
  [[nodiscard]] double radius() const;
  /// upper − lower, rounded up; NaN if empty.
  [[nodiscard]] double width() const { return rounding::sub_up(upper(), lower()); }
  /// max |a| and min |a| over the members a; NaN if empty.
  [[nodiscard]] double magnitude() const {
    return std::max(std::fabs(lower()), std::fabs(upper()));
  }
  [[nodiscard]] double mignitude() const {
    return lower() <= 0 && upper() >= 0 ? 0 : std::min(std::fabs(lower()), std::fabs(upper()));
  }

  friend Interval operator+(const Interval& x) { return x; }
  friend Interval operator-(const Interval& x) { return Interval(-x.set_, x.defined_); }
  friend Interval operator+(const Interval& x, const Interval& y) {
    return Interval(x.set_ + y.set_, both_defined(x, y));
  }
  friend Interval operator-(const Interval& x, const Interval& y) {
    return Interval(x.set_ - y.set_, both_defined(x, y));
  }
  friend Interval operator*(const Interval& x, const Interval& y) {
    return Interval(x.set_ * y.set_, both_defined(x, y));
  }
  /// { a/b : a ∈ x, b ∈ y, b ≠ 0 }, or its hull; undefined if 0 ∈ y, and empty if y is [0, 0].
  friend Interval operator/(const Interval& x, const Interval& y) {
    if (y.contains(0.0)) return divide_by_zero(x, y);
    return Interval(x.set_ / y.set_, both_defined(x, y));
  }
  Interval& operator+=(const Interval& y) { return *this = *this + y; }
  Interval& operator-=(const Interval& y) { return *this = *this - y; }
  Interval& operator*=(const Interval& y) { return *this = *this * y; }
  Interval& operator/=(const Interval& y) { return *this = *this / y; }

  friend auto operator<=>(const Interval&, const Interval&) = delete;
  friend bool operator==(const Interval&, const Interval&) = delete;

  /// The common members; empty (and undefined) if there are none.
  friend Interval intersection(const Interval& x, const Interval& y) {
    const Base common = boost::numeric::intersect(x.set_, y.set_);
    return Interval(common, both_defined(x, y) && !boost::numeric::empty(common));
  }
  /// The smallest interval around both; hull(empty, x) = x, undefined.
  friend Interval hull(const Interval& x, const Interval& y) {
    return Interval(boost::numeric::hull(x.set_, y.set_), both_defined(x, y));
  }

  /// { |a| }, { min(a, b) }, { max(a, b) }.
  friend Interval abs(const Interval& x) {
    return Interval(boost::numeric::abs(x.set_), x.defined_);
  }
  friend Interval min(const Interval& x, const Interval& y) {
    return Interval(boost::numeric::min(x.set_, y.set_), both_defined(x, y));
  }
  friend Interval max(const Interval& x, const Interval& y) {
    return Interval(boost::numeric::max(x.set_, y.set_), both_defined(x, y));
  }
  /// { a² }: one operand, so [-1, 2] gives [0, 4] where x·x gives [-2, 4].
  friend Interval sqr(const Interval& x) {
    return Interval(boost::numeric::square(x.set_), x.defined_);
  }
  /// { √a : a ≥ 0 }; undefined if x has negative members.
  friend Interval sqrt(const Interval& x) {
    return Interval(boost::numeric::sqrt(x.set_), x.defined_ && x.lower() >= 0);
  }
  /// { a·b + c }, rounded once.
  friend Interval fma(const Interval& x, const Interval& y, const Interval& z);

  /// { eᵃ }, { eᵃ − 1 }, { tanh a }, { sinh a }, { cosh a }.
  friend Interval exp(const Interval& x);
  friend Interval expm1(const Interval& x);
  friend Interval tanh(const Interval& x);
  friend Interval erf(const Interval& x);
  friend Interval sinh(const Interval& x);
  friend Interval cosh(const Interval& x);
  /// { ln a : a > 0 } and { ln(1 + a) : a > −1 }; undefined if x has members outside.
  friend Interval log(const Interval& x);
  friend Interval log1p(const Interval& x);
  /// { aⁿ }, with a⁰ = 1; for n < 0 undefined if 0 ∈ x, and empty if x is [0, 0].
  friend Interval pow(const Interval& x, int n);

  /// Whether every member of x is in this relation to every member of y, and both are defined:
  /// what a certificate may rest on. False if either is empty or undefined.
  friend bool certainly_less(const Interval& x, const Interval& y) {
    return x.upper() < y.lower() && both_defined(x, y);
  }
  friend bool certainly_less_equal(const Interval& x, const Interval& y) {
    return x.upper() <= y.lower() && both_defined(x, y);
  }
  friend bool certainly_equal(const Interval& x, const Interval& y) {
    return x.upper() == y.lower() && x.lower() == y.upper() && both_defined(x, y);
  }
  /// Whether some member of x is in this relation to some member of y. False if either is empty,
  /// so that "not possibly" proves nothing of undefined intervals.
  friend bool possibly_less(const Interval& x, const Interval& y) { return x.lower() < y.upper(); }
  friend bool possibly_less_equal(const Interval& x, const Interval& y) {
    return x.lower() <= y.upper();
  }
  friend bool possibly_equal(const Interval& x, const Interval& y) {
    return x.lower() <= y.upper() && y.lower() <= x.upper();
  }

  /// `[lower, upper]` with as many digits as read back to the same doubles, `[empty]`; the suffix
  /// `_trv` marks an undefined interval (IEEE 1788).
  friend std::ostream& operator<<(std::ostream& stream, const Interval& x);

 private:
  Interval(const Base& set, bool defined) : set_(set), defined_(defined) {}

  static bool both_defined(const Interval& x, const Interval& y) {
    return x.defined_ && y.defined_;
  }
  template <std::integral T>
  static Interval to_interval(T n) {
    if constexpr (std::numeric_limits<T>::digits <= std::numeric_limits<double>::digits) {
      return {static_cast<double>(n), static_cast<double>(n)};
    } else {
      const double high = static_cast<double>(n >> 32) * 0x1p32;
      const double low = static_cast<double>(n & 0xffffffff);
      return {rounding::add_down(high, low), rounding::add_up(high, low)};
    }
  }
  static Interval divide_by_zero(const Interval& x, const Interval& y);
  [[noreturn]] static void throw_not_a_set(double lower, double upper);

  Base set_{0.0, 0.0, true};
  bool defined_ = true;
};

// Visible to ordinary lookup as well as to argument-dependent lookup.
Interval exp(const Interval& x);
Interval expm1(const Interval& x);
Interval log(const Interval& x);
Interval log1p(const Interval& x);
Interval tanh(const Interval& x);
Interval erf(const Interval& x);
Interval sinh(const Interval& x);
Interval cosh(const Interval& x);
Interval pow(const Interval& x, int n);
Interval fma(const Interval& x, const Interval& y, const Interval& z);
std::ostream& operator<<(std::ostream& stream, const Interval& x);

inline double Interval::midpoint() const {
  if (is_entire()) return 0;
  const double middle = IntervalRounding().median(lower(), upper());
  return std::clamp(middle, -rounding::kMax, rounding::kMax);
}

inline double Interval::radius() const {
  const double middle = midpoint();
  return std::max(rounding::sub_up(middle, lower()), rounding::sub_up(upper(), middle));
}

}  // namespace numgeom

#include "numgeom/arithmetic/interval.hpp"

#include <mpfr.h>

#include <array>
#include <charconv>
#include <ostream>
#include <string>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr int kDoubleBits = std::numeric_limits<double>::digits;

std::string shortest(double v) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), v).ptr;
  return {text.data(), end};
}

/// f(x) rounded in `direction`, for a correctly rounded MPFR function f, on the stack.
///
/// MPFR rounds to 53 bits with an exponent range far beyond a double's; going on to a double in the
/// same direction is exact, or rounds an overflow or underflow correctly.
template <class Function>
double directed(Function f, double x, mpfr_rnd_t direction) {
  MPFR_DECL_INIT(operand, kDoubleBits);
  MPFR_DECL_INIT(result, kDoubleBits);
  mpfr_set_d(operand, x, MPFR_RNDN);
  f(result, operand, direction);
  return mpfr_get_d(result, direction);
}

/// The enclosure of an increasing f on [lower, upper].
template <class Function>
Interval increasing(Function f, double lower, double upper) {
  return {directed(f, lower, MPFR_RNDD), directed(f, upper, MPFR_RNDU)};
}

/// The enclosure of a decreasing f on [lower, upper].
template <class Function>
Interval decreasing(Function f, double lower, double upper) {
  return {directed(f, upper, MPFR_RNDD), directed(f, lower, MPFR_RNDU)};
}

/// The enclosure of an increasing f whose domain is { a > least }.
template <class Function>
Interval logarithm(Function f, double least, const Interval& x) {
  if (x.is_empty() || x.upper() <= least) return Interval::empty();
  return increasing(f, std::max(x.lower(), least), x.upper());
}

/// { aⁿ } for a ∈ x, x not empty, n > 0.
template <class Power>
Interval positive_power(Power power, const Interval& x, bool even) {
  return even ? increasing(power, x.mignitude(), x.magnitude())
              : increasing(power, x.lower(), x.upper());
}

/// { aⁿ : a ∈ x, a ≠ 0 } or its hull, x not empty, n < 0.
template <class Power>
Interval negative_power(Power power, const Interval& x, bool even) {
  if (x.magnitude() == 0) return Interval::empty();
  if (even) return decreasing(power, x.mignitude(), x.magnitude());
  if (x.lower() < 0 && x.upper() > 0) return Interval::entire();
  // Signed zeros tell MPFR from which side the pole is seen.
  if (x.upper() <= 0) return decreasing(power, x.lower(), std::copysign(x.upper(), -1.0));
  return decreasing(power, std::copysign(x.lower(), 1.0), x.upper());
}

}  // namespace

void Interval::throw_not_a_set(double lower, double upper) {
  throw Error("interval: [" + shortest(lower) + ", " + shortest(upper) +
              "] is no interval of reals; expected lower <= upper, lower < inf, upper > -inf");
}

Interval Interval::divide_by_zero(const Interval& x, const Interval& y) {
  if (x.is_empty() || y.magnitude() == 0) return empty();
  if (x.magnitude() == 0) return {Base(0.0, 0.0), false};
  if (y.lower() < 0 && y.upper() > 0) return {Base::whole(), false};
  if (y.lower() < 0) return divide_by_zero(-x, -y);
  const double lower =
      x.lower() < 0 ? -rounding::kInfinity : rounding::div_down(x.lower(), y.upper());
  const double upper = x.upper() > 0 ? rounding::kInfinity : rounding::div_up(x.upper(), y.upper());
  return {Base(lower, upper), false};
}

Interval fma(const Interval& x, const Interval& y, const Interval& z) {
  const bool defined = Interval::both_defined(x, y) && z.defined_;
  if (x.is_empty() || y.is_empty() || z.is_empty()) return Interval::empty();
  double lower = rounding::kInfinity;
  double upper = -rounding::kInfinity;
  for (const double a : {x.lower(), x.upper()}) {
    for (const double b : {y.lower(), y.upper()}) {
      lower = std::min(lower, rounding::fma_down(a, b, z.lower()));
      upper = std::max(upper, rounding::fma_up(a, b, z.upper()));
    }
  }
  return {Interval::Base(lower, upper), defined};
}

Interval exp(const Interval& x) {
  if (x.is_empty()) return x;
  return {increasing(mpfr_exp, x.lower(), x.upper()).set_, x.defined_};
}

Interval expm1(const Interval& x) {
  if (x.is_empty()) return x;
  return {increasing(mpfr_expm1, x.lower(), x.upper()).set_, x.defined_};
}

Interval tanh(const Interval& x) {
  if (x.is_empty()) return x;
  return {increasing(mpfr_tanh, x.lower(), x.upper()).set_, x.defined_};
}

Interval erf(const Interval& x) {
  if (x.is_empty()) return x;
  return {increasing(mpfr_erf, x.lower(), x.upper()).set_, x.defined_};
}

Interval sinh(const Interval& x) {
  if (x.is_empty()) return x;
  return {increasing(mpfr_sinh, x.lower(), x.upper()).set_, x.defined_};
}

Interval cosh(const Interval& x) {
  if (x.is_empty()) return x;
  return {increasing(mpfr_cosh, x.mignitude(), x.magnitude()).set_, x.defined_};
}

Interval log(const Interval& x) {
  return {logarithm(mpfr_log, 0.0, x).set_, x.defined_ && x.lower() > 0};
}

Interval log1p(const Interval& x) {
  return {logarithm(mpfr_log1p, -1.0, x).set_, x.defined_ && x.lower() > -1};
}

Interval pow(const Interval& x, int n) {
  if (x.is_empty()) return x;
  if (n == 0) return {Interval::Base(1.0, 1.0), x.defined_};
  const bool even = n % 2 == 0;
  const auto power = [n](mpfr_ptr result, mpfr_srcptr a, mpfr_rnd_t direction) {
    return mpfr_pow_si(result, a, n, direction);
  };
  if (n > 0) return {positive_power(power, x, even).set_, x.defined_};
  return {negative_power(power, x, even).set_, x.defined_ && !x.contains(0.0)};
}

std::ostream& operator<<(std::ostream& stream, const Interval& x) {
  const std::string bounds =
      x.is_empty() ? "empty" : shortest(x.lower()) + ", " + shortest(x.upper());
  return stream << '[' + bounds + (x.is_defined() ? "]" : "]_trv");
}

}  // namespace numgeom

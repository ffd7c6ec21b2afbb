#include "numgeom/arithmetic/ball.hpp"

#include <algorithm>
#include <ostream>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

/// Extra bits in which bounds are computed, so that they add next to nothing to the radius.
constexpr int kGuardBits = 32;

using Binary = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t);
using Unary = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);

int common_bits(const Ball& a, const Ball& b) { return std::max(a.bits(), b.bits()); }

/// Whether anything can be decided: both are bounded, and nothing on the way left its domain.
bool comparable(const Ball& a, const Ball& b) {
  return a.is_bounded() && b.is_bounded() && a.is_defined() && b.is_defined();
}

/// Bound on the error of a result rounded to nearest: half an ulp, none if it was exact.
Magnitude rounding_error(const BigFloat& rounded, int ternary) {
  if (ternary == 0) return {};
  if (!rounded.is_finite()) return Magnitude::infinity();
  // Below MPFR's exponents a result is rounded to zero or to the least positive number.
  const mpfr_exp_t least = mpfr_get_emin();
  if (rounded.is_zero() || mpfr_get_exp(rounded.get()) <= least)
    return Magnitude::power_of_two(least);
  return Magnitude::power_of_two(mpfr_get_exp(rounded.get()) - rounded.bits() - 1);
}

/// Ball around the rounded midpoint with the given radius; unbounded if either is not finite.
Ball make(BigFloat midpoint, const Magnitude& radius, bool defined) {
  const int bits = midpoint.bits();
  Ball result = midpoint.is_finite() && radius.is_finite() ? Ball(std::move(midpoint), radius)
                                                           : Ball::entire(bits);
  return defined ? result : result.undefined();
}

Ball combine(const Ball& a, const Ball& b, Binary operation, const Magnitude& radius) {
  BigFloat midpoint(common_bits(a, b));
  const int ternary = operation(midpoint.get(), a.midpoint().get(), b.midpoint().get(), MPFR_RNDN);
  const Magnitude error = rounding_error(midpoint, ternary);
  return make(std::move(midpoint), radius + error, a.is_defined() && b.is_defined());
}

BigFloat rounded(Unary f, const BigFloat& x, int bits, mpfr_rnd_t direction) {
  BigFloat result(bits);
  f(result.get(), x.get(), direction);
  return result;
}

Ball with_definedness(const Ball& value, bool defined) {
  return defined ? value : value.undefined();
}

/// f(x) for an f that does not decrease on x.
Ball nondecreasing(const Ball& x, Unary f) {
  const int bits = x.bits();
  if (!x.is_bounded()) return with_definedness(Ball::entire(bits), x.is_defined());
  if (x.is_point()) {
    BigFloat midpoint(bits);
    const int ternary = f(midpoint.get(), x.midpoint().get(), MPFR_RNDN);
    const Magnitude error = rounding_error(midpoint, ternary);
    return make(std::move(midpoint), error, x.is_defined());
  }
  return with_definedness(
      Ball::from_bounds(rounded(f, x.lower(), bits + kGuardBits, MPFR_RNDD),
                        rounded(f, x.upper(), bits + kGuardBits, MPFR_RNDU), bits),
      x.is_defined());
}

struct Bounds {
  BigFloat lower;
  BigFloat upper;
};

/// Bounds of |x| over a bounded ball, the lower one never below zero.
Bounds absolute_bounds(const Ball& x) {
  if (mpfr_sgn(x.lower().get()) >= 0) return {x.lower(), x.upper()};
  const Ball negated = -x;
  if (mpfr_sgn(x.upper().get()) <= 0) return {negated.lower(), negated.upper()};
  const BigFloat upper = x.upper();
  const BigFloat opposite = negated.upper();
  return {BigFloat(x.bits()), mpfr_cmp(upper.get(), opposite.get()) >= 0 ? upper : opposite};
}

/// f(x) for an even f that does not decrease on [0, ∞).
Ball even(const Ball& x, Unary f) {
  const int bits = x.bits();
  if (x.is_point() || !x.is_bounded()) return nondecreasing(x, f);
  const Bounds size = absolute_bounds(x);
  return with_definedness(
      Ball::from_bounds(rounded(f, size.lower, bits + kGuardBits, MPFR_RNDD),
                        rounded(f, size.upper, bits + kGuardBits, MPFR_RNDU), bits),
      x.is_defined());
}

/// Members of x that are ≥ `edge`; the result is not defined unless all are.
Ball restricted(const Ball& x, double edge, bool edge_allowed) {
  if (!x.is_bounded()) return x.undefined();
  const BigFloat lower = x.lower();
  const int order = mpfr_cmp_d(lower.get(), edge);
  if (order > 0 || (order == 0 && edge_allowed)) return x;
  if (mpfr_cmp_d(x.upper().get(), edge) <= 0 && !(edge_allowed && x.contains(edge)))
    return Ball::entire(x.bits()).undefined();
  return Ball::from_bounds(BigFloat::exact(edge), x.upper(), x.bits()).undefined();
}

/// The ball around lowerⁿ (rounded down) and upperⁿ (rounded up), which are in that order.
Ball power_of_bounds(const Bounds& bounds, int exponent, int bits) {
  BigFloat lower(bits + kGuardBits);
  BigFloat upper(bits + kGuardBits);
  mpfr_pow_si(lower.get(), bounds.lower.get(), exponent, MPFR_RNDD);
  mpfr_pow_si(upper.get(), bounds.upper.get(), exponent, MPFR_RNDU);
  return Ball::from_bounds(lower, upper, bits);
}

}  // namespace

Ball::Ball(double x, int bits) : midpoint_(BigFloat::exact(x, bits)) {
  if (!midpoint_.is_finite())
    throw Error("ball: a finite number expected, not " + std::to_string(x));
}

Ball::Ball(BigFloat midpoint, Magnitude radius) : midpoint_(std::move(midpoint)), radius_(radius) {
  if (!midpoint_.is_finite()) throw Error("ball: a finite midpoint expected");
}

Ball Ball::from_bounds(const BigFloat& lower, const BigFloat& upper, int bits) {
  if (!lower.is_finite() || !upper.is_finite()) return entire(bits);
  BigFloat midpoint(bits);
  mpfr_add(midpoint.get(), lower.get(), upper.get(), MPFR_RNDN);
  mpfr_div_2ui(midpoint.get(), midpoint.get(), 1, MPFR_RNDN);
  if (!midpoint.is_finite()) return entire(bits);
  BigFloat above(kDefaultBits);
  BigFloat below(kDefaultBits);
  mpfr_sub(above.get(), upper.get(), midpoint.get(), MPFR_RNDU);
  mpfr_sub(below.get(), midpoint.get(), lower.get(), MPFR_RNDU);
  const BigFloat& larger = mpfr_cmp(above.get(), below.get()) >= 0 ? above : below;
  return Ball(std::move(midpoint), Magnitude::upper(larger));
}

Ball Ball::entire(int bits) { return Ball(BigFloat(bits), Magnitude::infinity()); }

BigFloat Ball::lower() const {
  BigFloat result(bits() + kGuardBits);
  if (!is_bounded())
    mpfr_set_inf(result.get(), -1);
  else
    mpfr_sub(result.get(), midpoint_.get(), radius_.to_big_float().get(), MPFR_RNDD);
  return result;
}

BigFloat Ball::upper() const {
  BigFloat result(bits() + kGuardBits);
  if (!is_bounded())
    mpfr_set_inf(result.get(), 1);
  else
    mpfr_add(result.get(), midpoint_.get(), radius_.to_big_float().get(), MPFR_RNDU);
  return result;
}

bool Ball::contains(const BigFloat& x) const {
  if (!is_bounded()) return x.is_finite();
  // Rounded away from zero: a distance that is not exact may turn a member away, never let a
  // stranger in.
  BigFloat distance(std::max(bits(), x.bits()) + kGuardBits);
  mpfr_sub(distance.get(), x.get(), midpoint_.get(), MPFR_RNDA);
  return mpfr_cmpabs(distance.get(), radius_.to_big_float().get()) <= 0;
}

Ball Ball::widened(const Magnitude& by) const {
  Ball result = *this;
  result.radius_ += by;
  return result;
}

Ball Ball::undefined() const {
  Ball result = *this;
  result.defined_ = false;
  return result;
}

Ball Ball::operator-() const {
  Ball result = *this;
  mpfr_neg(result.midpoint_.get(), result.midpoint_.get(), MPFR_RNDN);
  return result;
}

Ball operator+(const Ball& a, const Ball& b) {
  return combine(a, b, mpfr_add, a.radius() + b.radius());
}

Ball operator-(const Ball& a, const Ball& b) {
  return combine(a, b, mpfr_sub, a.radius() + b.radius());
}

Ball operator*(const Ball& a, const Ball& b) {
  const Magnitude spread = Magnitude::upper(a.midpoint()) * b.radius() +
                           a.radius() * (Magnitude::upper(b.midpoint()) + b.radius());
  return combine(a, b, mpfr_mul, spread);
}

Ball operator/(const Ball& a, const Ball& b) {
  const int bits = common_bits(a, b);
  BigFloat least(Ball::kDefaultBits);  // a lower bound on |y| over b
  if (b.is_bounded()) {
    BigFloat size(b.bits());
    mpfr_abs(size.get(), b.midpoint().get(), MPFR_RNDN);
    mpfr_sub(least.get(), size.get(), b.radius().to_big_float().get(), MPFR_RNDD);
  }
  if (mpfr_sgn(least.get()) <= 0) return Ball::entire(bits).undefined();
  // |x/y − a/b| ≤ (|x − a| + |a/b|·|y − b|) / |y|
  long exponent = 0;
  const double mantissa = mpfr_get_d_2exp(&exponent, least.get(), MPFR_RNDZ);
  const Magnitude divisor(mantissa, exponent);
  BigFloat quotient(Ball::kDefaultBits);
  mpfr_div(quotient.get(), a.midpoint().get(), b.midpoint().get(), MPFR_RNDA);
  const Magnitude spread = divide_up(a.radius() + Magnitude::upper(quotient) * b.radius(), divisor);
  return combine(a, b, mpfr_div, spread);
}

bool certainly_less(const Ball& a, const Ball& b) {
  return comparable(a, b) && mpfr_less_p(a.upper().get(), b.lower().get()) != 0;
}

bool certainly_less_equal(const Ball& a, const Ball& b) {
  return comparable(a, b) && mpfr_lessequal_p(a.upper().get(), b.lower().get()) != 0;
}

bool possibly_less(const Ball& a, const Ball& b) {
  if (!comparable(a, b)) return true;
  return mpfr_less_p(a.lower().get(), b.upper().get()) != 0;
}

bool certainly_disjoint(const Ball& a, const Ball& b) {
  return certainly_less(a, b) || certainly_less(b, a);
}

Ball sqrt(const Ball& x) { return nondecreasing(restricted(x, 0, true), mpfr_sqrt); }
Ball exp(const Ball& x) { return nondecreasing(x, mpfr_exp); }
Ball expm1(const Ball& x) { return nondecreasing(x, mpfr_expm1); }
Ball log(const Ball& x) { return nondecreasing(restricted(x, 0, false), mpfr_log); }
Ball log1p(const Ball& x) { return nondecreasing(restricted(x, -1, false), mpfr_log1p); }
Ball sinh(const Ball& x) { return nondecreasing(x, mpfr_sinh); }
Ball cosh(const Ball& x) { return even(x, mpfr_cosh); }
Ball sqr(const Ball& x) { return even(x, mpfr_sqr); }

Ball tanh(const Ball& x) {
  if (x.is_bounded()) return nondecreasing(x, mpfr_tanh);
  return with_definedness(Ball(BigFloat(x.bits()), Magnitude(1.0)), x.is_defined());
}

Ball erf(const Ball& x) {
  if (x.is_bounded()) return nondecreasing(x, mpfr_erf);
  return with_definedness(Ball(BigFloat(x.bits()), Magnitude(1.0)), x.is_defined());
}

Ball abs(const Ball& x) {
  if (!x.is_bounded() || mpfr_sgn(x.lower().get()) >= 0) return x;
  if (mpfr_sgn(x.upper().get()) <= 0) return -x;
  const Bounds size = absolute_bounds(x);
  return with_definedness(Ball::from_bounds(size.lower, size.upper, x.bits()), x.is_defined());
}

Ball pow(const Ball& x, int exponent) {
  if (exponent == 0) return with_definedness(Ball(1.0, x.bits()), x.is_defined());
  if (exponent < 0 && x.contains(0.0)) return Ball::entire(x.bits()).undefined();
  if (!x.is_bounded()) return x;
  Bounds bounds = exponent % 2 == 0 ? absolute_bounds(x) : Bounds{x.lower(), x.upper()};
  if (exponent < 0) std::swap(bounds.lower, bounds.upper);  // the power decreases
  return with_definedness(power_of_bounds(bounds, exponent, x.bits()), x.is_defined());
}

Ball fma(const Ball& x, const Ball& y, const Ball& z) {
  const Magnitude spread = Magnitude::upper(x.midpoint()) * y.radius() +
                           x.radius() * (Magnitude::upper(y.midpoint()) + y.radius()) + z.radius();
  BigFloat midpoint(std::max(common_bits(x, y), z.bits()));
  const int ternary = mpfr_fma(midpoint.get(), x.midpoint().get(), y.midpoint().get(),
                               z.midpoint().get(), MPFR_RNDN);
  const Magnitude error = rounding_error(midpoint, ternary);
  return make(std::move(midpoint), spread + error,
              x.is_defined() && y.is_defined() && z.is_defined());
}

Ball min(const Ball& x, const Ball& y) { return -max(-x, -y); }

Ball max(const Ball& x, const Ball& y) {
  const int bits = common_bits(x, y);
  const bool defined = x.is_defined() && y.is_defined();
  if (!x.is_bounded() || !y.is_bounded()) return with_definedness(Ball::entire(bits), defined);
  if (certainly_less(x, y)) return with_definedness(y, defined);
  if (certainly_less(y, x)) return with_definedness(x, defined);
  BigFloat lower(bits + kGuardBits);
  BigFloat upper(bits + kGuardBits);
  mpfr_max(lower.get(), x.lower().get(), y.lower().get(), MPFR_RNDD);
  mpfr_max(upper.get(), x.upper().get(), y.upper().get(), MPFR_RNDU);
  return with_definedness(Ball::from_bounds(lower, upper, bits), defined);
}

std::ostream& operator<<(std::ostream& out, const Ball& x) {
  if (!x.is_bounded()) return out << "(-inf, inf)";
  const int digits = 3 + static_cast<int>(x.bits() * 0.30103);
  return out << x.midpoint().to_string(digits, MPFR_RNDN) << " ± "
             << x.radius().to_big_float().to_string(3, MPFR_RNDU);
}

}  // namespace numgeom

#include "numgeom/arithmetic/ball_scalars.hpp"

namespace numgeom {
namespace {

struct BallLeaves {
  int bits;
  Ball operator()(double x) const { return Ball(x, bits); }
  [[nodiscard]] Ball pi() const {
    BigFloat lower(bits);
    BigFloat upper(bits);
    mpfr_const_pi(lower.get(), MPFR_RNDD);
    mpfr_const_pi(upper.get(), MPFR_RNDU);
    return Ball::from_bounds(lower, upper, bits);
  }
};

}  // namespace

Ball BallScalars::real(const Constant& x, int bits) { return x.evaluate<Ball>(BallLeaves{bits}); }

Ball BallScalars::hull_with_zero(const Ball& x) {
  if (!x.is_bounded()) return x;
  const BigFloat zero(Ball::kDefaultBits);
  BigFloat lower = x.lower();
  BigFloat upper = x.upper();
  if (mpfr_sgn(lower.get()) > 0) lower = zero;
  if (mpfr_sgn(upper.get()) < 0) upper = zero;
  return Ball::from_bounds(lower, upper, x.bits());
}

Magnitude BallScalars::exp_up(const Magnitude& x) {
  if (!x.is_finite()) return Magnitude::infinity();
  BigFloat result(Ball::kDefaultBits);
  mpfr_exp(result.get(), x.to_big_float().get(), MPFR_RNDU);
  return Magnitude::upper(result);
}

}  // namespace numgeom

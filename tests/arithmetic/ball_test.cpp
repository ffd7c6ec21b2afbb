#include "numgeom/arithmetic/ball.hpp"

#include <Eigen/Dense>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <sstream>

#include "numgeom/arithmetic/eigen.hpp"
#include "numgeom/error.hpp"

using numgeom::Ball;
using numgeom::BigFloat;
using numgeom::Magnitude;

namespace {

Ball ball(double midpoint, double radius, int bits = 100) {
  return Ball(BigFloat::exact(midpoint, bits), Magnitude(radius));
}

}  // namespace

TEST_CASE("the precision of a result is the greatest of its operands") {
  CHECK((Ball(1.0, 200) + Ball(2)).bits() == 200);
  CHECK(exp(Ball(1.0, 300)).bits() == 300);
  CHECK((2 * Ball(1.0, 128) / 3).bits() == 128);
}

TEST_CASE("points stay points where the operation is exact") {
  CHECK((Ball(1.5) + Ball(2.25)).is_point());
  CHECK((Ball(1.5) * Ball(2.25)).is_point());
  CHECK(sqrt(Ball(4.0)).is_point());
  CHECK_FALSE((Ball(1.0) / Ball(3.0)).is_point());
}

TEST_CASE("radii far below the range of doubles keep their meaning") {
  Ball x = Ball(1.0, 4000).widened(Magnitude::power_of_two(-3500));
  for (int i = 0; i < 10; ++i) x = x * x;
  CHECK(x.radius() > Magnitude::power_of_two(-3491));
  CHECK(x.radius() < Magnitude::power_of_two(-3489));
  CHECK_FALSE((x * x).is_point());
}

TEST_CASE("products and quotients hold the members at the corners") {
  // (2 ± ½)·(3 ± 1), (3 ± 0)/(2 ± 1), (3 ± 1)/(2 ± 1): the farthest members, exact in doubles.
  CHECK((ball(2, 0.5) * ball(3, 1)).contains(10.0));
  CHECK((ball(2, 0.5) * ball(3, 1)).contains(3.0));
  CHECK((ball(0, 1) * ball(0, 1)).contains(-1.0));
  CHECK((Ball(3) / ball(2, 1)).contains(3.0));
  CHECK((ball(3, 1) / ball(2, 1)).contains(4.0));
  CHECK((ball(3, 1) / Ball(2)).contains(1.0));
  CHECK(fma(ball(2, 0.5), ball(3, 1), ball(1, 0.25)).contains(11.25));
  CHECK((ball(2, 0.5) + ball(3, 1)).contains(6.5));
  CHECK((ball(2, 0.5) - ball(3, 1)).contains(-2.5));
}

TEST_CASE("the rounding of a point operation stays inside the radius") {
  BigFloat reference(400);
  for (unsigned n = 3; n < 200; ++n) {
    const Ball x(static_cast<double>(n));
    mpfr_ui_div(reference.get(), 1, x.midpoint().get(), MPFR_RNDN);
    CHECK((Ball(1) / x).contains(reference));
    mpfr_sqrt_ui(reference.get(), n, MPFR_RNDN);
    CHECK(sqrt(x).contains(reference));
    mpfr_exp(reference.get(), x.midpoint().get(), MPFR_RNDN);
    CHECK(exp(x).contains(reference));
    mpfr_set_ui(reference.get(), n, MPFR_RNDN);
    mpfr_add_d(reference.get(), reference.get(), 0x1p-70, MPFR_RNDN);
    CHECK((x + 0x1p-70).contains(reference));
  }
}

TEST_CASE("an even function keeps its minimum when the ball holds zero") {
  // The lower end of |x| is zero exactly; a rounded one below it would raise cosh above 1.
  for (int k = -60; k < 60; ++k) {
    const Ball x = ball(std::ldexp(1.1, k), std::ldexp(1.3, k), 53 + (k & 7));
    CHECK(cosh(x).contains(1.0));
    CHECK(sqr(x).contains(0.0));
    CHECK(pow(x, 4).contains(0.0));
    CHECK(abs(x).contains(0.0));
  }
}

TEST_CASE("leaving the domain of a function is remembered") {
  CHECK_FALSE((Ball(1.0) / ball(0, 1)).is_defined());
  CHECK_FALSE((Ball(1.0) / Ball(0.0)).is_defined());
  CHECK_FALSE((Ball(1.0) / ball(1, 1)).is_defined());
  CHECK_FALSE((Ball(1.0) / ball(-1, 1)).is_defined());
  CHECK_FALSE(log(ball(1, 1)).is_defined());
  CHECK_FALSE(log1p(Ball(-1.0)).is_defined());
  CHECK_FALSE(log(ball(1, 2)).is_defined());
  CHECK_FALSE(log(Ball(0.0)).is_defined());
  CHECK_FALSE(sqrt(ball(0, 1)).is_defined());
  CHECK_FALSE(sqrt(Ball(-1.0)).is_defined());
  CHECK_FALSE(pow(ball(0, 1), -1).is_defined());
  CHECK(sqrt(Ball(0.0)).is_defined());
  CHECK(log1p(Ball(-0.5)).is_defined());
  const Ball undefined = sqrt(ball(0, 1));
  CHECK_FALSE((undefined + 1).is_defined());
  CHECK_FALSE((1 + undefined).is_defined());
  CHECK_FALSE((undefined * 0).is_defined());
  CHECK_FALSE((0 * undefined).is_defined());
  CHECK_FALSE(exp(undefined).is_defined());
  CHECK_FALSE(max(undefined, Ball(7)).is_defined());
  CHECK_FALSE(fma(undefined, Ball(1), Ball(1)).is_defined());
  CHECK_FALSE((-undefined).is_defined());
}

TEST_CASE("an unbounded ball is all reals and decides nothing") {
  const Ball all = Ball::entire();
  CHECK(all.contains(1e300));
  CHECK_FALSE(certainly_less(all, Ball(1)));
  CHECK_FALSE(certainly_less(Ball(1), all));
  CHECK(possibly_less(all, Ball(1)));
  CHECK_FALSE((all + 1).is_bounded());
  CHECK_FALSE((all - all).is_bounded());
  CHECK(tanh(all).is_bounded());
  CHECK(tanh(all).contains(-1.0));
  CHECK_FALSE(exp(ball(0, 1e300)).is_bounded());
}

TEST_CASE("balls that touch are not ordered") {
  CHECK(certainly_less(ball(0, 1), ball(3, 1)));
  CHECK_FALSE(certainly_less(ball(0, 1), ball(2, 1)));
  CHECK_FALSE(certainly_disjoint(ball(0, 1), ball(2, 1)));
  CHECK(certainly_disjoint(ball(0, 1), ball(2.5, 1)));
}

TEST_CASE("what is not defined decides nothing") {
  const Ball undefined = sqrt(ball(0, 1));
  REQUIRE(undefined.is_bounded());
  CHECK_FALSE(certainly_less(undefined, Ball(7)));
  CHECK_FALSE(certainly_less(Ball(-7), undefined));
  CHECK(possibly_less(Ball(7), undefined));
  CHECK(possibly_less(undefined, Ball(-7)));
}

TEST_CASE("NaN and infinities are refused") {
  CHECK_THROWS_AS(Ball(std::nan("")), numgeom::Error);
  CHECK_THROWS_AS(Ball(std::numeric_limits<double>::infinity()), numgeom::Error);
}

TEST_CASE("the same object on both sides") {
  Ball x = ball(1, 0.25);
  x -= x;
  CHECK(x.contains(0.5));
  CHECK(x.contains(-0.5));
  Ball y = ball(2, 0.5);
  y *= y;
  CHECK(y.contains(6.25));
  CHECK(y.contains(2.25));
}

TEST_CASE("balls are Eigen scalars") {
  Eigen::Matrix<Ball, 2, 2> a;
  a << Ball(1.0, 200), Ball(2.0, 200), Ball(3.0, 200), Ball(4.0, 200);
  const Eigen::Matrix<Ball, 2, 2> product = a * a / Ball(3);
  CHECK(product(0, 0).bits() == 200);
  CHECK_FALSE(product(0, 0).is_point());
  CHECK((a * a)(1, 1).contains(22.0));
  CHECK(a.transpose()(0, 1).contains(3.0));
  CHECK(a.sum().contains(10.0));
  CHECK((2.0 * a)(0, 0).contains(2.0));
}

TEST_CASE("a ball prints its midpoint and radius") {
  std::ostringstream out;
  out << ball(0.5, 0.25);
  CHECK(out.str().find("5.0") == 0);
  CHECK(out.str().find("2.50e-01") != std::string::npos);
}

TEST_CASE("what falls below MPFR's exponents stays enclosed") {
  const Ball tiny = exp(Ball(-2e9, 128));
  CHECK(tiny.is_bounded());
  CHECK_FALSE(tiny.is_point());
  CHECK_FALSE(certainly_less(tiny, Ball(0.0)));
  const Ball smaller = exp(Ball(-7e8, 128)) * exp(Ball(-7e8, 128));
  CHECK_FALSE(smaller.is_point());
  CHECK(smaller.contains(0.0));
  CHECK(mpfr_sgn(Magnitude::power_of_two(-(std::int64_t{1} << 40)).to_big_float().get()) > 0);
}

TEST_CASE("radii that square beyond all exponents become unbounded, never small") {
  Ball zero = Ball(0.0).widened(Magnitude(2.0));
  for (int i = 0; i < 80; ++i) zero *= zero;
  CHECK_FALSE(zero.is_bounded());
  Ball x = Ball(BigFloat::exact(0.0, 128), Magnitude::power_of_two(871));
  for (int i = 0; i < 60; ++i) x = x * x;
  CHECK((x + Ball(1.0) / Ball(3.0)).contains(4.0 / 3));
  Magnitude tiny = Magnitude::power_of_two(-1000);
  for (int i = 0; i < 80; ++i) tiny *= tiny;
  CHECK_FALSE(tiny.is_zero());
}

TEST_CASE("bounds whose sum overflows") {
  CHECK_FALSE(exp(Ball(744261117.15).widened(Magnitude(0.01))).is_bounded());
}

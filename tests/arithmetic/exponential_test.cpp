#include "numgeom/arithmetic/exponential.hpp"

#include <catch2/catch.hpp>

#include "support/random.hpp"
#include "support/reference.hpp"

using namespace numgeom;

TEST_CASE("the exponential in doubles errs by less than it says") {
  test::Random random = test::Random::announced("exp_nearly", 51);
  double worst = 0;
  for (int n = 0; n < test::repetitions(200000); ++n) {
    const double size = random.below(4) == 0 ? std::ldexp(1.0, -random.below(60)) : 1.0;
    const double x = kLeastExponent * random.unit() * size;
    BigFloat exact = BigFloat::exact(x, 200);
    mpfr_exp(exact.get(), exact.get(), MPFR_RNDN);
    BigFloat error(200);
    mpfr_d_sub(error.get(), exp_nearly(x), exact.get(), MPFR_RNDN);
    mpfr_div(error.get(), error.get(), exact.get(), MPFR_RNDN);
    worst = std::max(worst, std::abs(error.to_double()));
  }
  for (const double x : {0.0, -0.34657359027997264, -0.34657359027997270, kLeastExponent}) {
    BigFloat exact = BigFloat::exact(x, 200);
    mpfr_exp(exact.get(), exact.get(), MPFR_RNDN);
    CHECK(std::abs(exp_nearly(x) / exact.to_double() - 1) <= kExpError);
  }
  CHECK(worst <= kExpError);
  // The proof says 4.4 units; what is seen must not be far below, or the test sees nothing.
  CHECK(worst > 0x1p-54);
  CHECK(worst <= 5 * 0x1p-53);
}

#include "numgeom/arithmetic/magnitude.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "support/random.hpp"

using numgeom::BigFloat;
using numgeom::Magnitude;
using numgeom::test::Random;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Sums of operands that are up to 400 binary places apart are exact in them.
constexpr int kExactBits = 600;

using Operation = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t);

/// Containment first, then tightness: exact ≤ bound ≤ exact·(1 + 2^-50).
void check_bound(Operation operation, const Magnitude& a, const Magnitude& b,
                 const Magnitude& bound) {
  BigFloat exact(kExactBits);
  operation(exact.get(), a.to_big_float().get(), b.to_big_float().get(), MPFR_RNDU);
  const BigFloat value = bound.to_big_float();
  BigFloat most(kExactBits);
  mpfr_mul_d(most.get(), exact.get(), 1 + 0x1p-50, MPFR_RNDU);
  if (mpfr_less_p(value.get(), exact.get()) != 0 || mpfr_greater_p(value.get(), most.get()) != 0)
    FAIL_CHECK(a.to_big_float().to_string(20, MPFR_RNDN)
               << " , " << b.to_big_float().to_string(20, MPFR_RNDN) << " -> "
               << value.to_string(20, MPFR_RNDN));
}

Magnitude random_magnitude(Random& random) { return {1 + random.unit(), random.below(400) - 200}; }

}  // namespace

TEST_CASE("magnitude: sums, products and quotients are bounds and tight") {
  Random random = Random::announced("magnitude", 31);
  for (int i = numgeom::test::repetitions(20000); i > 0; --i) {
    const Magnitude a = random_magnitude(random);
    const Magnitude b = random_magnitude(random);
    check_bound(mpfr_add, a, b, a + b);
    check_bound(mpfr_mul, a, b, a * b);
    check_bound(mpfr_div, a, b, divide_up(a, b));
  }
}

TEST_CASE("magnitude: what is added to something much larger is not lost") {
  for (const int gap : {1, 52, 53, 54, 59, 60, 61, 62, 100, 3000, 1'000'000}) {
    const Magnitude sum = Magnitude(1.0) + Magnitude::power_of_two(-gap);
    CHECK(sum > Magnitude(1.0));
    CHECK(sum < Magnitude(1.5 + 0x1p-50));
  }
  CHECK(Magnitude(1.0) + Magnitude() == Magnitude(1.0));
  CHECK(Magnitude() + Magnitude(1.0) == Magnitude(1.0));
}

TEST_CASE("magnitude: exponents add up") {
  const Magnitude tiny = Magnitude::power_of_two(-100'000);
  CHECK((tiny * tiny).exponent() == tiny.exponent() - 100'000);
  CHECK(divide_up(tiny, tiny) >= Magnitude(1.0));
  CHECK(divide_up(tiny, tiny) < Magnitude(1 + 0x1p-50));
  CHECK_FALSE((tiny * tiny).is_zero());
}

TEST_CASE("magnitude: a number that is no double is rounded up") {
  BigFloat x(200);
  mpfr_set_ui(x.get(), 1, MPFR_RNDN);
  for (int divisor = 3; divisor < 60; divisor += 2) {
    BigFloat quotient(200);
    mpfr_div_ui(quotient.get(), x.get(), static_cast<unsigned long>(divisor), MPFR_RNDN);
    CHECK(mpfr_greater_p(Magnitude::upper(quotient).to_big_float().get(), quotient.get()) != 0);
    mpfr_neg(quotient.get(), quotient.get(), MPFR_RNDN);
    CHECK(mpfr_cmpabs(Magnitude::upper(quotient).to_big_float().get(), quotient.get()) > 0);
  }
}

TEST_CASE("magnitude: doubles above it, down to the least") {
  Random random = Random::announced("magnitude to double", 32);
  for (int i = numgeom::test::repetitions(5000); i > 0; --i) {
    const Magnitude x(1 + random.unit(), random.below(1300) - 1200);
    const BigFloat bound = BigFloat::exact(x.to_double_up());
    if (mpfr_less_p(bound.get(), x.to_big_float().get()) != 0) FAIL_CHECK(x.log2());
  }
  CHECK(Magnitude::power_of_two(-5000).to_double_up() > 0);
  CHECK(Magnitude::power_of_two(1024).to_double_up() == kInfinity);
  CHECK(Magnitude(0.1).to_double_up() == 0.1);
}

TEST_CASE("magnitude: NaN and infinities are unbounded, and nothing is above") {
  CHECK_FALSE(Magnitude(std::nan("")).is_finite());
  CHECK_FALSE(Magnitude(-kInfinity).is_finite());
  CHECK_FALSE((Magnitude::infinity() + Magnitude(1.0)).is_finite());
  CHECK_FALSE((Magnitude(1.0) + Magnitude::infinity()).is_finite());
  CHECK_FALSE((Magnitude::infinity() * Magnitude(1e-300)).is_finite());
  CHECK_FALSE(divide_up(Magnitude(1.0), Magnitude()).is_finite());
  CHECK(Magnitude::infinity() > Magnitude::power_of_two(1'000'000));
  CHECK(Magnitude(-2.5) == Magnitude(2.5));
  CHECK(Magnitude() < Magnitude::power_of_two(-1'000'000));
}

TEST_CASE("exponents of subnormal mantissas stay in their range too") {
  constexpr double kSmallest = 0x1p-1074;
  CHECK_FALSE(Magnitude(kSmallest, Magnitude::kMostExponent + 2000).is_finite());
  const Magnitude least(kSmallest, -Magnitude::kMostExponent);
  CHECK(least.exponent() == -Magnitude::kMostExponent);
  CHECK(least == Magnitude::power_of_two(-Magnitude::kMostExponent - 1));
}

#include "numgeom/arithmetic/limb_arithmetic.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "numgeom/error.hpp"
#include "support/limbs.hpp"

// Rounded operations are compared with exact ones in MPFR: each entry must lie within the error
// that the operation states, and the error within half a unit of the matrix's last place.

using namespace numgeom;

namespace {

using Eigen::Index;
using test::Random;

constexpr int kExactBits = 40000;

BigFloatMatrix exact_values(const LimbMatrix& x) {
  BigFloatMatrix result(x.rows(), x.cols(), kExactBits);
  for (Index i = 0; i < x.rows(); ++i)
    for (Index j = 0; j < x.cols(); ++j) {
      const BigFloat entry = x.entry(i, j);
      mpfr_set(result(i, j).get(), entry.get(), MPFR_RNDN);
    }
  return result;
}

/// |found − exact| ≤ error ≤ (½ + 2^-38) units of the last place, unit ≤ 2^-bits·greatest.
void check_rounding(const RoundedMatrix<LimbMatrix>& found, const BigFloatMatrix& exact, int bits) {
  Magnitude greatest;
  BigFloat difference(kExactBits);
  const Magnitude unit = Magnitude::power_of_two(found.value.exponent());
  for (Index i = 0; i < exact.rows(); ++i)
    for (Index j = 0; j < exact.cols(); ++j) {
      const Magnitude size = Magnitude::upper(exact(i, j));
      if (greatest < size) greatest = size;
      mpfr_sub(difference.get(), found.value.entry(i, j).get(), exact(i, j).get(), MPFR_RNDN);
      const Magnitude error = found.error(i, j);
      INFO("entry " << i << "," << j << " at " << bits << " bits");
      if (error.is_zero())
        REQUIRE(difference.is_zero());
      else
        REQUIRE(mpfr_cmpabs(difference.get(), error.to_big_float().get()) <= 0);
      REQUIRE(error <= Magnitude(0.5 + 0x1p-38) * unit);
    }
  if (!found.error.is_zero()) REQUIRE(unit <= Magnitude::power_of_two(1 - bits) * greatest);
}

}  // namespace

TEST_CASE("limb matrices: entries, signs and sizes") {
  Random random = Random::announced("limb entries", 21);
  for (int n = 0; n < test::repetitions(200); ++n) {
    const LimbMatrix x =
        test::random_limbs(random, 3, 11, 1 + random.below(6), random.below(9) - 4);
    const int bits = x.significant_bits();
    LimbMatrix copy(3, 11, x.limbs(), x.exponent());
    for (Index i = 0; i < x.rows(); ++i)
      for (Index j = 0; j < x.cols(); ++j) {
        const BigFloat value = x.entry(i, j);
        CHECK(x.is_zero(i, j) == value.is_zero());
        CHECK(x.is_negative(i, j) == (mpfr_sgn(value.get()) < 0));
        CHECK(Magnitude::upper(value) <= Magnitude::power_of_two(bits + x.exponent()));
        CHECK(copy.set(i, j, value).is_zero());
        for (int s = 0; s < x.limbs(); ++s) CHECK(copy.limb(i, j, s) == x.limb(i, j, s));
      }
  }
}

TEST_CASE("limb matrices: what does not fit is taken in by the bound") {
  LimbMatrix x(1, 1, 1, 0);
  CHECK(x.set(0, 0, BigFloat::exact(0x1p60)) >= Magnitude(0x1p60));
  CHECK(x.is_zero(0, 0));
  CHECK(x.set(0, 0, BigFloat::exact(0.25)) >= Magnitude(0.25));
  CHECK(x.set(0, 0, BigFloat::exact(-2.75)) >= Magnitude(0.25));
  CHECK(x.entry(0, 0).to_double() == -3);
}

TEST_CASE("fp32 data is embedded exactly in as few limbs as it needs") {
  ExactMatrix pixels(2, 3);
  pixels << 0, 255.0F / 256, 1.0F / 256, 0.5F, 128.0F / 256, 3.0F / 256;
  CHECK(LimbMidpoints::embed(pixels).limbs() == 1);
  ExactMatrix wild(1, 5);
  wild << 3.4028234e38F, -1e-45F, 0, 0.1F, -0.3F;
  for (const ExactMatrix& exact : {pixels, wild}) {
    const LimbMatrix x = LimbMidpoints::embed(exact);
    for (Index i = 0; i < exact.rows(); ++i)
      for (Index j = 0; j < exact.cols(); ++j)
        CHECK(mpfr_cmp_d(x.entry(i, j).get(), exact(i, j)) == 0);
  }
}

TEST_CASE("rounded products and sums err by what they say, relative to the greatest entry") {
  Random random = Random::announced("rounded operations", 22);
  const BigFloatMidpoints exact(kExactBits);
  for (int n = 0; n < test::repetitions(60); ++n) {
    const int bits = 53 + random.below(random.below(5) == 0 ? 2000 : 300);
    const LimbMidpoints midpoints(bits);
    const auto draw = [&](Index rows, Index cols) {
      return test::random_limbs(
          random, rows, cols, 1 + random.below(12),
          random.below(3) == 0 ? random.below(4000) - 2000 : random.below(60));
    };
    const Index rows = 1 + random.below(5);
    const Index inner = 1 + random.below(9);
    const Index cols = 1 + random.below(12);
    const LimbMatrix a = draw(rows, inner);
    const LimbMatrix b = draw(inner, cols);
    const LimbMatrix c = draw(rows, cols);
    const LimbMatrix d = draw(rows, cols);
    const LimbMatrix row = draw(1, cols);
    const int p = midpoints.bits();
    check_rounding(midpoints.product(a, b), exact.product(exact_values(a), exact_values(b)).value,
                   p);
    check_rounding(midpoints.product_tn(a, c),
                   exact.product_tn(exact_values(a), exact_values(c)).value, p);
    check_rounding(midpoints.product_nt(c, b),
                   exact.product_nt(exact_values(c), exact_values(b)).value, p);
    check_rounding(midpoints.column_sums(c), exact.column_sums(exact_values(c)).value, p);
    // Sums that cancel are rounded at the size of their terms.
    const auto sum = midpoints.add_row(c, row);
    const auto combined = midpoints.axpy(random.finite(), c, d);
    CHECK(sum.error.is_finite());
    CHECK(combined.error.is_finite());
  }
}

TEST_CASE("sums err by what they say") {
  Random random = Random::announced("sums of limbs", 23);
  const BigFloatMidpoints exact(kExactBits);
  for (int n = 0; n < test::repetitions(200); ++n) {
    const LimbMidpoints midpoints(53 + random.below(300));
    const auto draw = [&](Index rows) {
      return test::random_limbs(random, rows, 9, 1 + random.below(8), random.below(500) - 250);
    };
    const LimbMatrix x = draw(3);
    const LimbMatrix y = draw(3);
    const LimbMatrix row = draw(1);
    const double alpha = random.below(8) == 0 ? 0.0 : random.moderate();
    const auto check = [](const RoundedMatrix<LimbMatrix>& found, const BigFloatMatrix& expected) {
      BigFloat difference(kExactBits);
      for (Index i = 0; i < expected.rows(); ++i)
        for (Index j = 0; j < expected.cols(); ++j) {
          mpfr_sub(difference.get(), found.value.entry(i, j).get(), expected(i, j).get(),
                   MPFR_RNDN);
          REQUIRE(
              (found.error(i, j).is_zero()
                   ? difference.is_zero()
                   : mpfr_cmpabs(difference.get(), found.error(i, j).to_big_float().get()) <= 0));
        }
    };
    check(midpoints.add_row(x, row), exact.add_row(exact_values(x), exact_values(row)).value);
    check(midpoints.axpy(alpha, x, y), exact.axpy(alpha, exact_values(x), exact_values(y)).value);
    check(midpoints.axpy(-alpha, x, x), exact.axpy(-alpha, exact_values(x), exact_values(x)).value);
  }
}

TEST_CASE("the sum of the greatest numbers has room for its carry and its rounding") {
  const BigFloatMidpoints exact(kExactBits);
  for (const int limbs : {1, 2, 3, 12}) {
    LimbMatrix greatest(1, 3, limbs, 0);
    for (int s = 0; s < limbs; ++s)
      for (int lane = 0; lane < 3; ++lane)
        greatest.block(0, 0)[s].lane[lane] = LimbMatrix::kLimbMask >> (s == limbs - 1 ? 1 : 0);
    for (const int bits : {53, 100, 101}) {
      const auto sum = LimbMidpoints(bits).add_row(greatest, greatest);
      check_rounding(sum, exact.add_row(exact_values(greatest), exact_values(greatest)).value,
                     LimbMidpoints(bits).bits());
    }
  }
}

TEST_CASE("magnitudes and doubles of limbs are bounds, and near") {
  Random random = Random::announced("doubles of limbs", 24);
  for (int n = 0; n < test::repetitions(200); ++n) {
    const LimbMatrix x =
        test::random_limbs(random, 2, 9, 1 + random.below(8), random.below(400) - 300);
    const BoundMatrix sizes = LimbMidpoints::magnitudes(x);
    const DoubleEnclosures doubles = LimbMidpoints::to_doubles(x);
    const Magnitude unit = Magnitude::power_of_two(x.exponent() + x.significant_bits() - 100);
    for (Index i = 0; i < x.rows(); ++i)
      for (Index j = 0; j < x.cols(); ++j) {
        const BigFloat value = x.entry(i, j);
        CHECK(Magnitude::upper(value) <= sizes(i, j));
        CHECK(sizes(i, j) <= Magnitude(1 + 0x1p-48) * Magnitude::upper(value) + unit);
        CHECK(sizes(i, j).is_zero() == value.is_zero());
        BigFloat difference(kExactBits);
        mpfr_sub_d(difference.get(), value.get(), doubles.midpoints(i, j), MPFR_RNDN);
        CHECK(Magnitude::upper(difference) <= doubles.radii(i, j));
        CHECK(doubles.radii(i, j) <= Magnitude(0x1p-48) * Magnitude::upper(value) + unit);
      }
  }
}

TEST_CASE("midpoints far beyond the usual exponents become zeros with their radii") {
  LimbMatrix tiny(1, 2, 1, -(std::int64_t{1} << 29));
  tiny.block(0, 0)[0].lane[0] = 5;
  BoundMatrix radii(1, 2);
  LimbMidpoints::normalise(tiny, radii);
  CHECK(tiny.is_zero(0, 0));
  CHECK(radii(0, 0) >= Magnitude(5.0, -(std::int64_t{1} << 29)));
  LimbMatrix huge(1, 2, 1, std::int64_t{1} << 29);
  huge.block(0, 0)[0].lane[1] = 5;
  BoundMatrix none(1, 2);
  LimbMidpoints::normalise(huge, none);
  CHECK(none(0, 0).is_zero());
  CHECK_FALSE(none(0, 1).is_finite());
}

namespace {

/// The leading limbs halved, towards −∞: the rest keeps its place.
LimbMatrix halved(LimbMatrix x) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << (LimbMatrix::kLimbBits - 1);
  for (Index i = 0; i < x.rows(); ++i)
    for (Index b = 0; b < x.blocks(); ++b)
      for (std::uint64_t& digit : x.block(i, b)[x.limbs() - 1].lane)
        digit = (digit >> 1) | (digit & kSign);
  return x;
}

}  // namespace

TEST_CASE("limbs far below the radii are dropped, and what that takes is in the radii") {
  Random random(22);
  int dropped = 0;
  for (int round = 0; round < 300; ++round) {
    const int limbs = 1 + random.below(6);
    LimbMatrix x = test::random_limbs(random, 3, 9, limbs, -70);
    // Full matrices stay as they are: rounding up might reach their signs.
    if (random.below(4) != 0) x = halved(x);
    BoundMatrix radii(3, 9);
    for (int k = random.below(4); k > 0; --k)
      radii.set(random.below(3), random.below(9),
                Magnitude(1.0 + random.unit(), random.below(53 * limbs) - 70));
    LimbMatrix shorter = x;
    BoundMatrix wider = radii;
    LimbMidpoints::normalise(shorter, wider);
    dropped += x.limbs() - shorter.limbs();
    if (radii.is_zero()) REQUIRE(shorter.limbs() == limbs);
    REQUIRE(wider.largest() <= Magnitude(1 + 0x1p-40) * radii.largest());
    for (Index i = 0; i < x.rows(); ++i)
      for (Index j = 0; j < x.cols(); ++j) {
        BigFloat room(2000);
        mpfr_sub(room.get(), x.entry(i, j).get(), shorter.entry(i, j).get(), MPFR_RNDN);
        mpfr_abs(room.get(), room.get(), MPFR_RNDN);
        mpfr_add(room.get(), room.get(), radii(i, j).to_big_float().get(), MPFR_RNDN);
        REQUIRE(mpfr_lessequal_p(room.get(), wider(i, j).to_big_float().get()) != 0);
      }
  }
  CHECK(dropped > 100);
}

TEST_CASE("precisions out of range are refused") {
  CHECK_THROWS_AS(LimbMidpoints(52), Error);
  CHECK_THROWS_AS(LimbMidpoints(LimbMidpoints::kMostBits + 1), Error);
  CHECK(LimbMidpoints(256).bits() == 256);
  CHECK(LimbMidpoints(257).bits() > 257);
}

TEST_CASE("limb midpoints are compared with bounds exactly") {
  Random random(20);
  for (int round = 0; round < 40; ++round) {
    const LimbMatrix x =
        test::random_limbs(random, 3, 9, 1 + random.below(4), random.below(200) - 100);
    for (Index i = 0; i < x.rows(); ++i)
      for (Index j = 0; j < x.cols(); ++j) {
        const BigFloat entry = x.entry(i, j);
        const Magnitude size = Magnitude::upper(entry);
        for (const double factor :
             {0.25, 0.5, 0.75, 1 - 0x1p-40, 1.0, 1 + 0x1p-40, 1.5, 2.0, 4.0}) {
          const Magnitude bound(size.mantissa() * factor, size.exponent());
          const int expected = mpfr_cmpabs(entry.get(), bound.to_big_float().get());
          const int found = LimbMidpoints::compare_magnitude(x, i, j, bound);
          REQUIRE((found > 0) == (expected > 0));
          REQUIRE((found < 0) == (expected < 0));
        }
      }
  }
}

TEST_CASE("quotients by roots in limbs err by no more than they state") {
  Random random(21);
  constexpr double kEpsilon = 0x1p-20;
  const LimbMidpoints midpoints(150);
  for (int round = 0; round < 30; ++round) {
    const LimbMatrix m = test::random_limbs(random, 3, 9, 1 + random.below(3), -150);
    const LimbMatrix v = midpoints.square(test::random_limbs(random, 3, 9, 2, -100)).value;
    const Ball a(1.75, 150);
    const Ball b(0.3, 150);
    const BoundMatrix sizes = Magnitude(1.75 / kEpsilon) * LimbMidpoints::magnitudes(m);
    BoundMatrix radii(3, 9);
    if (random.coin())
      radii.set(0, 0, sizes.largest() * Magnitude::power_of_two(-random.below(140)));
    const auto found = midpoints.root_quotient(a, m, v, b, kEpsilon, sizes, radii);
    CHECK(found.error.largest() <= Magnitude::power_of_two(-39) * radii.largest() +
                                       Magnitude::power_of_two(-147) * sizes.largest());
    for (Index i = 0; i < m.rows(); ++i)
      for (Index j = 0; j < m.cols(); ++j) {
        BigFloat divisor(2000);
        mpfr_sqrt(divisor.get(), v.entry(i, j).get(), MPFR_RNDN);
        mpfr_mul(divisor.get(), divisor.get(), b.midpoint().get(), MPFR_RNDN);
        mpfr_add_d(divisor.get(), divisor.get(), kEpsilon, MPFR_RNDN);
        BigFloat difference(2000);
        mpfr_mul(difference.get(), m.entry(i, j).get(), a.midpoint().get(), MPFR_RNDN);
        mpfr_div(difference.get(), difference.get(), divisor.get(), MPFR_RNDN);
        mpfr_sub(difference.get(), difference.get(), found.value.entry(i, j).get(), MPFR_RNDN);
        REQUIRE(mpfr_cmpabs(difference.get(), found.error(i, j).to_big_float().get()) <= 0);
      }
  }
}

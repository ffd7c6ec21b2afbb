#pragma once

#include <string>

#include "numgeom/arithmetic/ball.hpp"
#include "support/random.hpp"

namespace numgeom::test {

/// Bits in which members of balls and exact results are held: sums and products of the numbers that
/// `random_ball` draws are exact in them.
constexpr int kExactBits = 2400;

/// A real number strictly known, and a ball that holds it.
struct Enclosed {
  Ball ball;
  BigFloat exact{kExactBits};
};

/// A p-bit number with an exponent in [-range, range], now and then zero or a power of two.
inline BigFloat random_number(Random& random, int bits, int range) {
  BigFloat result(bits);
  if (random.below(24) == 0) return result;
  mpfr_set_ui(result.get(), 1, MPFR_RNDN);
  if (random.below(8) != 0) {
    BigFloat chunk;
    for (int i = 0; i < bits; i += 48) {
      mpfr_set_d(chunk.get(), random.unit(), MPFR_RNDN);
      mpfr_div_2ui(chunk.get(), chunk.get(), static_cast<unsigned long>(i), MPFR_RNDN);
      mpfr_add(result.get(), result.get(), chunk.get(), MPFR_RNDN);
    }
  }
  mpfr_mul_2si(result.get(), result.get(), random.below(2 * range + 1) - range, MPFR_RNDN);
  if (random.coin()) mpfr_neg(result.get(), result.get(), MPFR_RNDN);
  return result;
}

/// A radius: none, tiny, of the size of the number, or larger.
inline Magnitude random_radius(Random& random, const BigFloat& midpoint) {
  const std::int64_t scale = midpoint.is_zero() ? 0 : mpfr_get_exp(midpoint.get());
  switch (random.below(5)) {
    case 0:
      return {};
    case 1:
      return Magnitude(1 + random.unit(), scale - 1);
    case 2:
      return {1 + random.unit(), scale - random.below(200)};
    default:
      return {1 + random.unit(), scale - midpoint.bits() + random.below(6) - 3};
  }
}

/// A member of midpoint ± radius: an end, the midpoint, or between; exact.
inline BigFloat random_member(Random& random, const BigFloat& midpoint, const Magnitude& radius,
                              int exact_bits = kExactBits) {
  BigFloat member(exact_bits);
  BigFloat offset = radius.to_big_float();
  const double shares[] = {1, -1, 0, 0.5, -0.25, 0x1.fp-3};
  BigFloat share = BigFloat::exact(shares[random.below(6)]);
  BigFloat moved(120);
  mpfr_mul(moved.get(), offset.get(), share.get(), MPFR_RNDN);
  if (mpfr_add(member.get(), midpoint.get(), moved.get(), MPFR_RNDN) != 0)
    mpfr_set(member.get(), midpoint.get(), MPFR_RNDN);
  return member;
}

inline Enclosed random_ball(Random& random, int bits, int range) {
  BigFloat midpoint = random_number(random, bits, range);
  const Magnitude radius = random_radius(random, midpoint);
  BigFloat exact = random_member(random, midpoint, radius);
  return {Ball(std::move(midpoint), radius), std::move(exact)};
}

/// Whether a real in [down, up] can lie in midpoint ± radius. Wrong by less than 2^-exact_bits
/// relatively.
inline bool may_contain(const BigFloat& midpoint, const Magnitude& radius, const BigFloat& down,
                        const BigFloat& up, int exact_bits = kExactBits) {
  if (!radius.is_finite()) return true;
  BigFloat lower(exact_bits);
  BigFloat upper(exact_bits);
  mpfr_sub(lower.get(), midpoint.get(), radius.to_big_float().get(), MPFR_RNDD);
  mpfr_add(upper.get(), midpoint.get(), radius.to_big_float().get(), MPFR_RNDU);
  return mpfr_lessequal_p(lower.get(), up.get()) != 0 &&
         mpfr_lessequal_p(down.get(), upper.get()) != 0;
}

inline std::string hex(const BigFloat& x) {
  char* text = nullptr;
  if (mpfr_asprintf(&text, "%Ra", x.get()) < 0) return "?";
  std::string result = text;
  mpfr_free_str(text);
  return result;
}

inline std::string hex(const Ball& x) {
  return hex(x.midpoint()) + " ± " + hex(x.radius().to_big_float());
}

}  // namespace numgeom::test

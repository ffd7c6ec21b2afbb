#include <mpfr.h>

#include "numgeom/arithmetic/ball.hpp"
#include "soundness.hpp"
#include "support/enclosed.hpp"

namespace numgeom::soundness {
namespace {

using test::Enclosed;
using test::hex;
using test::kExactBits;
using test::Random;

constexpr int kReferenceBits = 700;

int random_bits(Random& random) {
  constexpr int kBits[] = {53, 64, 65, 100, 128, 192, 256, 320};
  return kBits[random.below(8)];
}

/// One ulp of the result at most, for operations on points.
bool tight_on_points(const Ball& result) {
  if (result.is_point()) return true;
  if (result.midpoint().is_zero()) return false;
  return result.radius() <=
         Magnitude::power_of_two(mpfr_get_exp(result.midpoint().get()) - result.bits());
}

using BinaryReference = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t);
using UnaryReference = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);

template <class Operation>
Check binary(std::string name, Operation operation, BinaryReference reference) {
  const auto run = [operation, reference](Tally& tally, Random& random, std::int64_t operations) {
    BigFloat down(kExactBits);
    BigFloat up(kExactBits);
    for (std::int64_t i = 0; i < operations; ++i) {
      const Enclosed x = random_ball(random, random_bits(random), 60);
      const Enclosed y = random.below(12) == 0 ? x : random_ball(random, random_bits(random), 60);
      const Ball result = operation(x.ball, y.ball);
      reference(down.get(), x.exact.get(), y.exact.get(), MPFR_RNDD);
      reference(up.get(), x.exact.get(), y.exact.get(), MPFR_RNDU);
      if (!down.is_finite()) continue;  // division by zero
      const bool sound = test::may_contain(result.midpoint(), result.radius(), down, up);
      const bool points = x.ball.is_point() && y.ball.is_point() && result.is_bounded();
      tally.record(sound, points && !tight_on_points(result) ? 1 : 0, [&] {
        return hex(x.ball) + " , " + hex(y.ball) + " -> " + hex(result) + ", exact " + hex(down);
      });
    }
  };
  return {std::move(name), 1, 0, run};
}

/// Members outside the domain have no image; `domain` says where the reference may be asked.
template <class Operation>
Check unary(std::string name, Operation operation, UnaryReference reference) {
  const auto run = [operation, reference](Tally& tally, Random& random, std::int64_t operations) {
    BigFloat down(kReferenceBits);
    BigFloat up(kReferenceBits);
    for (std::int64_t i = 0; i < operations; ++i) {
      const Enclosed x = random_ball(random, random_bits(random), 6);
      const Ball result = operation(x.ball);
      reference(down.get(), x.exact.get(), MPFR_RNDD);
      reference(up.get(), x.exact.get(), MPFR_RNDU);
      const bool real = down.is_finite() && up.is_finite();
      const bool sound = real ? test::may_contain(result.midpoint(), result.radius(), down, up)
                              : !result.is_defined();
      const bool points = real && x.ball.is_point() && result.is_bounded();
      tally.record(sound, points && !tight_on_points(result) ? 1 : 0, [&] {
        return hex(x.ball) + " -> " + hex(result) + ", exact " + hex(down) + " at " + hex(x.exact);
      });
    }
  };
  return {std::move(name), 0.2, 0, run};
}

template <int exponent>
int power(mpfr_ptr result, mpfr_srcptr x, mpfr_rnd_t direction) {
  return mpfr_pow_si(result, x, exponent, direction);
}

}  // namespace

std::vector<Check> ball_checks() {
  return {
      binary(
          "ball +", [](const Ball& x, const Ball& y) { return x + y; }, mpfr_add),
      binary(
          "ball -", [](const Ball& x, const Ball& y) { return x - y; }, mpfr_sub),
      binary(
          "ball *", [](const Ball& x, const Ball& y) { return x * y; }, mpfr_mul),
      binary(
          "ball /", [](const Ball& x, const Ball& y) { return x / y; }, mpfr_div),
      binary(
          "ball min", [](const Ball& x, const Ball& y) { return min(x, y); }, mpfr_min),
      binary(
          "ball max", [](const Ball& x, const Ball& y) { return max(x, y); }, mpfr_max),
      unary(
          "ball sqrt", [](const Ball& x) { return sqrt(x); }, mpfr_sqrt),
      unary(
          "ball sqr", [](const Ball& x) { return sqr(x); }, mpfr_sqr),
      unary(
          "ball abs", [](const Ball& x) { return abs(x); }, mpfr_abs),
      unary(
          "ball exp", [](const Ball& x) { return exp(x); }, mpfr_exp),
      unary(
          "ball expm1", [](const Ball& x) { return expm1(x); }, mpfr_expm1),
      unary(
          "ball log", [](const Ball& x) { return log(x); }, mpfr_log),
      unary(
          "ball log1p", [](const Ball& x) { return log1p(x); }, mpfr_log1p),
      unary(
          "ball tanh", [](const Ball& x) { return tanh(x); }, mpfr_tanh),
      unary(
          "ball sinh", [](const Ball& x) { return sinh(x); }, mpfr_sinh),
      unary(
          "ball cosh", [](const Ball& x) { return cosh(x); }, mpfr_cosh),
      unary(
          "ball pow 3", [](const Ball& x) { return pow(x, 3); }, power<3>),
      unary(
          "ball pow 4", [](const Ball& x) { return pow(x, 4); }, power<4>),
      unary(
          "ball pow -2", [](const Ball& x) { return pow(x, -2); }, power<-2>),
  };
}

}  // namespace numgeom::soundness

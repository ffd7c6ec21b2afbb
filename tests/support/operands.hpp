#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "numgeom/arithmetic/ball_arithmetic.hpp"
#include "numgeom/arithmetic/interval_arithmetic.hpp"
#include "numgeom/arithmetic/limb_arithmetic.hpp"
#include "support/enclosed.hpp"
#include "support/limbs.hpp"

/// Random operands of every enclosing arithmetic with exact members, and what must hold of results.
namespace numgeom::test {

using Eigen::Index;

constexpr int kBits = 400;
constexpr Index kRows = 2;
constexpr Index kCols = 12;
constexpr Index kSize = kRows * kCols;

inline const IntervalArithmetic kInterval;
inline const BallArithmetic kBall(BigFloatMidpoints(128));
inline const LimbArithmetic kLimbs(LimbMidpoints(150));
inline const LimbArithmetic kPortable(LimbMidpoints(150, LimbPath::kPortable));

/// Numbers row by row, each known to kBits bits.
using Exact = std::vector<Ball>;

/// What is drawn: points of size ½ … 1; numbers up to 2^5 with all kinds of radii; the same with
/// members ≥ 0; and everything from subnormals to 2^1023.
enum class Draw { kPoints, kModerate, kNonnegative, kAny };

inline double random_midpoint(Random& random, Draw draw) {
  if (draw == Draw::kPoints) return (random.coin() ? 1 : -1) * std::ldexp(1 + random.unit(), -1);
  const double sign = random.below(draw == Draw::kNonnegative ? 8 : 2) == 0 ? -1 : 1;
  switch (random.below(draw == Draw::kAny ? 6 : 4)) {
    case 0:
      return 0;
    case 1:
      return sign * 0.25 * random.below(8);  // ties
    case 4:
      return sign * std::ldexp(1 + random.unit(), random.below(60) - 1074);
    case 5:
      return sign * std::ldexp(1 + random.unit(), random.below(2000) - 977);
    default:
      return sign * std::ldexp(1 + random.unit(), random.below(20) - 15);
  }
}

/// A matrix of an arithmetic and exact numbers in it.
template <class A>
struct Operand {
  typename A::Matrix enclosure;
  Exact member;
};

inline IntervalArithmetic::Matrix matrix(const IntervalArithmetic&, const BigFloatMatrix& x,
                                         const BoundMatrix& radii) {
  Matrix<double> midpoints(x.rows(), x.cols());
  for (Index i = 0; i < midpoints.size(); ++i)
    midpoints.data()[i] = x(i / x.cols(), i % x.cols()).to_double();
  return {midpoints, radii};
}
inline BallArithmetic::Matrix matrix(const BallArithmetic&, const BigFloatMatrix& x,
                                     const BoundMatrix& radii) {
  return {x, radii};
}
inline LimbArithmetic::Matrix matrix(const LimbArithmetic&, const BigFloatMatrix& x,
                                     const BoundMatrix& radii) {
  return {exact_limbs(x), radii};
}

inline BigFloat entry(const Matrix<double>& x, Index i, Index j) {
  return BigFloat::exact(x(i, j));
}
inline BigFloat entry(const BigFloatMatrix& x, Index i, Index j) { return x(i, j); }
inline BigFloat entry(const LimbMatrix& x, Index i, Index j) { return x.entry(i, j); }

template <class A>
Operand<A> operand(const A& arithmetic, Random& random, Draw draw, Index rows = kRows,
                   Index cols = kCols) {
  BigFloatMatrix midpoints(rows, cols, 53);
  std::vector<Magnitude> radii;
  Exact member;
  const bool points = draw == Draw::kPoints || random.below(4) == 0;
  for (Index i = 0; i < rows * cols; ++i) {
    BigFloat& midpoint = midpoints(i / cols, i % cols);
    midpoint = BigFloat::exact(random_midpoint(random, draw));
    Magnitude radius = points ? Magnitude() : random_radius(random, midpoint);
    // Some member is to be in the domain.
    if (draw == Draw::kNonnegative && mpfr_sgn(midpoint.get()) < 0)
      radius = Magnitude(midpoint.to_double()) * Magnitude(1 + random.unit());
    BigFloat x = random_member(random, midpoint, radius, kBits);
    if (draw == Draw::kNonnegative && mpfr_sgn(x.get()) < 0) mpfr_set_zero(x.get(), 1);
    radii.push_back(radius);
    member.emplace_back(std::move(x));
  }
  return {matrix(arithmetic, midpoints, BoundMatrix(rows, cols, radii)), std::move(member)};
}

inline Ball real(const Constant& x) { return BallScalars::real(x, kBits); }

inline bool may_be(const BigFloat& midpoint, const Magnitude& radius, const Ball& exact) {
  return may_contain(midpoint, radius, exact.lower(), exact.upper());
}

template <class A>
inline void check_encloses(const typename A::Matrix& x, const Exact& exact) {
  REQUIRE(static_cast<std::size_t>(x.rows() * x.cols()) == exact.size());
  for (Index i = 0; i < x.rows(); ++i)
    for (Index j = 0; j < x.cols(); ++j) {
      const Ball& value = exact[static_cast<std::size_t>(i * x.cols() + j)];
      const BigFloat midpoint = entry(x.midpoints, i, j);
      if (may_be(midpoint, x.radii(i, j), value)) continue;
      FAIL_CHECK("(" << i << ", " << j << "): " << hex(value) << " is not in " << hex(midpoint)
                     << " ± " << hex(x.radii(i, j).to_big_float()));
    }
}

inline void check_encloses(const Interval& x, const Ball& exact) {
  CHECK(exact.upper().to_double_up() >= x.lower());
  CHECK(exact.lower().to_double_down() <= x.upper());
}
inline void check_encloses(const Ball& x, const Ball& exact) {
  CHECK(may_be(x.midpoint(), x.radius(), exact));
}

/// At most 2^slack units of the last place of the greatest entry, 1 at the least.
template <class A>
void check_tight(const A& arithmetic, const typename A::Matrix& x, int slack = 6) {
  Magnitude size = arithmetic.magnitudes(x).largest();
  if (size < Magnitude(1.0)) size = Magnitude(1.0);
  CHECK(x.radii.largest() <= size * Magnitude::power_of_two(slack - arithmetic.midpoints().bits()));
}

/// For every arithmetic, with operands of every kind: body(arithmetic, random, draw).
template <class Body>
void for_all(const char* name, std::uint64_t seed, int base, const std::vector<Draw>& draws,
             const Body& body) {
  Random random = Random::announced(name, seed);
  for (int n = repetitions(base); n > 0; --n)
    for (const Draw draw : draws) {
      body(kInterval, random, draw);
      body(kBall, random, draw);
      body(kLimbs, random, draw);
      body(kPortable, random, draw);
    }
}

inline const std::vector<Draw> kAllSizes{Draw::kPoints, Draw::kModerate, Draw::kAny};
inline const std::vector<Draw> kOrdinary{Draw::kPoints, Draw::kModerate};

template <class Function>
Exact map(const Exact& x, const Function& f) {
  Exact result;
  for (std::size_t i = 0; i < x.size(); ++i) result.push_back(f(i));
  return result;
}

}  // namespace numgeom::test

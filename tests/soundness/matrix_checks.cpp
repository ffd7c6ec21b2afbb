#include <mpfr.h>

#include <cmath>

#include "numgeom/arithmetic/ball_arithmetic.hpp"
#include "numgeom/arithmetic/interval_arithmetic.hpp"
#include "numgeom/arithmetic/limb_arithmetic.hpp"
#include "soundness.hpp"
#include "support/enclosed.hpp"
#include "support/limbs.hpp"

namespace numgeom::soundness {
namespace {

using Eigen::Index;
using test::hex;
using test::kExactBits;
using test::Random;

/// Exact real matrix, in so many bits that sums and products of its entries are exact.
using Exact = BigFloatMatrix;

/// What differs between the enclosing arithmetics, for a test.
struct IntervalSubject {
  using Arithmetic = IntervalArithmetic;
  Arithmetic arithmetic;
  int exact_bits = kExactBits;

  static IntervalSubject draw(Random&) { return {Arithmetic()}; }
  static int range(Random& random) { return random.below(6) == 0 ? 1000 : 20; }
  static Arithmetic::Matrix make(Random&, const BigFloatMatrix& midpoints,
                                 const BoundMatrix& radii) {
    Matrix<double> values(midpoints.rows(), midpoints.cols());
    for (Index i = 0; i < values.rows(); ++i)
      for (Index j = 0; j < values.cols(); ++j) values(i, j) = midpoints(i, j).to_double();
    return {values, radii};
  }
  static BigFloat midpoint(const Arithmetic::Matrix& x, Index i, Index j) {
    return BigFloat::exact(x.midpoints(i, j));
  }
};

struct BallSubject {
  using Arithmetic = BallArithmetic;
  Arithmetic arithmetic;
  int exact_bits = kExactBits;

  static BallSubject draw(Random& random) {
    return {Arithmetic(BigFloatMidpoints(53 + 32 * random.below(6)))};
  }
  static int range(Random&) { return 60; }
  static Arithmetic::Matrix make(Random&, const BigFloatMatrix& midpoints,
                                 const BoundMatrix& radii) {
    return {midpoints, radii};
  }
  static BigFloat midpoint(const Arithmetic::Matrix& x, Index i, Index j) {
    return x.midpoints(i, j);
  }
};

/// Operands of more limbs than the precision has and of fewer, whose entries' exponents lie far
/// apart; on every path of this processor.
struct LimbSubject {
  using Arithmetic = LimbArithmetic;
  Arithmetic arithmetic;
  int exact_bits;

  static LimbSubject draw(Random& random) {
    const int bits = random.below(60) == 0   ? 8192
                     : random.below(20) == 0 ? 64 + random.below(2000)
                                             : 64 + random.below(300);
    LimbPath path = LimbPath::kPortable;
    for (const LimbPath other : {LimbPath::kAvx2, LimbPath::kIfma})
      if (random.coin() && is_available(other)) path = other;
    // Three factors, and exponents up to `range` on both sides of each.
    constexpr int kMost = 3 * 2 * (kWild + 64);
    return {Arithmetic(LimbMidpoints(bits, path)), 3 * bits + kMost};
  }
  static int range(Random& random) {
    return random.below(4) == 0 ? kWild : random.below(3) == 0 ? 200 : 20;
  }
  static Arithmetic::Matrix make(Random& random, const BigFloatMatrix& midpoints,
                                 const BoundMatrix& radii) {
    LimbMatrix limbs = test::exact_limbs(midpoints);
    if (random.below(4) != 0) return {std::move(limbs), radii};
    // The same with limbs that say nothing.
    const int more = random.below(3);
    LimbMatrix longer(limbs.rows(), limbs.cols(), limbs.limbs() + more,
                      limbs.exponent() - (random.coin() ? 0 : more * LimbMatrix::kLimbBits));
    for (Index i = 0; i < limbs.rows(); ++i)
      for (Index j = 0; j < limbs.cols(); ++j) longer.set(i, j, midpoints(i, j));
    return {std::move(longer), radii};
  }
  static BigFloat midpoint(const Arithmetic::Matrix& x, Index i, Index j) {
    return x.midpoints.entry(i, j);
  }

 private:
  static constexpr int kWild = 1000;
};

template <class Subject>
struct Enclosed {
  typename Subject::Arithmetic::Matrix enclosure;
  Exact exact;
};

template <class Subject>
Enclosed<Subject> draw(const Subject& subject, Random& random, Index rows, Index cols, int range) {
  const int bits = subject.arithmetic.midpoints().bits();
  BigFloatMatrix midpoints(rows, cols, bits);
  Exact exact(rows, cols, subject.exact_bits);
  std::vector<Magnitude> radii;
  const bool points = random.below(4) == 0;
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) {
      midpoints(i, j) = test::random_number(random, bits, range);
      radii.push_back(points ? Magnitude() : test::random_radius(random, midpoints(i, j)));
      exact(i, j) = test::random_member(random, midpoints(i, j), radii.back(), subject.exact_bits);
    }
  }
  return {Subject::make(random, midpoints, BoundMatrix(rows, cols, radii)), exact};
}

template <class Subject>
void require_contains(const Subject& subject, Tally& tally,
                      const typename Subject::Arithmetic::Matrix& result, const Exact& down,
                      const Exact& up) {
  for (Index i = 0; i < result.rows(); ++i) {
    for (Index j = 0; j < result.cols(); ++j) {
      const BigFloat midpoint = Subject::midpoint(result, i, j);
      const Magnitude radius = result.radii(i, j);
      tally.record(
          test::may_contain(midpoint, radius, down(i, j), up(i, j), subject.exact_bits), 0, [&] {
            return "entry " + std::to_string(i) + "," + std::to_string(j) + ": " + hex(midpoint) +
                   " ± " + hex(radius.to_big_float()) + ", exact " + hex(down(i, j));
          });
    }
  }
}

template <class Subject, class Body>
Check check(std::string name, double weight, Body body) {
  const auto run = [body](Tally& tally, Random& random, std::int64_t operations) {
    while (tally.operations < operations) body(Subject::draw(random), tally, random);
  };
  return {std::move(name), weight, 0, run};
}

Index extent(Random& random) { return 1 + random.below(random.below(8) == 0 ? 40 : 5); }

template <class Subject>
void products(const Subject& subject, Tally& tally, Random& random) {
  const Index rows = extent(random);
  const Index inner = random.below(200) == 0 ? 5000 : extent(random);
  const Index cols = extent(random);
  const int range = Subject::range(random);
  const BigFloatMidpoints exact(subject.exact_bits);
  const auto a = draw(subject, random, rows, inner, range);
  const auto b = draw(subject, random, inner, cols, range);
  const Exact ab = exact.product(a.exact, b.exact).value;
  require_contains(subject, tally, subject.arithmetic.product(a.enclosure, b.enclosure), ab, ab);
  const auto c = draw(subject, random, rows, cols, range);
  const Exact ac = exact.product_tn(a.exact, c.exact).value;
  require_contains(subject, tally, subject.arithmetic.product_tn(a.enclosure, c.enclosure), ac, ac);
  const Exact cb = exact.product_nt(c.exact, b.exact).value;
  require_contains(subject, tally, subject.arithmetic.product_nt(c.enclosure, b.enclosure), cb, cb);
}

template <class Subject>
void sums(const Subject& subject, Tally& tally, Random& random) {
  const Index rows = extent(random);
  const Index cols = extent(random);
  const int range = Subject::range(random);
  const BigFloatMidpoints exact(subject.exact_bits);
  const auto x = draw(subject, random, rows, cols, range);
  const auto y = draw(subject, random, rows, cols, range);
  const auto row = draw(subject, random, 1, cols, range);
  const Exact shifted = exact.add_row(x.exact, row.exact).value;
  require_contains(subject, tally, subject.arithmetic.add_row(x.enclosure, row.enclosure), shifted,
                   shifted);
  const Exact totals = exact.column_sums(x.exact).value;
  require_contains(subject, tally, subject.arithmetic.column_sums(x.enclosure), totals, totals);
  const double alpha = random.moderate();
  const Exact combined = exact.axpy(alpha, x.exact, y.exact).value;
  require_contains(subject, tally, subject.arithmetic.axpy(alpha, x.enclosure, y.enclosure),
                   combined, combined);
  const Exact doubled = exact.axpy(alpha, x.exact, x.exact).value;
  require_contains(subject, tally, subject.arithmetic.axpy(alpha, x.enclosure, x.enclosure),
                   doubled, doubled);
}

/// W − η(G + ωW).
template <class Subject>
void descents(const Subject& subject, Tally& tally, Random& random) {
  const Index rows = extent(random);
  const Index cols = extent(random);
  const int range = Subject::range(random);
  const BigFloatMidpoints exact(subject.exact_bits);
  auto w = draw(subject, random, rows, cols, range);
  const auto g = random.below(4) == 0 ? w : draw(subject, random, rows, cols, range);
  const double lr = std::fabs(random.moderate());
  const double decay = random.below(4) == 0 ? 0.0 : std::fabs(random.moderate());
  const Exact decayed = exact.axpy(decay, w.exact, g.exact).value;
  const Exact descended = exact.axpy(-lr, decayed, w.exact).value;
  subject.arithmetic.descend(lr, decay, g.enclosure, w.enclosure);
  require_contains(subject, tally, w.enclosure, descended, descended);
}

template <class Subject>
void branches(const Subject& subject, Tally& tally, Random& random) {
  const Index rows = extent(random);
  const Index cols = extent(random);
  const auto z = draw(subject, random, rows, cols, 4);
  const auto d = draw(subject, random, rows, cols, 4);
  Exact positive = z.exact;
  Exact gated = d.exact;
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) {
      if (mpfr_sgn(z.exact(i, j).get()) > 0) continue;
      mpfr_set_zero(positive(i, j).get(), 1);
      mpfr_set_zero(gated(i, j).get(), 1);
    }
  }
  require_contains(subject, tally, subject.arithmetic.relu(z.enclosure), positive, positive);
  require_contains(subject, tally, subject.arithmetic.relu_gradient(z.enclosure, d.enclosure),
                   gated, gated);
}

/// Bits for functions whose values are not exact; bounds on both sides are kept.
constexpr int kReferenceBits = 600;

template <class Function>
Exact mapped(const Exact& x, mpfr_rnd_t direction, const Function& f) {
  Exact result(x.rows(), x.cols(), kReferenceBits);
  for (Index i = 0; i < x.rows(); ++i)
    for (Index j = 0; j < x.cols(); ++j) f(result(i, j).get(), x(i, j).get(), i, j, direction);
  return result;
}

template <class Subject>
void tangents(const Subject& subject, Tally& tally, Random& random) {
  const Index rows = extent(random);
  const Index cols = extent(random);
  const auto z = draw(subject, random, rows, cols, 4);
  const auto d = draw(subject, random, rows, cols, 4);
  const auto tangent = [](mpfr_ptr result, mpfr_srcptr x, Index, Index, mpfr_rnd_t direction) {
    mpfr_tanh(result, x, direction);
  };
  require_contains(subject, tally, subject.arithmetic.tanh(z.enclosure),
                   mapped(z.exact, MPFR_RNDD, tangent), mapped(z.exact, MPFR_RNDU, tangent));
  // d·(1 − t²) for the exact t is exact in the reference's bits or nearly so: widen by 2^-500.
  const auto slope = [&](mpfr_ptr result, mpfr_srcptr t, Index i, Index j, mpfr_rnd_t direction) {
    BigFloat square(2 * subject.exact_bits);
    mpfr_sqr(square.get(), t, MPFR_RNDN);
    mpfr_ui_sub(square.get(), 1, square.get(), MPFR_RNDN);
    mpfr_mul(square.get(), square.get(), d.exact(i, j).get(), MPFR_RNDN);
    mpfr_set(result, square.get(), direction);
  };
  const auto gradient = subject.arithmetic.tanh_gradient(z.enclosure, d.enclosure);
  require_contains(subject, tally, gradient, mapped(z.exact, MPFR_RNDD, slope),
                   mapped(z.exact, MPFR_RNDU, slope));
}

/// Softmax cross-entropy of exact logits in so many bits that rounding is far below any radius.
struct SoftmaxReference {
  Exact gradient;
  BigFloat loss{kReferenceBits};
};

SoftmaxReference softmax(const Exact& logits, const Indices& labels) {
  SoftmaxReference result{Exact(logits.rows(), logits.cols(), kReferenceBits),
                          BigFloat(kReferenceBits)};
  BigFloat sum(kReferenceBits);
  BigFloat log_sum(kReferenceBits);
  for (Index i = 0; i < logits.rows(); ++i) {
    mpfr_set_zero(sum.get(), 1);
    for (Index k = 0; k < logits.cols(); ++k) {
      mpfr_exp(result.gradient(i, k).get(), logits(i, k).get(), MPFR_RNDN);
      mpfr_add(sum.get(), sum.get(), result.gradient(i, k).get(), MPFR_RNDN);
    }
    mpfr_log(log_sum.get(), sum.get(), MPFR_RNDN);
    mpfr_sub(log_sum.get(), log_sum.get(), logits(i, labels[i]).get(), MPFR_RNDN);
    mpfr_add(result.loss.get(), result.loss.get(), log_sum.get(), MPFR_RNDN);
    for (Index k = 0; k < logits.cols(); ++k) {
      mpfr_ptr entry = result.gradient(i, k).get();
      mpfr_div(entry, entry, sum.get(), MPFR_RNDN);
      if (k == labels[i]) mpfr_sub_ui(entry, entry, 1, MPFR_RNDN);
      mpfr_div_ui(entry, entry, static_cast<unsigned long>(logits.rows()), MPFR_RNDN);
    }
  }
  mpfr_div_ui(result.loss.get(), result.loss.get(), static_cast<unsigned long>(logits.rows()),
              MPFR_RNDN);
  return result;
}

/// The entry moved by 2^-400 downward or upward: more than the reference's rounding.
Exact moved(const Exact& x, int direction) {
  Exact result = x;
  BigFloat step = BigFloat::exact(direction);
  mpfr_mul_2si(step.get(), step.get(), -400, MPFR_RNDN);
  for (Index i = 0; i < x.rows(); ++i)
    for (Index j = 0; j < x.cols(); ++j)
      mpfr_add(result(i, j).get(), x(i, j).get(), step.get(), MPFR_RNDN);
  return result;
}

template <class Subject>
void losses(const Subject& subject, Tally& tally, Random& random) {
  // More bits than this are not told from the reference's.
  constexpr int kMostBits = kReferenceBits / 2;
  if (subject.arithmetic.midpoints().bits() > kMostBits) return;
  const Index rows = extent(random);
  const Index classes = 2 + random.below(6);
  // Spreads from less than one to beyond what exponentials in doubles can hold.
  constexpr int kRanges[] = {2, 2, 6, 10};
  const auto logits = draw(subject, random, rows, classes, kRanges[random.below(4)]);
  Indices labels;
  for (Index i = 0; i < rows; ++i) labels.push_back(random.below(static_cast<int>(classes)));
  const auto result = subject.arithmetic.softmax_cross_entropy(logits.enclosure, labels);
  const SoftmaxReference exact = softmax(logits.exact, labels);
  require_contains(subject, tally, result.gradient, moved(exact.gradient, -1),
                   moved(exact.gradient, 1));
  const bool contained = result.loss.contains(exact.loss);
  tally.record(contained, 0, [&] { return "loss " + hex(exact.loss); });
}

template <class Subject>
std::vector<Check> checks_of(const std::string& name, double weight) {
  return {check<Subject>(name + " products", weight, products<Subject>),
          check<Subject>(name + " sums", weight, sums<Subject>),
          check<Subject>(name + " descent", weight, descents<Subject>),
          check<Subject>(name + " relu", weight, branches<Subject>),
          check<Subject>(name + " tanh", weight / 4, tangents<Subject>),
          check<Subject>(name + " softmax", weight / 8, losses<Subject>)};
}

}  // namespace

std::vector<Check> matrix_checks() {
  std::vector<Check> checks = checks_of<IntervalSubject>("interval matrix", 0.6);
  for (Check& one : checks_of<BallSubject>("ball matrix", 0.6)) checks.push_back(std::move(one));
  for (Check& one : checks_of<LimbSubject>("limb matrix", 0.3)) checks.push_back(std::move(one));
  return checks;
}

}  // namespace numgeom::soundness

#include <mpfr.h>

#include "numgeom/arithmetic/ball_arithmetic.hpp"
#include "numgeom/arithmetic/interval_arithmetic.hpp"
#include "soundness.hpp"
#include "support/enclosed.hpp"

namespace numgeom::soundness {
namespace {

using Eigen::Index;
using test::hex;
using test::kExactBits;
using test::Random;

/// Exact real matrix, in so many bits that sums and products of its entries are exact.
using Exact = BigFloatMatrix;

/// What differs between the two enclosing arithmetics, for a test.
struct IntervalSubject {
  using Arithmetic = IntervalArithmetic;
  Arithmetic arithmetic;

  static int draw_bits(Random&) { return 53; }
  static int range(Random& random) { return random.below(6) == 0 ? 1000 : 20; }
  static Arithmetic::Matrix make(const BigFloatMatrix& midpoints, const BoundMatrix& radii) {
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

  static int draw_bits(Random& random) { return 53 + 32 * random.below(6); }
  static int range(Random&) { return 60; }
  static Arithmetic::Matrix make(const BigFloatMatrix& midpoints, const BoundMatrix& radii) {
    return {midpoints, radii};
  }
  static BigFloat midpoint(const Arithmetic::Matrix& x, Index i, Index j) {
    return x.midpoints(i, j);
  }
};

template <class Subject>
struct Enclosed {
  typename Subject::Arithmetic::Matrix enclosure;
  Exact exact;
};

template <class Subject>
Enclosed<Subject> draw(Random& random, Index rows, Index cols, int bits, int range) {
  BigFloatMatrix midpoints(rows, cols, bits);
  Exact exact(rows, cols, kExactBits);
  std::vector<Magnitude> radii;
  const bool points = random.below(4) == 0;
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) {
      midpoints(i, j) = test::random_number(random, bits, range);
      radii.push_back(points ? Magnitude() : test::random_radius(random, midpoints(i, j)));
      exact(i, j) = test::random_member(random, midpoints(i, j), radii.back());
    }
  }
  return {Subject::make(midpoints, BoundMatrix(rows, cols, radii)), exact};
}

template <class Subject>
void require_contains(Tally& tally, const typename Subject::Arithmetic::Matrix& result,
                      const Exact& down, const Exact& up) {
  for (Index i = 0; i < result.rows(); ++i) {
    for (Index j = 0; j < result.cols(); ++j) {
      const BigFloat midpoint = Subject::midpoint(result, i, j);
      const Magnitude radius = result.radii(i, j);
      tally.record(test::may_contain(midpoint, radius, down(i, j), up(i, j)), 0, [&] {
        return "entry " + std::to_string(i) + "," + std::to_string(j) + ": " + hex(midpoint) +
               " ± " + hex(radius.to_big_float()) + ", exact " + hex(down(i, j));
      });
    }
  }
}

Exact exact_product(const Exact& a, const Exact& b) {
  return BigFloatMidpoints(kExactBits).product(a, b);
}

template <class Subject, class Body>
Check check(std::string name, double weight, Body body) {
  const auto run = [body](Tally& tally, Random& random, std::int64_t operations) {
    while (tally.operations < operations) {
      const int bits = Subject::draw_bits(random);
      if constexpr (std::is_same_v<Subject, IntervalSubject>)
        body(Subject{IntervalArithmetic()}, tally, random, bits);
      else
        body(Subject{BallArithmetic(BigFloatMidpoints(bits))}, tally, random, bits);
    }
  };
  return {std::move(name), weight, 0, run};
}

Index extent(Random& random) { return 1 + random.below(random.below(8) == 0 ? 40 : 5); }

template <class Subject>
void products(const Subject& subject, Tally& tally, Random& random, int bits) {
  const Index rows = extent(random);
  const Index inner = extent(random);
  const Index cols = extent(random);
  const int range = Subject::range(random);
  const BigFloatMidpoints exact(kExactBits);
  const auto a = draw<Subject>(random, rows, inner, bits, range);
  const auto b = draw<Subject>(random, inner, cols, bits, range);
  const Exact ab = exact_product(a.exact, b.exact);
  require_contains<Subject>(tally, subject.arithmetic.product(a.enclosure, b.enclosure), ab, ab);
  const auto c = draw<Subject>(random, rows, cols, bits, range);
  const Exact ac = exact.product_tn(a.exact, c.exact);
  require_contains<Subject>(tally, subject.arithmetic.product_tn(a.enclosure, c.enclosure), ac, ac);
  const Exact cb = exact.product_nt(c.exact, b.exact);
  require_contains<Subject>(tally, subject.arithmetic.product_nt(c.enclosure, b.enclosure), cb, cb);
}

template <class Subject>
void sums(const Subject& subject, Tally& tally, Random& random, int bits) {
  const Index rows = extent(random);
  const Index cols = extent(random);
  const int range = Subject::range(random);
  const BigFloatMidpoints exact(kExactBits);
  const auto x = draw<Subject>(random, rows, cols, bits, range);
  const auto y = draw<Subject>(random, rows, cols, bits, range);
  const auto row = draw<Subject>(random, 1, cols, bits, range);
  const Exact shifted = exact.add_row(x.exact, row.exact);
  require_contains<Subject>(tally, subject.arithmetic.add_row(x.enclosure, row.enclosure), shifted,
                            shifted);
  const Exact totals = exact.column_sums(x.exact);
  require_contains<Subject>(tally, subject.arithmetic.column_sums(x.enclosure), totals, totals);
  const double alpha = random.moderate();
  const Exact combined = exact.axpy(alpha, x.exact, y.exact);
  require_contains<Subject>(tally, subject.arithmetic.axpy(alpha, x.enclosure, y.enclosure),
                            combined, combined);
  const Exact doubled = exact.axpy(alpha, x.exact, x.exact);
  require_contains<Subject>(tally, subject.arithmetic.axpy(alpha, x.enclosure, x.enclosure),
                            doubled, doubled);
}

template <class Subject>
void branches(const Subject& subject, Tally& tally, Random& random, int bits) {
  const Index rows = extent(random);
  const Index cols = extent(random);
  const auto z = draw<Subject>(random, rows, cols, bits, 4);
  const auto d = draw<Subject>(random, rows, cols, bits, 4);
  Exact positive = z.exact;
  Exact gated = d.exact;
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) {
      if (mpfr_sgn(z.exact(i, j).get()) > 0) continue;
      mpfr_set_zero(positive(i, j).get(), 1);
      mpfr_set_zero(gated(i, j).get(), 1);
    }
  }
  require_contains<Subject>(tally, subject.arithmetic.relu(z.enclosure), positive, positive);
  require_contains<Subject>(tally, subject.arithmetic.relu_gradient(z.enclosure, d.enclosure),
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
void tangents(const Subject& subject, Tally& tally, Random& random, int bits) {
  const Index rows = extent(random);
  const Index cols = extent(random);
  const auto z = draw<Subject>(random, rows, cols, bits, 4);
  const auto d = draw<Subject>(random, rows, cols, bits, 4);
  const auto tangent = [](mpfr_ptr result, mpfr_srcptr x, Index, Index, mpfr_rnd_t direction) {
    mpfr_tanh(result, x, direction);
  };
  require_contains<Subject>(tally, subject.arithmetic.tanh(z.enclosure),
                            mapped(z.exact, MPFR_RNDD, tangent),
                            mapped(z.exact, MPFR_RNDU, tangent));
  // d·(1 − t²) for the exact t is exact in the reference's bits or nearly so: widen by 2^-500.
  const auto slope = [&d](mpfr_ptr result, mpfr_srcptr t, Index i, Index j, mpfr_rnd_t direction) {
    BigFloat square(2 * kExactBits);
    mpfr_sqr(square.get(), t, MPFR_RNDN);
    mpfr_ui_sub(square.get(), 1, square.get(), MPFR_RNDN);
    mpfr_mul(square.get(), square.get(), d.exact(i, j).get(), MPFR_RNDN);
    mpfr_set(result, square.get(), direction);
  };
  const auto gradient = subject.arithmetic.tanh_gradient(z.enclosure, d.enclosure);
  require_contains<Subject>(tally, gradient, mapped(z.exact, MPFR_RNDD, slope),
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
void losses(const Subject& subject, Tally& tally, Random& random, int bits) {
  const Index rows = extent(random);
  const Index classes = 2 + random.below(6);
  const auto logits = draw<Subject>(random, rows, classes, bits, random.below(3) == 0 ? 6 : 2);
  Indices labels;
  for (Index i = 0; i < rows; ++i) labels.push_back(random.below(static_cast<int>(classes)));
  const auto result = subject.arithmetic.softmax_cross_entropy(logits.enclosure, labels);
  const SoftmaxReference exact = softmax(logits.exact, labels);
  require_contains<Subject>(tally, result.gradient, moved(exact.gradient, -1),
                            moved(exact.gradient, 1));
  const bool contained = result.loss.contains(exact.loss);
  tally.record(contained, 0, [&] { return "loss " + hex(exact.loss); });
}

template <class Subject>
std::vector<Check> checks_of(const std::string& name, double weight) {
  return {check<Subject>(name + " products", weight, products<Subject>),
          check<Subject>(name + " sums", weight, sums<Subject>),
          check<Subject>(name + " relu", weight, branches<Subject>),
          check<Subject>(name + " tanh", weight / 4, tangents<Subject>),
          check<Subject>(name + " softmax", weight / 8, losses<Subject>)};
}

}  // namespace

std::vector<Check> matrix_checks() {
  std::vector<Check> checks = checks_of<IntervalSubject>("interval matrix", 0.6);
  for (Check& one : checks_of<BallSubject>("ball matrix", 0.6)) checks.push_back(std::move(one));
  return checks;
}

}  // namespace numgeom::soundness

#include "numgeom/arithmetic/enclosing_arithmetic.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>

#include "numgeom/arithmetic/ball_arithmetic.hpp"
#include "numgeom/arithmetic/interval_arithmetic.hpp"
#include "numgeom/error.hpp"
#include "support/limbs.hpp"

// Members at the extreme corners of the operands, where a bound without one of its terms is too
// small. Random members are drawn by the program `soundness`.

using namespace numgeom;

namespace {

using Eigen::Index;

/// One entry: midpoint and radius.
struct Entry {
  double midpoint = 0;
  double radius = 0;
};

IntervalArithmetic::Matrix matrix(const IntervalArithmetic& /*arithmetic*/, Index rows, Index cols,
                                  const std::vector<Entry>& entries) {
  Matrix<double> midpoints(rows, cols);
  std::vector<Magnitude> radii;
  for (Index i = 0; i < rows * cols; ++i) {
    midpoints.data()[i] = entries[i].midpoint;
    radii.emplace_back(entries[i].radius);
  }
  return {midpoints, BoundMatrix(rows, cols, radii)};
}

BallArithmetic::Matrix matrix(const BallArithmetic& arithmetic, Index rows, Index cols,
                              const std::vector<Entry>& entries) {
  BigFloatMatrix midpoints(rows, cols, arithmetic.midpoints().bits());
  std::vector<Magnitude> radii;
  for (Index i = 0; i < rows * cols; ++i) {
    mpfr_set_d(midpoints(i / cols, i % cols).get(), entries[i].midpoint, MPFR_RNDN);
    radii.emplace_back(entries[i].radius);
  }
  return {midpoints, BoundMatrix(rows, cols, radii)};
}

LimbArithmetic::Matrix matrix(const LimbArithmetic& /*arithmetic*/, Index rows, Index cols,
                              const std::vector<Entry>& entries) {
  const auto ball = matrix(BallArithmetic(BigFloatMidpoints(53)), rows, cols, entries);
  return {test::exact_limbs(ball.midpoints), ball.radii};
}

template <class A>
typename A::Matrix constant(const A& arithmetic, Index rows, Index cols, Entry entry) {
  return matrix(arithmetic, rows, cols, std::vector<Entry>(rows * cols, entry));
}

template <class A>
bool encloses(const A& arithmetic, const typename A::Matrix& x, Index i, Index j,
              const BigFloat& value) {
  return arithmetic.at(x, i, j).contains(value);
}

template <class A>
bool encloses(const A& arithmetic, const typename A::Matrix& x, Index i, Index j, double value) {
  return encloses(arithmetic, x, i, j, BigFloat::exact(value));
}

template <class A>
bool all_enclose(const A& arithmetic, const typename A::Matrix& x, double value) {
  for (Index i = 0; i < x.rows(); ++i)
    for (Index j = 0; j < x.cols(); ++j)
      if (!encloses(arithmetic, x, i, j, value)) return false;
  return true;
}

BigFloat exact_product(double a, double b) {
  BigFloat result(120);
  mpfr_set_d(result.get(), a, MPFR_RNDN);
  mpfr_mul_d(result.get(), result.get(), b, MPFR_RNDN);
  return result;
}

const IntervalArithmetic kInterval;
const BallArithmetic kBall(BigFloatMidpoints(53));
const LimbArithmetic kLimbs(LimbMidpoints(53));

}  // namespace

// Runs a test's body with every enclosing arithmetic.
#define FOR_EACH_ARITHMETIC(body)          \
  SECTION("interval") { body(kInterval); } \
  SECTION("ball") { body(kBall); }         \
  SECTION("limbs") { body(kLimbs); }

TEST_CASE("products enclose the members at the corners") {
  const auto body = [](const auto& arithmetic) {
    // Exact in doubles: (1 ± ½)·(1 ± ½), (1 ± 0)·(1 ± ½), (1 ± ½)·(1 ± 0), (0 ± 1)·(0 ± 1).
    for (const auto& [a, b] : std::vector<std::pair<Entry, Entry>>{
             {{1, 0.5}, {1, 0.5}}, {{1, 0}, {1, 0.5}}, {{1, 0.5}, {1, 0}}, {{0, 1}, {0, 1}}}) {
      // Either factor is the smaller one.
      for (const Index cols : {2, 5})
        for (const int n : {1, 2, 7, 33}) {
          const double most = n * (a.midpoint + a.radius) * (b.midpoint + b.radius);
          const double least = n * (a.midpoint - a.radius) * (b.midpoint - b.radius);
          const auto left = constant(arithmetic, 3, n, a);
          const auto right = constant(arithmetic, n, cols, b);
          for (const double member : {most, least}) {
            CHECK(all_enclose(arithmetic, arithmetic.product(left, right), member));
            CHECK(all_enclose(arithmetic,
                              arithmetic.product_tn(constant(arithmetic, n, 3, a), right), member));
            CHECK(all_enclose(
                arithmetic, arithmetic.product_nt(left, constant(arithmetic, cols, n, b)), member));
          }
        }
    }
  };
  FOR_EACH_ARITHMETIC(body)
}

TEST_CASE("products enclose what rounding loses") {
  const auto body = [](const auto& arithmetic) {
    const double odd = 1 + 0x1p-52;
    const auto single = constant(arithmetic, 1, 1, {odd, 0});
    const BigFloat square = exact_product(odd, odd);
    CHECK(encloses(arithmetic, arithmetic.product(single, single), 0, 0, square));
    CHECK(encloses(arithmetic, arithmetic.product_tn(single, single), 0, 0, square));
    CHECK(encloses(arithmetic, arithmetic.product_nt(single, single), 0, 0, square));

    constexpr Index kTerms = 500;
    BigFloat sum = BigFloat::exact(1, 120);
    mpfr_add_d(sum.get(), sum.get(), (kTerms - 1) * 0x1p-54, MPFR_RNDN);
    // Radii that hide nothing; either factor is the smaller one.
    for (const double left_radius : {0.0, 0x1p-300})
      for (const double right_radius : {0.0, 0x1p-300})
        for (const Index rows : {1, 3}) {
          std::vector<Entry> terms(kTerms, Entry{0x1p-54, left_radius});
          terms[0].midpoint = 1;
          std::vector<Entry> by_rows;
          std::vector<Entry> by_columns;
          for (Index i = 0; i < rows; ++i)
            by_rows.insert(by_rows.end(), terms.begin(), terms.end());
          for (const Entry& term : terms) by_columns.insert(by_columns.end(), rows, term);
          const auto left = matrix(arithmetic, rows, kTerms, by_rows);
          const auto turned = matrix(arithmetic, kTerms, rows, by_columns);
          const auto ones = constant(arithmetic, kTerms, 2, {1, right_radius});
          const auto ones_turned = constant(arithmetic, 2, kTerms, {1, right_radius});
          CHECK(encloses(arithmetic, arithmetic.product(left, ones), 0, 1, sum));
          CHECK(encloses(arithmetic, arithmetic.product_tn(turned, ones), 0, 1, sum));
          CHECK(encloses(arithmetic, arithmetic.product_nt(left, ones_turned), 0, 1, sum));
          CHECK(encloses(arithmetic, arithmetic.column_sums(turned), 0, 0, sum));
        }
  };
  FOR_EACH_ARITHMETIC(body)
}

TEST_CASE("zeros of the left operand round nothing, all other factors may") {
  // Every sum of 1 and a half unit loses the half unit; two thirds of the factors are zero.
  constexpr Index kTerms = 600;
  constexpr Index kRows = 8;
  std::vector<Entry> terms(kTerms);
  for (Index k = 0; k < kTerms; k += 3) terms[k] = {k == 0 ? 1 : 0x1p-53, 0};
  std::vector<Entry> rows;
  std::vector<Entry> columns;
  for (Index i = 0; i < kRows; ++i) rows.insert(rows.end(), terms.begin(), terms.end());
  for (Index k = 0; k < kTerms; ++k) columns.insert(columns.end(), kRows, terms[k]);
  BigFloat sum = BigFloat::exact(1, 120);
  mpfr_add_d(sum.get(), sum.get(), (kTerms / 3 - 1) * 0x1p-53, MPFR_RNDN);

  const auto left = matrix(kInterval, kRows, kTerms, rows);
  const auto ones = constant(kInterval, kTerms, kRows, {1, 0});
  // However the processor orders the sums, as many roundings are allowed for as there can be.
  CHECK(DoubleMidpoints::product_error(left.midpoints, false) ==
        gamma(kTerms / 3, Magnitude(0x1p-53)));
  CHECK(DoubleMidpoints::product_error(Matrix<double>(left.midpoints.transpose()), true) ==
        gamma(kTerms / 3, Magnitude(0x1p-53)));
  for (const auto& product :
       {kInterval.product(left, ones),
        kInterval.product_tn(matrix(kInterval, kTerms, kRows, columns), ones),
        kInterval.product_nt(left, constant(kInterval, kRows, kTerms, {1, 0}))}) {
    for (Index i = 0; i < kRows; ++i) CHECK(encloses(kInterval, product, i, i, sum));
    // Not as wide as for 600 roundings.
    CHECK(product.radii(0, 0) <= Magnitude((kTerms / 3 + 3) * 0x1p-53));
  }
}

TEST_CASE("products that underflow are enclosed, exact zeros stay exact") {
  // Midpoints are zero then; the radii are compared, since no double is as small.
  const auto tiny = constant(kInterval, 1, 3, {0x1p-600, 0});
  CHECK(kInterval.product_nt(tiny, tiny).radii(0, 0) >= Magnitude(3.0, -1200));
  const auto scaled = kInterval.axpy(0x1p-600, tiny, constant(kInterval, 1, 3, {0, 0}));
  CHECK(scaled.radii(0, 2) >= Magnitude::power_of_two(-1200));
  const auto zeros = constant(kInterval, 1, 3, {0, 0});
  CHECK(kInterval.product_nt(tiny, zeros).radii.is_zero());
  CHECK(kInterval.axpy(0.1, zeros, zeros).radii.is_zero());
}

TEST_CASE("sums enclose the members at the corners") {
  const auto body = [](const auto& arithmetic) {
    const auto x = constant(arithmetic, 3, 2, {1, 0.5});
    const auto row = constant(arithmetic, 1, 2, {2, 0.25});
    CHECK(all_enclose(arithmetic, arithmetic.add_row(x, row), 3.75));
    CHECK(all_enclose(arithmetic, arithmetic.add_row(x, row), 2.25));
    CHECK(all_enclose(arithmetic, arithmetic.column_sums(x), 4.5));
    CHECK(all_enclose(arithmetic, arithmetic.column_sums(x), 1.5));
    const auto y = constant(arithmetic, 3, 2, {4, 1});
    CHECK(all_enclose(arithmetic, arithmetic.axpy(-2, x, y), 4 + 1 - 2 * 0.5));
    CHECK(all_enclose(arithmetic, arithmetic.axpy(-2, x, y), 4 - 1 - 2 * 1.5));
    const auto points = constant(arithmetic, 1, 1, {1, 0});
    const auto small = constant(arithmetic, 1, 1, {0x1p-60, 0});
    BigFloat sum = BigFloat::exact(1, 120);
    mpfr_add_d(sum.get(), sum.get(), 0x1p-60, MPFR_RNDN);
    CHECK(encloses(arithmetic, arithmetic.add_row(points, small), 0, 0, sum));
    CHECK(encloses(arithmetic, arithmetic.axpy(1, points, small), 0, 0, sum));
    CHECK(encloses(arithmetic, arithmetic.axpy(1, small, points), 0, 0, sum));
  };
  FOR_EACH_ARITHMETIC(body)
}

TEST_CASE("what sums of doubles lose is in their radii") {
  // Less than an ulp: intervals of doubles would hide it.
  const auto one = constant(kInterval, 1, 1, {1, 0});
  const auto small = constant(kInterval, 1, 1, {0x1p-60, 0});
  const Magnitude lost(0x1p-60);
  CHECK(kInterval.add_row(one, small).radii(0, 0) >= lost);
  CHECK(kInterval.axpy(1, small, one).radii(0, 0) >= lost);
  CHECK(kInterval.column_sums(matrix(kInterval, 2, 1, {{1, 0}, {0x1p-60, 0}})).radii(0, 0) >= lost);
  auto descended = one;
  kInterval.descend(1, 0, small, descended);
  CHECK(descended.radii(0, 0) >= lost);
}

TEST_CASE("a scaled sum that cancels keeps the error of its product") {
  const auto body = [](const auto& arithmetic) {
    const double odd = 1 + 0x1p-52;
    const double rounded = odd * odd;
    BigFloat difference = exact_product(odd, odd);
    mpfr_sub_d(difference.get(), difference.get(), rounded, MPFR_RNDN);
    const auto result = arithmetic.axpy(odd, constant(arithmetic, 1, 1, {odd, 0}),
                                        constant(arithmetic, 1, 1, {-rounded, 0}));
    CHECK(encloses(arithmetic, result, 0, 0, difference));
  };
  FOR_EACH_ARITHMETIC(body)
}

TEST_CASE("a step of descent encloses the members at the corners") {
  const auto body = [](const auto& arithmetic) {
    auto w = constant(arithmetic, 3, 2, {1, 0.5});
    arithmetic.descend(0.25, 0.125, constant(arithmetic, 3, 2, {2, 0.25}), w);
    CHECK(all_enclose(arithmetic, w, 1.5 - 0.25 * (1.75 + 0.125 * 1.5)));
    CHECK(all_enclose(arithmetic, w, 0.5 - 0.25 * (2.25 + 0.125 * 0.5)));
    CHECK(w.radii(0, 0) <= Magnitude(0.5 * (1 - 0.25 * 0.125) + 0.25 * 0.25 + 1e-9));

    // The step cancels and leaves what rounding lost of its product.
    const double odd = 1 + 0x1p-52;
    BigFloat lost = exact_product(odd, odd);
    mpfr_d_sub(lost.get(), odd * odd, lost.get(), MPFR_RNDN);
    auto cancelled = constant(arithmetic, 1, 1, {odd * odd, 0});
    arithmetic.descend(odd, 0, constant(arithmetic, 1, 1, {odd, 0}), cancelled);
    CHECK(encloses(arithmetic, cancelled, 0, 0, lost));

    // 1 − ηω rounds to zero on both sides of it: 0.1 is not one tenth, and (1 − ε)(1 + ε) < 1.
    for (const auto& [lr, decay, least] :
         std::vector<std::array<double, 3>>{{0.1, 10, 63.9}, {1 - 0x1p-30, 1 + 0x1p-30, 0.999}}) {
      auto wide = constant(arithmetic, 1, 1, {0, 0x1p60});
      arithmetic.descend(lr, decay, constant(arithmetic, 1, 1, {0, 0}), wide);
      CHECK(wide.radii(0, 0) >= Magnitude(least));
      CHECK(wide.radii(0, 0) <= Magnitude(300));
    }
  };
  FOR_EACH_ARITHMETIC(body)
}

TEST_CASE("what leaves the range of midpoints is unbounded or taken in by the radius") {
  const auto huge = constant(kInterval, 1, 1, {1e300, 0});
  const auto squared = kInterval.product(huge, huge);
  CHECK_FALSE(squared.radii.is_finite());
  CHECK(squared.midpoints(0, 0) == 0);
  const auto minus = constant(kInterval, 1, 1, {-1e300, 0});
  CHECK_FALSE(kInterval.axpy(1e300, minus, huge).radii.is_finite());
  CHECK_FALSE(
      kInterval
          .add_row(constant(kInterval, 1, 1, {1e308, 0}), constant(kInterval, 1, 1, {1e308, 0}))
          .radii.is_finite());

  auto x = constant(kBall, 1, 1, {1, 0});
  mpfr_set_ui_2exp(x.midpoints(0, 0).get(), 1, -(1L << 28) + 10, MPFR_RNDN);
  const auto tiny = kBall.product(x, x);
  CHECK(tiny.midpoints(0, 0).is_zero());
  CHECK(tiny.radii(0, 0) >= Magnitude::power_of_two(-(2L << 28) + 20));
  mpfr_set_ui_2exp(x.midpoints(0, 0).get(), 1, (1L << 28) - 10, MPFR_RNDN);
  CHECK_FALSE(kBall.product(x, x).radii.is_finite());
}

TEST_CASE("ReLU and its gradient where the sign is open, touches zero, or is decided") {
  const auto body = [](const auto& arithmetic) {
    const auto z = matrix(arithmetic, 1, 6, {{1, 2}, {-1, 2}, {1, 1}, {-1, 1}, {2, 1}, {0, 0}});
    const auto d = constant(arithmetic, 1, 6, {4, 1});
    const auto a = arithmetic.relu(z);
    for (const double member : {0.0, 3.0}) CHECK(encloses(arithmetic, a, 0, 0, member));
    for (const double member : {0.0, 1.0}) CHECK(encloses(arithmetic, a, 0, 1, member));
    for (const double member : {0.0, 2.0}) CHECK(encloses(arithmetic, a, 0, 2, member));
    for (const double member : {1.0, 3.0}) CHECK(encloses(arithmetic, a, 0, 4, member));
    CHECK_FALSE(encloses(arithmetic, a, 0, 1, -0.5));
    CHECK(a.radii(0, 3).is_zero());
    CHECK(a.radii(0, 5).is_zero());
    const auto g = arithmetic.relu_gradient(z, d);
    for (const Index open : {0, 1, 2})
      for (const double member : {0.0, 3.0, 5.0}) CHECK(encloses(arithmetic, g, 0, open, member));
    for (const Index closed : {3, 5}) {
      CHECK(encloses(arithmetic, g, 0, closed, 0.0));
      CHECK(g.radii(0, closed).is_zero());
    }
    for (const double member : {3.0, 5.0}) CHECK(encloses(arithmetic, g, 0, 4, member));
    CHECK_FALSE(encloses(arithmetic, g, 0, 4, 0.0));
    const auto negative = arithmetic.relu_gradient(z, constant(arithmetic, 1, 6, {-4, 1}));
    for (const double member : {0.0, -5.0}) CHECK(encloses(arithmetic, negative, 0, 0, member));
  };
  FOR_EACH_ARITHMETIC(body)
}

TEST_CASE("the gradient of tanh encloses the members at the corners") {
  const auto body = [](const auto& arithmetic) {
    const auto t = matrix(arithmetic, 1, 2, {{0.5, 0.25}, {0, 0.5}});
    const auto d = constant(arithmetic, 1, 2, {2, 1});
    const auto g = arithmetic.tanh_gradient(t, d);
    CHECK(encloses(arithmetic, g, 0, 0, 3 * (1 - 0.0625)));
    CHECK(encloses(arithmetic, g, 0, 0, 1 * (1 - 0.5625)));
    CHECK(encloses(arithmetic, g, 0, 1, 3.0));
    CHECK(encloses(arithmetic, g, 0, 1, 0.75));
    BigFloat tangent = BigFloat::exact(0.75, 200);
    mpfr_tanh(tangent.get(), tangent.get(), MPFR_RNDN);
    CHECK(encloses(arithmetic, arithmetic.tanh(t), 0, 0, tangent));
  };
  FOR_EACH_ARITHMETIC(body)
}

namespace {

/// Softmax cross-entropy of three exact logits, in 300 bits.
struct SoftmaxOfThree {
  std::vector<BigFloat> residuals;
  BigFloat loss{300};
};

SoftmaxOfThree softmax_of(const std::array<double, 3>& logits, int label) {
  SoftmaxOfThree result;
  BigFloat sum(300);
  for (const double logit : logits) {
    BigFloat term = BigFloat::exact(logit, 300);
    mpfr_exp(term.get(), term.get(), MPFR_RNDN);
    mpfr_add(sum.get(), sum.get(), term.get(), MPFR_RNDN);
    result.residuals.push_back(term);
  }
  mpfr_log(result.loss.get(), sum.get(), MPFR_RNDN);
  mpfr_sub_d(result.loss.get(), result.loss.get(), logits[label], MPFR_RNDN);
  for (BigFloat& term : result.residuals) mpfr_div(term.get(), term.get(), sum.get(), MPFR_RNDN);
  mpfr_sub_ui(result.residuals[label].get(), result.residuals[label].get(), 1, MPFR_RNDN);
  return result;
}

/// All corners of the logits' box, in the first of two equal rows.
template <class A>
void check_softmax(const A& arithmetic, const std::vector<Entry>& logits, int label) {
  std::vector<Entry> twice = logits;
  twice.insert(twice.end(), logits.begin(), logits.end());
  const auto result =
      arithmetic.softmax_cross_entropy(matrix(arithmetic, 2, 3, twice), {label, label});
  for (int corner = 0; corner < 8; ++corner) {
    std::array<double, 3> member{};
    for (int k = 0; k < 3; ++k)
      member[k] = logits[k].midpoint + ((corner >> k & 1) != 0 ? 1 : -1) * logits[k].radius;
    SoftmaxOfThree exact = softmax_of(member, label);
    INFO("logits " << member[0] << ' ' << member[1] << ' ' << member[2] << ", label " << label);
    CHECK(result.loss.contains(exact.loss));
    for (int k = 0; k < 3; ++k) {
      mpfr_div_ui(exact.residuals[k].get(), exact.residuals[k].get(), 2, MPFR_RNDN);
      CHECK(encloses(arithmetic, result.gradient, 0, k, exact.residuals[k]));
    }
  }
}

}  // namespace

TEST_CASE("softmax cross-entropy encloses the members at the corners") {
  const auto body = [](const auto& arithmetic) {
    for (const double radius : {0x1p-40, 0x1p-8, 0.125, 0.5, 1.0, 3.0, 20.0}) {
      for (int label = 0; label < 3; ++label) {
        check_softmax(arithmetic, {{-3, radius}, {0, radius}, {-8, radius}}, label);
        check_softmax(arithmetic, {{0, radius}, {0, radius}, {0, radius}}, label);
        check_softmax(arithmetic, {{4, radius}, {1, 0}, {0, 0}}, label);
        check_softmax(arithmetic, {{-5, 0}, {1, radius}, {0, 0}}, label);
      }
    }
  };
  FOR_EACH_ARITHMETIC(body)
}

TEST_CASE("softmax of logits without bounds is still a probability") {
  auto logits = constant(kInterval, 1, 2, {0, 0});
  logits.radii.set_unbounded(0, 1);
  const auto result = kInterval.softmax_cross_entropy(logits, {0});
  CHECK(result.loss.upper() == rounding::kInfinity);
  for (const double member : {0.0, 1.0}) {
    CHECK(encloses(kInterval, result.gradient, 0, 0, -member));
    CHECK(encloses(kInterval, result.gradient, 0, 1, member));
  }
  CHECK(result.gradient.radii(0, 1) <= Magnitude(0.5 + 0x1p-40));
}

TEST_CASE("errors are counted from both sides") {
  const auto body = [](const auto& arithmetic) {
    // Right for certain, wrong for certain, open, and a tie, which the first class wins.
    const auto logits = matrix(
        arithmetic, 4, 2, {{3, 0.5}, {1, 0.5}, {1, 0.5}, {3, 0.5}, {1, 1}, {2, 1}, {1, 0}, {1, 0}});
    const ErrorCount count = arithmetic.count_errors(logits, {0, 0, 0, 1});
    CHECK(count.lower == 1);
    CHECK(count.upper == 3);
  };
  FOR_EACH_ARITHMETIC(body)
}

TEST_CASE("sums that are too long for the precision are refused") {
  CHECK_THROWS_AS(gamma(Index{1} << 30, Magnitude::power_of_two(-53)), Error);
  CHECK(gamma(1, Magnitude::power_of_two(-53)) >= Magnitude(0x1p-53));
}

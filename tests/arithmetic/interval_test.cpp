#include "numgeom/arithmetic/interval.hpp"

#include <Eigen/Dense>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <vector>

#include "numgeom/arithmetic/eigen.hpp"
#include "numgeom/error.hpp"
#include "support/random.hpp"
#include "support/reference.hpp"

using numgeom::BigFloat;
using numgeom::Error;
using numgeom::Interval;
using numgeom::rounding::kInfinity;
using numgeom::rounding::kMax;
using numgeom::test::Random;
using numgeom::test::Reference;

namespace {

constexpr double kTiny = 0x1p-1074;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <class T>
concept Ordered = requires(T a, T b) {
  a < b;
}
|| requires(T a, T b) { a >= b; };
template <class T>
concept EqualityComparable = requires(T a, T b) {
  a == b;
};
static_assert(!Ordered<Interval> && !EqualityComparable<Interval>);
static_assert(std::is_convertible_v<double, Interval> && std::is_convertible_v<int, Interval>);
static_assert(!std::is_constructible_v<Interval, long double>);

bool is(const Interval& x, double lower, double upper, bool defined = true) {
  return x.lower() == lower && x.upper() == upper && x.is_defined() == defined;
}

bool is_undefined(const Interval& x, double lower, double upper) {
  return is(x, lower, upper, false);
}

bool is_empty(const Interval& x) { return x.is_empty() && !x.is_defined(); }

std::string text(const Interval& x) {
  std::ostringstream stream;
  stream << x;
  return stream.str();
}

std::string message_of(double lower, double upper) {
  try {
    Interval(lower, upper);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// a·b for random exact matrices, with as many bits as it takes.
BigFloat exact_product(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b, int row, int col) {
  BigFloat sum(600);
  for (int k = 0; k < a.cols(); ++k) {
    BigFloat term(120);
    mpfr_set_d(term.get(), a(row, k), MPFR_RNDN);
    mpfr_mul_d(term.get(), term.get(), b(k, col), MPFR_RNDN);
    mpfr_add(sum.get(), sum.get(), term.get(), MPFR_RNDN);
  }
  return sum;
}

Eigen::MatrixXd random_matrix(Random& random, int rows, int cols) {
  return Eigen::MatrixXd::NullaryExpr(rows, cols, [&] { return random.moderate(); });
}

using IntervalMatrix = Eigen::Matrix<Interval, Eigen::Dynamic, Eigen::Dynamic>;
using IntervalRows = Eigen::Matrix<Interval, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Whether a computed product contains the exact one and is no wider than dimension many ulps.
template <class Product>
bool encloses_product(const Product& product, const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  for (int i = 0; i < product.rows(); ++i) {
    for (int j = 0; j < product.cols(); ++j) {
      const double scale = a.row(i).cwiseAbs().dot(b.col(j).cwiseAbs());
      const double widest = 4 * static_cast<double>(a.cols()) * scale * 0x1p-52;
      if (!product(i, j).contains(exact_product(a, b, i, j)) || product(i, j).width() > widest)
        return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("interval: construction takes sets of reals only") {
  CHECK(is(Interval(), 0, 0));
  CHECK(is(Interval(0.1), 0.1, 0.1));
  CHECK(is(Interval(0.1F), 0.1F, 0.1F));
  CHECK(is(Interval(7), 7, 7));
  CHECK(is(Interval(-1, kInfinity), -1, kInfinity));
  CHECK(Interval::entire().is_entire());
  CHECK(is_empty(Interval::empty()));
  CHECK_THROWS_AS(Interval(kNan), Error);
  CHECK_THROWS_AS(Interval(kInfinity), Error);
  CHECK_THROWS_AS(Interval(kNan, 1), Error);
  CHECK_THROWS_AS(Interval(1, kNan), Error);
  CHECK_THROWS_AS(Interval(kInfinity, kInfinity), Error);
  CHECK_THROWS_AS(Interval(-kInfinity, -kInfinity), Error);
  CHECK_THAT(message_of(2.5, 0.1), Catch::Contains("[2.5, 0.1]"));
}

TEST_CASE("interval: integers beyond 2^53 are enclosed, not rounded") {
  const long odd = (1L << 53) + 1;
  CHECK(is(Interval(odd), 0x1p53, 0x1p53 + 2));
  CHECK(is(Interval(-odd), -0x1p53 - 2, -0x1p53));
  CHECK(is(Interval(1L << 60), 0x1p60, 0x1p60));
  CHECK(is(Interval(std::numeric_limits<long>::min()), -0x1p63, -0x1p63));
  CHECK(is(Interval(std::numeric_limits<std::uint64_t>::max()), 0x1.fffffffffffffp63, 0x1p64));
  CHECK(is(Interval(std::size_t{12}), 12, 12));
  CHECK(is(Interval(2) * odd, 0x1p54, 0x1p54 + 4));
}

TEST_CASE("interval: a BigFloat becomes the smallest interval around it") {
  BigFloat third(200);
  mpfr_set_ui(third.get(), 1, MPFR_RNDN);
  mpfr_div_ui(third.get(), third.get(), 3, MPFR_RNDN);
  const Interval x(third);
  CHECK(x.contains(third));
  CHECK(numgeom::rounding::next_up(x.lower()) == x.upper());
  CHECK(is(Interval(BigFloat::exact(-kTiny)), -kTiny, -kTiny));
  CHECK_THROWS_AS(Interval(BigFloat::exact(kInfinity)), Error);
  CHECK_THROWS_AS(Interval(BigFloat::exact(kNan)), Error);
}

TEST_CASE("interval: members") {
  const Interval x(1, kInfinity);
  CHECK(x.contains(1.0));
  CHECK(x.contains(kMax));
  CHECK_FALSE(x.contains(kInfinity));
  CHECK_FALSE(x.contains(kNan));
  CHECK_FALSE(x.contains(BigFloat::exact(kInfinity)));
  CHECK(x.contains(Interval(2, 3)));
  CHECK(x.contains(x));
  CHECK_FALSE(x.contains(Interval(0.5, 3)));
  CHECK_FALSE(x.contains(Interval::empty()));
  CHECK_FALSE(Interval::empty().contains(0.0));
  CHECK_FALSE(Interval::empty().contains(BigFloat::exact(0.0)));
  CHECK_FALSE(Interval::empty().contains(Interval::empty()));
}

TEST_CASE("interval: division, IEEE 1788") {
  const Interval one = 1;
  CHECK(is(Interval(1, 2) / Interval(4, 8), 0.125, 0.5));
  CHECK(is_undefined(one / Interval(0, 1), 1, kInfinity));
  CHECK(is_undefined(one / Interval(-1, 0), -kInfinity, -1));
  CHECK(is_undefined(one / Interval(-1, 1), -kInfinity, kInfinity));
  CHECK(is_undefined(Interval(-1, 0) / Interval(0, 1), -kInfinity, 0));
  CHECK(is_undefined(Interval(0, 1) / Interval(0, 1), 0, kInfinity));
  CHECK(is_undefined(Interval(-1, 1) / Interval(0, 1), -kInfinity, kInfinity));
  CHECK(is_undefined(Interval(-4, -2) / Interval(0, 2), -kInfinity, -1));
  CHECK(is_undefined(Interval(-4, -2) / Interval(-2, 0), 1, kInfinity));
  CHECK(is_undefined(Interval(0) / Interval(-1, 1), 0, 0));
  CHECK(is_undefined(Interval(0) / Interval(0, 1), 0, 0));
  CHECK(is_undefined(Interval(1, 2) / Interval(0, kInfinity), 0, kInfinity));
  CHECK(is_undefined(Interval(1, 2) / Interval::entire(), -kInfinity, kInfinity));
  CHECK(is_empty(one / Interval(0)));
  CHECK(is_empty(Interval(0) / Interval(-0.0)));
  CHECK(is(Interval(1, kInfinity) / Interval(1, kInfinity), 0, kInfinity));
  CHECK(is(one / Interval(1, kInfinity), 0, 1));
}

TEST_CASE("interval: functions at the edge of their domains") {
  CHECK(is_undefined(sqrt(Interval(-1, 4)), 0, 2));
  CHECK(is(sqrt(Interval(0, 4)), 0, 2));
  CHECK(is(sqrt(Interval(-0.0, 4)), 0, 2));
  CHECK(is_empty(sqrt(Interval(-4, -1))));
  CHECK(is_undefined(log(Interval(0, 1)), -kInfinity, 0));
  CHECK(is_undefined(log(Interval(-5, 1)), -kInfinity, 0));
  CHECK(is_undefined(log(Interval(-0.0, 1)), -kInfinity, 0));
  CHECK(is_empty(log(Interval(-5, 0))));
  CHECK(is(log(Interval(1, kInfinity)), 0, kInfinity));
  CHECK(is_undefined(log1p(Interval(-1, 0)), -kInfinity, 0));
  CHECK(is_empty(log1p(Interval(-3, -1))));
  CHECK(is(exp(Interval::entire()), 0, kInfinity));
  CHECK(is(exp(Interval(1e300)), kMax, kInfinity));
  CHECK(is(exp(Interval(-1e300)), 0, kTiny));
  CHECK(is(expm1(Interval::entire()), -1, kInfinity));
  CHECK(is(tanh(Interval::entire()), -1, 1));
  CHECK(is(tanh(Interval(1e300)), 1 - 0x1p-53, 1));
  CHECK(is(sinh(Interval::entire()), -kInfinity, kInfinity));
  CHECK(is(cosh(Interval::entire()), 1, kInfinity));
  CHECK(cosh(Interval(-1, 2)).lower() == 1);
}

TEST_CASE("interval: even functions turn at zero") {
  CHECK(is(sqr(Interval(-1, 2)), 0, 4));
  CHECK(is(sqr(Interval(-3, -2)), 4, 9));
  CHECK(is(abs(Interval(-3, 2)), 0, 3));
  CHECK(is(abs(Interval(-3, -2)), 2, 3));
  CHECK(is(pow(Interval(-2, 1), 2), 0, 4));
  CHECK(is(pow(Interval(-2, 1), 3), -8, 1));
  CHECK(is(pow(Interval(-2, 1), 0), 1, 1));
  CHECK(is(pow(Interval(2, 4), -1), 0.25, 0.5));
  CHECK(is(pow(Interval(-4, -2), -1), -0.5, -0.25));
  CHECK(is(pow(Interval(-4, -2), -2), 0.0625, 0.25));
  CHECK(is_undefined(pow(Interval(-2, 1), -2), 0.25, kInfinity));
  CHECK(is_undefined(pow(Interval(-2, 1), -1), -kInfinity, kInfinity));
  CHECK(is_undefined(pow(Interval(0, 2), -1), 0.5, kInfinity));
  CHECK(is_undefined(pow(Interval(-0.0, 2), -1), 0.5, kInfinity));
  CHECK(is_undefined(pow(Interval(-2, 0), -1), -kInfinity, -0.5));
  CHECK(is_empty(pow(Interval(0), -1)));
  CHECK(is(pow(Interval(2), std::numeric_limits<int>::min()), 0, kTiny));
}

TEST_CASE("interval: min, max, fma") {
  CHECK(is(min(Interval(1, 4), Interval(2, 3)), 1, 3));
  CHECK(is(max(Interval(1, 4), Interval(2, 3)), 2, 4));
  CHECK(is(fma(Interval(-1, 2), Interval(3, 4), Interval(10, 11)), 6, 19));
  CHECK(is(fma(Interval(0), Interval::entire(), Interval(1)), 1, 1));
  CHECK(is(fma(Interval(1, kInfinity), Interval(1, 2), Interval(0, kInfinity)), 1, kInfinity));
  CHECK(fma(Interval(0.1), Interval(10), Interval(-1)).is_point());
}

TEST_CASE("interval: intersection and hull") {
  CHECK(is(intersection(Interval(0, 2), Interval(1, 3)), 1, 2));
  CHECK(is_empty(intersection(Interval(0, 1), Interval(2, 3))));
  CHECK(is(hull(Interval(0, 1), Interval(2, 3)), 0, 3));
  CHECK(is_undefined(hull(Interval::empty(), Interval(2, 3)), 2, 3));
  CHECK(is_empty(hull(Interval::empty(), Interval::empty())));
}

TEST_CASE("interval: what was once undefined stays so") {
  const Interval bad = sqrt(Interval(-1, 4));
  const Interval good = 3;
  const std::vector<Interval> results = {bad + good,
                                         good - bad,
                                         bad * good,
                                         bad / good,
                                         good / (bad + good),
                                         -bad,
                                         +bad,
                                         abs(bad),
                                         sqr(bad),
                                         sqrt(bad),
                                         exp(bad),
                                         expm1(bad),
                                         tanh(bad),
                                         sinh(bad),
                                         cosh(bad),
                                         log(bad + 1),
                                         log1p(bad),
                                         pow(bad, 2),
                                         pow(bad, 0),
                                         pow(bad + 1, -1),
                                         min(bad, good),
                                         max(good, bad),
                                         fma(bad, good, good),
                                         fma(good, good, bad),
                                         hull(bad, good),
                                         intersection(bad, Interval(0, 1))};
  for (const Interval& x : results) CHECK_FALSE(x.is_defined());
  Interval sum = good;
  sum += bad;
  CHECK_FALSE(sum.is_defined());
}

TEST_CASE("interval: operations on the empty set give the empty set") {
  const Interval none = Interval::empty();
  const Interval one = 1;
  for (const Interval& x : {none + one,
                            one - none,
                            none * one,
                            Interval(0) * none,
                            none / one,
                            one / none,
                            none / Interval(0, 1),
                            -none,
                            abs(none),
                            sqr(none),
                            sqrt(none),
                            exp(none),
                            expm1(none),
                            log(none),
                            log1p(none),
                            tanh(none),
                            sinh(none),
                            cosh(none),
                            pow(none, 2),
                            pow(none, 0),
                            pow(none, -1),
                            min(none, one),
                            max(one, none),
                            fma(none, one, one),
                            fma(one, one, none)})
    CHECK(is_empty(x));
  CHECK(std::isnan(none.midpoint()));
  CHECK(std::isnan(none.radius()));
  CHECK(std::isnan(none.width()));
  CHECK(std::isnan(none.magnitude()));
  CHECK(std::isnan(none.mignitude()));
  CHECK_FALSE(none.is_point());
  CHECK_FALSE(none.is_entire());
  CHECK_FALSE(none.is_bounded());
}

TEST_CASE("interval: comparisons are certain or possible") {
  const Interval low(0, 1);
  const Interval high(2, 3);
  const Interval touching(1, 2);
  CHECK(certainly_less(low, high));
  CHECK_FALSE(certainly_less(low, touching));
  CHECK(certainly_less_equal(low, touching));
  CHECK_FALSE(possibly_less(high, low));
  CHECK_FALSE(possibly_less(touching, low));
  CHECK(possibly_less_equal(touching, low));
  CHECK(possibly_less(low, touching));
  CHECK(certainly_equal(Interval(2), 2.0));
  CHECK_FALSE(certainly_equal(low, low));
  CHECK(possibly_equal(low, touching));
  CHECK_FALSE(possibly_equal(low, high));
  CHECK_FALSE(certainly_less(Interval::entire(), Interval::entire()));
}

TEST_CASE("interval: nothing is certain of empty or undefined sets") {
  const Interval none = Interval::empty();
  const Interval bad = sqrt(Interval(-1, 4));
  for (const Interval& x : {Interval(10), none}) {
    CHECK_FALSE(certainly_less(none, x));
    CHECK_FALSE(certainly_less_equal(none, x));
    CHECK_FALSE(certainly_equal(none, x));
    CHECK_FALSE(possibly_less(none, x));
    CHECK_FALSE(possibly_less_equal(x, none));
    CHECK_FALSE(possibly_equal(none, x));
  }
  CHECK(bad.upper() == 2);
  CHECK_FALSE(certainly_less(bad, 10));
  CHECK_FALSE(certainly_less_equal(bad, 10));
  CHECK_FALSE(certainly_equal(pow(bad, 0), 1));
  CHECK(possibly_less(bad, 10));
}

TEST_CASE("interval: midpoint and radius contain the interval") {
  Random random = Random::announced("midpoint", 21);
  for (int i = numgeom::test::repetitions(20000); i > 0; --i) {
    const Interval x = random.interval();
    const auto explain = [&] { return numgeom::test::describe("", {}, x.lower(), x.upper()); };
    if (!x.is_bounded()) {
      if (!std::isinf(x.radius()) || !x.contains(x.midpoint())) FAIL_CHECK(explain());
      continue;
    }
    const Interval around = x.midpoint() + Interval(-1, 1) * x.radius();
    if (!x.contains(x.midpoint()) || !around.contains(x)) FAIL_CHECK(explain());
    if (x.is_point() && x.radius() != 0) FAIL_CHECK(explain());
  }
  CHECK(Interval::entire().midpoint() == 0);
  CHECK(Interval(1, kInfinity).midpoint() == kMax);
  CHECK(Interval(-kMax, kMax).midpoint() == 0);
  CHECK(Interval(-kMax, kMax).width() == kInfinity);
  CHECK(Interval(kMax / 2, kMax).is_bounded());
}

TEST_CASE("interval: magnitudes") {
  CHECK(Interval(-3, 2).magnitude() == 3);
  CHECK(Interval(-3, 2).mignitude() == 0);
  CHECK(Interval(-3, -2).mignitude() == 2);
  CHECK(Interval(0, 1).width() == 1);
}

TEST_CASE("interval: an operand may be the result") {
  Interval x(-1, 2);
  const Interval& also_x = x;
  x -= also_x;
  CHECK(is(x, -3, 3));
  x *= also_x;
  CHECK(is(x, -9, 9));
  x += also_x;
  CHECK(is(x, -18, 18));
  Interval y(2, 4);
  const Interval& also_y = y;
  y /= also_y;
  CHECK(is(y, 0.5, 2));
  y = y * y - y;
  CHECK(is(y, -1.75, 3.5));
}

TEST_CASE("interval: doubles and integers mix in") {
  const Interval x(1, 2);
  CHECK(is(x + 1, 2, 3));
  CHECK(is(1 - x, -1, 0));
  CHECK(is(0.5 * x, 0.5, 1));
  CHECK(is(x / 2.0F, 0.5, 1));
  CHECK((Interval(1) / 3).contains(Interval(1) / 3.0));
  CHECK_THROWS_AS(x * kNan, Error);
}

TEST_CASE("interval: elementary functions of points are one ulp wide and right") {
  struct Function {
    const char* name;
    Interval (*enclose)(const Interval&);
    int (*exact)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);
  };
  const std::vector<Function> functions = {
      {"exp", numgeom::exp, mpfr_exp},    {"expm1", numgeom::expm1, mpfr_expm1},
      {"log", numgeom::log, mpfr_log},    {"log1p", numgeom::log1p, mpfr_log1p},
      {"tanh", numgeom::tanh, mpfr_tanh}, {"sinh", numgeom::sinh, mpfr_sinh},
      {"cosh", numgeom::cosh, mpfr_cosh},
  };
  Random random = Random::announced("elementary", 22);
  Reference exact;
  for (int i = numgeom::test::repetitions(2000); i > 0; --i) {
    const double a = random.coin() ? random.finite() : random.small_interval().lower();
    for (const Function& f : functions) {
      exact.evaluate(f.exact, a);
      if (!exact.is_real()) continue;
      const Interval y = f.enclose(a);
      if (!exact.inside(y.lower(), y.upper()) ||
          numgeom::test::doubles_between(y.lower(), y.upper()) > 1)
        FAIL_CHECK(numgeom::test::describe(f.name, {a}, y.lower(), y.upper()));
    }
  }
}

TEST_CASE("interval: printed bounds read back to the same doubles") {
  CHECK(text(Interval(-0.5, 2)) == "[-0.5, 2]");
  CHECK(text(Interval(0.1)) == "[0.1, 0.1]");
  CHECK(text(Interval::entire()) == "[-inf, inf]");
  CHECK(text(Interval::empty()) == "[empty]_trv");
  CHECK(text(sqrt(Interval(-1, 4))) == "[0, 2]_trv");
  Random random = Random::announced("printing", 23);
  for (int i = 0; i < 1000; ++i) {
    const double a = random.finite();
    const std::string printed = text(a);
    if (std::strtod(printed.c_str() + 1, nullptr) != a) FAIL_CHECK(printed);
  }
}

TEST_CASE("interval: matrix products enclose the exact product") {
  Random random = Random::announced("matrices", 24);
  for (const int size : {1, 2, 3, 8, 21, 40}) {
    const Eigen::MatrixXd a = random_matrix(random, size, size + 1);
    const Eigen::MatrixXd b = random_matrix(random, size + 1, 3);
    const IntervalMatrix x = a.cast<Interval>();
    const IntervalRows y = b.cast<Interval>();
    CHECK(encloses_product((x * y).eval(), a, b));
    CHECK(encloses_product(IntervalRows(x * y), a, b));
    CHECK(encloses_product((a * y).eval(), a, b));
    CHECK(encloses_product((x * b).eval(), a, b));
    CHECK(encloses_product((y.transpose() * x.transpose()).transpose().eval(), a, b));
    CHECK(encloses_product((x * y.col(0)).eval(), a, b.col(0)));
    CHECK(encloses_product((a * y.col(0)).eval(), a, b.col(0)));
    CHECK(encloses_product((x.row(0) * b).eval(), a.row(0), b));
    IntervalMatrix sum = IntervalMatrix::Zero(size, 3);
    sum.noalias() += x * y;
    CHECK(encloses_product(sum, a, b));
    CHECK(encloses_product((0.5 * x * (2.0 * y)).eval(), a, b));
  }
}

TEST_CASE("interval: coefficient-wise operations and reductions of matrices") {
  const Eigen::MatrixXd d = Eigen::MatrixXd::Constant(3, 2, 0.1);
  IntervalMatrix x = IntervalMatrix::Constant(3, 2, Interval(-1, 2));
  CHECK(is(x.sum(), -6, 12));
  CHECK(is((x + x)(1, 1), -2, 4));
  CHECK(is((x - x)(1, 1), -3, 3));
  CHECK(is((2.0 * x)(0, 1), -2, 4));
  CHECK(is((x / 2)(0, 1), -0.5, 1));
  CHECK(is(x.cwiseProduct(x)(0, 0), -2, 4));
  CHECK(is(x.cwiseAbs()(2, 1), 0, 2));
  CHECK(is(x.cwiseAbs2()(2, 1), 0, 4));
  CHECK(is(x.squaredNorm(), 0, 24));
  CHECK(x.norm().is_defined());
  CHECK(is(x.mean(), -1, 2));
  CHECK(is(x.transpose()(1, 2), -1, 2));
  CHECK(is(x.colwise().sum()(1), -3, 6));
  CHECK((d + x)(0, 0).contains(Interval(-0.9, 2.1)));
  CHECK((d.cwiseProduct(x))(0, 0).contains(Interval(-0.1, 0.2)));
  CHECK(x.array().exp()(0, 0).contains(1.0));
  CHECK(is(x.array().tanh()(0, 0), tanh(Interval(-1, 2)).lower(), tanh(Interval(-1, 2)).upper()));
  CHECK_FALSE(x.array().log()(0, 0).is_defined());
  x += x.eval();
  CHECK(is(x(0, 0), -2, 4));
  CHECK((IntervalMatrix::Zero(2, 0) * IntervalMatrix::Zero(0, 2))(1, 1).magnitude() == 0);
}

TEST_CASE("interval: an undefined coefficient makes what depends on it undefined") {
  IntervalMatrix x = IntervalMatrix::Constant(2, 2, Interval(1));
  x(0, 1) = sqrt(Interval(-1, 4));
  const IntervalMatrix product = x * x;
  CHECK_FALSE(product(0, 0).is_defined());
  CHECK_FALSE(product(1, 1).is_defined());
  CHECK(product(1, 0).is_defined());
  CHECK_FALSE(x.sum().is_defined());
}

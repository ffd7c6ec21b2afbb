#include "numgeom/arithmetic/bound_matrix.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "numgeom/error.hpp"
#include "support/random.hpp"

using namespace numgeom;
using numgeom::test::Random;

namespace {

using Eigen::Index;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Sums of products of two entries of `random_bounds` are exact in them.
constexpr int kExactBits = 900;

BigFloat exact(const BoundMatrix& a, Index i, Index j) { return a(i, j).to_big_float(); }

BoundMatrix row(const std::vector<Magnitude>& entries) {
  return {1, static_cast<Index>(entries.size()), entries};
}

/// Mantissas of the whole range, a zero now and then.
BoundMatrix random_bounds(Random& random, Index rows, Index cols) {
  std::vector<Magnitude> entries;
  for (Index i = 0; i < rows * cols; ++i)
    entries.push_back(random.below(10) == 0
                          ? Magnitude()
                          : Magnitude(1 + random.unit(), random.below(120) - 1060));
  return {rows, cols, entries};
}

/// Containment, and at most 2(n+8)·2^-52 too large.
void check_bound(const Magnitude& bound, const BigFloat& value, Index terms) {
  BigFloat most(kExactBits);
  const double slack = 1 + 2 * static_cast<double>(terms + 8) * 0x1p-52;
  mpfr_mul_d(most.get(), value.get(), slack, MPFR_RNDU);
  CHECK(mpfr_greaterequal_p(bound.to_big_float().get(), value.get()) != 0);
  CHECK(mpfr_lessequal_p(bound.to_big_float().get(), most.get()) != 0);
}

void add_product(BigFloat& sum, const BigFloat& a, const BigFloat& b) {
  BigFloat term(kExactBits);
  mpfr_mul(term.get(), a.get(), b.get(), MPFR_RNDN);
  mpfr_add(sum.get(), sum.get(), term.get(), MPFR_RNDN);
}

}  // namespace

TEST_CASE("bound matrix: every operation is a bound, and tight") {
  Random random = Random::announced("bound matrix", 41);
  for (int repetition = numgeom::test::repetitions(60); repetition > 0; --repetition) {
    const Index rows = 1 + random.below(6);
    const Index inner = 1 + random.below(random.coin() ? 4 : 40);
    const Index cols = 1 + random.below(6);
    const BoundMatrix a = random_bounds(random, rows, inner);
    const BoundMatrix b = random_bounds(random, inner, cols);
    const BoundMatrix c = random_bounds(random, rows, cols);
    const BoundMatrix d = random_bounds(random, rows, cols);
    const BoundMatrix ab = product(a, b);
    const BoundMatrix ac = product_tn(a, c);
    const BoundMatrix cb = product_nt(c, b);
    const BoundMatrix sums = column_sums(a);
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < cols; ++j) {
        BigFloat sum(kExactBits);
        for (Index k = 0; k < inner; ++k) add_product(sum, exact(a, i, k), exact(b, k, j));
        check_bound(ab(i, j), sum, inner);
        mpfr_add(sum.get(), exact(c, i, j).get(), exact(d, i, j).get(), MPFR_RNDN);
        check_bound((c + d)(i, j), sum, 1);
        mpfr_set_zero(sum.get(), 1);
        add_product(sum, exact(c, i, j), exact(d, i, j));
        check_bound(hadamard(c, d)(i, j), sum, 1);
      }
      for (Index k = 0; k < inner; ++k) {
        BigFloat sum(kExactBits);
        for (Index j = 0; j < cols; ++j) add_product(sum, exact(c, i, j), exact(b, k, j));
        check_bound(cb(i, k), sum, cols);
      }
    }
    for (Index k = 0; k < inner; ++k) {
      BigFloat total(kExactBits);
      for (Index i = 0; i < rows; ++i)
        mpfr_add(total.get(), total.get(), exact(a, i, k).get(), MPFR_RNDN);
      check_bound(sums(0, k), total, rows);
      for (Index j = 0; j < cols; ++j) {
        BigFloat sum(kExactBits);
        for (Index i = 0; i < rows; ++i) add_product(sum, exact(a, i, k), exact(c, i, j));
        check_bound(ac(k, j), sum, rows);
      }
    }
  }
}

TEST_CASE("bound matrix: sums whose terms a double loses one by one") {
  constexpr Index kTerms = 4000;
  // After the 1 every 2^-54 is less than half an ulp, in whatever order the rest is added up.
  std::vector<Magnitude> entries(kTerms, Magnitude(0x1p-54));
  entries[0] = Magnitude(1.0);
  const BoundMatrix terms = row(entries);
  const BoundMatrix ones(Matrix<double>::Ones(kTerms, 3));
  const Magnitude sum(1 + (kTerms - 1) * 0x1p-54);
  const BoundMatrix column(Matrix<double>(terms.mantissas().transpose().replicate(1, 3)),
                           terms.exponent());
  CHECK(product(terms, ones)(0, 0) >= sum);
  CHECK(product_tn(column, ones)(0, 2) >= sum);
  CHECK(product_nt(terms, BoundMatrix(Matrix<double>::Ones(3, kTerms)))(0, 1) >= sum);
  CHECK(column_sums(column)(0, 1) >= sum);
}

TEST_CASE("bound matrix: entries far below the largest become small, never zero") {
  const Magnitude tiny = Magnitude::power_of_two(-3000);
  const BoundMatrix apart = row({Magnitude(1.0), tiny, Magnitude()});
  CHECK(apart(0, 1) >= tiny);
  CHECK(apart(0, 1) <= Magnitude::power_of_two(-490));
  CHECK(apart(0, 2).is_zero());
  const BoundMatrix small = row({tiny, tiny, Magnitude()});
  CHECK(small(0, 0) == tiny);
  const BoundMatrix sum = row({Magnitude(1.0), Magnitude(), Magnitude()}) + small;
  CHECK(sum(0, 1) >= tiny);
  CHECK(sum(0, 2).is_zero());
  CHECK_FALSE(product(small, BoundMatrix(Matrix<double>::Ones(3, 1)))(0, 0).is_zero());
  Matrix<double> wide(1, 3);
  wide << 1e300, 1e-300, 0x1p-1074;
  CHECK(BoundMatrix(wide)(0, 1) >= Magnitude(1e-300));
  CHECK(BoundMatrix(wide)(0, 2) >= Magnitude(0x1p-1074));
  CHECK(BoundMatrix(Matrix<double>::Constant(1, 1, 0x1p-1074))(0, 0) == Magnitude(0x1p-1074));
}

TEST_CASE("bound matrix: products of the smallest and the largest neither vanish nor overflow") {
  for (const double x : {0x1p-1074, 1e-300, 0x1p-502, 1e-20, 1e20, 1e160, 1e300}) {
    const BoundMatrix once(Matrix<double>::Constant(2, 2, x));
    const Magnitude size(x);
    CHECK(product(once, once)(0, 0) >= size * size);
    CHECK(product(once, once)(0, 0) <= Magnitude(2.001) * size * size);
    BoundMatrix power = once;
    Magnitude exact = size;
    for (int i = 0; i < 20; ++i) {
      power = hadamard(power + power, once);
      exact = Magnitude(2.0) * exact * size;
      CHECK(power(1, 1) >= exact * Magnitude(1 - 0x1p-40));
      CHECK(power(1, 1) <= exact * Magnitude(1.001));
    }
  }
}

TEST_CASE("bound matrix: NaN is unbounded, and zero times unbounded too") {
  Matrix<double> values(1, 3);
  values << std::nan(""), -2, 0;
  const BoundMatrix a(values);
  CHECK(a(0, 0).mantissa() == kInfinity);
  CHECK(a(0, 1) == Magnitude(2.0));
  CHECK(a(0, 2).is_zero());
  CHECK_FALSE(a.is_finite());
  BoundMatrix unbounded(1, 1);
  unbounded.set_unbounded(0, 0);
  CHECK_FALSE(product(unbounded, BoundMatrix(1, 1)).is_finite());
  CHECK_FALSE(column_sums(row({Magnitude::infinity()})).is_finite());
  CHECK_FALSE(BoundMatrix(Matrix<double>::Constant(1, 1, std::nan(""))).is_finite());
  CHECK(a.largest().mantissa() == kInfinity);
}

TEST_CASE("bound matrix: square roots and doubles are bounds, and tight") {
  Random random(43);
  for (int repetition = 0; repetition < 60; ++repetition) {
    const BoundMatrix a =
        Magnitude::power_of_two(random.below(3000) - 1500) * random_bounds(random, 2, 5);
    const BoundMatrix roots = square_roots(a);
    const Matrix<double> doubles = a.to_doubles();
    for (Index i = 0; i < 2; ++i)
      for (Index j = 0; j < 5; ++j) {
        CHECK(roots(i, j).is_zero() == a(i, j).is_zero());
        BigFloat root(kExactBits);
        mpfr_sqrt(root.get(), exact(a, i, j).get(), MPFR_RNDN);
        check_bound(roots(i, j), root, 1);
        const double least = a(i, j).to_double_up();
        CHECK(doubles(i, j) >= least);
        if (least >= 0x1p-1000 || least == 0) CHECK(doubles(i, j) <= least * (1 + 0x1p-52));
      }
  }
  BoundMatrix open(1, 1);
  open.set_unbounded(0, 0);
  CHECK_FALSE(square_roots(open).is_finite());
  CHECK(open.to_doubles()(0, 0) == kInfinity);
}

TEST_CASE("bound matrix: single entries are widened, all others stay") {
  BoundMatrix a(Matrix<double>::Ones(2, 2));
  a.widen(0, 1, Magnitude(3.0));
  CHECK(a(0, 1) >= Magnitude(4.0));
  CHECK(a(1, 1) < Magnitude(1.001));
  CHECK(a(1, 1) >= Magnitude(1.0));
  const BoundMatrix b = row({Magnitude(1.0), Magnitude()}).plus_where_positive(Magnitude(2.0));
  CHECK(b(0, 0) >= Magnitude(3.0));
  CHECK(b(0, 1).is_zero());
  const BoundMatrix c =
      add_row(BoundMatrix(Matrix<double>::Ones(2, 2)), row({Magnitude(), Magnitude(2.0)}));
  CHECK(c(1, 1) >= Magnitude(3.0));
  CHECK(c(1, 0) < Magnitude(1.001));
  CHECK(gather_rows(c, {1})(0, 1) == c(1, 1));
}

TEST_CASE("bound matrix: sizes that do not fit and sums that are too long are refused") {
  CHECK_THROWS_AS(BoundMatrix(2, 2, std::vector<Magnitude>(3)), Error);
  CHECK_THROWS_AS(sum_inflation(Index{1} << 40), Error);
}

TEST_CASE("what is NaN among other bounds is unbounded, whatever its sign") {
  Matrix<double> zero_and_one(1, 2);
  zero_and_one << 0, 1;
  Matrix<double> infinity_and_one(1, 2);
  infinity_and_one << HUGE_VAL, 1;
  const BoundMatrix x = hadamard(BoundMatrix(zero_and_one), BoundMatrix(infinity_and_one));
  CHECK_FALSE(x.largest().is_finite());
  CHECK_FALSE(x.is_finite());
  CHECK_FALSE(x(0, 0).is_finite());
  CHECK(x(0, 1).is_finite());
}

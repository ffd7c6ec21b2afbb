#include "numgeom/arithmetic/norm_ball.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "numgeom/error.hpp"
#include "support/random.hpp"

// Members are drawn at the very edge of a ball; results are compared in extended precision, whose
// rounding errors are a thousandth of those that the balls must take in.

using namespace numgeom;

namespace {

using Eigen::Index;
using test::Random;
using Real = long double;

Matrix<double> random_matrix(Random& random, Index rows, Index cols) {
  Matrix<double> x(rows, cols);
  for (double& entry : x.reshaped()) entry = 2 * random.unit() - 1;
  const int kind = random.below(6);
  if (kind == 0) x = Matrix<double>(x.col(0) * x.row(0));
  if (kind == 1)
    for (Index j = 0; j < cols; ++j) x.col(j) *= std::ldexp(1.0, -static_cast<int>(2 * j));
  if (kind == 2 && random.below(4) == 0) x.setZero();
  if (kind == 3) {
    x.setZero();
    x(random.below(static_cast<int>(rows)), random.below(static_cast<int>(cols))) = 0.7;
  }
  return x * std::ldexp(1.0, random.below(40) - 20);
}

struct Drawn {
  NormBall ball;
  Matrix<Real> member;
};

/// The member lies at the edge, off the midpoint in a random direction, in that of the midpoint
/// itself (where triangle inequalities are equalities) or along one entry.
Drawn draw_around(Random& random, const Matrix<double>& midpoint) {
  const double size = random.coin() ? 0 : std::ldexp(1 + random.unit(), -random.below(60));
  const double radius = size * (midpoint.isZero(0) ? 1 : midpoint.norm());
  Matrix<Real> direction = Matrix<Real>::Zero(midpoint.rows(), midpoint.cols());
  switch (random.below(3)) {
    case 0:
      direction = random_matrix(random, midpoint.rows(), midpoint.cols()).cast<Real>();
      break;
    case 1:
      direction = midpoint.cast<Real>();
      break;
    default:
      break;
  }
  if (direction.isZero(0)) {
    Index row = 0;
    Index col = 0;
    midpoint.cwiseAbs().maxCoeff(&row, &col);
    direction(row, col) = std::copysign(1.0L, static_cast<Real>(midpoint(row, col)));
  }
  direction *= radius * (1 - 0x1p-60L) / direction.norm();
  return {NormBall(midpoint, Magnitude(radius)), midpoint.cast<Real>() + direction};
}

Drawn draw(Random& random, Index rows, Index cols) {
  return draw_around(random, random_matrix(random, rows, cols));
}

/// `scale` bounds the terms that `exact` was summed from, `terms` of them an entry.
void check_contains(const NormBall& ball, const Matrix<Real>& exact, Real scale, Index terms) {
  const Real distance = (exact - ball.midpoint().cast<Real>()).norm();
  const Real slack = static_cast<Real>(terms + 4) * 0x1p-62L * scale;
  INFO("distance " << static_cast<double>(distance) << ", radius " << ball.radius().to_double_up());
  CHECK(distance <= ball.radius().to_double_up() + slack);
  CHECK(exact.norm() <= ball.norm().to_double_up() + slack);
  CHECK(ball.midpoint().cast<Real>().norm() <= ball.size().to_double_up());
}

Index extent(Random& random) { return 1 + random.below(random.below(6) == 0 ? 90 : 8); }

/// Symmetric and positive semidefinite with eigenvalues that fall off in one of several ways.
Matrix<double> random_gram(Random& random, Index n) {
  const Index rank = random.below(3) == 0 ? 1 : n;
  Matrix<double> x = random_matrix(random, n, rank);
  const Matrix<double> gram = x * x.transpose();
  return 0.5 * (gram + gram.transpose());
}

Real greatest_eigenvalue(const Matrix<Real>& x) {
  return Eigen::SelfAdjointEigenSolver<Matrix<Real>>(x, Eigen::EigenvaluesOnly)
      .eigenvalues()
      .maxCoeff();
}

Real greatest_singular_value(const Matrix<Real>& x) {
  const bool wide = x.rows() < x.cols();
  const Real square =
      greatest_eigenvalue(wide ? Matrix<Real>(x * x.transpose()) : Matrix<Real>(x.transpose() * x));
  return std::sqrt(std::max(square, Real(0)));
}

/// What `largest_eigenvalue` promises: a factor n^(1/64) by squaring, two per cent by Cholesky.
double promised_factor(Index n) {
  return n <= 64 ? std::pow(static_cast<double>(n), 1.0 / 64) * (1 + 1e-9) : 1.023;
}

}  // namespace

TEST_CASE("norm balls: every operation contains the results of all members") {
  Random random = Random::announced("norm balls", 61);
  for (int n = 0; n < test::repetitions(600); ++n) {
    const Index rows = extent(random);
    const Index inner = extent(random);
    const Index cols = extent(random);
    Drawn a = draw(random, rows, inner);
    Drawn b = draw(random, inner, cols);
    if (random.below(4) == 0) {
      // The bound on a product is attained where the factors have rank one and fit.
      Matrix<double> v = random_matrix(random, inner, 1);
      a = draw_around(random, random_matrix(random, rows, 1) * v.transpose());
      b = draw_around(random, v * random_matrix(random, 1, cols));
    }
    const Real size = a.member.norm() * b.member.norm();
    check_contains(product(a.ball, b.ball), a.member * b.member, size, inner);
    const Drawn c = draw(random, rows, cols);
    check_contains(product_tn(a.ball, c.ball), a.member.transpose() * c.member,
                   a.member.norm() * c.member.norm(), rows);
    check_contains(product_nt(c.ball, b.ball), c.member * b.member.transpose(),
                   c.member.norm() * b.member.norm(), cols);
    const Drawn d =
        random.coin() ? draw(random, rows, cols) : draw_around(random, c.ball.midpoint());
    const Real both = c.member.norm() + d.member.norm();
    check_contains(c.ball + d.ball, c.member + d.member, both, 1);
    check_contains(c.ball - d.ball, c.member - d.member, both, 1);
    check_contains(hadamard(c.ball, d.ball), c.member.cwiseProduct(d.member),
                   c.member.norm() * d.member.norm(), 1);
    const double factor = random.moderate();
    check_contains(factor * c.ball, static_cast<Real>(factor) * c.member,
                   std::fabs(factor) * c.member.norm(), 1);
    const Magnitude by(random.unit());
    CHECK(c.ball.widened(by).radius() >= c.ball.radius() + by);
    CHECK(c.ball.widened(by).midpoint() == c.ball.midpoint());
  }
}

TEST_CASE("norm balls: radii that no member needs are small") {
  Random random(62);
  for (int n = 0; n < test::repetitions(100); ++n) {
    const Matrix<double> x = random_matrix(random, 1 + random.below(8), 1 + random.below(8));
    const Matrix<double> y = random_matrix(random, x.cols(), 5);
    const NormBall xy = product(NormBall(x), NormBall(y));
    CHECK(xy.radius().to_double_up() <=
          static_cast<double>(x.cols() + 2) * 0x1p-52 * x.norm() * y.norm() + 0x1p-1000);
    CHECK(NormBall(x).radius().is_zero());
  }
}

TEST_CASE("Frobenius and row norms are upper bounds, at most a little too large") {
  Random random = Random::announced("Frobenius norms", 63);
  for (int n = 0; n < test::repetitions(400); ++n) {
    const Index rows = extent(random);
    const Index cols = extent(random);
    const int exponent = random.below(3) == 0 ? random.below(2000) - 1020 : 0;
    const Matrix<double> x = random_matrix(random, rows, cols) * std::ldexp(1.0, exponent);
    if (!x.allFinite()) continue;
    // Scaled for the reference, which has the same exponents to spare as x in the worst case.
    const Real scale = std::ldexp(1.0L, -exponent);
    const Real exact = (x.cast<Real>() * scale).norm();
    const Magnitude bound = frobenius_norm(x) * Magnitude::power_of_two(-exponent);
    const double slack = static_cast<double>(x.size() + 32) * 0x1p-52;
    CHECK(static_cast<Real>(bound.to_double_up()) >= exact * (1 - 0x1p-58L));
    CHECK(static_cast<Real>(bound.to_double_up()) <= exact * (1 + slack) + 0x1p-1000L);
    const BoundMatrix bounds(x);
    CHECK(frobenius_norm(bounds) >=
          frobenius_norm(Matrix<double>(x.cwiseAbs())) * Magnitude(1 - 0x1p-40));
    const BoundMatrix norms = row_norms(bounds);
    REQUIRE(norms.rows() == rows);
    REQUIRE(norms.cols() == 1);
    for (Index i = 0; i < rows; ++i) {
      const Real row = (x.row(i).cast<Real>() * scale).norm();
      const Magnitude found = norms(i, 0) * Magnitude::power_of_two(-exponent);
      CHECK(static_cast<Real>(found.to_double_up()) >= row * (1 - 0x1p-58L));
      // Entries far below the greatest are raised: to 2^-500 of it.
      CHECK(static_cast<Real>(found.to_double_up()) <= row * (1 + slack) + exact * 0x1p-400L);
    }
  }
  CHECK(frobenius_norm(Matrix<double>(0, 3)).is_zero());
  CHECK(frobenius_norm(Matrix<double>(Matrix<double>::Zero(2, 3))).is_zero());
  CHECK(row_norms(BoundMatrix(2, 3)).is_zero());
}

TEST_CASE("the greatest eigenvalue and the spectral norm are bounded from above, and tightly") {
  Random random = Random::announced("eigenvalues", 64);
  for (int n = 0; n < test::repetitions(60); ++n) {
    for (const Index size : {1, 2, 3, 7, 20, 63, 64, 65, 90}) {
      if (size > 20 && random.below(4) != 0) continue;
      const Matrix<double> gram = random_gram(random, size);
      const Real exact = greatest_eigenvalue(gram.cast<Real>());
      const Magnitude bound = largest_eigenvalue(NormBall(gram));
      INFO(size << " rows, exact " << static_cast<double>(exact));
      CHECK(static_cast<Real>(bound.to_double_up()) >= exact * (1 - 0x1p-56L));
      CHECK(static_cast<Real>(bound.to_double_up()) <= exact * promised_factor(size) + 0x1p-1000L);
      // A member off the midpoint in the direction of the eigenvector.
      const double radius = static_cast<double>(exact) * random.unit() + 0x1p-60;
      const Magnitude wide = largest_eigenvalue(NormBall(gram, Magnitude(radius)));
      CHECK(static_cast<Real>(wide.to_double_up()) >= (exact + radius) * (1 - 0x1p-56L));

      const Matrix<double> x = random_matrix(random, size, extent(random));
      const Real sigma = greatest_singular_value(x.cast<Real>());
      const Magnitude norm = spectral_norm(NormBall(x));
      CHECK(static_cast<Real>(norm.to_double_up()) >= sigma * (1 - 0x1p-56L));
      CHECK(static_cast<Real>(norm.to_double_up()) <=
            sigma * std::sqrt(promised_factor(std::min(x.rows(), x.cols()))) + 0x1p-500L);
      CHECK(spectral_norm(NormBall(x, Magnitude(1))).to_double_up() >=
            static_cast<double>(sigma) + 1 - 1e-9);
    }
  }
}

TEST_CASE("the Cholesky factorisation may end a little below the eigenvalue: its bound does not") {
  // S = P + (t − 1)qqᵀ, P the projection on half of the space and q in it, with t where the first
  // shift that is tried changes from enough to too little: close by, factorisations in floating
  // point run to their end where the exact one would not.
  Random random = Random::announced("shifts", 65);
  for (int n = 0; n < test::repetitions(5); ++n) {
    const Index size = 65 + random.below(30);
    Eigen::MatrixXd drawn(size, size / 2);
    for (double& entry : drawn.reshaped()) entry = 2 * random.unit() - 1;
    const Eigen::MatrixXd basis = Eigen::HouseholderQR<Eigen::MatrixXd>(drawn).householderQ() *
                                  Eigen::MatrixXd::Identity(size, size / 2);
    const Eigen::VectorXd q = basis.col(0);
    const Eigen::MatrixXd projection = basis * basis.transpose();
    const auto matrix_of = [&](double t) {
      const Eigen::MatrixXd s = projection + (t - 1) * q * q.transpose();
      return Matrix<double>(0.5 * (s + s.transpose()));
    };
    const auto bound_at = [&](double t) { return largest_eigenvalue(NormBall(matrix_of(t))); };
    double enough = 1.001;
    double too_little = 1.01;
    REQUIRE(bound_at(enough) < Magnitude(1.0125));
    REQUIRE(bound_at(too_little) > Magnitude(1.0125));
    while (too_little - enough > 0x1p-51) {
      const double t = enough + (too_little - enough) / 2;
      (bound_at(t) < Magnitude(1.0125) ? enough : too_little) = t;
    }
    for (int step = -60; step <= 60; ++step) {
      const double t = enough + step * 0x1p-52;
      const Matrix<Real> s = matrix_of(t).cast<Real>();
      // A quotient is at most the eigenvalue, and here nearly as large.
      const Eigen::Matrix<Real, Eigen::Dynamic, 1> v = s * (s * q.cast<Real>());
      const Real least = v.dot(s * v) / v.squaredNorm();
      CHECK(static_cast<Real>(bound_at(t).to_double_up()) >= least - 0x1p-61L);
    }
  }
}

TEST_CASE("the bound by Cholesky takes in the error of its factorisation") {
  // No matrix of this size makes the error as large as it may be, so the formula of lemma 3 is
  // checked itself. The quotient of diag(1, 0, …) is 1 and the first shift 1.002 times that.
  for (const Index size : {65, 90}) {
    Matrix<double> x = Matrix<double>::Zero(size, size);
    x(0, 0) = 1;
    const double shift = 1.002;
    const double squares = static_cast<double>(size - 1) * shift;
    const double error = static_cast<double>(2 * size + 16) * 0x1p-53 * squares;
    const double bound = largest_eigenvalue(NormBall(x)).to_double_up();
    CHECK(bound - shift >= error);
    CHECK(bound - shift <= 2 * error + 0x1p-48);
  }
}

TEST_CASE("matrices without bounds have norms without bounds") {
  for (const double bad :
       {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    for (const Index size : {1, 3, 70}) {
      Matrix<double> x = Matrix<double>::Identity(size, size);
      x(size - 1, 0) = bad;
      const NormBall ball(x);
      CHECK_FALSE(ball.radius().is_finite());
      CHECK_FALSE(ball.norm().is_finite());
      CHECK_FALSE(frobenius_norm(x).is_finite());
      CHECK_FALSE(frobenius_norm(BoundMatrix(x)).is_finite());
      CHECK_FALSE(row_norms(BoundMatrix(x))(size - 1, 0).is_finite());
      CHECK_FALSE(largest_eigenvalue(ball).is_finite());
      CHECK_FALSE(spectral_norm(ball).is_finite());
      const NormBall one(Matrix<double>::Ones(size, size));
      CHECK_FALSE(product(ball, one).radius().is_finite());
      CHECK_FALSE((one + ball).radius().is_finite());
      CHECK_FALSE(hadamard(one, ball).radius().is_finite());
    }
  }
  // Overflow on the way.
  const NormBall huge(Matrix<double>::Constant(3, 3, 1e200));
  CHECK_FALSE(product(huge, huge).radius().is_finite());
  CHECK(largest_eigenvalue(huge) >= Magnitude(2.999e200));
  CHECK(spectral_norm(huge) >= Magnitude(2.999e200));
  CHECK(spectral_norm(huge).is_finite());
}

TEST_CASE("norm balls of different shapes are not combined") {
  const NormBall a(Matrix<double>::Ones(2, 3));
  const NormBall b(Matrix<double>::Ones(3, 3));
  CHECK_THROWS_AS(a + b, Error);
  CHECK_THROWS_AS(a - b, Error);
  CHECK_THROWS_AS(hadamard(a, b), Error);
  CHECK_THROWS_AS(product(a, NormBall(Matrix<double>::Ones(2, 3))), Error);
}

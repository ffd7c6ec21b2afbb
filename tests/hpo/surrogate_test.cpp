#include "numgeom/hpo/surrogate.hpp"

#include <Eigen/Dense>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <boost/multiprecision/eigen.hpp>
#include <catch2/catch.hpp>
#include <cmath>

#include "numgeom/error.hpp"
#include "support/random.hpp"

using namespace numgeom;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Real = boost::multiprecision::number<boost::multiprecision::cpp_bin_float<50>,
                                           boost::multiprecision::et_off>;
using RealMatrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic>;
using RealVector = Eigen::Matrix<Real, Eigen::Dynamic, 1>;

Observations draw(test::Random& random, int n, int dimensions, double variance = 0) {
  Observations result{MatrixXd(n, dimensions), VectorXd(n), VectorXd::Constant(n, variance)};
  for (double& x : result.points.reshaped()) x = random.unit();
  for (Index i = 0; i < n; ++i)
    result.values[i] = std::sin(5 * result.points.row(i).sum()) + 3 * result.points(i, 0);
  return result;
}

KernelParameters kernel_of(int dimensions, double length, double scale = 0, double noise = -9) {
  return {VectorXd::Constant(dimensions, std::log(length)), scale, noise};
}

/// The closed forms in 50 digits: kernel, standardisation, posterior, density.
class Reference {
 public:
  Reference(Observations seen, KernelParameters kernel, std::vector<int> cells)
      : seen_(std::move(seen)), kernel_(std::move(kernel)), cells_(std::move(cells)) {
    const Index n = seen_.values.size();
    for (Index i = 0; i < n; ++i) shift_ += Real(seen_.values[i]) / Real(n);
    Real squares = 0;
    for (Index i = 0; i < n; ++i) squares += pow(Real(seen_.values[i]) - shift_, 2);
    unit_ = sqrt(squares / Real(n - 1));
    covariance_.resize(n, n);
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j)
        covariance_(i, j) = k(seen_.points.row(i), seen_.points.row(j)) + (i == j ? noise(i) : 0);
    inverse_ = covariance_.inverse();
    values_.resize(n);
    for (Index i = 0; i < n; ++i) values_[i] = (Real(seen_.values[i]) - shift_) / unit_;
    const RealVector ones = RealVector::Ones(n);
    mean_ = ones.dot(inverse_ * values_) / ones.dot(inverse_ * ones);
  }

  [[nodiscard]] std::pair<double, double> posterior(const VectorXd& point) const {
    RealVector cross(seen_.values.size());
    for (Index i = 0; i < cross.size(); ++i) cross[i] = k(point.transpose(), seen_.points.row(i));
    const RealVector residuals = values_.array() - mean_;
    const Real mean = mean_ + cross.dot(inverse_ * residuals);
    const Real variance = k(point.transpose(), point.transpose()) - cross.dot(inverse_ * cross);
    return {static_cast<double>(shift_ + unit_ * mean),
            static_cast<double>(unit_ * sqrt(variance))};
  }

  /// ½ rᵀK⁻¹r + ½ log det K.
  [[nodiscard]] Real misfit() const {
    const RealVector residuals = values_.array() - mean_;
    return (residuals.dot(inverse_ * residuals) + log(covariance_.determinant())) / 2;
  }

 private:
  [[nodiscard]] Real k(const Eigen::RowVectorXd& a, const Eigen::RowVectorXd& b) const {
    Real squares = 0;
    for (Index d = 0; d < a.size(); ++d) {
      const int cells = cells_[static_cast<std::size_t>(d)];
      const Real step = cells == 0 ? Real(a[d]) - Real(b[d])
                                   : Real(int(a[d] * cells) != int(b[d] * cells) ? 1 : 0);
      squares += pow(step / exp(Real(kernel_.log_lengths[d])), 2);
    }
    const Real q = sqrt(5 * squares);
    return exp(Real(kernel_.log_scale)) * (1 + q + q * q / 3) * exp(-q);
  }
  [[nodiscard]] Real noise(Index i) const {
    if (seen_.variances[i] < 0) return exp(Real(kernel_.log_noise));
    return Real(seen_.variances[i]) / (unit_ * unit_);
  }

  Observations seen_;
  KernelParameters kernel_;
  std::vector<int> cells_;
  Real shift_ = 0;
  Real unit_ = 1;
  Real mean_ = 0;
  RealMatrix covariance_;
  RealMatrix inverse_;
  RealVector values_;
};

}  // namespace

TEST_CASE("the posterior is the closed form, noise of every observation as given") {
  test::Random random = test::Random::announced("surrogate", 5);
  for (int repetition = 0; repetition < test::repetitions(20); ++repetition) {
    const std::vector<int> cells{0, repetition % 2 == 0 ? 0 : 3};
    Observations seen = draw(random, 12, 2);
    for (double& variance : seen.variances)
      variance = random.below(4) == 0 ? -1 : std::pow(10.0, -12 * random.unit());
    const KernelParameters kernel = kernel_of(2, 0.2 + random.unit(), random.unit(), -4);
    Surrogate surrogate(cells);
    surrogate.condition(seen, kernel);
    CHECK(surrogate.jitter() == 0);
    const Reference reference(seen, kernel, cells);
    for (int i = 0; i < 5; ++i) {
      const VectorXd point = draw(random, 1, 2).points.row(0).transpose();
      const auto [mean, deviation] = reference.posterior(point);
      const Posterior found = surrogate.predict(point);
      CHECK(found.mean == Approx(mean).epsilon(1e-7).margin(1e-8));
      CHECK(found.deviation == Approx(deviation).epsilon(1e-5).margin(1e-7));
    }
  }
}

TEST_CASE("noise of 1e-10 on one observation and 1e-2 on another both count") {
  Observations seen{MatrixXd(3, 1), VectorXd(3), VectorXd(3)};
  seen.points << 0.1, 0.5, 0.9;
  seen.values << 1, 2, 4;
  seen.variances << 1e-20, 1e-4, 0;
  const KernelParameters kernel = kernel_of(1, 0.5);
  Surrogate surrogate({0});
  surrogate.condition(seen, kernel);
  const Reference reference(seen, kernel, {0});
  VectorXd point(1);
  for (const double x : {0.1, 0.5, 0.9}) {
    point << x;
    const auto [mean, deviation] = reference.posterior(point);
    CHECK(surrogate.predict(point).mean == Approx(mean).epsilon(1e-12));
    CHECK(surrogate.predict(point).deviation == Approx(deviation).epsilon(1e-6).margin(3e-8));
  }
  // Far from the data's noise the second observation is pulled, the others are met.
  point << 0.5;
  CHECK(std::fabs(surrogate.predict(point).mean - 2) > 1e-5);
  point << 0.1;
  CHECK(std::fabs(surrogate.predict(point).mean - 1) < 1e-12);
}

TEST_CASE("the slope of the density agrees with differences in 50 digits") {
  test::Random random = test::Random::announced("surrogate slopes", 6);
  for (const std::vector<int>& cells : {std::vector<int>{0, 0, 0}, std::vector<int>{0, 3, 2}}) {
    Observations seen = draw(random, 10, 3);
    seen.variances.head(5).setConstant(-1);
    seen.variances.tail(5).setConstant(1e-3);
    const KernelParameters kernel{Eigen::Vector3d(-1.2, -0.3, 0.4), 0.3, -3.0};
    const Surrogate surrogate(cells);
    VectorXd slope;
    const double value = surrogate.objective(seen, kernel, &slope);
    CHECK(std::isfinite(value));
    const auto flat = kernel.flat();
    for (std::size_t i = 0; i < flat.size(); ++i) {
      constexpr double kStep = 0x1p-20;
      auto above = flat;
      auto below = flat;
      above[i] += kStep;
      below[i] -= kStep;
      const Reference high(seen, *KernelParameters::from_flat(above, 3), cells);
      const Reference low(seen, *KernelParameters::from_flat(below, 3), cells);
      const double misfit = static_cast<double>((high.misfit() - low.misfit()) / (2 * kStep));
      // What is left is the slope of the prior: that of the objective without data to speak of.
      const double prior = slope[static_cast<Index>(i)] - misfit;
      const double mode = surrogate.prior_mode().flat()[i];
      const double deviation = i < 3 ? 1.0 : i == 3 ? 1.5 : 3.0;
      CHECK(prior == Approx((flat[i] - mode) / (deviation * deviation)).epsilon(1e-6).margin(1e-7));
    }
  }
}

TEST_CASE("slopes of the posterior are those of its values") {
  test::Random random = test::Random::announced("posterior slopes", 7);
  const std::vector<int> cells{0, 4, 0};
  Surrogate surrogate(cells);
  surrogate.condition(draw(random, 15, 3, 1e-4), kernel_of(3, 0.6));
  constexpr double kStep = 1e-6;
  for (int i = 0; i < 10; ++i) {
    const VectorXd point = draw(random, 1, 3).points.row(0).transpose();
    const PosteriorSlope found = surrogate.predict_with_slope(point);
    CHECK(found.at.mean == Approx(surrogate.predict(point).mean).epsilon(1e-12));
    CHECK(found.mean[1] == 0);
    for (const Index d : {Index{0}, Index{2}}) {
      VectorXd above = point;
      VectorXd below = point;
      above[d] += kStep;
      below[d] -= kStep;
      const Posterior high = surrogate.predict(above);
      const Posterior low = surrogate.predict(below);
      CHECK(found.mean[d] ==
            Approx((high.mean - low.mean) / (2 * kStep)).epsilon(1e-5).margin(1e-6));
      CHECK(found.deviation[d] ==
            Approx((high.deviation - low.deviation) / (2 * kStep)).epsilon(1e-5).margin(1e-6));
    }
  }
}

TEST_CASE("adding observations one by one is conditioning on all of them") {
  test::Random random = test::Random::announced("incremental surrogate", 8);
  const Observations all = draw(random, 25, 2, 1e-8);
  const KernelParameters kernel = kernel_of(2, 0.4);
  // Units are those of the first ten: the same kernel in the units of all of them.
  const auto deviation = [](const VectorXd& values) {
    return std::sqrt((values.array() - values.mean()).square().sum() /
                     static_cast<double>(values.size() - 1));
  };
  KernelParameters same = kernel;
  same.log_scale += 2 * std::log(deviation(all.values.head(10)) / deviation(all.values));
  Surrogate whole({0, 0});
  whole.condition(all, same);
  Surrogate grown({0, 0});
  CHECK_THROWS_AS(grown.add(VectorXd::Zero(2), 0, 0), Error);
  grown.condition({all.points.topRows(10), all.values.head(10), all.variances.head(10)}, kernel);
  for (Index i = 10; i < 25; ++i)
    grown.add(all.points.row(i).transpose(), all.values[i], all.variances[i]);
  CHECK(grown.size() == 25);
  for (int i = 0; i < 5; ++i) {
    const VectorXd point = draw(random, 1, 2).points.row(0).transpose();
    CHECK(grown.predict(point).mean == Approx(whole.predict(point).mean).epsilon(1e-8));
  }
}

TEST_CASE("jitter is added only where the matrix needs it, and told") {
  test::Random random = test::Random::announced("jitter", 9);
  Observations seen = draw(random, 6, 1);
  Surrogate surrogate({0});
  surrogate.condition(seen, kernel_of(1, 0.3));
  CHECK(surrogate.jitter() == 0);
  seen.points.row(5) = seen.points.row(4);
  seen.values[5] = seen.values[4];
  surrogate.condition(seen, kernel_of(1, 0.3));
  CHECK(surrogate.jitter() > 0);
  CHECK(surrogate.jitter() <= 1e-12);
  seen.variances[5] = 1e-6;
  surrogate.condition(seen, kernel_of(1, 0.3));
  CHECK(surrogate.jitter() == 0);
}

TEST_CASE("fitting finds what the data show: lengths, and which observations are noise") {
  test::Random random = test::Random::announced("fitted surrogate", 10);
  Observations seen = draw(random, 40, 2);
  for (Index i = 0; i < 40; ++i) seen.values[i] = std::sin(12 * seen.points(i, 0));
  Surrogate surrogate({0, 0});
  surrogate.fit(seen, {surrogate.prior_mode()}, 60);
  CHECK(surrogate.kernel().log_lengths[1] > surrogate.kernel().log_lengths[0] + 1);
  const double fitted = surrogate.objective(seen, surrogate.kernel());
  CHECK(fitted < surrogate.objective(seen, surrogate.prior_mode()));
  VectorXd slope;
  (void)surrogate.objective(seen, surrogate.kernel(), &slope);
  CHECK(slope.head(3).norm() < 0.1);

  Observations noisy = draw(random, 60, 1, -1);
  for (Index i = 0; i < 60; ++i)
    noisy.values[i] = std::sin(6 * noisy.points(i, 0)) + 0.3 * (2 * random.unit() - 1);
  Surrogate smooth({0});
  smooth.fit(noisy, {smooth.prior_mode()}, 60);
  CHECK(smooth.kernel().log_noise > std::log(1e-2));
}

TEST_CASE("a joint posterior has the single ones on its diagonal") {
  test::Random random = test::Random::announced("joint posterior", 11);
  Surrogate surrogate({0, 0});
  surrogate.condition(draw(random, 12, 2, 1e-6), kernel_of(2, 0.5));
  const MatrixXd points = draw(random, 6, 2).points;
  const auto [means, covariance] = surrogate.joint(points);
  for (Index i = 0; i < 6; ++i) {
    const Posterior one = surrogate.predict(points.row(i).transpose());
    CHECK(means[i] == Approx(one.mean).epsilon(1e-12));
    CHECK(std::sqrt(covariance(i, i)) == Approx(one.deviation).epsilon(1e-8));
  }
  CHECK(covariance.isApprox(covariance.transpose()));
}

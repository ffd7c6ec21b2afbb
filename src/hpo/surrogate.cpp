#include "numgeom/hpo/surrogate.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>

#include "lbfgs.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

using Eigen::ArrayXXd;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kEpsilon = 0x1p-52;
constexpr double kFirstJitter = 1e-14;
constexpr double kJitterGrowth = 100;
constexpr double kMostJitter = 1.0;

/// A normal prior on a logarithm, and where the search for it ends.
struct Prior {
  double mean;
  double deviation;
  double lower;
  double upper;

  [[nodiscard]] double penalty(double x) const {
    const double z = (x - mean) / deviation;
    return 0.5 * z * z;
  }
  [[nodiscard]] double slope(double x) const { return (x - mean) / (deviation * deviation); }
};

/// Distances in a cube grow with √dimensions, and lengths with them (Hvarfner et al., ICML 2024).
Prior length_prior(int dimensions) {
  const double mean = std::log(0.3) + 0.5 * std::log(std::max(1, dimensions));
  return {mean, 1.0, std::log(5e-3), std::log(1e3)};
}
constexpr Prior kScalePrior = {0.0, 1.5, -10.0, 10.0};
constexpr Prior kNoisePrior = {-9.0, 3.0, -30.0, 3.0};

/// Squared distances between the rows of a and b.
ArrayXXd squared_distances(const MatrixXd& a, const MatrixXd& b) {
  MatrixXd result = -2 * a * b.transpose();
  result.colwise() += a.rowwise().squaredNorm();
  result.rowwise() += b.rowwise().squaredNorm().transpose();
  return result.array().max(0.0);
}

/// (1 + q + q²/3)·e^{−q} and (1 + q)·e^{−q} of q = (5·squares)^½.
struct Matern {
  ArrayXXd value;
  ArrayXXd slope;

  explicit Matern(const ArrayXXd& squares) {
    const ArrayXXd q = (5 * squares).sqrt();
    const ArrayXXd decay = (-q).exp();
    slope = (1 + q) * decay;
    value = slope + (5.0 / 3) * squares * decay;
  }
};

ArrayXXd matern(const ArrayXXd& squares) { return Matern(squares).value; }

/// The Cholesky factor, where rounding does not make its pivots meaningless.
std::optional<MatrixXd> cholesky(const MatrixXd& matrix) {
  Eigen::LLT<MatrixXd> llt(matrix);
  if (llt.info() != Eigen::Success) return std::nullopt;
  MatrixXd lower = llt.matrixL();
  const auto shares = lower.diagonal().array().square() / matrix.diagonal().array();
  if (!(shares.minCoeff() > kEpsilon * static_cast<double>(matrix.rows()))) return std::nullopt;
  return lower;
}

struct Factor {
  MatrixXd lower;
  double jitter = 0;
};

/// Adds what is needed to the diagonal, in units of `scale`.
Factor factorise(MatrixXd matrix, double scale) {
  const VectorXd diagonal = matrix.diagonal();
  for (double jitter = 0; jitter <= kMostJitter;
       jitter = jitter == 0 ? kFirstJitter : kJitterGrowth * jitter) {
    matrix.diagonal() = diagonal.array() + jitter * scale;
    if (auto lower = cholesky(matrix)) return {std::move(*lower), jitter};
  }
  throw Error("surrogate: the covariance matrix of the observations is not positive definite");
}

/// The generalised least squares mean: 1ᵀK⁻¹y / 1ᵀK⁻¹1.
double generalised_mean(const MatrixXd& lower, const VectorXd& values) {
  const auto triangle = lower.triangularView<Eigen::Lower>();
  const VectorXd ones = triangle.solve(VectorXd::Ones(values.size()));
  return ones.dot(triangle.solve(values)) / ones.squaredNorm();
}

VectorXd solved(const MatrixXd& lower, const VectorXd& values) {
  const auto triangle = lower.triangularView<Eigen::Lower>();
  return triangle.transpose().solve(triangle.solve(values));
}

MatrixXd inverse(const MatrixXd& lower) {
  const MatrixXd root =
      lower.triangularView<Eigen::Lower>().solve(MatrixXd::Identity(lower.rows(), lower.cols()));
  MatrixXd result = MatrixXd::Zero(lower.rows(), lower.cols());
  result.selfadjointView<Eigen::Lower>().rankUpdate(root.transpose());
  return result.selfadjointView<Eigen::Lower>();
}

/// The variance of the error of one observation, in squared standardised units.
double noise_of(double variance, double unit, double fitted) {
  return variance < 0 ? fitted : variance / (unit * unit);
}

struct Standardisation {
  double shift = 0;
  double unit = 1;
};

Standardisation standardisation_of(const VectorXd& values) {
  Standardisation result{values.mean(), 1};
  const double deviation = std::sqrt((values.array() - result.shift).square().sum() /
                                     static_cast<double>(std::max<Index>(1, values.size() - 1)));
  if (deviation > 0 && std::isfinite(deviation)) result.unit = deviation;
  return result;
}

}  // namespace

std::vector<double> KernelParameters::flat() const {
  std::vector<double> result(log_lengths.begin(), log_lengths.end());
  result.push_back(log_scale);
  result.push_back(log_noise);
  return result;
}

std::optional<KernelParameters> KernelParameters::from_flat(const std::vector<double>& flat,
                                                            int dimensions) {
  const auto lengths = static_cast<std::size_t>(dimensions);
  if (flat.size() != lengths + 2) return std::nullopt;
  KernelParameters result;
  result.log_lengths = Eigen::Map<const VectorXd>(flat.data(), dimensions);
  result.log_scale = flat[lengths];
  result.log_noise = flat[lengths + 1];
  return result;
}

/// The density of kernels for fixed observations.
class Surrogate::Likelihood {
 public:
  Likelihood(const Surrogate& surrogate, const Observations& observations)
      : surrogate_(surrogate), features_(surrogate.features(observations.points)) {
    const Standardisation standard = standardisation_of(observations.values);
    values_ = (observations.values.array() - standard.shift) / standard.unit;
    variances_ = observations.variances / (standard.unit * standard.unit);
    unknown_ = (observations.variances.array() < 0).cast<double>();
  }

  double operator()(const KernelParameters& kernel, VectorXd* slope) const {
    const MatrixXd scaled =
        features_.array().rowwise() * surrogate_.inverse_lengths(kernel).array();
    const double scale = std::exp(kernel.log_scale);
    const double noise = std::exp(kernel.log_noise);
    const Matern shape(squared_distances(scaled, scaled));
    MatrixXd covariance = scale * shape.value;
    covariance.diagonal().setConstant(scale);
    covariance.diagonal().array() += unknown_ * noise + (1 - unknown_) * variances_.array();
    const MatrixXd lower = factorise(covariance, scale).lower;
    const VectorXd residuals = values_.array() - generalised_mean(lower, values_);
    const VectorXd weights = solved(lower, residuals);
    if (slope != nullptr) *slope = slopes(kernel, scaled, shape, lower, weights, scale, noise);
    return 0.5 * residuals.dot(weights) + lower.diagonal().array().log().sum() + penalty(kernel);
  }

 private:
  [[nodiscard]] double penalty(const KernelParameters& kernel) const {
    const Prior length = length_prior(surrogate_.dimensions());
    double sum = kScalePrior.penalty(kernel.log_scale) + kNoisePrior.penalty(kernel.log_noise);
    for (const double x : kernel.log_lengths) sum += length.penalty(x);
    return sum;
  }

  [[nodiscard]] VectorXd slopes(const KernelParameters& kernel, const MatrixXd& scaled,
                                const Matern& shape, const MatrixXd& lower, const VectorXd& weights,
                                double scale, double noise) const {
    const MatrixXd difference = inverse(lower) - weights * weights.transpose();
    const Index dimensions = surrogate_.dimensions();
    VectorXd result = VectorXd::Zero(dimensions + 2);
    // ½·Σ_ij D_ij·∂k_ij/∂log ℓ, the squared differences multiplied out.
    const MatrixXd m = (difference.array() * shape.slope).matrix() * (scale * 5.0 / 3);
    const MatrixXd ms = m * scaled;
    const VectorXd sums = m.rowwise().sum();
    for (Index k = 0; k < scaled.cols(); ++k)
      result[surrogate_.coordinate_of_[static_cast<std::size_t>(k)]] +=
          sums.dot(scaled.col(k).cwiseAbs2()) - scaled.col(k).dot(ms.col(k));
    result[dimensions] = 0.5 * scale * (difference.array() * shape.value).sum();
    result[dimensions + 1] = 0.5 * noise * (difference.diagonal().array() * unknown_).sum();
    const Prior length = length_prior(surrogate_.dimensions());
    for (Index d = 0; d < dimensions; ++d) result[d] += length.slope(kernel.log_lengths[d]);
    result[dimensions] += kScalePrior.slope(kernel.log_scale);
    result[dimensions + 1] += kNoisePrior.slope(kernel.log_noise);
    return result;
  }

  const Surrogate& surrogate_;
  MatrixXd features_;
  VectorXd values_;
  VectorXd variances_;
  Eigen::ArrayXd unknown_;
};

Surrogate::Surrogate(std::vector<int> cells) : cells_(std::move(cells)) {
  for (std::size_t d = 0; d < cells_.size(); ++d)
    coordinate_of_.insert(coordinate_of_.end(), static_cast<std::size_t>(std::max(1, cells_[d])),
                          static_cast<int>(d));
}

KernelParameters Surrogate::prior_mode() const {
  KernelParameters kernel;
  kernel.log_lengths = VectorXd::Constant(dimensions(), length_prior(dimensions()).mean);
  kernel.log_scale = kScalePrior.mean;
  kernel.log_noise = kNoisePrior.mean;
  return kernel;
}

MatrixXd Surrogate::features(const MatrixXd& points) const {
  MatrixXd result = MatrixXd::Zero(points.rows(), static_cast<Index>(coordinate_of_.size()));
  Index column = 0;
  for (std::size_t d = 0; d < cells_.size(); ++d) {
    const int cells = cells_[d];
    const auto coordinate = points.col(static_cast<Index>(d));
    if (cells == 0) {
      result.col(column++) = coordinate;
      continue;
    }
    // Two different cells are at the distance 1.
    for (Index i = 0; i < points.rows(); ++i) {
      const int cell = std::clamp(static_cast<int>(coordinate[i] * cells), 0, cells - 1);
      result(i, column + cell) = std::sqrt(0.5);
    }
    column += cells;
  }
  return result;
}

Eigen::RowVectorXd Surrogate::inverse_lengths(const KernelParameters& kernel) const {
  Eigen::RowVectorXd result(static_cast<Index>(coordinate_of_.size()));
  for (std::size_t k = 0; k < coordinate_of_.size(); ++k)
    result[static_cast<Index>(k)] = std::exp(-kernel.log_lengths[coordinate_of_[k]]);
  return result;
}

void Surrogate::condition(const Observations& observations, const KernelParameters& kernel) {
  observations_ = observations;
  kernel_ = kernel;
  const Standardisation standard = standardisation_of(observations.values);
  shift_ = standard.shift;
  unit_ = standard.unit;
  solve();
}

void Surrogate::solve() {
  const double scale = std::exp(kernel_.log_scale);
  scaled_ = features(observations_.points).array().rowwise() * inverse_lengths(kernel_).array();
  MatrixXd covariance = scale * matern(squared_distances(scaled_, scaled_));
  for (Index i = 0; i < covariance.rows(); ++i)
    covariance(i, i) =
        scale + noise_of(observations_.variances[i], unit_, std::exp(kernel_.log_noise));
  Factor factor = factorise(std::move(covariance), scale);
  factor_ = std::move(factor.lower);
  jitter_ = factor.jitter;
  const VectorXd values = (observations_.values.array() - shift_) / unit_;
  mean_ = generalised_mean(factor_, values);
  weights_ = solved(factor_, values.array() - mean_);
}

void Surrogate::add(const VectorXd& point, double value, double variance) {
  if (size() == 0) throw Error("surrogate: condition it before an observation is added");
  const Index n = size();
  const VectorXd cross = cross_covariances(point.transpose()).col(0);
  const VectorXd row = factor_.triangularView<Eigen::Lower>().solve(cross);
  const double scale = std::exp(kernel_.log_scale);
  const double diagonal =
      scale * (1 + jitter_) + noise_of(variance, unit_, std::exp(kernel_.log_noise));
  const double pivot = diagonal - row.squaredNorm();
  observations_.points.conservativeResize(n + 1, Eigen::NoChange);
  observations_.points.row(n) = point.transpose();
  observations_.values.conservativeResize(n + 1);
  observations_.values[n] = value;
  observations_.variances.conservativeResize(n + 1);
  observations_.variances[n] = variance;
  if (!(pivot > kEpsilon * static_cast<double>(n + 1) * diagonal)) {
    solve();  // with more jitter
    return;
  }
  scaled_.conservativeResize(n + 1, Eigen::NoChange);
  scaled_.row(n) = features(point.transpose()).row(0).cwiseProduct(inverse_lengths(kernel_));
  factor_.conservativeResize(n + 1, n + 1);
  factor_.col(n).setZero();
  factor_.row(n).head(n) = row.transpose();
  factor_(n, n) = std::sqrt(pivot);
  const VectorXd values = (observations_.values.array() - shift_) / unit_;
  mean_ = generalised_mean(factor_, values);
  weights_ = solved(factor_, values.array() - mean_);
}

void Surrogate::fit(const Observations& observations, const std::vector<KernelParameters>& starts,
                    int evaluations) {
  const Likelihood likelihood(*this, observations);
  const int d = dimensions();
  const bool any_unknown = (observations.variances.array() < 0).any();
  const Prior length = length_prior(d);
  VectorXd lower(d + 2);
  VectorXd upper(d + 2);
  lower << VectorXd::Constant(d, length.lower), kScalePrior.lower,
      any_unknown ? kNoisePrior.lower : kNoisePrior.mean;
  upper << VectorXd::Constant(d, length.upper), kScalePrior.upper,
      any_unknown ? kNoisePrior.upper : kNoisePrior.mean;
  const auto kernel_at = [d](const VectorXd& x) {
    return *KernelParameters::from_flat({x.begin(), x.end()}, d);
  };
  const SmoothFunction function = [&](const VectorXd& x, VectorXd& slope) {
    return likelihood(kernel_at(x), &slope);
  };
  Minimum best{{}, std::numeric_limits<double>::infinity()};
  for (const KernelParameters& start : starts) {
    const std::vector<double> flat = start.flat();
    Minimum found = minimise(function, Eigen::Map<const VectorXd>(flat.data(), d + 2), lower, upper,
                             evaluations);
    if (found.value < best.value) best = std::move(found);
  }
  condition(observations, best.point.size() > 0 ? kernel_at(best.point) : prior_mode());
}

double Surrogate::objective(const Observations& observations, const KernelParameters& kernel,
                            VectorXd* slope) const {
  return Likelihood(*this, observations)(kernel, slope);
}

MatrixXd Surrogate::cross_covariances(const MatrixXd& points) const {
  const MatrixXd scaled = features(points).array().rowwise() * inverse_lengths(kernel_).array();
  return std::exp(kernel_.log_scale) * matern(squared_distances(scaled_, scaled));
}

Posterior Surrogate::predict(const VectorXd& point) const {
  return predict_all(point.transpose()).front();
}

std::vector<Posterior> Surrogate::predict_all(const MatrixXd& points) const {
  const MatrixXd cross = cross_covariances(points);
  const VectorXd means = cross.transpose() * weights_;
  const MatrixXd roots = factor_.triangularView<Eigen::Lower>().solve(cross);
  const double scale = std::exp(kernel_.log_scale);
  std::vector<Posterior> result;
  for (Index i = 0; i < points.rows(); ++i) {
    const double variance = std::max(scale - roots.col(i).squaredNorm(), kEpsilon * scale);
    result.push_back({shift_ + unit_ * (mean_ + means[i]), unit_ * std::sqrt(variance)});
  }
  return result;
}

PosteriorSlope Surrogate::predict_with_slope(const VectorXd& point) const {
  const Eigen::RowVectorXd inverse = inverse_lengths(kernel_);
  const Eigen::RowVectorXd scaled = features(point.transpose()).row(0).cwiseProduct(inverse);
  const Eigen::RowVectorXd none;
  const Matern shape(squared_distances(scaled_, scaled));
  const double scale = std::exp(kernel_.log_scale);
  const VectorXd cross = scale * shape.value.col(0);
  const VectorXd solution = solved(factor_, cross);
  const double variance = std::max(scale - cross.dot(solution), kEpsilon * scale);
  PosteriorSlope result;
  result.at = {shift_ + unit_ * (mean_ + cross.dot(weights_)), unit_ * std::sqrt(variance)};
  result.mean = VectorXd::Zero(dimensions());
  result.deviation = VectorXd::Zero(dimensions());
  // ∂k_i/∂x_d = −σ²·(5/3)(1 + q)e^{−q}·(x_d − x_id)/ℓ_d².
  const VectorXd steepness = (-scale * 5.0 / 3) * shape.slope.col(0).matrix();
  for (Index k = 0; k < scaled.size(); ++k) {
    const int d = coordinate_of_[static_cast<std::size_t>(k)];
    if (cells_[static_cast<std::size_t>(d)] > 0) continue;
    const VectorXd slope = steepness.array() * (scaled[k] - scaled_.col(k).array()) * inverse[k];
    result.mean[d] = unit_ * slope.dot(weights_);
    result.deviation[d] = -unit_ * slope.dot(solution) / std::sqrt(variance);
  }
  return result;
}

std::pair<VectorXd, MatrixXd> Surrogate::joint(const MatrixXd& points) const {
  const MatrixXd cross = cross_covariances(points);
  const MatrixXd roots = factor_.triangularView<Eigen::Lower>().solve(cross);
  const MatrixXd scaled = features(points).array().rowwise() * inverse_lengths(kernel_).array();
  MatrixXd covariance = std::exp(kernel_.log_scale) * matern(squared_distances(scaled, scaled));
  covariance -= roots.transpose() * roots;
  const VectorXd means = (cross.transpose() * weights_).array() * unit_ + (shift_ + unit_ * mean_);
  return {means, unit_ * unit_ * covariance};
}

}  // namespace numgeom

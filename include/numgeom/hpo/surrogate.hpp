#pragma once

#include <Eigen/Core>
#include <optional>
#include <vector>

namespace numgeom {

/// Values seen at points of the unit cube, each with the variance of its error.
struct Observations {
  Eigen::MatrixXd points;  ///< one a row
  Eigen::VectorXd values;
  /// In squared units of the values. Taken as it is: 1e-24 is data, not jitter. Where nothing is
  /// known (a negative number) the fitted noise stands in.
  Eigen::VectorXd variances;
};

/// Hyperparameters of the Gaussian process, in units of the standardised values.
struct KernelParameters {
  Eigen::VectorXd log_lengths;  ///< one a coordinate
  double log_scale = 0;         ///< of the variance σ²
  double log_noise = 0;         ///< of the variance of the error of observations without their own

  [[nodiscard]] std::vector<double> flat() const;
  /// From `flat()` of a kernel with this many coordinates; nothing where the size does not fit.
  static std::optional<KernelParameters> from_flat(const std::vector<double>& flat, int dimensions);
};

/// The posterior of a value at one point, in units of the values.
struct Posterior {
  double mean = 0;
  double deviation = 0;  ///< of the value itself, the noise of an observation not counted
};

/// A posterior and its derivatives by the coordinates.
struct PosteriorSlope {
  Posterior at;
  Eigen::VectorXd mean;
  Eigen::VectorXd deviation;
};

/// A Gaussian process with constant mean on the unit cube.
///
///     k(x, x′) = σ²(1 + √5·r + 5r²/3)·e^{−√5·r},   r² = Σ_d (Δ_d/ℓ_d)²
///     y_i = L(x_i) + ε_i,   ε_i ~ N(0, v_i)
///
/// Δ_d is the difference, or for nominal coordinates 1 where the cells differ and else 0 (Hamming).
/// Values are standardised; the mean is the generalised least squares estimate. Hyperparameters
/// maximise the posterior density under log-normal priors (L-BFGS with exact gradients from several
/// starts). Where the covariance matrix is not positive definite in doubles, the least multiple of
/// the identity among 1e-14·100^k·σ² that mends it is added, and `jitter()` tells it.
/// Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), chapters 2, 5.
class Surrogate {
 public:
  /// How many values each nominal coordinate has; 0 for ordered ones.
  explicit Surrogate(std::vector<int> cells);

  [[nodiscard]] int dimensions() const { return static_cast<int>(cells_.size()); }
  [[nodiscard]] int size() const { return static_cast<int>(observations_.values.size()); }
  /// The kernel before any data: the mode of the priors.
  [[nodiscard]] KernelParameters prior_mode() const;

  /// Takes observations and a kernel: O(n³).
  void condition(const Observations& observations, const KernelParameters& kernel);
  /// Takes one more observation under the same kernel and standardisation: O(n²). Throws `Error`
  /// before `condition`.
  void add(const Eigen::VectorXd& point, double value, double variance);
  /// Finds the best kernel for the observations, starting from each of `starts`, and conditions on
  /// it. At most `evaluations` of the density for each start.
  void fit(const Observations& observations, const std::vector<KernelParameters>& starts,
           int evaluations);

  [[nodiscard]] const KernelParameters& kernel() const { return kernel_; }
  [[nodiscard]] double jitter() const { return jitter_; }  ///< in units of σ²
  [[nodiscard]] Posterior predict(const Eigen::VectorXd& point) const;
  [[nodiscard]] PosteriorSlope predict_with_slope(const Eigen::VectorXd& point) const;
  /// One a row of `points`.
  [[nodiscard]] std::vector<Posterior> predict_all(const Eigen::MatrixXd& points) const;
  /// Means and covariances of the values at the rows of `points`, jointly.
  [[nodiscard]] std::pair<Eigen::VectorXd, Eigen::MatrixXd> joint(
      const Eigen::MatrixXd& points) const;

  /// The negative logarithm of the posterior density of a kernel (up to a constant), and its
  /// derivatives in the order of `KernelParameters::flat`.
  [[nodiscard]] double objective(const Observations& observations, const KernelParameters& kernel,
                                 Eigen::VectorXd* slope = nullptr) const;

 private:
  class Likelihood;
  struct Factored;
  /// Coordinates as columns of a Euclidean space: nominal ones become one column a cell.
  [[nodiscard]] Eigen::MatrixXd features(const Eigen::MatrixXd& points) const;
  [[nodiscard]] Eigen::RowVectorXd inverse_lengths(const KernelParameters& kernel) const;
  [[nodiscard]] Eigen::MatrixXd cross_covariances(const Eigen::MatrixXd& points) const;
  void standardise();
  void solve();

  std::vector<int> cells_;
  std::vector<int> coordinate_of_;  ///< of every feature column
  Observations observations_;
  KernelParameters kernel_;
  double shift_ = 0;  ///< value = shift + unit·standardised
  double unit_ = 1;
  double mean_ = 0;
  double jitter_ = 0;
  Eigen::MatrixXd scaled_;  ///< features over lengths, one a row
  Eigen::MatrixXd factor_;  ///< lower Cholesky factor
  Eigen::VectorXd weights_;
};

}  // namespace numgeom

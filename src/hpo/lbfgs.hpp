#pragma once

#include <Eigen/Core>
#include <functional>

namespace numgeom {

/// Value at x; writes the derivatives to `slope`.
using SmoothFunction = std::function<double(const Eigen::VectorXd& x, Eigen::VectorXd& slope)>;

struct Minimum {
  Eigen::VectorXd point;
  double value = 0;
};

/// The best point that L-BFGS visits in a box, in at most `evaluations` evaluations (NLopt).
///
/// Values that are not finite count as huge. Deterministic.
[[nodiscard]] Minimum minimise(const SmoothFunction& function, const Eigen::VectorXd& start,
                               const Eigen::VectorXd& lower, const Eigen::VectorXd& upper,
                               int evaluations);

}  // namespace numgeom

#include "numgeom/arithmetic/enclosing_arithmetic.hpp"

#include <cmath>
#include <string>

#include "numgeom/arithmetic/rounding.hpp"
#include "numgeom/error.hpp"

namespace numgeom {

Magnitude gamma(Eigen::Index n, const Magnitude& unit) {
  const Magnitude terms(static_cast<double>(n));
  const Magnitude more(static_cast<double>(n + 1));
  if (terms * more * unit > Magnitude(1.0))
    throw Error("matrix product: " + std::to_string(n) + " terms are too many for this precision");
  return more * unit;
}

Magnitude detail::decay_factor(double lr, double weight_decay) {
  const double least = rounding::sub_down(1.0, rounding::mul_up(lr, weight_decay));
  const double most = rounding::sub_up(1.0, rounding::mul_down(lr, weight_decay));
  const Magnitude a(least);
  const Magnitude b(most);
  return a < b ? b : a;
}

BoundMatrix detail::hidden(const BoundMatrix& x, const Mask& mask) {
  if (x.is_zero()) return x;
  return BoundMatrix(Matrix<double>((mask.array() != 0).select(x.mantissas(), 0.0)), x.exponent());
}

detail::RootBounds detail::root_bounds(const DoubleEnclosures& midpoints, const BoundMatrix& radii,
                                       double factor, double epsilon) {
  /// From here on a root serves all members as well as the midpoint.
  constexpr double kNearlyOne = 1 - 0x1p-20;
  const Eigen::Index rows = midpoints.midpoints.rows();
  const Eigen::Index cols = midpoints.midpoints.cols();
  const Matrix<double> errors = midpoints.radii.to_doubles();
  const Matrix<double> all_errors = (midpoints.radii + radii).to_doubles();
  const auto root_lower = [](double value, double error) {
    const double least = rounding::sub_down(value, error);
    return least > 0 ? rounding::sqrt_down(least) : 0;
  };
  const auto reciprocal = [&](double root) {
    if (!(factor >= 0)) return rounding::kInfinity;
    return rounding::div_up(1.0, rounding::add_down(rounding::mul_down(factor, root), epsilon));
  };
  RootBounds bounds{Matrix<double>(rows, cols), {}, {}};
  Matrix<double> reciprocals(rows, cols);
  Matrix<double> midpoint_reciprocals(rows, cols);
  for (Eigen::Index i = 0; i < rows * cols; ++i) {
    const double value = midpoints.midpoints.data()[i];
    const double error = errors.data()[i];
    const double all_error = all_errors.data()[i];
    const double root = root_lower(value, all_error);
    bounds.roots.data()[i] = root;
    reciprocals.data()[i] = reciprocal(root);
    const bool serves = all_error <= error || value - all_error >= kNearlyOne * value;
    midpoint_reciprocals.data()[i] =
        serves ? reciprocals.data()[i] : reciprocal(root_lower(value, error));
  }
  bounds.reciprocals = BoundMatrix(std::move(reciprocals));
  bounds.midpoint_reciprocals = BoundMatrix(std::move(midpoint_reciprocals));
  return bounds;
}

BoundMatrix detail::root_change(const BoundMatrix& radii, const Matrix<double>& roots,
                                const BoundMatrix& sizes) {
  const Matrix<double> distances = radii.to_doubles();
  const Matrix<double> quotients = sizes.mantissas();
  Matrix<double> reciprocals(roots.rows(), roots.cols());
  bool by_root = true;  // r/root is the lesser one everywhere
  for (Eigen::Index i = 0; i < roots.size(); ++i) {
    const double root = roots.data()[i];
    const double distance = quotients.data()[i] == 0 ? 0 : distances.data()[i];
    by_root = by_root && (distance == 0 || distance <= root * root);
    reciprocals.data()[i] = distance > 0 && root > 0 ? rounding::div_up(1.0, root) : 0;
  }
  if (by_root) return hadamard(radii, BoundMatrix(std::move(reciprocals)));
  std::vector<Magnitude> changes;
  changes.reserve(static_cast<std::size_t>(roots.size()));
  for (Eigen::Index i = 0; i < roots.rows(); ++i)
    for (Eigen::Index j = 0; j < roots.cols(); ++j) {
      if (quotients(i, j) == 0) {
        changes.emplace_back();
        continue;
      }
      const Magnitude radius = radii(i, j);
      const Magnitude by_square_root = sqrt_up(radius);
      const double root = roots(i, j);
      changes.push_back(root > 0 ? std::min(by_square_root, divide_up(radius, Magnitude(root)))
                                 : by_square_root);
    }
  return {roots.rows(), roots.cols(), changes};
}

}  // namespace numgeom

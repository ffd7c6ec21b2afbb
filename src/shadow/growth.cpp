#include "numgeom/shadow/growth.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "numgeom/arithmetic/native.hpp"

namespace numgeom {
namespace {

const Native<double> kNative;
/// Roundings that a softmax or tanh entry goes through, about.
constexpr double kElementaryRoundings = 8;

BoundMatrix masked(const BoundMatrix& growth, const Matrix<double>& values) {
  return BoundMatrix((values.array() > 0).select(growth.mantissas(), 0.0), growth.exponent());
}

BoundMatrix sizes(const Matrix<double>& values) { return BoundMatrix(values); }

Magnitude roundings(Eigen::Index n) { return Magnitude(static_cast<double>(n + 1)); }

/// Growth of the residuals of one row, and of its loss.
Magnitude row_growth(const GrowthMatrix& logits, const Matrix<double>& p, Eigen::Index i, int label,
                     std::vector<Magnitude>& residuals) {
  Magnitude loss;
  for (Eigen::Index k = 0; k < p.cols(); ++k) {
    Magnitude spread = Magnitude(1 - p(i, k)) * logits.growth(i, k);
    for (Eigen::Index j = 0; j < p.cols(); ++j)
      if (j != k) spread += Magnitude(p(i, j)) * logits.growth(i, j);
    residuals.push_back(Magnitude(p(i, k)) * (spread + Magnitude(kElementaryRoundings)));
    if (k == label) loss = spread + Magnitude(kElementaryRoundings);
  }
  return loss;
}

}  // namespace

GrowthMatrix GrowthArithmetic::embed(const ExactMatrix& exact) const {
  return {kNative.embed(exact), BoundMatrix(exact.rows(), exact.cols())};
}

GrowthMatrix GrowthArithmetic::gather_rows(const Matrix& x, const Indices& rows) const {
  return {kNative.gather_rows(x.values, rows), numgeom::gather_rows(x.growth, rows)};
}

GrowthMatrix GrowthArithmetic::product(const Matrix& x, const Matrix& w) const {
  const BoundMatrix size = sizes(w.values);
  return {kNative.product(x.values, w.values),
          numgeom::product(sizes(x.values), w.growth + roundings(x.values.cols()) * size) +
              numgeom::product(x.growth, size)};
}

GrowthMatrix GrowthArithmetic::product_tn(const Matrix& x, const Matrix& d) const {
  const BoundMatrix size = sizes(d.values);
  return {kNative.product_tn(x.values, d.values),
          numgeom::product_tn(sizes(x.values), d.growth + roundings(x.values.rows()) * size) +
              numgeom::product_tn(x.growth, size)};
}

GrowthMatrix GrowthArithmetic::product_nt(const Matrix& d, const Matrix& w) const {
  const BoundMatrix size = sizes(w.values);
  return {kNative.product_nt(d.values, w.values),
          numgeom::product_nt(sizes(d.values), w.growth + roundings(d.values.cols()) * size) +
              numgeom::product_nt(d.growth, size)};
}

GrowthMatrix GrowthArithmetic::add_row(const Matrix& x, const Matrix& row) const {
  auto sum = kNative.add_row(x.values, row.values);
  BoundMatrix growth = numgeom::add_row(x.growth, row.growth) + sizes(sum);
  return {std::move(sum), std::move(growth)};
}

GrowthMatrix GrowthArithmetic::column_sums(const Matrix& x) const {
  return {kNative.column_sums(x.values),
          numgeom::column_sums(x.growth + roundings(x.values.rows()) * sizes(x.values))};
}

GrowthMatrix GrowthArithmetic::axpy(double alpha, const Matrix& x, const Matrix& y) const {
  auto sum = kNative.axpy(alpha, x.values, y.values);
  const Magnitude size(alpha);
  BoundMatrix growth = size * (x.growth + sizes(x.values)) + y.growth + sizes(sum);
  return {std::move(sum), std::move(growth)};
}

GrowthMatrix GrowthArithmetic::relu(const Matrix& z) const {
  for (Eigen::Index i = 0; i < z.values.rows(); ++i) {
    for (Eigen::Index j = 0; j < z.values.cols(); ++j) {
      const Magnitude growth = z.growth(i, j);
      const double size = std::abs(z.values(i, j));
      if (growth.is_zero() || !growth.is_finite() || !(size > 0)) continue;
      *decision_bits_ = std::max(*decision_bits_, growth.log2() - std::log2(size));
    }
  }
  return {kNative.relu(z.values), masked(z.growth, z.values)};
}

GrowthMatrix GrowthArithmetic::relu_gradient(const Matrix& z, const Matrix& d) const {
  return {kNative.relu_gradient(z.values, d.values), masked(d.growth, z.values)};
}

GrowthMatrix GrowthArithmetic::tanh(const Matrix& z) const {
  auto values = kNative.tanh(z.values);
  const numgeom::Matrix<double> slope = 1 - values.array().square();
  BoundMatrix growth =
      hadamard(sizes(slope), z.growth) + Magnitude(kElementaryRoundings) * sizes(values);
  return {std::move(values), std::move(growth)};
}

GrowthMatrix GrowthArithmetic::tanh_gradient(const Matrix& t, const Matrix& d) const {
  const numgeom::Matrix<double> slope = 1 - t.values.array().square();
  auto values = kNative.tanh_gradient(t.values, d.values);
  BoundMatrix growth =
      hadamard(sizes(slope), d.growth) +
      hadamard(Magnitude(2.0) * hadamard(sizes(t.values), sizes(d.values)), t.growth) +
      Magnitude(kElementaryRoundings) * sizes(d.values);
  return {std::move(values), std::move(growth)};
}

LossAndGradient<GrowthScalar, GrowthMatrix> GrowthArithmetic::softmax_cross_entropy(
    const Matrix& logits, const Indices& labels) const {
  auto native = kNative.softmax_cross_entropy(logits.values, labels);
  const Eigen::Index rows = logits.values.rows();
  const double count = static_cast<double>(rows);
  numgeom::Matrix<double> p = native.gradient * count;
  for (Eigen::Index i = 0; i < rows; ++i) p(i, labels[i]) += 1;

  Magnitude total;
  std::vector<Magnitude> residuals;
  for (Eigen::Index i = 0; i < rows; ++i) total += row_growth(logits, p, i, labels[i], residuals);
  const Magnitude share(1 / count);
  return {{native.loss, share * total},
          {std::move(native.gradient), share * BoundMatrix(rows, logits.values.cols(), residuals)}};
}

ErrorCount GrowthArithmetic::count_errors(const Matrix& logits, const Indices& labels) const {
  return kNative.count_errors(logits.values, labels);
}

}  // namespace numgeom

#include "numgeom/arithmetic/bound_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// The least positive mantissa: the product of two is a normal double.
constexpr double kFloor = 0x1p-500;
constexpr int kFloorExponent = -500;

double round_up_to_floor(double x) {
  if (!(x <= std::numeric_limits<double>::max())) return kInfinity;  // ∞ or NaN
  return x > 0 && x < kFloor ? kFloor : x;
}

/// Mantissas of `a` for the greater exponent `exponent`, rounded up.
Matrix<double> shifted(const Matrix<double>& mantissas, std::int64_t by) {
  if (by == 0) return mantissas;
  // Mantissas are at most 2^500, so beyond this shift every entry is at the floor.
  const double factor = std::ldexp(1.0, -static_cast<int>(std::min<std::int64_t>(by, 1022)));
  return mantissas.unaryExpr([factor](double x) {
    return x > 0 && x < kFloor / factor ? kFloor : round_up_to_floor(x * factor);
  });
}

/// One factor is zero and the other is not ∞ anywhere.
bool vanishes(const BoundMatrix& a, const BoundMatrix& b) {
  return (a.is_zero() && b.is_finite()) || (b.is_zero() && a.is_finite());
}

}  // namespace

double sum_inflation(Eigen::Index n) {
  if (n >= (Eigen::Index{1} << 40))
    throw Error("matrix product: " + std::to_string(n) + " terms, fewer than 2^40 expected");
  return 1 + static_cast<double>(n + 8) * 0x1p-52;
}

BoundMatrix::BoundMatrix(const Matrix<double>& values, std::int64_t exponent)
    : mantissas_(values.cwiseAbs()), exponent_(exponent) {
  normalise();
}

BoundMatrix::BoundMatrix(Eigen::Index rows, Eigen::Index cols,
                         const std::vector<Magnitude>& entries)
    : BoundMatrix(rows, cols) {
  if (static_cast<Eigen::Index>(entries.size()) != rows * cols)
    throw Error("bound matrix: " + std::to_string(entries.size()) + " entries for " +
                std::to_string(rows) + "×" + std::to_string(cols));
  bool any = false;
  for (const Magnitude& entry : entries) {
    if (entry.is_zero() || !entry.is_finite()) continue;
    exponent_ = any ? std::max(exponent_, entry.exponent()) : entry.exponent();
    any = true;
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Magnitude& entry = entries[i];
    const std::int64_t shift = entry.exponent() - exponent_;
    double& target = mantissas_.data()[i];
    if (entry.is_zero() || !entry.is_finite())
      target = entry.mantissa();
    else
      target = shift < kFloorExponent
                   ? kFloor
                   : round_up_to_floor(std::ldexp(entry.mantissa(), static_cast<int>(shift)));
  }
}

void BoundMatrix::normalise() {
  if (mantissas_.size() == 0) return;
  double largest = 0;
  for (const double x : mantissas_.reshaped())
    if (x > largest && x < kInfinity) largest = x;
  if (largest == 0) {
    mantissas_ = mantissas_.unaryExpr(&round_up_to_floor);
    exponent_ = 0;
    return;
  }
  int shift = 0;
  std::frexp(largest, &shift);
  // In two exact steps, since 2^-shift itself may lie outside the range of doubles.
  const double half = std::ldexp(1.0, -(shift / 2));
  const double rest = std::ldexp(1.0, -(shift - shift / 2));
  mantissas_ = mantissas_.unaryExpr([half, rest](double x) {
    const double scaled = x * half * rest;
    return x > 0 && scaled < kFloor ? kFloor : round_up_to_floor(scaled);
  });
  exponent_ += shift;
  if (exponent_ > Magnitude::kMostExponent) {
    mantissas_ = mantissas_.unaryExpr([](double x) { return x > 0 ? kInfinity : x; });
    exponent_ = 0;
  }
  exponent_ = std::max(exponent_, -Magnitude::kMostExponent);
}

BoundMatrix BoundMatrix::inflated(Matrix<double> values, std::int64_t exponent,
                                  Eigen::Index roundings) {
  const double factor = sum_inflation(roundings);
  values *= factor;
  return BoundMatrix(values, exponent);
}

void BoundMatrix::set(Eigen::Index row, Eigen::Index col, const Magnitude& bound) {
  mantissas_(row, col) = 0;
  if (!bound.is_zero()) widen(row, col, bound);
}

void BoundMatrix::widen(Eigen::Index row, Eigen::Index col, const Magnitude& by) {
  BoundMatrix added(rows(), cols());
  added.mantissas_(row, col) = by.mantissa();
  added.exponent_ = by.exponent();
  *this = *this + added;
}

Magnitude BoundMatrix::largest() const {
  return mantissas_.size() == 0 ? Magnitude() : Magnitude(mantissas_.maxCoeff(), exponent_);
}

BoundMatrix operator+(const BoundMatrix& a, const BoundMatrix& b) {
  if (a.is_zero()) return b;
  if (b.is_zero()) return a;
  const std::int64_t exponent = std::max(a.exponent_, b.exponent_);
  return BoundMatrix::inflated(
      shifted(a.mantissas_, exponent - a.exponent_) + shifted(b.mantissas_, exponent - b.exponent_),
      exponent, 1);
}

BoundMatrix operator*(const Magnitude& factor, const BoundMatrix& a) {
  if (factor.is_zero()) return {a.rows(), a.cols()};
  return BoundMatrix::inflated(factor.mantissa() * a.mantissas_, factor.exponent() + a.exponent_,
                               1);
}

BoundMatrix BoundMatrix::plus_where_positive(const Magnitude& constant) const {
  if (constant.is_zero()) return *this;
  const double mantissa = constant.mantissa();
  const Matrix<double> added =
      mantissas_.unaryExpr([mantissa](double x) { return x == 0 ? 0 : mantissa; });
  return *this + BoundMatrix(added, constant.exponent());
}

BoundMatrix product(const BoundMatrix& a, const BoundMatrix& b) {
  if (vanishes(a, b)) return {a.rows(), b.cols()};
  return BoundMatrix::inflated(a.mantissas_ * b.mantissas_, a.exponent_ + b.exponent_, a.cols());
}

BoundMatrix product_tn(const BoundMatrix& a, const BoundMatrix& b) {
  if (vanishes(a, b)) return {a.cols(), b.cols()};
  return BoundMatrix::inflated(a.mantissas_.transpose() * b.mantissas_, a.exponent_ + b.exponent_,
                               a.rows());
}

BoundMatrix product_nt(const BoundMatrix& a, const BoundMatrix& b) {
  if (vanishes(a, b)) return {a.rows(), b.rows()};
  return BoundMatrix::inflated(a.mantissas_ * b.mantissas_.transpose(), a.exponent_ + b.exponent_,
                               a.cols());
}

BoundMatrix hadamard(const BoundMatrix& a, const BoundMatrix& b) {
  return BoundMatrix::inflated(a.mantissas_.cwiseProduct(b.mantissas_), a.exponent_ + b.exponent_,
                               1);
}

BoundMatrix add_row(const BoundMatrix& a, const BoundMatrix& row) {
  return a + BoundMatrix(row.mantissas_.replicate(a.rows(), 1), row.exponent_);
}

BoundMatrix column_sums(const BoundMatrix& a) {
  return BoundMatrix::inflated(a.mantissas_.colwise().sum(), a.exponent_, a.rows());
}

BoundMatrix gather_rows(const BoundMatrix& a, const Indices& rows) {
  return BoundMatrix(Matrix<double>(a.mantissas_(rows, Eigen::all)), a.exponent_);
}

}  // namespace numgeom

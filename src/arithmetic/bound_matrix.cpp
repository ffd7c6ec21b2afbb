#include "numgeom/arithmetic/bound_matrix.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "numgeom/arithmetic/double_product.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// The least positive mantissa: the product of two is a normal double.
constexpr double kFloor = 0x1p-500;
constexpr int kFloorExponent = -500;
/// Where the largest mantissa may lie.
constexpr double kLeastLargest = 0x1p-64;
constexpr double kMostLargest = 0x1p64;

/// NaN stays NaN: `normalise` finds it.
double raised(double x) { return x < kFloor ? (x == 0 ? 0.0 : kFloor) : x; }

/// x·factor, rounded up to the floor unless x is zero; factor may be so small that the product
/// underflows.
double shifted(double x, double factor) { return x == 0 ? 0 : std::max(x * factor, kFloor); }

/// 2^-by, or so little that every mantissa times it is at the floor.
double shift_factor(std::int64_t by) {
  constexpr std::int64_t kMost = 1000;
  return std::ldexp(1.0, -static_cast<int>(std::min(by, kMost)));
}

/// One factor is zero and the other is not ∞ anywhere.
bool vanishes(const BoundMatrix& a, const BoundMatrix& b) {
  return (a.is_zero() && b.is_finite()) || (b.is_zero() && a.is_finite());
}

}  // namespace

/// The sizes of the greatest entry and of the least that is not zero, as bit patterns: NaN and ∞
/// are greater than everything.
struct BoundMatrix::Sizes {
  std::int64_t greatest = 0;
  /// Less one, so that zeros wrap to the greatest of all.
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();

  void add(double size) {
    // Without the sign, which a NaN may have.
    const auto bits = std::bit_cast<std::int64_t>(size) & std::numeric_limits<std::int64_t>::max();
    greatest = std::max(greatest, bits);
    least = std::min(least, static_cast<std::uint64_t>(bits) - 1);
  }
  /// No mantissa has to be moved.
  [[nodiscard]] bool in_range() const {
    return greatest <= std::bit_cast<std::int64_t>(kMostLargest / 4) &&
           greatest >= std::bit_cast<std::int64_t>(kLeastLargest) &&
           least >= std::bit_cast<std::uint64_t>(kFloor) - 1;
  }
};

double detail::largest_size(const Matrix<double>& x) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  std::uint64_t largest = 0;
  const double* values = x.data();
  for (Eigen::Index i = 0; i < x.size(); ++i)
    largest = std::max(largest, std::bit_cast<std::uint64_t>(values[i]) & ~kSign);
  return std::bit_cast<double>(largest);
}

double sum_inflation(Eigen::Index n) {
  if (n >= (Eigen::Index{1} << 40))
    throw Error("matrix product: " + std::to_string(n) + " terms, fewer than 2^40 expected");
  return 1 + static_cast<double>(n + 8) * 0x1p-52;
}

BoundMatrix::BoundMatrix(Matrix<double> values, std::int64_t exponent)
    : rows_(values.rows()),
      cols_(values.cols()),
      mantissas_(std::move(values)),
      exponent_(exponent) {
  Sizes sizes;
  double* mantissas = mantissas_.data();
  for (Eigen::Index i = 0; i < mantissas_.size(); ++i) {
    mantissas[i] = std::abs(mantissas[i]);
    sizes.add(mantissas[i]);
  }
  normalise_unless_in_range(sizes);
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
  allocate();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Magnitude& entry = entries[i];
    const std::int64_t shift = entry.exponent() - exponent_;
    double& target = mantissas_.data()[i];
    if (entry.is_zero() || !entry.is_finite())
      target = entry.mantissa();
    else
      target = shift < kFloorExponent
                   ? kFloor
                   : raised(std::ldexp(entry.mantissa(), static_cast<int>(shift)));
  }
  normalise();
}

void BoundMatrix::allocate() {
  if (is_zero()) mantissas_.setZero(rows_, cols_);
}

void BoundMatrix::normalise() {
  double largest = detail::largest_size(mantissas_);
  if (!(largest < kInfinity)) {
    mantissas_ = mantissas_.unaryExpr([](double x) { return x < kInfinity ? x : kInfinity; });
    largest = 0;
    for (const double x : mantissas_.reshaped())
      if (x < kInfinity) largest = std::max(largest, x);
    if (largest == 0) {
      exponent_ = 0;
      return;
    }
  }
  if (largest == 0) {
    mantissas_.resize(0, 0);
    exponent_ = 0;
    return;
  }
  int shift = 0;
  if (largest < kLeastLargest || largest > kMostLargest / 4) std::frexp(largest, &shift);
  // In two exact steps, since 2^-shift itself may lie outside the range of doubles. The first one
  // brings down what is too large, or up what is too small: it is exact wherever it matters.
  const double half = std::ldexp(1.0, -(shift / 2));
  const double rest = std::ldexp(1.0, -(shift - shift / 2));
  double* values = mantissas_.data();
  const Eigen::Index size = mantissas_.size();
  if (shift == 0)
    for (Eigen::Index i = 0; i < size; ++i) values[i] = raised(values[i]);
  else
    for (Eigen::Index i = 0; i < size; ++i)
      values[i] = values[i] == 0 ? 0 : std::max(values[i] * half * rest, kFloor);
  exponent_ += shift;
  if (exponent_ > Magnitude::kMostExponent) {
    mantissas_ = mantissas_.unaryExpr([](double x) { return x > 0 ? kInfinity : x; });
    exponent_ = 0;
  }
  exponent_ = std::max(exponent_, -Magnitude::kMostExponent);
}

void BoundMatrix::normalise_unless_in_range(const Sizes& sizes) {
  if (!sizes.in_range() || std::abs(exponent_) > Magnitude::kMostExponent) normalise();
}

template <class Entry>
BoundMatrix BoundMatrix::from_entries(Eigen::Index rows, Eigen::Index cols, std::int64_t exponent,
                                      Entry entry) {
  BoundMatrix result(rows, cols);
  result.mantissas_.resize(rows, cols);
  result.exponent_ = exponent;
  double* mantissas = result.mantissas_.data();
  Sizes sizes;
  for (Eigen::Index i = 0; i < rows * cols; ++i) {
    const double value = entry(i);
    mantissas[i] = value;
    sizes.add(value);
  }
  result.normalise_unless_in_range(sizes);
  return result;
}

BoundMatrix BoundMatrix::inflated(Matrix<double> values, std::int64_t exponent,
                                  Eigen::Index roundings) {
  const double inflation = sum_inflation(roundings);
  BoundMatrix result(values.rows(), values.cols());
  result.mantissas_ = std::move(values);
  result.exponent_ = exponent;
  double* mantissas = result.mantissas_.data();
  Sizes sizes;
  for (Eigen::Index i = 0; i < result.mantissas_.size(); ++i) {
    const double value = mantissas[i] * inflation;
    mantissas[i] = value;
    sizes.add(value);
  }
  result.normalise_unless_in_range(sizes);
  return result;
}

void BoundMatrix::set_unbounded(Eigen::Index row, Eigen::Index col) {
  allocate();
  mantissas_(row, col) = kInfinity;
}

void BoundMatrix::set(Eigen::Index row, Eigen::Index col, const Magnitude& bound) {
  if (!is_zero()) mantissas_(row, col) = 0;
  if (!bound.is_zero()) widen(row, col, bound);
}

void BoundMatrix::widen(Eigen::Index row, Eigen::Index col, const Magnitude& by) {
  if (by.is_zero()) return;
  BoundMatrix added(rows(), cols());
  added.allocate();
  added.mantissas_(row, col) = by.mantissa();
  added.exponent_ = by.exponent();
  *this = *this + added;
}

Magnitude BoundMatrix::largest() const {
  return is_zero() ? Magnitude() : Magnitude(detail::largest_size(mantissas_), exponent_);
}

Matrix<double> BoundMatrix::to_doubles() const {
  constexpr double kLeast = 0x1p-1000;
  Matrix<double> result = mantissas();
  // Below 2^-1000 the unit may be rounded up; above the range of doubles it is ∞.
  const double unit = std::max(Magnitude::power_of_two(exponent_).to_double_up(), kLeast);
  double* values = result.data();
  for (Eigen::Index i = 0; i < result.size(); ++i)
    values[i] = values[i] == 0 ? 0 : std::max(values[i] * unit, kLeast);
  return result;
}

BoundMatrix operator+(const BoundMatrix& a, const BoundMatrix& b) {
  return scaled_sum(Magnitude(1.0), a, b);
}

BoundMatrix operator*(const Magnitude& factor, const BoundMatrix& a) {
  if (factor.is_zero() || a.is_zero()) return {a.rows(), a.cols()};
  return BoundMatrix::inflated(factor.mantissa() * a.mantissas_, factor.exponent() + a.exponent_,
                               1);
}

BoundMatrix scaled_sum(const Magnitude& factor, const BoundMatrix& a, const BoundMatrix& b) {
  if (!factor.is_finite()) return factor * a + b;
  if (factor.is_zero() || a.is_zero()) return b;
  if (b.is_zero()) return factor == Magnitude(1.0) ? a : factor * a;
  const std::int64_t a_exponent = a.exponent_ + factor.exponent();
  const std::int64_t exponent = std::max(a_exponent, b.exponent_);
  const double a_shift = shift_factor(exponent - a_exponent);
  const double b_shift = shift_factor(exponent - b.exponent_);
  const double* x = a.mantissas_.data();
  const double* y = b.mantissas_.data();
  const double size = factor.mantissa();
  // Shifts are exact or go to the floor; the product and the sum are two roundings.
  const double inflation = sum_inflation(2);
  return BoundMatrix::from_entries(a.rows(), a.cols(), exponent, [=](Eigen::Index i) {
    return (shifted(x[i] * size, a_shift) + shifted(y[i], b_shift)) * inflation;
  });
}

BoundMatrix BoundMatrix::plus_where_positive(const Magnitude& constant) const {
  if (constant.is_zero() || is_zero()) return *this;
  const std::int64_t exponent = std::max(exponent_, constant.exponent());
  const double shift = shift_factor(exponent - exponent_);
  const double added = raised(constant.mantissa() * shift_factor(exponent - constant.exponent()));
  const double inflation = sum_inflation(1);
  return from_entries(rows_, cols_, exponent, [=, x = mantissas_.data()](Eigen::Index i) {
    const double sum = (std::max(x[i] * shift, kFloor) + added) * inflation;
    return x[i] == 0 ? 0 : sum;
  });
}

BoundMatrix product(const BoundMatrix& a, const BoundMatrix& b) {
  if (vanishes(a, b)) return {a.rows(), b.cols()};
  if (a.is_zero() || b.is_zero()) return BoundMatrix(product(a.mantissas(), b.mantissas()));
  return BoundMatrix::inflated(product(a.mantissas_, b.mantissas_), a.exponent_ + b.exponent_,
                               a.cols());
}

BoundMatrix product_tn(const BoundMatrix& a, const BoundMatrix& b) {
  if (vanishes(a, b)) return {a.cols(), b.cols()};
  if (a.is_zero() || b.is_zero()) return BoundMatrix(product_tn(a.mantissas(), b.mantissas()));
  return BoundMatrix::inflated(product_tn(a.mantissas_, b.mantissas_), a.exponent_ + b.exponent_,
                               a.rows());
}

BoundMatrix product_nt(const BoundMatrix& a, const BoundMatrix& b) {
  if (vanishes(a, b)) return {a.rows(), b.rows()};
  if (a.is_zero() || b.is_zero()) return BoundMatrix(product_nt(a.mantissas(), b.mantissas()));
  return BoundMatrix::inflated(product_nt(a.mantissas_, b.mantissas_), a.exponent_ + b.exponent_,
                               a.cols());
}

BoundMatrix hadamard(const BoundMatrix& a, const BoundMatrix& b) {
  if (vanishes(a, b)) return {a.rows(), a.cols()};
  return BoundMatrix::inflated(a.mantissas().cwiseProduct(b.mantissas()), a.exponent_ + b.exponent_,
                               1);
}

BoundMatrix square_roots(const BoundMatrix& a) {
  if (a.is_zero()) return a;
  const std::int64_t odd = a.exponent_ & 1;
  const double factor = odd == 0 ? 1 : 2;
  return BoundMatrix::inflated((factor * a.mantissas_).cwiseSqrt(), (a.exponent_ - odd) / 2, 1);
}

BoundMatrix add_row(const BoundMatrix& a, const BoundMatrix& row) {
  if (row.is_zero()) return a;
  return a + BoundMatrix(row.mantissas_.replicate(a.rows(), 1), row.exponent_);
}

BoundMatrix column_sums(const BoundMatrix& a) {
  if (a.is_zero()) return {1, a.cols()};
  return BoundMatrix::inflated(a.mantissas_.colwise().sum(), a.exponent_, a.rows());
}

BoundMatrix gather_rows(const BoundMatrix& a, const Indices& rows) {
  if (a.is_zero()) return {static_cast<Eigen::Index>(rows.size()), a.cols()};
  return BoundMatrix(Matrix<double>(a.mantissas_(rows, Eigen::all)), a.exponent_);
}

BoundMatrix gather(const BoundMatrix& a, const Gather& places, int term) {
  const Eigen::Index rows = places.samples(a.rows()) * places.out_rows;
  if (a.is_zero()) return {rows, places.out_cols};
  Matrix<double> result(rows, places.out_cols);
  detail::gather_entries(places, term, a.rows(), a.mantissas_.data(), result.data(), false);
  return BoundMatrix(std::move(result), a.exponent_);
}

Magnitude frobenius_norm(const Matrix<double>& x) {
  const double largest = detail::largest_size(x);
  if (!std::isfinite(largest)) return Magnitude::infinity();
  if (largest == 0) return {};
  int exponent = 0;
  std::frexp(largest, &exponent);
  // Scaled so that the sum lies in [¼, entries]: what underflows is far below its rounding error.
  // In two steps, since 2^-exponent itself may lie outside the range of doubles.
  const double half = std::ldexp(1.0, -(exponent / 2));
  const double rest = std::ldexp(1.0, -(exponent - exponent / 2));
  const double sum = ((x.array() * half) * rest).square().sum();
  return sqrt_up(Magnitude(sum) * Magnitude(sum_inflation(x.size()))) *
         Magnitude::power_of_two(exponent);
}

Magnitude frobenius_norm(const BoundMatrix& x) {
  return frobenius_norm(x.mantissas_) * Magnitude::power_of_two(x.exponent_);
}

BoundMatrix row_norms(const BoundMatrix& x) {
  if (x.is_zero()) return {x.rows(), 1};
  // Mantissas lie in [2^-500, 2^64]: squares neither under- nor overflow.
  const Matrix<double> squares = x.mantissas_.rowwise().squaredNorm();
  const double factor = sum_inflation(x.cols());
  return BoundMatrix::inflated((factor * squares).cwiseSqrt(), x.exponent_, 2);
}

}  // namespace numgeom

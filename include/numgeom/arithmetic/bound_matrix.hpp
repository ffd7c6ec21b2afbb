#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "numgeom/arithmetic/gather.hpp"
#include "numgeom/arithmetic/magnitude.hpp"
#include "numgeom/arithmetic/matrix.hpp"

namespace numgeom {

/// A matrix of upper bounds on nonnegative reals: doubles that share one power of two.
///
///     entry(i, j) = mantissas(i, j) · 2^exponent,   mantissas ∈ {0} ∪ [2^-500, 2^64] ∪ {∞}
///
/// Inclusion: every operation returns entries ≥ the exact result for operands that are upper
/// bounds. Entries below 2^-500 are rounded up to that, and the largest is kept above 2^-64;
/// products of two mantissas are therefore normal doubles and the error model fl(x) = x(1+δ), |δ| ≤
/// 2^-53, holds without an underflow term. Zeros stay exact zeros. An unbounded entry is ∞, and 0·∞
/// is ∞ here. A matrix of zeros takes no memory. Precision: a product with n terms is at most
/// 2(n+8)·2^-52 too large, relatively. Source: the inflation factor is derived in
/// proofs/matrix_products.md.
class BoundMatrix {
 public:
  BoundMatrix() = default;
  /// All zeros.
  BoundMatrix(Eigen::Index rows, Eigen::Index cols) : rows_(rows), cols_(cols) {}
  /// entry = |values| · 2^exponent; NaN becomes ∞.
  explicit BoundMatrix(Matrix<double> values, std::int64_t exponent = 0);
  /// One bound an entry, row by row.
  BoundMatrix(Eigen::Index rows, Eigen::Index cols, const std::vector<Magnitude>& entries);

  [[nodiscard]] Eigen::Index rows() const { return rows_; }
  [[nodiscard]] Eigen::Index cols() const { return cols_; }
  [[nodiscard]] Magnitude operator()(Eigen::Index row, Eigen::Index col) const {
    return is_zero() ? Magnitude() : Magnitude(mantissas_(row, col), exponent_);
  }
  /// All of them, zeros too.
  [[nodiscard]] Matrix<double> mantissas() const {
    return is_zero() ? Matrix<double>::Zero(rows_, cols_) : mantissas_;
  }
  [[nodiscard]] std::int64_t exponent() const { return exponent_; }
  void set_unbounded(Eigen::Index row, Eigen::Index col);
  /// Replaces one entry. Slow where `bound` is far above the others: meant for rare cases.
  void set(Eigen::Index row, Eigen::Index col, const Magnitude& bound);
  /// Adds `by` to one entry. Slow: meant for rare cases.
  void widen(Eigen::Index row, Eigen::Index col, const Magnitude& by);
  [[nodiscard]] Magnitude largest() const;
  /// The bounds as doubles, rounded up: a positive one is at least 2^-1000.
  [[nodiscard]] Matrix<double> to_doubles() const;
  /// Every entry is zero.
  [[nodiscard]] bool is_zero() const { return mantissas_.size() == 0; }
  [[nodiscard]] bool is_finite() const { return mantissas_.allFinite(); }

  friend BoundMatrix operator+(const BoundMatrix& a, const BoundMatrix& b);
  friend BoundMatrix operator*(const Magnitude& factor, const BoundMatrix& a);
  /// factor·a + b.
  friend BoundMatrix scaled_sum(const Magnitude& factor, const BoundMatrix& a,
                                const BoundMatrix& b);
  /// Adds the same bound to every entry that is not zero.
  [[nodiscard]] BoundMatrix plus_where_positive(const Magnitude& constant) const;
  /// a·b, aᵀ·b and a·bᵀ.
  friend BoundMatrix product(const BoundMatrix& a, const BoundMatrix& b);
  friend BoundMatrix product_tn(const BoundMatrix& a, const BoundMatrix& b);
  friend BoundMatrix product_nt(const BoundMatrix& a, const BoundMatrix& b);
  friend BoundMatrix hadamard(const BoundMatrix& a, const BoundMatrix& b);
  /// Square roots, entry by entry.
  friend BoundMatrix square_roots(const BoundMatrix& a);
  /// Adds the 1×n row to every row.
  friend BoundMatrix add_row(const BoundMatrix& a, const BoundMatrix& row);
  /// 1×n sums of the columns.
  friend BoundMatrix column_sums(const BoundMatrix& a);
  friend BoundMatrix gather_rows(const BoundMatrix& a, const Indices& rows);
  /// One term of a gather.
  friend BoundMatrix gather(const BoundMatrix& a, const Gather& places, int term);
  /// An upper bound on the root of the sum of squares.
  friend Magnitude frobenius_norm(const BoundMatrix& x);
  /// Upper bounds on the Euclidean norms of the rows, as a column.
  friend BoundMatrix row_norms(const BoundMatrix& x);

 private:
  /// Nonnegative `values` computed with at most `roundings` roundings to nearest on the way to any
  /// entry.
  static BoundMatrix inflated(Matrix<double> values, std::int64_t exponent, Eigen::Index roundings);
  /// Restores the invariant on the mantissas, upwards.
  void normalise();
  struct Sizes;
  /// entry(i) ≥ 0 for the i-th mantissa, row by row.
  template <class Entry>
  static BoundMatrix from_entries(Eigen::Index rows, Eigen::Index cols, std::int64_t exponent,
                                  Entry entry);
  /// For mantissas of these sizes.
  void normalise_unless_in_range(const Sizes& sizes);
  void allocate();

  Eigen::Index rows_ = 0;
  Eigen::Index cols_ = 0;
  Matrix<double> mantissas_;  // no entries where all are zero
  std::int64_t exponent_ = 0;
};

BoundMatrix scaled_sum(const Magnitude& factor, const BoundMatrix& a, const BoundMatrix& b);
BoundMatrix product(const BoundMatrix& a, const BoundMatrix& b);
BoundMatrix product_tn(const BoundMatrix& a, const BoundMatrix& b);
BoundMatrix product_nt(const BoundMatrix& a, const BoundMatrix& b);
BoundMatrix hadamard(const BoundMatrix& a, const BoundMatrix& b);
BoundMatrix square_roots(const BoundMatrix& a);
BoundMatrix add_row(const BoundMatrix& a, const BoundMatrix& row);
BoundMatrix column_sums(const BoundMatrix& a);
BoundMatrix gather_rows(const BoundMatrix& a, const Indices& rows);
BoundMatrix gather(const BoundMatrix& a, const Gather& places, int term);

namespace detail {

/// max |x_ij|, in which NaN counts as larger than everything; 0 for no entries.
double largest_size(const Matrix<double>& x);

}  // namespace detail

/// An upper bound on ‖x‖_F, the root of the sum of squares; ∞ where an entry is not finite.
Magnitude frobenius_norm(const Matrix<double>& x);
/// An upper bound on the Frobenius norm of every matrix that is bounded by x entry by entry.
Magnitude frobenius_norm(const BoundMatrix& x);
/// Upper bounds on the Euclidean norms of the rows, as a column.
BoundMatrix row_norms(const BoundMatrix& x);

/// 1 + (n+8)·2^-52: times this, a sum of n nonnegative products that was computed in doubles in
/// any order, with or without FMA and free of underflow, is an upper bound on the exact sum.
/// Throws `Error` for n ≥ 2^40. Source: proofs/matrix_products.md, lemma 2.
double sum_inflation(Eigen::Index n);

}  // namespace numgeom

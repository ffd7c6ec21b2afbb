#pragma once

#include "numgeom/arithmetic/enclosing_arithmetic.hpp"

namespace numgeom {

/// What kinds of midpoints that are stored in doubles have in common: nothing here rounds.
struct DoubleStorage {
  using Matrix = numgeom::Matrix<double>;

  [[nodiscard]] static Matrix zeros(Eigen::Index rows, Eigen::Index cols) {
    return Matrix::Zero(rows, cols);
  }
  [[nodiscard]] static Matrix embed(const ExactMatrix& exact) { return exact.cast<double>(); }
  [[nodiscard]] static Matrix gather_rows(const Matrix& x, const Indices& rows) {
    return x(rows, Eigen::all);
  }
  [[nodiscard]] static Matrix gather(const Matrix& x, const Gather& places, int term) {
    Matrix result(places.samples(x.rows()) * places.out_rows, places.out_cols);
    detail::gather_entries(places, term, x.rows(), x.data(), result.data(), false);
    return result;
  }
  [[nodiscard]] static BoundMatrix magnitudes(const Matrix& x) { return BoundMatrix(x); }
  /// What they are.
  [[nodiscard]] static DoubleEnclosures to_doubles(const Matrix& x) {
    return {x, BoundMatrix(x.rows(), x.cols())};
  }
  [[nodiscard]] static int sign(const Matrix& x, Eigen::Index i, Eigen::Index j) {
    return (x(i, j) > 0) - (x(i, j) < 0);
  }
  static void set_zero(Matrix& x, Eigen::Index i, Eigen::Index j) { x(i, j) = 0; }
};

}  // namespace numgeom

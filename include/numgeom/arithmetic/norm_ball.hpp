#pragma once

#include "numgeom/arithmetic/enclosing_arithmetic.hpp"
#include "numgeom/arithmetic/magnitude.hpp"
#include "numgeom/arithmetic/matrix.hpp"

namespace numgeom {

/// All real matrices within a Frobenius distance of a midpoint: one radius for the whole matrix.
///
///     { M : ‖M − midpoint‖_F ≤ radius }
///
/// For bounds on norms, where entrywise radii cost more and say no more. Inclusion: every operation
/// returns a ball that contains the exact result for all members of its operands. A midpoint that
/// overflows gives an unbounded radius. Precision: doubles; the rounding error of a product with n
/// terms adds γ_n‖A‖_F‖B‖_F to the radius. Source: proofs/norm_bounds.md, lemma 1.
class NormBall {
 public:
  NormBall() = default;
  /// One matrix, exactly.
  explicit NormBall(Matrix<double> midpoint);
  NormBall(Matrix<double> midpoint, const Magnitude& radius);
  /// All members of the enclosures.
  explicit NormBall(const DoubleEnclosures& x);

  [[nodiscard]] Eigen::Index rows() const { return midpoint_.rows(); }
  [[nodiscard]] Eigen::Index cols() const { return midpoint_.cols(); }
  [[nodiscard]] const Matrix<double>& midpoint() const { return midpoint_; }
  [[nodiscard]] const Magnitude& radius() const { return radius_; }
  /// An upper bound on ‖midpoint‖_F.
  [[nodiscard]] const Magnitude& size() const { return size_; }
  /// An upper bound on ‖M‖_F over all members M; it also bounds every entry and the norm ‖M‖₂.
  [[nodiscard]] Magnitude norm() const { return size_ + radius_; }
  /// An upper bound on |entry| over all entries of all members.
  [[nodiscard]] Magnitude largest() const;
  /// The same midpoint, the radius greater by `by`.
  [[nodiscard]] NormBall widened(const Magnitude& by) const;

  friend NormBall operator+(const NormBall& a, const NormBall& b);
  friend NormBall operator-(const NormBall& a, const NormBall& b);
  /// An exact factor.
  friend NormBall operator*(double factor, const NormBall& a);
  /// a·b, aᵀ·b and a·bᵀ.
  friend NormBall product(const NormBall& a, const NormBall& b);
  friend NormBall product_tn(const NormBall& a, const NormBall& b);
  friend NormBall product_nt(const NormBall& a, const NormBall& b);
  /// Entry by entry.
  friend NormBall hadamard(const NormBall& a, const NormBall& b);

 private:
  Matrix<double> midpoint_;
  Magnitude size_;
  Magnitude radius_;
};

NormBall operator+(const NormBall& a, const NormBall& b);
NormBall operator-(const NormBall& a, const NormBall& b);
NormBall operator*(double factor, const NormBall& a);
NormBall product(const NormBall& a, const NormBall& b);
NormBall product_tn(const NormBall& a, const NormBall& b);
NormBall product_nt(const NormBall& a, const NormBall& b);
NormBall hadamard(const NormBall& a, const NormBall& b);

/// An upper bound on the greatest eigenvalue of every symmetric positive semidefinite member.
///
/// Up to 64 rows by repeated squaring, ‖S‖₂ ≤ ‖S^{2^k}‖_F^{1/2^k} with k = 5 (at most a factor
/// n^{1/64} too large); beyond by a shift θ for which the Cholesky factorisation of θI − S runs to
/// its end, at most about 2 % too large. Shapes: n×n. Source: proofs/norm_bounds.md, lemmas 2, 3.
Magnitude largest_eigenvalue(const NormBall& x);

/// An upper bound on the spectral norm ‖M‖₂ of every member, through the smaller Gram matrix.
Magnitude spectral_norm(const NormBall& x);

}  // namespace numgeom

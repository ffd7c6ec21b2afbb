#pragma once

#include "numgeom/arithmetic/matrix.hpp"

namespace numgeom {

/// In which order the terms x_1, x_2, …, x_n of a sum are added.
///
/// u is the unit roundoff, and the bounds hold to first order for S = Σ|x_i|.
enum class Summation {
  /// Eigen's: blocked and vectorised, it depends on shapes and on the machine's vector width.
  kBlocked,
  /// ((0 + x_1) + x_2) + …; error ≤ (n−1)·u·S.
  kSequential,
  /// Blocks of eight terms (the last may have fewer), each summed as above; then two neighbouring
  /// sums of as many blocks are added as soon as both are there, as a binary counter carries; what
  /// is left over is added from the last and smallest to the first and greatest. Error ≤ (8 +
  /// ⌈log₂(n/8)⌉)·u·S.
  kPairwise,
  /// Kahan's compensated sum: y = x_i − c, t = s + y, c = (t − s) − y, s = t, from s = c = 0.
  /// Error ≤ 2u·S, whatever n is. After an overflow it is NaN where others are ∞.
  kKahan
};

// Products and sums in a given order, `kBlocked` excepted. Every term a_ip·b_pj is rounded once
// before it is added, and every entry is summed by itself: the order is that of p, and depends
// neither on shapes nor on the machine.

/// A·B.
template <class T>
void ordered_product(Summation order, const Matrix<T>& a, const Matrix<T>& b, Matrix<T>& result);
/// Aᵀ·B.
template <class T>
void ordered_product_tn(Summation order, const Matrix<T>& a, const Matrix<T>& b, Matrix<T>& result);
/// A·Bᵀ.
template <class T>
void ordered_product_nt(Summation order, const Matrix<T>& a, const Matrix<T>& b, Matrix<T>& result);
/// 1ᵀ·X.
template <class T>
void ordered_column_sums(Summation order, const Matrix<T>& x, Matrix<T>& result);
/// Σ x_i over `size` numbers that follow one another in memory.
template <class T>
[[nodiscard]] T ordered_sum(Summation order, const T* x, Eigen::Index size);

}  // namespace numgeom

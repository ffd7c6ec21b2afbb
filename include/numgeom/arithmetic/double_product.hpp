#pragma once

#include <functional>

#include "numgeom/arithmetic/matrix.hpp"

namespace numgeom {

using DoubleProduct = std::function<Matrix<double>(const Matrix<double>&, const Matrix<double>&)>;

/// a·b, aᵀ·b and a·bᵀ in doubles, as all enclosures take them: by Eigen, or, where its products did
/// not keep the bound below when they were first used, by plain loops.
///
/// |result − a·b| ≤ γ_n |a|·|b| + n·2^-1074 entry by entry, n the number of products of an entry
/// (proofs/matrix_products.md, lemma 1; assumed of Eigen, and tried on random matrices). Throws
/// `Error` where the inner dimensions differ.
[[nodiscard]] Matrix<double> product(const Matrix<double>& a, const Matrix<double>& b);
[[nodiscard]] Matrix<double> product_tn(const Matrix<double>& a, const Matrix<double>& b);
[[nodiscard]] Matrix<double> product_nt(const Matrix<double>& a, const Matrix<double>& b);

/// A witness, no proof: whether products keep the bound above on random matrices of many shapes,
/// with exponents far apart and with sums that cancel. The same matrices every time.
[[nodiscard]] bool keeps_product_bound(const DoubleProduct& product);

/// The product by the textbook: every entry summed from the first product to the last.
[[nodiscard]] Matrix<double> plain_product(const Matrix<double>& a, const Matrix<double>& b);

}  // namespace numgeom

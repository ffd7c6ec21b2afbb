#include "numgeom/arithmetic/double_product.hpp"

#include <cmath>

#include "numgeom/arithmetic/big_float.hpp"
#include "numgeom/error.hpp"
#include "split_mix.hpp"

namespace numgeom {
namespace {

/// Products of the random entries below, and sums of a few hundred, are exact with so many bits.
constexpr int kExactBits = 400;

/// ±m·2^e, e up to 40 in size; every fifth one 0. The same for the same key.
Matrix<double> random_matrix(Eigen::Index rows, Eigen::Index cols, std::uint64_t key) {
  Matrix<double> x(rows, cols);
  for (Eigen::Index i = 0; i < x.size(); ++i) {
    const std::uint64_t bits = split_mix(key, static_cast<std::uint64_t>(i));
    const double mantissa = 1 + static_cast<double>(bits >> 12) * 0x1p-52;
    const int exponent = static_cast<int>(bits % 81) - 40;
    const double sign = (bits >> 8 & 1) == 0 ? 1 : -1;
    x.data()[i] = bits % 5 == 0 ? 0 : std::ldexp(sign * mantissa, exponent);
  }
  return x;
}

/// Σ_k a_ik b_kj and Σ_k |a_ik b_kj| exactly; |computed − the first| ≤ γ_n · the second.
bool entry_keeps_bound(const Matrix<double>& a, const Matrix<double>& b, Eigen::Index i,
                       Eigen::Index j, double computed) {
  BigFloat error = BigFloat::exact(-computed, kExactBits);
  BigFloat sizes(kExactBits);
  BigFloat term(2 * 53);
  for (Eigen::Index k = 0; k < a.cols(); ++k) {
    mpfr_set_d(term.get(), a(i, k), MPFR_RNDN);
    mpfr_mul_d(term.get(), term.get(), b(k, j), MPFR_RNDN);
    mpfr_add(error.get(), error.get(), term.get(), MPFR_RNDN);
    mpfr_abs(term.get(), term.get(), MPFR_RNDN);
    mpfr_add(sizes.get(), sizes.get(), term.get(), MPFR_RNDN);
  }
  const auto n = static_cast<double>(a.cols());
  mpfr_mul_d(sizes.get(), sizes.get(), n * 0x1p-53 / (1 - n * 0x1p-53), MPFR_RNDN);
  return mpfr_cmpabs(error.get(), sizes.get()) <= 0;
}

bool keeps_bound_on(const Matrix<double>& a, const Matrix<double>& b, const Matrix<double>& c) {
  for (Eigen::Index i = 0; i < c.rows(); ++i)
    for (Eigen::Index j = 0; j < c.cols(); ++j)
      if (!entry_keeps_bound(a, b, i, j, c(i, j))) return false;
  return true;
}

void require_fit(Eigen::Index left, Eigen::Index right) {
  if (left != right) throw Error("matrix product: the inner dimensions differ");
}

/// Tried once, when the first product is taken: all three forms.
bool eigen_is_used() {
  using M = Matrix<double>;
  static const bool used = keeps_product_bound([](const M& a, const M& b) -> M { return a * b; }) &&
                           keeps_product_bound([](const M& a, const M& b) -> M {
                             const M transposed = a.transpose();
                             return transposed.transpose() * b;
                           }) &&
                           keeps_product_bound([](const M& a, const M& b) -> M {
                             const M transposed = b.transpose();
                             return a * transposed.transpose();
                           });
  return used;
}

}  // namespace

bool keeps_product_bound(const DoubleProduct& product) {
  constexpr Eigen::Index kShapes[][3] = {
      {1, 1, 1}, {1, 70, 1}, {3, 300, 2}, {9, 20, 11}, {17, 64, 5}};
  std::uint64_t key = 0;
  for (const auto& [rows, terms, cols] : kShapes) {
    Matrix<double> a = random_matrix(rows, terms, ++key);
    Matrix<double> b = random_matrix(terms, cols, ++key);
    if (!keeps_bound_on(a, b, product(a, b))) return false;
    // The second half of every sum takes back the first but for a rounding.
    const Eigen::Index half = terms / 2;
    a.rightCols(half) = -a.leftCols(half);
    b.bottomRows(half) = (1 + 0x1p-50) * b.topRows(half);
    if (!keeps_bound_on(a, b, product(a, b))) return false;
  }
  return true;
}

Matrix<double> plain_product(const Matrix<double>& a, const Matrix<double>& b) {
  Matrix<double> c = Matrix<double>::Zero(a.rows(), b.cols());
  for (Eigen::Index i = 0; i < a.rows(); ++i)
    for (Eigen::Index k = 0; k < a.cols(); ++k)
      for (Eigen::Index j = 0; j < b.cols(); ++j) c(i, j) += a(i, k) * b(k, j);
  return c;
}

Matrix<double> product(const Matrix<double>& a, const Matrix<double>& b) {
  require_fit(a.cols(), b.rows());
  if (!eigen_is_used()) return plain_product(a, b);
  return a * b;
}

Matrix<double> product_tn(const Matrix<double>& a, const Matrix<double>& b) {
  require_fit(a.rows(), b.rows());
  if (!eigen_is_used()) return plain_product(a.transpose(), b);
  return a.transpose() * b;
}

Matrix<double> product_nt(const Matrix<double>& a, const Matrix<double>& b) {
  require_fit(a.cols(), b.cols());
  if (!eigen_is_used()) return plain_product(a, b.transpose());
  return a * b.transpose();
}

}  // namespace numgeom

#include "numgeom/arithmetic/double_product.hpp"

#include <catch2/catch.hpp>

using namespace numgeom;

TEST_CASE("products by Eigen and by the textbook keep the bound") {
  CHECK(keeps_product_bound(plain_product));
  CHECK(keeps_product_bound(
      [](const Matrix<double>& a, const Matrix<double>& b) { return product(a, b); }));
}

TEST_CASE("the witness refuses products that do not keep the bound") {
  CHECK_FALSE(keeps_product_bound([](const Matrix<double>& a, const Matrix<double>& b) {
    return Matrix<double>((a.cast<float>() * b.cast<float>()).cast<double>());
  }));
  CHECK_FALSE(keeps_product_bound([](const Matrix<double>& a, const Matrix<double>& b) {
    Matrix<double> c = plain_product(a, b);  // one unit too much in one entry
    c(0, 0) *= 1 + 0x1p-40;
    return c;
  }));
  CHECK_FALSE(keeps_product_bound([](const Matrix<double>& a, const Matrix<double>& b) {
    const Eigen::Index terms = std::max<Eigen::Index>(1, a.cols() - 1);  // the last one is lost
    return plain_product(a.leftCols(terms), b.topRows(terms));
  }));
  // As fast products do: sums of entries before they are multiplied.
  CHECK_FALSE(keeps_product_bound([](const Matrix<double>& a, const Matrix<double>& b) {
    if (a.cols() < 2) return plain_product(a, b);
    Matrix<double> first = a;
    Matrix<double> second = b;
    first.col(0) += a.col(1);
    second.row(1) -= b.row(0);
    return plain_product(first, second);  // (a₀ + a₁)b₀ + a₁(b₁ − b₀)
  }));
}

TEST_CASE("transposed products are products of the transposed") {
  const Matrix<double> a = Matrix<double>::Random(7, 5);
  const Matrix<double> b = Matrix<double>::Random(7, 3);
  CHECK(product_tn(a, b).isApprox(plain_product(a.transpose(), b), 1e-14));
  CHECK(product_nt(a.transpose(), b.transpose()).isApprox(plain_product(a.transpose(), b), 1e-14));
}

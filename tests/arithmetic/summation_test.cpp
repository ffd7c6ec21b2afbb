#include "numgeom/arithmetic/summation.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "numgeom/arithmetic/native.hpp"
#include "support/random.hpp"

using namespace numgeom;

namespace {

constexpr Summation kOrders[] = {Summation::kSequential, Summation::kPairwise, Summation::kKahan};

template <class T>
T sequential(const std::vector<T>& x, std::size_t first, std::size_t last) {
  T sum = 0;
  for (std::size_t i = first; i < last; ++i) sum += x[i];
  return sum;
}

/// By recursion, which is not how it is computed: the greatest power of two of whole blocks first.
template <class T>
T pairwise(const std::vector<T>& x, std::size_t first, std::size_t last) {
  constexpr std::size_t kBlock = 8;
  if (last - first <= kBlock) return sequential(x, first, last);
  std::size_t left = kBlock;
  while (2 * left < last - first) left *= 2;
  return pairwise(x, first, first + left) + pairwise(x, first + left, last);
}

template <class T>
T kahan(const std::vector<T>& x) {
  T sum = 0;
  T c = 0;
  for (const T term : x) {
    const T y = term - c;
    const T t = sum + y;
    c = (t - sum) - y;
    sum = t;
  }
  return sum;
}

template <class T>
T reference(Summation order, const std::vector<T>& x) {
  switch (order) {
    case Summation::kPairwise:
      return pairwise(x, 0, x.size());
    case Summation::kKahan:
      return kahan(x);
    default:
      return sequential(x, 0, x.size());
  }
}

template <class T>
Matrix<T> random_matrix(test::Random& random, Eigen::Index rows, Eigen::Index cols) {
  Matrix<T> result(rows, cols);
  for (Eigen::Index i = 0; i < result.size(); ++i)
    result.data()[i] =
        static_cast<T>((2 * random.unit() - 1) * std::ldexp(1.0, random.below(12) - 6));
  return result;
}

/// A·B, entry by entry.
template <class T>
Matrix<T> reference_product(Summation order, const Matrix<T>& a, const Matrix<T>& b) {
  Matrix<T> result(a.rows(), b.cols());
  std::vector<T> terms(static_cast<std::size_t>(a.cols()));
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    for (Eigen::Index j = 0; j < b.cols(); ++j) {
      for (Eigen::Index p = 0; p < a.cols(); ++p) terms[p] = a(i, p) * b(p, j);
      result(i, j) = reference(order, terms);
    }
  }
  return result;
}

/// Exact up to far less than a rounding of T.
template <class T>
long double exact_sum(const std::vector<T>& x) {
  long double sum = 0;
  long double c = 0;
  for (const T term : x) {
    const long double y = term - c;
    const long double t = sum + y;
    c = (t - sum) - y;
    sum = t;
  }
  return sum;
}

}  // namespace

TEMPLATE_TEST_CASE("products of all forms and column sums are added in the order stated", "", float,
                   double) {
  using T = TestType;
  auto random = test::Random::announced("summation", 11);
  const Eigen::Index inner[] = {0, 1, 7, 8, 9, 16, 17, 40, 63, 64, 65, 200};
  const Eigen::Index outer[] = {1, 5, 31, 33, 64, 65, 130};
  for (const Eigen::Index k : inner) {
    for (const Eigen::Index n : outer) {
      const Matrix<T> a = random_matrix<T>(random, 3, k);
      const Matrix<T> b = random_matrix<T>(random, k, n);
      const Matrix<T> at = a.transpose();
      const Matrix<T> bt = b.transpose();
      const Matrix<T> ones = Matrix<T>::Ones(1, k);
      for (const Summation order : kOrders) {
        CAPTURE(k, n, static_cast<int>(order));
        const Native<T> native(order);
        const Matrix<T> expected = reference_product(order, a, b);
        CHECK(native.product(a, b) == expected);
        CHECK(native.product_tn(at, b) == expected);
        CHECK(native.product_nt(a, bt) == expected);
        CHECK(native.column_sums(b) == reference_product(order, ones, b));
        Matrix<T> filled;
        native.fill_dense(a, b, ones * b, filled);
        CHECK(filled == native.add_row(expected, ones * b));
      }
    }
  }
}

TEMPLATE_TEST_CASE("sums of numbers are added in the order stated", "", float, double) {
  using T = TestType;
  auto random = test::Random::announced("sums", 12);
  for (std::size_t n = 0; n < 300; ++n) {
    const Matrix<T> x = random_matrix<T>(random, 1, static_cast<Eigen::Index>(n));
    const std::vector<T> terms(x.data(), x.data() + x.size());
    for (const Summation order : kOrders)
      CHECK(ordered_sum(order, terms.data(), x.size()) == reference(order, terms));
  }
}

TEST_CASE("errors of sums stay below their bounds") {
  constexpr double kUnit = std::numeric_limits<float>::epsilon() / 2;
  auto random = test::Random::announced("bounds of sums", 13);
  const int rounds = test::repetitions(60);
  for (int round = 0; round < rounds; ++round) {
    std::vector<float> x(static_cast<std::size_t>(1 + random.below(20000)));
    const bool positive = random.coin();
    double size = 0;
    for (float& term : x) {
      term = static_cast<float>((positive ? random.unit() : 2 * random.unit() - 1) *
                                std::ldexp(1.0, random.below(20)));
      size += std::abs(term);
    }
    const auto n = static_cast<double>(x.size());
    const auto error = [&](Summation order) {
      return static_cast<double>(std::abs(
          ordered_sum(order, x.data(), static_cast<Eigen::Index>(x.size())) - exact_sum(x)));
    };
    // The terms of second order that the bounds leave out.
    const double rest = 8 * n * kUnit * kUnit * size;
    CHECK(error(Summation::kSequential) <= (n - 1) * kUnit * size + n * rest);
    CHECK(error(Summation::kPairwise) <=
          (8 + std::ceil(std::log2(std::max(1.0, n / 8)))) * kUnit * size + rest);
    CHECK(error(Summation::kKahan) <= 2 * kUnit * size + rest);
  }
}

TEST_CASE("a million times a tenth: every order as good as it is said to be") {
  const std::vector<float> x(1000000, 0.1F);
  const auto size = static_cast<Eigen::Index>(x.size());
  const long double exact = exact_sum(x);
  const auto relative_error = [&](Summation order) {
    return static_cast<double>(std::abs(ordered_sum(order, x.data(), size) - exact) / exact);
  };
  CHECK(relative_error(Summation::kSequential) > 1e-3);
  CHECK(relative_error(Summation::kPairwise) < 1e-6);
  CHECK(relative_error(Summation::kKahan) <= 0x1p-23);
}

TEMPLATE_TEST_CASE("the loss is summed in the order stated, over classes and over rows", "", float,
                   double) {
  using T = TestType;
  auto random = test::Random::announced("sums of losses", 14);
  const Matrix<T> logits = random_matrix<T>(random, 300, 40);
  Indices labels(300);
  for (int& label : labels) label = random.below(40);
  for (const Summation order : kOrders) {
    std::vector<T> losses;
    for (Eigen::Index i = 0; i < logits.rows(); ++i) {
      const Eigen::Array<T, 1, Eigen::Dynamic> shifted =
          logits.row(i).array() - logits.row(i).maxCoeff();
      const Eigen::Array<T, 1, Eigen::Dynamic> powers = shifted.exp();
      const T sum = reference(order, std::vector<T>(powers.data(), powers.data() + powers.size()));
      losses.push_back(std::log(sum) - shifted(labels[i]));
    }
    const T loss = Native<T>(order).softmax_cross_entropy(logits, labels).loss;
    CHECK(loss == reference(order, losses) / T(300));
  }
}

TEMPLATE_TEST_CASE("by default products are Eigen's, bit for bit", "", float, double) {
  using T = TestType;
  auto random = test::Random::announced("blocked products", 15);
  const Native<T> native;
  CHECK(native.summation() == Summation::kBlocked);
  for (const Eigen::Index n : {1, 3, 6, 20, 100}) {
    const Matrix<T> a = random_matrix<T>(random, n, 2 * n);
    const Matrix<T> b = random_matrix<T>(random, 2 * n, n + 1);
    CHECK(native.product(a, b) == Matrix<T>(a * b));
    CHECK(native.product_tn(b, b) == Matrix<T>(b.transpose() * b));
    CHECK(native.product_nt(a, a) == Matrix<T>(a * a.transpose()));
    CHECK(native.column_sums(a) == Matrix<T>(a.colwise().sum()));
  }
}

// Certifies an algorithm of your own: ridge regression by gradient descent, with Eigen matrices of
// whatever scalar it is run with. How far are float and double from the exact iterate?

#include <Eigen/Dense>
#include <cstdio>

#include "numgeom/numgeom.hpp"

namespace {

constexpr int kSamples = 12;
constexpr int kFeatures = 3;
constexpr int kSteps = 200;

/// Squared error of the fitted weights on the data they were fitted to.
struct RidgeRegression {
  template <class Scalar>
  Scalar operator()(numgeom::Reals<Scalar> real) const {
    using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
    Matrix x(kSamples, kFeatures);
    Matrix y(kSamples, 1);
    for (int i = 0; i < kSamples; ++i) {
      for (int j = 0; j < kFeatures; ++j) x(i, j) = real((i * (j + 2)) % 7 - 3);
      y(i, 0) = real(i % 5) / real(3);
    }
    const Scalar rate = real(0.005);
    const Scalar ridge = real(0.1);
    Matrix w = Matrix::Constant(kFeatures, 1, real(0));
    for (int step = 0; step < kSteps; ++step) {
      const Matrix gradient = x.transpose() * (x * w - y) + w * ridge;
      w = w - gradient * rate;
    }
    const Matrix residual = x * w - y;
    return (residual.transpose() * residual)(0, 0);
  }
};

}  // namespace

int main() {
  const numgeom::CertifiedValue result = numgeom::certify(RidgeRegression());
  std::printf("float   %.9g    certified error %.2e\n", static_cast<double>(result.native_float),
              result.float_error.upper);
  std::printf("double  %.17g  certified error %.2e\n", result.native_double,
              result.double_error.upper);
  std::printf("exact   %s  (%s, %d bits)\n", result.exact.digits(25).c_str(),
              result.rung.arithmetic_name().c_str(), result.rung.bits);
  return result.certified() ? 0 : 1;
}

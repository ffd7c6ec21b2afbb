#include "numgeom/estimate/phi_seed.hpp"

#include <Eigen/Eigenvalues>
#include <catch2/catch.hpp>
#include <cmath>

#include "numgeom/train/train.hpp"
#include "support/problems.hpp"

using namespace numgeom;
using numgeom::test::small_problem;

namespace {

/// ‖g_t‖ of every step.
template <class T>
class GradientNorms : public TrainingObserver<Native<T>> {
 public:
  void on_step(const Native<T>& /*arithmetic*/, const StepView<Native<T>>& view) override {
    double squares = 0;
    for (const auto& gradient : view.passes.gradients)
      squares += static_cast<double>(gradient.squaredNorm());
    norms.push_back(std::sqrt(squares));
  }
  std::vector<double> norms;
};

template <class T>
double phi_seed(const Problem& problem, const Configuration& configuration) {
  PhiSeedObserver<Native<T>> observer(problem, configuration);
  (void)train(Native<T>(), problem, draw_inputs(problem, 2), configuration, observer);
  return observer.estimate();
}

template <class T>
std::vector<double> gradient_norms(const Problem& problem, const Configuration& configuration) {
  GradientNorms<T> observer;
  (void)train(Native<T>(), problem, draw_inputs(problem, 2), configuration, observer);
  return observer.norms;
}

/// Σ_t ‖g_t‖·L^(T−1−t)
double accumulated(const std::vector<double>& norms, double lipschitz) {
  double sum = 0;
  for (const double norm : norms) sum = sum * lipschitz + norm;
  return sum;
}

/// The greatest eigenvalue of the Hessian of a linear model's validation loss, in closed form:
/// mean over the rows of (diag(p) − p·pᵀ) ⊗ (x, 1)(x, 1)ᵀ.
double exact_curvature(const Problem& problem) {
  const Native<double> arithmetic;
  std::vector<Matrix<double>> parameters;
  for (const ExactMatrix& parameter : draw_inputs(problem, 2).parameters)
    parameters.push_back(parameter.cast<double>());
  const auto x = arithmetic.embed(problem.data->validation.features);
  const Matrix<double> logits = forward(arithmetic, problem.network, parameters, x).back();
  const Eigen::Index classes = logits.cols();
  const Eigen::Index inputs = x.cols() + 1;
  Eigen::MatrixXd hessian = Eigen::MatrixXd::Zero(classes * inputs, classes * inputs);
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    Eigen::VectorXd p = logits.row(row).transpose().array().exp();
    p /= p.sum();
    const Eigen::MatrixXd spread = Eigen::MatrixXd(p.asDiagonal()) - p * p.transpose();
    Eigen::VectorXd input(inputs);
    input << x.row(row).transpose(), 1;
    for (Eigen::Index i = 0; i < classes; ++i)
      for (Eigen::Index j = 0; j < classes; ++j)
        hessian.block(i * inputs, j * inputs, inputs, inputs) +=
            spread(i, j) * input * input.transpose();
  }
  hessian /= static_cast<double>(x.rows());
  return Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(hessian).eigenvalues().maxCoeff();
}

}  // namespace

TEMPLATE_TEST_CASE("at learning rate 0 nothing grows: Φ_seed = ε·Σ‖g_t‖ + κ·T·ε²", "", float,
                   double) {
  const Problem problem = small_problem({"dense 6", "relu", "dense 3"}, 60, 30, 3);
  const auto norms = gradient_norms<TestType>(problem, {0, 0});
  REQUIRE(norms.size() == 12);
  const double epsilon = std::numeric_limits<TestType>::epsilon();
  CHECK(phi_seed<TestType>(problem, {0, 0}) ==
        Approx(epsilon * accumulated(norms, 1)).epsilon(1e-4));
}

TEST_CASE("κ of Φ_seed is the curvature of the validation loss") {
  Problem problem = small_problem({"dense 3"}, 60, 30, 3);
  // Large features make the term in ε² visible beside the first.
  Split data = *problem.data;
  data.train.features *= 0x1p-10F;
  data.validation.features *= 64;
  problem.data = std::make_shared<const Split>(std::move(data));
  constexpr double kEpsilon = std::numeric_limits<float>::epsilon();
  const auto norms = gradient_norms<float>(problem, {0, 0});
  const double rest = phi_seed<float>(problem, {0, 0}) - kEpsilon * accumulated(norms, 1);
  const double kappa = rest / (static_cast<double>(norms.size()) * kEpsilon * kEpsilon);
  const double exact = exact_curvature(problem);
  INFO("κ = " << kappa << ", exactly " << exact);
  CHECK(kappa > 0.3 * exact);  // a few power iterations, from below
  CHECK(kappa < 1.1 * exact);
}

TEMPLATE_TEST_CASE("errors shrink by the Lipschitz constant of the update where decay rules", "",
                   float, double) {
  // 0 ≤ ηλ ≤ 1 for every curvature λ up to 1000, so L = |1 − ηω| = ½.
  const Configuration configuration{1e-3, 500};
  const Problem problem = small_problem({"dense 6", "relu", "dense 3"}, 60, 30, 3);
  const auto norms = gradient_norms<TestType>(problem, configuration);
  const double lipschitz = 1 - configuration.lr * configuration.weight_decay;
  const double epsilon = std::numeric_limits<TestType>::epsilon();
  CHECK(phi_seed<TestType>(problem, configuration) ==
        Approx(epsilon * accumulated(norms, lipschitz)).epsilon(1e-4));
}

TEST_CASE("beyond stability Φ_seed grows exponentially, and is infinite where it overflows") {
  const Problem problem = small_problem({"dense 6", "relu", "dense 3"}, 60, 30, 3);
  // |1 − ηω| = 10 and curvature only adds to it.
  const auto norms = gradient_norms<double>(problem, {0.01, 1100});
  CHECK(phi_seed<double>(problem, {0.01, 1100}) >=
        std::numeric_limits<double>::epsilon() * norms.front() * 1e11);
  CHECK_FALSE(std::isfinite(phi_seed<float>(problem, {1e30, 0})));
}

// Bits that an enclosure of SGD training loses, on 784-64-10 ReLU nets and MNIST: the growth of a
// true perturbation, the product of the exact norms ‖∂G_t‖₂ (Lanczos on exact Hessian-vector
// products, every 8th step), what the stepwise way lost, and what the direct way is predicted to
// lose.
//
// usage: bits_lost [LR ...]      (needs 'numgeom data fetch mnist')

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "mnist_problem.hpp"
#include "numgeom/arithmetic/environment.hpp"
#include "numgeom/error.hpp"
#include "numgeom/shadow/predict.hpp"
#include "numgeom/shadow/shadow_run.hpp"
#include "numgeom/train/train.hpp"

namespace {

using namespace numgeom;
using M = Matrix<double>;
using Vector = Eigen::VectorXd;

/// The Hessian of a batch loss of a net with one hidden ReLU layer, by exact products with vectors.
class Hessian {
 public:
  explicit Hessian(const StepView<Native<double>>& view)
      : x_(view.passes.outputs[0]),
        active_((view.passes.outputs[1].array() > 0).cast<double>()),
        a_(view.passes.outputs[2]),
        delta_(view.passes.deltas.back()),
        w2_(view.parameters[2]),
        p_(delta_ * static_cast<double>(x_.rows())) {
    for (Eigen::Index i = 0; i < p_.rows(); ++i) p_(i, view.targets.labels[i]) += 1;
  }

  [[nodiscard]] Vector operator()(const Vector& direction) const {
    const Eigen::Index inputs = x_.cols();
    const Eigen::Index units = a_.cols();
    const Eigen::Index classes = p_.cols();
    const double* v = direction.data();
    const Eigen::Map<const M> v1(v, inputs, units);
    const Eigen::Map<const M> c1(v + inputs * units, 1, units);
    const Eigen::Map<const M> v2(c1.data() + units, units, classes);
    const Eigen::Map<const M> c2(v2.data() + units * classes, 1, classes);
    const M da = ((x_ * v1).rowwise() + c1.row(0)).cwiseProduct(active_);
    const M logits = ((da * w2_ + a_ * v2).rowwise() + c2.row(0));
    const Vector mean = p_.cwiseProduct(logits).rowwise().sum();
    const M moved = p_.array() * (logits.colwise() - mean).array() / static_cast<double>(x_.rows());
    const M back = (moved * w2_.transpose() + delta_ * v2.transpose()).cwiseProduct(active_);
    Vector result(direction.size());
    double* r = result.data();
    Eigen::Map<M>(r, inputs, units) = x_.transpose() * back;
    Eigen::Map<M>(r + inputs * units, 1, units) = back.colwise().sum();
    r += (inputs + 1) * units;
    Eigen::Map<M>(r, units, classes) = da.transpose() * delta_ + a_.transpose() * moved;
    Eigen::Map<M>(r + units * classes, 1, classes) = moved.colwise().sum();
    return result;
  }

 private:
  M x_;
  M active_;
  M a_;
  M delta_;
  M w2_;
  M p_;
};

Vector random_unit(Eigen::Index size, std::mt19937& engine) {
  std::normal_distribution<double> normal;
  Vector v(size);
  for (double& x : v) x = normal(engine);
  return v / v.norm();
}

/// max |1 − η(λ + ω)| over the eigenvalues λ, by Lanczos with full reorthogonalisation.
double step_norm(const Hessian& hessian, Eigen::Index size, const Configuration& theta,
                 std::mt19937& engine) {
  constexpr int kIterations = 48;
  Eigen::MatrixXd basis(size, kIterations + 1);
  Eigen::MatrixXd tridiagonal = Eigen::MatrixXd::Zero(kIterations, kIterations);
  basis.col(0) = random_unit(size, engine);
  for (int k = 0; k < kIterations; ++k) {
    Vector next = hessian(basis.col(k));
    tridiagonal(k, k) = basis.col(k).dot(next);
    for (int twice = 0; twice < 2; ++twice)
      next -= basis.leftCols(k + 1) * (basis.leftCols(k + 1).transpose() * next);
    const double norm = next.norm();
    if (k + 1 < kIterations) tridiagonal(k, k + 1) = tridiagonal(k + 1, k) = norm;
    basis.col(k + 1) = next / std::max(norm, 1e-300);
  }
  const Eigen::VectorXd lambda =
      Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(tridiagonal).eigenvalues();
  const auto factor = [&](double l) { return std::abs(1 - theta.lr * (l + theta.weight_decay)); };
  return std::max(factor(lambda.minCoeff()), factor(lambda.maxCoeff()));
}

class GrowthObserver : public TrainingObserver<Native<double>> {
 public:
  explicit GrowthObserver(const Configuration& theta) : theta_(theta) {}

  void on_step(const Native<double>& /*native*/, const StepView<Native<double>>& view) override {
    constexpr int kStride = 8;
    const Hessian hessian(view);
    Eigen::Index size = 0;
    for (const auto& parameter : view.parameters) size += parameter.size();
    if (tangents_.empty())
      for (int i = 0; i < 4; ++i) tangents_.push_back(random_unit(size, engine_));
    double greatest = 0;
    for (Vector& t : tangents_) {
      t -= theta_.lr * (hessian(t) + theta_.weight_decay * t);
      greatest = std::max(greatest, t.norm());
    }
    for (Vector& t : tangents_) t /= greatest;
    tangent_bits += std::log2(greatest);
    if (view.step % kStride == 0)
      product_bits += kStride * std::log2(step_norm(hessian, size, theta_, engine_));
  }

  double tangent_bits = 0;
  double product_bits = 0;

 private:
  Configuration theta_;
  std::mt19937 engine_{3};
  std::vector<Vector> tangents_;
};

void print_row(const Problem& problem, double lr) {
  const Trial trial{&problem, {lr, 1e-4}, 0};
  const TrialInputs inputs = draw_inputs(problem, 0);
  GrowthObserver growth(trial.configuration);
  train(Native<double>(), problem, inputs, trial.configuration, growth);
  const Prediction stepwise = predict_stepwise(trial, inputs);
  const Prediction direct = predict_direct(trial, inputs);
  const ShadowRun run =
      run_shadow(trial, inputs, Rung::for_bits(stepwise.bits(1e-12), Rung::Way::kStepwise));
  const double allowed = 1.2 * growth.product_bits + 5;
  std::printf("%-6g  %8.1f  %8.1f  %8.1f  %8.1f  %9.1f   %s %s\n", lr, growth.tangent_bits,
              growth.product_bits, run.bits_lost, allowed, direct.bits_lost,
              run.bits_lost <= allowed && run.bits_lost >= growth.tangent_bits ? "yes" : "NO",
              run.open.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) try {
  numgeom::keep_freed_memory();
  const Problem problem = bench::mnist_problem();
  std::vector<double> rates;
  for (int i = 1; i < argc; ++i) rates.push_back(std::atof(argv[i]));
  if (rates.empty()) rates = {0.001, 0.01, 0.05, 0.1, 0.3, 0.5, 0.8};
  std::puts(
      "lr       tangent   product  stepwise   allowed     direct   within tangent … 1.2·product + "
      "5");
  for (const double lr : rates) print_row(problem, lr);
  return 0;
} catch (const numgeom::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}

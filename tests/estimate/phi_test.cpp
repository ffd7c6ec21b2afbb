#include "numgeom/estimate/phi.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "numgeom/train/train.hpp"
#include "support/problems.hpp"

using namespace numgeom;
using numgeom::test::small_problem;

namespace {

constexpr double kLr = 0.5;
constexpr int kRows = 4;

/// One step and the end of a made-up training, with pre-activations of our choice.
template <class T>
class MadeUpRun {
 public:
  MadeUpRun() : problem_(small_problem({"dense 2", "relu", "dense 3"}, 20, 10)) {
    for (const ExactMatrix& parameter : draw_inputs(problem_, 1).parameters)
      parameters_.push_back(parameter.cast<T>());
    double count = 0;
    for (const auto& parameter : parameters_) count += static_cast<double>(parameter.size());
    rms_ = std::sqrt(squared_norm(parameters_) / count);
    z_ = Matrix<T>::Constant(kRows, 2, T(1));
    delta_ = Matrix<T>::Constant(kRows, 2, T(0.125));
    const Native<T> arithmetic;
    const auto end = forward_backward(arithmetic, problem_.network, parameters_,
                                      arithmetic.embed(problem_.data->validation.features),
                                      problem_.data->validation.labels);
    slope_ = std::sqrt(squared_norm(end.gradients));
    loss_ = end.loss;
  }

  /// |z| below this is a near-kink: ‖x‖·u·rms(w)·(1 + t/3)^½ at step t.
  [[nodiscard]] double threshold(int row, int step = 0) const {
    return norm(row) * unit() * rms_ * std::sqrt(1 + step / 3.0);
  }
  [[nodiscard]] double norm(int row) const {
    return problem_.data->train.features.row(kTrainRows[row]).norm();
  }
  T& z(int row, int unit) { return z_(row, unit); }
  T& delta(int row, int unit) { return delta_(row, unit); }

  [[nodiscard]] double estimate(int steps = 1) const {
    PhiObserver<Native<T>> observer(problem_, {kLr, 0});
    const Native<T> arithmetic;
    const Matrix<T> batch =
        problem_.data->train.features(kTrainRows, Eigen::all).template cast<T>();
    const Passes<Native<T>> passes{{batch, z_, arithmetic.relu(z_), Matrix<T>::Zero(kRows, 3)},
                                   {Matrix<T>(), delta_, Matrix<T>::Zero(kRows, 3)},
                                   {},
                                   T(1)};
    const Targets targets{Indices(kRows, 0), {}};
    for (int step = 0; step < steps; ++step)
      observer.on_step(arithmetic, {step, steps, kLr, kTrainRows, targets, parameters_, passes});
    const auto validation = arithmetic.embed(problem_.data->validation.features);
    const Targets wanted = Targets::of(problem_.data->validation, problem_.loss);
    observer.on_end(arithmetic, {steps, validation, wanted, parameters_, static_cast<T>(loss_)});
    return observer.estimate();
  }

  /// 3·(‖∇L_val‖·walk/√n + 2uL) after `steps` steps of the same weights.
  [[nodiscard]] double smooth_part(int steps = 1) const {
    return 3 * (slope_ * unit() * std::sqrt(steps / 3.0) * rms_ + 2 * unit() * loss_);
  }
  /// ⅓·‖∇L_val‖·√squared_jumps
  [[nodiscard]] double jump_part(double squared_jumps) const {
    return slope_ * std::sqrt(squared_jumps) / 3;
  }

 private:
  static double squared_norm(const std::vector<Matrix<T>>& matrices) {
    double sum = 0;
    for (const auto& matrix : matrices) sum += static_cast<double>(matrix.squaredNorm());
    return sum;
  }
  static double unit() { return std::numeric_limits<T>::epsilon() / 2.0; }

  inline static const Indices kTrainRows{7, 2, 11, 5};
  Problem problem_;
  std::vector<Matrix<T>> parameters_;
  Matrix<T> z_;
  Matrix<T> delta_;
  double rms_ = 0;
  double slope_ = 0;
  double loss_ = 0;
};

}  // namespace

TEMPLATE_TEST_CASE("without near-kinks Φ is the walk of the weights and the rounding of the loss",
                   "", float, double) {
  MadeUpRun<TestType> run;
  CHECK(run.estimate() == Approx(run.smooth_part()).epsilon(1e-6));
  CHECK(run.estimate(9) == Approx(run.smooth_part(9)).epsilon(1e-6));
}

TEMPLATE_TEST_CASE("a pre-activation below its own error counts as a jump of the gradient", "",
                   float, double) {
  MadeUpRun<TestType> run;
  const auto set = [&run](double share) {
    run.z(1, 0) = static_cast<TestType>(share * run.threshold(1));
  };
  run.delta(1, 0) = TestType(-0.25);
  const double jump = kLr * run.norm(1) * 0.25;
  for (const double share : {0.999, -0.999, 0.5, 0.0}) {
    set(share);
    CHECK(run.estimate() == Approx(run.smooth_part() + run.jump_part(jump * jump)).epsilon(1e-6));
  }
  for (const double share : {1.001, -1.001}) {
    set(share);
    CHECK(run.estimate() == Approx(run.smooth_part()).epsilon(1e-6));
  }
}

TEMPLATE_TEST_CASE("jumps of several near-kinks add up as squares", "", float, double) {
  MadeUpRun<TestType> run;
  run.z(0, 1) = TestType(0.5 * run.threshold(0));
  run.z(3, 0) = TestType(-0.5 * run.threshold(3));
  run.delta(3, 0) = TestType(0.5);
  const double first = kLr * run.norm(0) * 0.125;
  const double second = kLr * run.norm(3) * 0.5;
  CHECK(run.estimate() ==
        Approx(run.smooth_part() + run.jump_part(first * first + second * second)).epsilon(1e-6));
}

TEMPLATE_TEST_CASE("the error of a pre-activation grows with the steps", "", float, double) {
  MadeUpRun<TestType> run;
  run.z(2, 1) = TestType(0.5 * (run.threshold(2, 0) + run.threshold(2, 1)));
  const double jump = kLr * run.norm(2) * 0.125;
  CHECK(run.estimate(1) == Approx(run.smooth_part(1)).epsilon(1e-6));
  // The steps numbered 1 and 2 see it.
  CHECK(run.estimate(3) ==
        Approx(run.smooth_part(3) + run.jump_part(2 * jump * jump)).epsilon(1e-6));
}

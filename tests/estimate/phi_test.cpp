#include "numgeom/estimate/phi.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "numgeom/train/train.hpp"
#include "numgeom/train/with_native_arithmetic.hpp"
#include "support/problems.hpp"

using namespace numgeom;
using numgeom::test::small_problem;

namespace {

constexpr double kLr = 0.5;
constexpr int kRows = 4;
constexpr int kFeatures = 6;

/// Steps and the end of a made-up training: gradients are zero, so that exact updates change
/// nothing; pre-activations and the parameters of every step are of our choice.
template <class T>
class MadeUpRun {
 public:
  MadeUpRun() : problem_(small_problem({"dense 2", "relu", "dense 3"}, 20, 10)) {
    for (const ExactMatrix& parameter : draw_inputs(problem_, 1).parameters)
      parameters_.push_back(parameter.cast<T>());
    z_ = Matrix<T>::Constant(kRows, 2, T(1));
    delta_ = Matrix<T>::Constant(kRows, 2, T(0.125));
    const Native<T> arithmetic;
    end_ = forward_backward(arithmetic, problem_.network, parameters_,
                            arithmetic.embed(problem_.data->validation.features),
                            problem_.data->validation.labels);
  }

  /// |z| below this is a near-kink, where no sign was wrong before.
  [[nodiscard]] double reach(int row, int step = 0) const {
    const double mean_square = static_cast<double>(parameters_[0].squaredNorm()) /
                               static_cast<double>(parameters_[0].size());
    return 1.5 * norm(row) * unit() * std::sqrt(mean_square * (2 + kFeatures / 2.0 + step) / 6);
  }
  [[nodiscard]] double norm(int row) const {
    return problem_.data->train.features.row(kTrainRows[row]).norm();
  }
  T& z(int row, int unit) { return z_(row, unit); }
  T& delta(int row, int unit) { return delta_(row, unit); }

  /// Every step moves the first weight by `shift` in vain, turned round from step to step where
  /// `alternating`.
  [[nodiscard]] PhiTerms terms(int steps = 1, T shift = 0, bool alternating = false) const {
    PhiObserver<Native<T>> observer(problem_, {kLr, 0});
    const Native<T> arithmetic;
    const Matrix<T> batch =
        problem_.data->train.features(kTrainRows, Eigen::all).template cast<T>();
    std::vector<Matrix<T>> zeros;
    for (const auto& parameter : parameters_)
      zeros.push_back(Matrix<T>::Zero(parameter.rows(), parameter.cols()));
    const Passes<Native<T>> passes{{batch, z_, arithmetic.relu(z_), Matrix<T>::Zero(kRows, 3)},
                                   {Matrix<T>(), delta_, Matrix<T>::Zero(kRows, 3)},
                                   zeros,
                                   T(1)};
    const Targets targets{Indices(kRows, 0), {}};
    // The last step ends at the parameters themselves.
    const auto before = [&](int step) {
      auto result = parameters_;
      const int left = steps - step;
      result[0](0, 0) -= shift * T(alternating ? left % 2 : left);
      return result;
    };
    for (int step = 0; step < steps; ++step) {
      const auto now = before(step);
      observer.on_step(arithmetic,
                       {step, steps, kLr, kTrainRows, targets, now, passes, {{}, {}, step}});
    }
    const auto validation = arithmetic.embed(problem_.data->validation.features);
    const Targets wanted = Targets::of(problem_.data->validation, problem_.loss);
    observer.on_end(arithmetic, {steps, validation, wanted, parameters_, end_.loss});
    CHECK(observer.estimate() == observer.terms().total());
    return observer.terms();
  }

  [[nodiscard]] double loss() const { return end_.loss; }
  /// ∂L_val by the first weight.
  [[nodiscard]] double slope() const { return end_.gradients[0](0, 0); }
  /// The term of E_h² = 0.27·Σ J² in one unit, two standard deviations.
  [[nodiscard]] double kinks(int unit, double squared_jumps) const {
    return 2 * std::sqrt(squared_cosine() * 0.27 * squared_jumps) *
           static_cast<double>(end_.gradients[0].col(unit).norm());
  }
  static double unit() { return std::numeric_limits<T>::epsilon() / 2.0; }

 private:
  [[nodiscard]] double squared_cosine() const {
    double sum = 0;
    for (int i = 0; i < kRows; ++i)
      for (int j = 0; j < kRows; ++j) {
        if (i == j) continue;
        const auto& x = problem_.data->train.features;
        const double product = x.row(kTrainRows[i]).dot(x.row(kTrainRows[j]));
        sum += std::pow(product / (norm(i) * norm(j)), 2);
      }
    return sum / (kRows * (kRows - 1));
  }

  inline static const Indices kTrainRows{7, 2, 11, 5};
  Problem problem_;
  std::vector<Matrix<T>> parameters_;
  Matrix<T> z_;
  Matrix<T> delta_;
  Passes<Native<T>> end_;
};

template <class F>
auto in_precision(const char* precision, std::uint64_t seed, F&& f) {
  return with_native_arithmetic(parse_precision(precision), seed, f);
}

struct Watched {
  double loss = 0;
  PhiTerms terms;
};

Watched watch(const Problem& problem, const Configuration& configuration, std::uint64_t seed,
              const char* precision) {
  return in_precision(precision, seed, [&]<class A>(const A& arithmetic) {
    PhiObserver<A> phi(problem, configuration);
    const auto result = train(arithmetic, problem, draw_inputs(problem, seed), configuration, phi);
    return Watched{static_cast<double>(result.loss), phi.terms()};
  });
}

double exact_loss(const Problem& problem, const Configuration& configuration, std::uint64_t seed) {
  return train(Native<double>(), problem, draw_inputs(problem, seed), configuration).loss;
}

}  // namespace

TEMPLATE_TEST_CASE("where updates are exact and no sign is in doubt, Φ is the rounding of the loss",
                   "", float, double) {
  const MadeUpRun<TestType> run;
  for (const int steps : {1, 9, 40}) {
    const PhiTerms terms = run.terms(steps);
    CHECK(terms.evaluation == Approx(2 * run.unit() * run.loss()));
    CHECK(terms.total() == terms.evaluation);
  }
}

TEMPLATE_TEST_CASE("what updates are off walks along the gradient of the validation loss", "",
                   float, double) {
  const MadeUpRun<TestType> run;
  const double step = std::abs(run.slope()) * 0x1p-12;
  const PhiTerms once = run.terms(1, TestType(0x1p-12));
  CHECK(once.walk == Approx(step).epsilon(1e-4));
  CHECK(once.drift == 0);
  const PhiTerms forth_and_back = run.terms(6, TestType(0x1p-12), true);
  CHECK(forth_and_back.walk == Approx(std::sqrt(6) * step).epsilon(1e-4));
  CHECK(forth_and_back.drift == 0);
}

TEMPLATE_TEST_CASE("what updates are off in the same way at every step adds up", "", float,
                   double) {
  const MadeUpRun<TestType> run;
  const double step = std::abs(run.slope()) * 0x1p-12;
  // 6 samples of one value: (Σp)² − 4Σp² = 12p², over 6·5 pairs.
  for (const int steps : {6, 36}) {
    const PhiTerms terms = run.terms(steps, TestType(0x1p-12));
    CHECK(terms.walk == Approx(std::sqrt(steps) * step).epsilon(1e-4));
    CHECK(terms.drift == Approx(2 * steps * step * std::sqrt(12.0 / 30)).epsilon(1e-4));
  }
}

TEMPLATE_TEST_CASE("a pre-activation below its own error counts as a jump of the weights", "",
                   float, double) {
  MadeUpRun<TestType> run;
  run.delta(1, 0) = TestType(-0.25);
  const double jump = kLr * run.norm(1) * 0.25;
  for (const double share : {0.999, -0.999, 0.5, 0.0}) {
    run.z(1, 0) = static_cast<TestType>(share * run.reach(1));
    CHECK(run.terms().kinks == Approx(run.kinks(0, jump * jump)).epsilon(1e-5));
  }
  for (const double share : {1.001, -1.001}) {
    run.z(1, 0) = static_cast<TestType>(share * run.reach(1));
    CHECK(run.terms().kinks == 0);
  }
}

TEMPLATE_TEST_CASE("jumps of one unit add up as squares", "", float, double) {
  MadeUpRun<TestType> run;
  run.z(0, 1) = TestType(0.5 * run.reach(0));
  run.z(3, 1) = TestType(-0.5 * run.reach(3));
  run.delta(3, 1) = TestType(0.5);
  const double first = kLr * run.norm(0) * 0.125;
  const double second = kLr * run.norm(3) * 0.5;
  CHECK(run.terms().kinks == Approx(run.kinks(1, first * first + second * second)).epsilon(1e-5));
}

TEMPLATE_TEST_CASE("the error of a pre-activation grows with the steps, and by wrong signs", "",
                   float, double) {
  MadeUpRun<TestType> run;
  run.z(2, 1) = TestType(0.5 * (run.reach(2, 0) + run.reach(2, 1)));
  const double jump = kLr * run.norm(2) * 0.125;
  CHECK(run.terms(1).kinks == 0);
  // The steps numbered 1 and 2 see it.
  CHECK(run.terms(3).kinks == Approx(run.kinks(1, 2 * jump * jump)).epsilon(1e-5));
  // Far above the rounding, but below what the other jump did to the same unit.
  run.z(0, 1) = TestType(1e4 * run.reach(0));
  run.delta(0, 1) = TestType(0.5);
  CHECK(run.terms(3).kinks > 1.2 * run.kinks(1, 2 * jump * jump));
  // Another unit's weights are as they were.
  run.z(0, 1) = TestType(1);
  run.z(0, 0) = TestType(1e4 * run.reach(0));
  CHECK(run.terms(3).kinks == Approx(run.kinks(1, 2 * jump * jump)).epsilon(1e-5));
}

TEST_CASE("the unit of weights is the format's in pure forms, fp32's in mixed ones and tf32") {
  const auto units = [](const char* precision) {
    return in_precision(precision, 0, [](const auto& arithmetic) {
      return std::pair(arithmetic.unit_roundoff(), arithmetic.weight_roundoff());
    });
  };
  CHECK(units("fp64") == std::pair(0x1p-53, 0x1p-53));
  CHECK(units("fp32") == std::pair(0x1p-24, 0x1p-24));
  CHECK(units("tf32") == std::pair(0x1p-11, 0x1p-24));
  CHECK(units("bf16") == std::pair(0x1p-8, 0x1p-8));
  CHECK(units("bf16-mixed") == std::pair(0x1p-8, 0x1p-24));
  CHECK(units("fp16-mixed-stochastic") == std::pair(0x1p-11, 0x1p-24));
}

TEST_CASE("weights of mixed forms are rounded as fp32, activations and gradients are not") {
  const Problem problem = small_problem({"dense 8", "relu", "dense 3"}, 64, 40, 4);
  const Configuration configuration{0.05, 1e-4};
  for (const auto& [pure, mixed] : {std::pair("bf16", "bf16-mixed"), {"fp16", "fp16-mixed"}}) {
    const PhiTerms narrow = watch(problem, configuration, 3, pure).terms;
    const PhiTerms wide = watch(problem, configuration, 3, mixed).terms;
    const PhiTerms single = watch(problem, configuration, 3, "fp32").terms;
    const double unit = unit_roundoff(parse_precision(mixed));
    CHECK(narrow.walk > 100 * wide.walk);
    CHECK(wide.walk < 10 * single.walk);
    CHECK(wide.drift < 20 * single.walk * std::sqrt(64 / 16 * 4));
    CHECK(wide.gradients == Approx(single.gradients * unit * 0x1p24).epsilon(0.1));
    CHECK(wide.evaluation > single.evaluation);
    CHECK(wide.evaluation < 8 * unit);
  }
}

TEST_CASE("updates below half a unit of the weights are a drift: pure bf16 does not train") {
  const Problem problem = small_problem({"dense 8", "relu", "dense 3"}, 256, 100, 8);
  const Configuration configuration{1e-3, 0};
  const Watched run = watch(problem, configuration, 5, "bf16");
  const double error = std::abs(run.loss - exact_loss(problem, configuration, 5));
  INFO("error " << error << ", walk " << run.terms.walk << ", drift " << run.terms.drift);
  CHECK(run.terms.drift > 3 * run.terms.walk);
  CHECK(run.terms.drift > error);
  CHECK(run.terms.drift < 10 * error);
  // On average stochastic rounding loses nothing.
  CHECK(watch(problem, configuration, 5, "bf16-stochastic").terms.drift < 0.3 * run.terms.drift);
}

TEST_CASE("the loss of narrow formats is compared with that of the same weights") {
  const Problem problem = small_problem({"dense 8", "relu", "dense 3"}, 64, 40, 4);
  // Nothing moves: all of the error is evaluation, and rounding of the initial weights in bf16.
  const Configuration configuration{0, 0};
  for (const char* precision : {"bf16-mixed", "fp16-mixed", "tf32"}) {
    const Watched run = watch(problem, configuration, 7, precision);
    const double error = std::abs(run.loss - exact_loss(problem, configuration, 7));
    CHECK(run.terms.evaluation == Approx(error).epsilon(0.01).margin(1e-6));
  }
  CHECK(watch(problem, configuration, 7, "bf16").terms.walk > 1e-5);
  CHECK(watch(problem, configuration, 7, "bf16-mixed").terms.walk == 0);
}

TEST_CASE("Φ covers most errors of every precision and optimiser, not much above them") {
  const char* precision = GENERATE("fp32", "bf16", "bf16-mixed", "fp16-mixed", "tf32");
  const Optimizer optimizer = GENERATE(Optimizer::kSgd, Optimizer::kMomentum, Optimizer::kAdam);
  if (optimizer == Optimizer::kAdam && std::string(precision) == "bf16") return;  // state: not seen
  constexpr int kTrials = 20;
  int covered = 0;
  std::vector<double> ratios;
  for (int i = 0; i < kTrials; ++i) {
    Problem problem = small_problem({"dense 8", "relu", "dense 6", "leaky_relu 0.1", "dense 3"}, 60,
                                    40, 4, 16, 200 + i);
    problem.training.optimizer = optimizer;
    const Configuration configuration{(optimizer == Optimizer::kSgd ? 0.005 : 0.0005) * (1 + i),
                                      i % 2 == 0 ? 0 : 1e-3};
    const std::uint64_t seed = i;
    const Watched run = watch(problem, configuration, seed, precision);
    const double error = std::abs(run.loss - exact_loss(problem, configuration, seed));
    ratios.push_back(run.terms.total() / error);
    if (ratios.back() >= 1) ++covered;
  }
  std::sort(ratios.begin(), ratios.end());
  INFO(precision << ", " << to_string(optimizer) << ": " << covered << " covered, median "
                 << ratios[kTrials / 2]);
  CHECK(covered >= kTrials * 8 / 10);
  CHECK(ratios[kTrials / 2] < 60);
}

#include "numgeom/shadow/stepwise.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>

#include "numgeom/arithmetic/interval_arithmetic.hpp"
#include "numgeom/arithmetic/limb_arithmetic.hpp"
#include "numgeom/shadow/shadow_run.hpp"
#include "support/problems.hpp"
#include "support/random.hpp"

// The exact run is the midpoint of a direct run at so many bits that its radii are far below every
// distance that is looked at (which is checked).

using namespace numgeom;

namespace {

using Eigen::Index;
using test::Random;

constexpr int kReferenceBits = 1400;

struct Drawn {
  Problem problem;
  Configuration configuration;
  TrialInputs inputs;
};

/// Parameters of all steps, as exact numbers.
using Trajectory = std::vector<std::vector<LimbMatrix>>;

class Recorder : public TrainingObserver<LimbArithmetic> {
 public:
  Trajectory points;
  Magnitude widest;

  void on_step(const LimbArithmetic&, const StepView<LimbArithmetic>& view) override {
    if (view.step > 0) record(view.parameters);
  }
  void on_end(const LimbArithmetic&, const EndView<LimbArithmetic>& view) override {
    record(view.parameters);
  }

 private:
  void record(const std::vector<LimbArithmetic::Matrix>& parameters) {
    points.emplace_back();
    for (const auto& parameter : parameters) {
      points.back().push_back(parameter.midpoints);
      widest += frobenius_norm(parameter.radii);
    }
  }
};

BigFloat entry(const LimbMatrix& x, Index i, Index j) { return x.entry(i, j); }
BigFloat entry(const Matrix<double>& x, Index i, Index j) { return BigFloat::exact(x(i, j)); }
BigFloat entry(const ExactMatrix& x, Index i, Index j) { return BigFloat::exact(x(i, j)); }

/// All entries in one vector.
template <class Matrices>
std::vector<BigFloat> entries(const Matrices& matrices) {
  std::vector<BigFloat> result;
  for (const auto& x : matrices)
    for (Index i = 0; i < x.rows(); ++i)
      for (Index j = 0; j < x.cols(); ++j) result.push_back(entry(x, i, j));
  return result;
}

/// v* after every step, from the weights of the exact run: w' = w − ηv' for momentum and
/// w' = w − η((1 + μ)v' − μv) for Nesterov's.
std::vector<std::vector<BigFloat>> velocities(const Drawn& one, const Trajectory& points) {
  const double mu = one.configuration.momentum;
  const bool nesterov = one.problem.training.optimizer == Optimizer::kNesterov;
  const auto rates = one.problem.training.schedule.rates(
      one.configuration.lr, static_cast<int>(points.size()), one.problem.steps_per_epoch());
  std::vector<BigFloat> before = entries(one.inputs.parameters);
  std::vector<BigFloat> v(before.size(), BigFloat(kReferenceBits));
  std::vector<std::vector<BigFloat>> result;
  BigFloat share(kReferenceBits);
  mpfr_set_d(share.get(), mu, MPFR_RNDN);
  mpfr_add_ui(share.get(), share.get(), 1, MPFR_RNDN);
  for (std::size_t t = 0; t < points.size(); ++t) {
    const std::vector<BigFloat> after = entries(points[t]);
    for (std::size_t k = 0; k < v.size(); ++k) {
      BigFloat next(kReferenceBits);
      mpfr_sub(next.get(), before[k].get(), after[k].get(), MPFR_RNDN);
      mpfr_div_d(next.get(), next.get(), rates[t], MPFR_RNDN);
      if (nesterov) {
        BigFloat kept(kReferenceBits);
        mpfr_mul_d(kept.get(), v[k].get(), mu, MPFR_RNDN);
        mpfr_add(next.get(), next.get(), kept.get(), MPFR_RNDN);
        mpfr_div(next.get(), next.get(), share.get(), MPFR_RNDN);
      }
      v[k] = std::move(next);
    }
    result.push_back(v);
    before = after;
  }
  return result;
}

/// ‖(u, q) − (u*, q*)‖₂ to 53 bits, from below.
Magnitude state_distance(const StepCoordinates& c, const std::vector<BigFloat>& w,
                         const std::vector<BigFloat>& exact_w, const std::vector<BigFloat>& v,
                         const std::vector<BigFloat>& exact_v) {
  REQUIRE(v.size() == exact_v.size());
  BigFloat squares(200);
  BigFloat dw(4 * kReferenceBits);
  BigFloat dv(4 * kReferenceBits);
  BigFloat part(4 * kReferenceBits);
  for (std::size_t k = 0; k < w.size(); ++k) {
    mpfr_sub(dw.get(), w[k].get(), exact_w[k].get(), MPFR_RNDN);
    mpfr_sub(dv.get(), v[k].get(), exact_v[k].get(), MPFR_RNDN);
    mpfr_mul_d(part.get(), dv.get(), c.kappa, MPFR_RNDN);
    mpfr_sub(part.get(), dw.get(), part.get(), MPFR_RNDN);
    mpfr_sqr(part.get(), part.get(), MPFR_RNDN);
    mpfr_add(squares.get(), squares.get(), part.get(), MPFR_RNDZ);
    mpfr_mul_d(part.get(), dv.get(), c.scale, MPFR_RNDN);
    mpfr_sqr(part.get(), part.get(), MPFR_RNDN);
    mpfr_add(squares.get(), squares.get(), part.get(), MPFR_RNDZ);
  }
  mpfr_sqrt(squares.get(), squares.get(), MPFR_RNDZ);
  return Magnitude::upper(squares) * Magnitude(1 - 0x1p-40);
}

/// ‖w̃ − w*‖₂ to 53 bits, from below.
template <class Midpoints>
Magnitude distance(const std::vector<Midpoints>& found, const std::vector<LimbMatrix>& exact) {
  BigFloat squares(200);
  BigFloat difference(4 * kReferenceBits);
  for (std::size_t k = 0; k < exact.size(); ++k)
    for (Index i = 0; i < exact[k].rows(); ++i)
      for (Index j = 0; j < exact[k].cols(); ++j) {
        mpfr_sub(difference.get(), entry(found[k], i, j).get(), entry(exact[k], i, j).get(),
                 MPFR_RNDN);
        mpfr_sqr(difference.get(), difference.get(), MPFR_RNDN);
        mpfr_add(squares.get(), squares.get(), difference.get(), MPFR_RNDZ);
      }
  mpfr_sqrt(squares.get(), squares.get(), MPFR_RNDZ);
  return Magnitude::upper(squares) * Magnitude(1 - 0x1p-40);
}

struct Reference {
  Trajectory points;
  std::vector<std::vector<BigFloat>> velocities;  ///< none without momentum
  Enclosure loss;
  ErrorCount errors;
};

Reference exact_run(const Drawn& one) {
  const LimbArithmetic arithmetic{LimbMidpoints(kReferenceBits)};
  Recorder recorder;
  const auto result = train(arithmetic, one.problem, one.inputs, one.configuration, recorder);
  REQUIRE(recorder.widest < Magnitude::power_of_two(-600));
  std::vector<std::vector<BigFloat>> velocity;
  if (one.problem.training.optimizer != Optimizer::kSgd)
    velocity = velocities(one, recorder.points);
  return {std::move(recorder.points), std::move(velocity), Enclosure(result.loss), result.errors};
}

struct Seen {
  double growth = 0;  ///< log₂ of the last distance over the first
  double slack = 0;   ///< log₂ of the last ρ over the distance
  bool open = false;
};

template <class A>
Seen check_run(const A& arithmetic, const Drawn& one, const Reference& reference) {
  Seen seen;
  Magnitude before;
  double first = 0;
  int steps = 0;
  const auto observer = [&](const StepBound& bound, const auto& parameters, const auto& velocity) {
    CHECK(bound.step == steps++);
    CHECK(bound.steps == static_cast<int>(one.inputs.batches.size()));
    using Midpoints = std::decay_t<decltype(parameters[0].midpoints)>;
    std::vector<Midpoints> points;
    for (const auto& parameter : parameters) {
      CHECK(parameter.radii.is_zero());
      points.push_back(parameter.midpoints);
    }
    const Magnitude apart =
        distance(points, reference.points[static_cast<std::size_t>(bound.step)]);
    INFO("step " << bound.step << ", log2 of ρ " << bound.distance.log2() << ", of the distance "
                 << apart.log2());
    CHECK(apart <= bound.distance);
    CHECK(bound.lipschitz * before + bound.defect <= bound.radius);
    before = bound.radius;
    if (!velocity.empty()) {
      std::vector<Midpoints> velocities;
      for (const auto& part : velocity) velocities.push_back(part.midpoints);
      const auto step = static_cast<std::size_t>(bound.step);
      CHECK(state_distance(bound.coordinates, entries(points), entries(reference.points[step]),
                           entries(velocities), reference.velocities[step]) <= bound.radius);
    }
    if (apart.is_zero()) return;
    if (first == 0) first = apart.log2();
    seen.growth = apart.log2() - first;
    seen.slack = bound.distance.log2() - apart.log2();
  };
  const StepwiseResult result =
      train_stepwise(arithmetic, one.problem, one.inputs, one.configuration, observer);
  const int samples = one.problem.data->validation.samples();
  seen.open = !result.open.empty();
  CHECK(result.loss.intersects(reference.loss));
  CHECK(result.errors.lower <= reference.errors.upper);
  CHECK(reference.errors.lower <= result.errors.upper);
  if (seen.open) {
    CHECK_FALSE(result.loss.is_bounded());
    CHECK(result.errors.lower == 0);
    CHECK(result.errors.upper == samples);
  } else {
    CHECK(steps == static_cast<int>(one.inputs.batches.size()));
    CHECK(result.errors.upper <= samples);
  }
  return seen;
}

Drawn draw(const std::vector<std::string>& layers, double lr, double weight_decay,
           std::uint64_t seed, int epochs = 5) {
  Drawn one{test::small_problem(layers, 24, 10, epochs, 8), {lr, weight_decay}, {}};
  // Six features: images of 2×3 pixels to a convolution.
  one.problem.network = one.problem.network.for_input(6, {2, 3, 1});
  one.inputs = draw_inputs(one.problem, seed);
  return one;
}

/// Trials in intervals and in balls of two precisions.
struct RunsOfAllPrecisions {
  int finished = 0;
  double least_slack = 1e9;

  void check(const Drawn& one, const Reference& reference) {
    for (const Seen& seen : {check_run(IntervalArithmetic(), one, reference),
                             check_run(LimbArithmetic(LimbMidpoints(100)), one, reference),
                             check_run(LimbArithmetic(LimbMidpoints(256)), one, reference)}) {
      if (seen.open) continue;
      ++finished;
      least_slack = std::min(least_slack, seen.slack);
    }
  }
};

}  // namespace

TEST_CASE("ρ bounds the distance to the exact run, step by step") {
  Random random = Random::announced("stepwise", 81);
  const std::vector<std::vector<std::string>> shapes = {
      {"dense 3"},
      {"dense 5", "relu", "dense 3"},
      {"dense 4", "tanh", "dense 3"},
      {"dense 4", "relu", "dense 4", "relu", "dense 3"},
      {"dense 4", "tanh", "dense 3", "relu", "dense 3"},
      {"conv 2x2x3", "relu", "dense 3"},
      {"conv 2x2x2 padding 1", "relu", "average_pool 2", "dense 3"},
      {"conv 2x2x2 padding 1", "relu", "conv 2x2x2", "tanh", "dense 4", "relu", "dense 3"}};
  RunsOfAllPrecisions runs;
  const int trials = test::repetitions(40);
  for (int n = 0; n < trials; ++n) {
    const Drawn one =
        draw(shapes[static_cast<std::size_t>(n) % shapes.size()],
             std::pow(10.0, -2 + 1.5 * random.unit()),
             random.coin() ? 0 : std::pow(10.0, -4 + 3 * random.unit()), random.bits());
    const Reference reference = exact_run(one);
    INFO("trial " << n << ", lr " << one.configuration.lr);
    runs.check(one, reference);
  }
  std::fprintf(stderr, "stepwise: %d of %d runs finished, ρ at least 2^%.1f times the distance\n",
               runs.finished, 3 * trials, runs.least_slack);
  CHECK(runs.finished > 2 * trials);
  // So near that a bound a few times smaller would have been found out.
  CHECK(runs.least_slack < 4);
}

TEST_CASE("ρ bounds the distance to the exact run with momentum, step by step") {
  Random random = Random::announced("stepwise with momentum", 82);
  const std::vector<std::vector<std::string>> shapes = {
      {"dense 3"},
      {"dense 5", "relu", "dense 3"},
      {"dense 4", "tanh", "dense 3"},
      {"dense 4", "relu", "dense 4", "relu", "dense 3"}};
  using Kind = Schedule::Kind;
  const std::vector<Schedule> schedules = {
      {}, {Kind::kStep, 0, 2, 0.1}, {Kind::kCosine, 5, 1, 0.1}, {Kind::kLinear, 0, 1, 0.1}};
  RunsOfAllPrecisions runs;
  const int trials = test::repetitions(32);
  for (int n = 0; n < trials; ++n) {
    Drawn one = draw(shapes[static_cast<std::size_t>(n) % shapes.size()],
                     std::pow(10.0, -2.5 + 1.5 * random.unit()),
                     random.coin() ? 0 : std::pow(10.0, -4 + 3 * random.unit()), random.bits());
    one.problem.training.optimizer = random.coin() ? Optimizer::kMomentum : Optimizer::kNesterov;
    one.problem.training.schedule = schedules[static_cast<std::size_t>(random.below(4))];
    one.configuration.momentum = random.below(6) == 0 ? 0 : 0.3 + 0.69 * random.unit();
    const Reference reference = exact_run(one);
    INFO("trial " << n << ", lr " << one.configuration.lr << ", momentum "
                  << one.configuration.momentum);
    runs.check(one, reference);
  }
  std::fprintf(stderr,
               "stepwise with momentum: %d of %d runs finished, ρ at least 2^%.1f times the "
               "distance\n",
               runs.finished, 3 * trials, runs.least_slack);
  CHECK(runs.finished > 2 * trials);
  CHECK(runs.least_slack < 5);
}

TEST_CASE("ρ bounds distances that grow by powers of ten") {
  // At this learning rate a perturbation grows from step to step. The radii of a direct run would
  // grow with it; those of the stepwise way must not lag behind.
  double greatest = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed)
    for (const auto& layers : {std::vector<std::string>{"dense 5", "tanh", "dense 3"},
                               std::vector<std::string>{"dense 5", "relu", "dense 3"},
                               std::vector<std::string>{"dense 3"}}) {
      const Drawn one = draw(layers, 4, 0, seed, 12);
      const Seen seen = check_run(LimbArithmetic(LimbMidpoints(500)), one, exact_run(one));
      CHECK_FALSE(seen.open);
      greatest = std::max(greatest, seen.growth);
    }
  for (const Optimizer optimizer : {Optimizer::kMomentum, Optimizer::kNesterov}) {
    Drawn one = draw({"dense 5", "tanh", "dense 3"}, 2, 0, 4, 12);
    one.problem.training.optimizer = optimizer;
    const Seen seen = check_run(LimbArithmetic(LimbMidpoints(700)), one, exact_run(one));
    CHECK_FALSE(seen.open);
    greatest = std::max(greatest, seen.growth);
  }
  // What grew at a high rate has grown when the rate is low.
  for (const Optimizer optimizer : {Optimizer::kSgd, Optimizer::kMomentum}) {
    Drawn one =
        draw({"dense 5", "tanh", "dense 3"}, optimizer == Optimizer::kSgd ? 4 : 2, 0, 4, 12);
    one.problem.training.optimizer = optimizer;
    one.problem.training.schedule = {Schedule::Kind::kStep, 0, 10, 1e-3};
    CHECK_FALSE(check_run(LimbArithmetic(LimbMidpoints(700)), one, exact_run(one)).open);
  }
  std::fprintf(stderr, "stepwise: distances grew by up to 2^%.0f\n", greatest);
  CHECK(greatest > 12);
}

TEST_CASE("the defect counts the radii of weights and of the velocity") {
  const IntervalArithmetic interval;
  using Matrices = std::vector<IntervalArithmetic::Matrix>;
  for (const Optimizer optimizer : {Optimizer::kMomentum, Optimizer::kNesterov}) {
    Drawn one = draw({"dense 4", "tanh", "dense 3"}, 0.05, 0.01, 6);
    one.problem.training.optimizer = optimizer;
    const Dataset& data = one.problem.data->train;
    const auto features = interval.embed(data.features);
    Matrices weights = embed_parameters(interval, one.inputs);
    auto state = initial_state(interval, optimizer, one.inputs);
    const auto observer = [&](const StepBound& bound, const Matrices& w, const Matrices& v) {
      const Indices& rows = one.inputs.batches[static_cast<std::size_t>(bound.step)];
      auto passes =
          forward_backward(interval, one.problem.network, weights,
                           interval.gather_rows(features, rows), labels_of(data.labels, rows));
      update(interval, optimizer, one.configuration, one.configuration.lr, passes.gradients, state,
             weights);
      const Magnitude velocity = detail::radius_norm<IntervalArithmetic>(state.first);
      CHECK(bound.coordinates.scale > 0);
      CHECK_FALSE(velocity.is_zero());
      CHECK(norm_in(bound.coordinates, detail::radius_norm<IntervalArithmetic>(weights),
                    velocity) <= bound.defect);
      weights = w;
      state.first = v;
    };
    (void)train_stepwise(interval, one.problem, one.inputs, one.configuration, observer);
  }
}

TEST_CASE("a sign that no precision decides ends the run with a reason") {
  Drawn one = draw({"dense 2", "relu", "dense 3"}, 0.1, 0, 5);
  // A sample of zeros: its pre-activations stay exactly zero as long as it is the only one.
  Split data = *one.problem.data;
  data.train.features.row(0).setZero();
  one.problem.data = std::make_shared<const Split>(std::move(data));
  one.inputs.batches.assign(3, Indices{0});
  const StepwiseResult result =
      train_stepwise(LimbArithmetic(LimbMidpoints(300)), one.problem, one.inputs, one.configuration,
                     [](const StepBound&, const auto&, const auto&) {});
  CHECK_THAT(result.open, Catch::Contains("sign of a pre-activation is open in step 1"));
  CHECK_FALSE(result.loss.is_bounded());
  CHECK(result.errors.lower == 0);
  CHECK(result.errors.upper == one.problem.data->validation.samples());

  const Trial trial{&one.problem, one.configuration, 5};
  const ShadowRun run =
      run_shadow(trial, one.inputs, {Rung::Way::kStepwise, Rung::Kind::kBall, 300});
  CHECK(run.open == result.open);
  CHECK_FALSE(run.loss.is_bounded());
}

TEST_CASE("what the stepwise way does not know, it does not enclose") {
  const auto refused = [](const Drawn& one) {
    CHECK_THROWS_WITH(train_stepwise(IntervalArithmetic(), one.problem, one.inputs,
                                     one.configuration, [](const StepBound&, const auto&...) {}),
                      Catch::Contains("does not know this training"));
  };
  Drawn smoothed = draw({"dense 3"}, 0.1, 0, 8);
  smoothed.problem.loss.label_smoothing = 0.1;
  refused(smoothed);
  Drawn clipped = draw({"dense 3"}, 0.1, 0, 8);
  clipped.configuration.clip_norm = 1;
  refused(clipped);
  refused(draw({"dense 4", "dropout 0.5", "dense 3"}, 0.1, 0, 8));
  Drawn adam = draw({"dense 3"}, 0.1, 0, 8);
  adam.problem.training.optimizer = Optimizer::kAdam;
  refused(adam);
}

TEST_CASE("a distance without a bound ends the run with a reason") {
  Drawn one = draw({"dense 4", "tanh", "dense 3"}, 1e300, 1e10, 7);
  const StepwiseResult result =
      train_stepwise(IntervalArithmetic(), one.problem, one.inputs, one.configuration,
                     [](const StepBound&, const auto&, const auto&) {});
  CHECK_FALSE(result.open.empty());
  CHECK_FALSE(result.loss.is_bounded());
}

TEST_CASE("how far a loss moves with its logits") {
  // Two samples: where the residual is small the second order counts, else √2·e is the least.
  const BoundMatrix residuals(2, 1, {Magnitude(0x1p-20), Magnitude(1.4)});
  const BoundMatrix near(2, 1, {Magnitude(0x1p-10), Magnitude(0x1p-3)});
  const double expected = (0x1p-30 + 0x1p-22 + 1.4 * 0x1p-3 + 0x1p-8) / 2;
  const double found = detail::loss_deviation(residuals, near).to_double_up();
  CHECK(found >= std::min(expected, (0x1p-30 + 0x1p-22 + std::sqrt(2.0) * 0x1p-3) / 2));
  CHECK(found <= expected * (1 + 0x1p-40));
  const BoundMatrix far(2, 1, {Magnitude(100), Magnitude(100)});
  CHECK(detail::loss_deviation(residuals, far).to_double_up() >= 100 * std::sqrt(2.0));
  CHECK(detail::loss_deviation(residuals, far).to_double_up() <= 100 * std::sqrt(2.0) * (1 + 1e-9));
}

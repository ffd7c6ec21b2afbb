#include <array>
#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_real_distribution.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>

#include "numgeom/arithmetic/ball_arithmetic.hpp"
#include "numgeom/shadow/shadow_run.hpp"
#include "numgeom/shadow/step_lipschitz.hpp"
#include "numgeom/train/train.hpp"
#include "support/problems.hpp"
#include "support/random.hpp"
#ifdef NUMGEOM_TEST_ARB
#include "support/arb_training.hpp"
#endif

using namespace numgeom;

namespace {

struct SmallTrial {
  Problem problem;
  Configuration configuration;
  std::uint64_t seed;
};

/// Random sizes, depths, activations, learning rates, weight decays and seeds.
SmallTrial draw(test::Random& random) {
  std::vector<std::string> layers;
  for (int depth = random.below(3); depth > 0; --depth) {
    layers.push_back("dense " + std::to_string(1 + random.below(7)));
    layers.emplace_back(random.below(3) == 0 ? "tanh" : "relu");
  }
  layers.emplace_back("dense 3");
  const int train = 4 + random.below(24);
  return {test::small_problem(layers, train, 3 + random.below(8), 1 + random.below(3),
                              1 + random.below(train), random.bits() % 1000),
          {std::pow(10.0, -3 + 4 * random.unit()),
           random.coin() ? 0 : std::pow(10.0, -6 * random.unit())},
          random.bits()};
}

const std::vector<std::vector<std::string>> kNetworks = {
    {"dense 4", "leaky_relu 0.1", "dense 3"},
    {"dense 4", "sigmoid", "residual 1", "dense 3"},
    {"dense 4", "softplus", "dropout 0.25", "dense 3"},
    {"dense 4", "gelu", "dense 3", "relu", "dense 3"},
    {"conv 2x2x2 padding 1", "relu", "max_pool 2", "dense 3"},
    {"conv 2x2x2 padding 1", "relu", "average_pool 2", "dense 3"},
    {"conv 1x2x2", "tanh", "conv 2x1x3", "relu", "flatten", "dense 3"},
    {"dense 5", "relu", "dense 3"}};
constexpr std::array kOptimizers = {Optimizer::kSgd,  Optimizer::kMomentum, Optimizer::kNesterov,
                                    Optimizer::kAdam, Optimizer::kAdamW,    Optimizer::kRmsprop};
constexpr std::array kSchedules = {Schedule::Kind::kConstant, Schedule::Kind::kStep,
                                   Schedule::Kind::kCosine, Schedule::Kind::kLinear};

/// The n-th of all layers with all optimisers; learning rates, clipping and schedules at random.
SmallTrial draw_any(test::Random& random, std::size_t n) {
  SmallTrial one{
      test::small_problem(kNetworks[n % kNetworks.size()], 16, 6, 2, 6), {}, random.bits()};
  one.problem.network = one.problem.network.for_input(6, {2, 3, 1});
  TrainingOptions& training = one.problem.training;
  training.optimizer = kOptimizers[n / kNetworks.size() % kOptimizers.size()];
  training.schedule.kind = kSchedules[static_cast<std::size_t>(random.below(4))];
  training.schedule.warmup = random.below(2);
  if (random.below(3) == 0) one.problem.loss.label_smoothing = 0.1;
  one.configuration.lr = std::pow(10.0, -3 + 1.5 * random.unit());
  if (random.coin()) one.configuration.weight_decay = 1e-3;
  if (random.below(4) == 0) one.configuration.clip_norm = 0.5;
  if (random.below(4) == 0) one.configuration.l1 = 1e-4;
  return one;
}

/// One enclosure of a trial's loss and errors, and where it comes from.
struct Found {
  std::string name;
  Enclosure loss;
  ErrorCount errors;
};

/// The reference of the limbs: midpoints in MPFR.
Found by_big_floats(const SmallTrial& one, const TrialInputs& inputs, int bits) {
  const BallArithmetic arithmetic{BigFloatMidpoints(bits)};
  const auto result = train(arithmetic, one.problem, inputs, one.configuration);
  return {"big floats", Enclosure(result.loss), result.errors};
}

/// All rungs of one way, from few bits to many.
std::vector<Found> by_rungs(const SmallTrial& one, const TrialInputs& inputs, Rung::Way way) {
  const Trial trial{&one.problem, one.configuration, one.seed};
  std::vector<Found> found;
  for (const int bits : {53, 100, 152, 256}) {
    const Rung rung = Rung::for_bits(bits, way);
    const ShadowRun run = run_shadow(trial, inputs, rung);
    if (!run.open.empty()) CHECK_FALSE(run.loss.is_bounded());
    found.push_back(
        {rung.way_name() + " at " + std::to_string(rung.bits) + " bits", run.loss, run.errors});
  }
  return found;
}

void check_narrowing(const std::vector<Found>& found) {
  for (std::size_t a = 0; a + 1 < found.size(); ++a) {
    INFO(found[a].name << ", width " << found[a].loss.width() << " and "
                       << found[a + 1].loss.width());
    CHECK(found[a + 1].loss.width() <= found[a].loss.width() * (1 + 1e-9));
  }
}

void check_agreement(const std::vector<Found>& all) {
  for (std::size_t a = 0; a < all.size(); ++a)
    for (std::size_t b = a + 1; b < all.size(); ++b) {
      INFO(all[a].name << ", " << all[b].name);
      CHECK(all[a].loss.intersects(all[b].loss));
      CHECK(all[a].errors.lower <= all[b].errors.upper);
      CHECK(all[b].errors.lower <= all[a].errors.upper);
    }
}

}  // namespace

TEST_CASE("enclosures of one trial agree, and more bits never widen them") {
  auto random = test::Random::announced("small trials", 20'260'101);
  const int trials = test::repetitions(300);
  int bounded = 0;
  int stepwise = 0;
  [[maybe_unused]] int elsewhere = 0;
  for (int i = 0; i < trials; ++i) {
    const SmallTrial one = draw(random);
    const TrialInputs inputs = draw_inputs(one.problem, one.seed);
    INFO("trial " << i << ", lr " << one.configuration.lr << ", seed " << one.seed);
    std::vector<Found> all = by_rungs(one, inputs, Rung::Way::kDirect);
    check_narrowing(all);
    if (all.back().loss.width() < 1e-9) ++bounded;
    const std::vector<Found> others = by_rungs(one, inputs, Rung::Way::kStepwise);
    check_narrowing(others);
    if (others.back().loss.width() < 1e-9) ++stepwise;
    all.insert(all.end(), others.begin(), others.end());
    all.push_back(by_big_floats(one, inputs, 320));
#ifdef NUMGEOM_TEST_ARB
    all.push_back({"Arb",
                   test::arb_loss(one.problem, inputs, one.configuration, 500),
                   {0, one.problem.data->validation.samples()}});
    if (all.back().loss.width() < 1e-9) ++elsewhere;
#endif
    check_agreement(all);
  }
  std::fprintf(stderr, "small trials: of %d, %d narrower than 1e-9 at 256 bits, stepwise %d\n",
               trials, bounded, stepwise);
  CHECK(bounded > trials * 9 / 10);
  CHECK(stepwise > trials * 8 / 10);
#ifdef NUMGEOM_TEST_ARB
  CHECK(elsewhere > trials * 9 / 10);
#endif
}

TEST_CASE("all rungs agree for every layer, optimiser and schedule") {
  auto random = test::Random::announced("rungs of all trials", 20'261'126);
  const int trials = test::repetitions(static_cast<int>(2 * kNetworks.size() * kOptimizers.size()));
  int bounded = 0;
  int stepwise = 0;
  int known = 0;
  for (int i = 0; i < trials; ++i) {
    const SmallTrial one = draw_any(random, static_cast<std::size_t>(i));
    const TrialInputs inputs = draw_inputs(one.problem, one.seed);
    INFO("trial " << i << ", lr " << one.configuration.lr << ", seed " << one.seed);
    std::vector<Found> all = by_rungs(one, inputs, Rung::Way::kDirect);
    if (all.back().loss.width() < 1e-9) ++bounded;
    if (has_step_lipschitz(one.problem, one.configuration)) {
      ++known;
      const std::vector<Found> others = by_rungs(one, inputs, Rung::Way::kStepwise);
      if (others.back().loss.width() < 1e-9) ++stepwise;
      all.insert(all.end(), others.begin(), others.end());
    }
    all.push_back(by_big_floats(one, inputs, 320));
    check_agreement(all);
  }
  std::fprintf(stderr, "all trials: of %d, %d narrower than 1e-9 at 256 bits, stepwise %d of %d\n",
               trials, bounded, stepwise, known);
  CHECK(bounded > trials * 9 / 10);
  CHECK(known > 0);
  CHECK(stepwise > known * 8 / 10);
}

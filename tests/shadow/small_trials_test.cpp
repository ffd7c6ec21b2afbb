#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_real_distribution.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>

#include "numgeom/shadow/shadow_run.hpp"
#include "support/problems.hpp"
#include "support/random.hpp"

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

}  // namespace

TEST_CASE("enclosures of one trial agree, and more bits never widen them") {
  auto random = test::Random::announced("small trials", 20'260'101);
  const int trials = test::repetitions(200);
  int bounded = 0;
  for (int i = 0; i < trials; ++i) {
    const SmallTrial one = draw(random);
    const Trial trial{&one.problem, one.configuration, one.seed};
    const TrialInputs inputs = draw_inputs(one.problem, one.seed);
    std::vector<ShadowRun> runs{run_shadow(trial, inputs, Rung())};
    for (const int bits : {64, 128, 192, 320})
      runs.push_back(run_shadow(trial, inputs, {Rung::Way::kDirect, Rung::Kind::kBall, bits}));
    INFO("trial " << i << ", lr " << one.configuration.lr << ", seed " << one.seed);
    for (std::size_t a = 0; a < runs.size(); ++a) {
      for (std::size_t b = a + 1; b < runs.size(); ++b) {
        CHECK(runs[a].loss.intersects(runs[b].loss));
        CHECK(runs[a].errors.lower <= runs[b].errors.upper);
        CHECK(runs[b].errors.lower <= runs[a].errors.upper);
      }
    }
    for (std::size_t a = 1; a + 1 < runs.size(); ++a)
      CHECK(runs[a + 1].loss.width() <= runs[a].loss.width());
    if (runs.back().loss.width() < 1e-9) ++bounded;
  }
  std::fprintf(stderr, "small trials: %d of %d narrower than 1e-9 at 320 bits\n", bounded, trials);
  CHECK(bounded > trials * 9 / 10);
}

#include "numgeom/estimate/estimated_run.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "numgeom/estimate/phi.hpp"
#include "numgeom/estimate/phi_seed.hpp"
#include "numgeom/shadow/certify.hpp"
#include "numgeom/train/train.hpp"
#include "support/problems.hpp"

using namespace numgeom;
using numgeom::test::small_problem;

namespace {

bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

template <NativeArithmetic A, template <class> class Observer>
void require_unchanged_parameters(const A& arithmetic, const Problem& problem,
                                  const Configuration& configuration) {
  const TrialInputs inputs = draw_inputs(problem, 3);
  Observer<A> observer(problem, configuration);
  const auto watched = train(arithmetic, problem, inputs, configuration, observer);
  const auto alone = train(arithmetic, problem, inputs, configuration);
  REQUIRE(watched.parameters.size() == alone.parameters.size());
  for (std::size_t i = 0; i < alone.parameters.size(); ++i)
    CHECK(watched.parameters[i] == alone.parameters[i]);
}

}  // namespace

TEST_CASE("estimators do not change what is trained, bit for bit") {
  const auto layers = GENERATE(
      std::vector<std::string>{"dense 3"}, std::vector<std::string>{"dense 7", "relu", "dense 3"},
      std::vector<std::string>{"dense 5", "tanh", "dense 6", "relu", "dense 3"});
  const Problem problem = small_problem(layers, 70, 30, 3);
  const TrialInputs inputs = draw_inputs(problem, 3);
  for (const Configuration& configuration :
       {Configuration{0.01, 0}, Configuration{0.3, 1e-3}, Configuration{1e30, 0}}) {
    const Trial trial{&problem, configuration, 3};
    for (const char* text : {"fp32", "fp64", "tf32", "bf16", "fp16-mixed", "bf16-stochastic",
                             "fp16-mixed-stochastic-kahan"}) {
      const Precision precision = parse_precision(text);
      const NativeRun alone = run_native(trial, inputs, precision);
      const NativeRun watched = run_native_with_estimates(trial, inputs, precision);
      CHECK((same_bits(alone.loss, watched.loss) ||
             (std::isnan(alone.loss) && std::isnan(watched.loss))));
      CHECK(alone.errors.lower == watched.errors.lower);
      CHECK(watched.estimates.size() == 2);
      for (const auto& [name, estimate] : watched.estimates) CHECK(estimate.seconds >= 0);
    }
  }
  require_unchanged_parameters<Native<float>, PhiObserver>(Native<float>(), problem, {0.3, 1e-3});
  require_unchanged_parameters<Native<float>, PhiSeedObserver>(Native<float>(), problem,
                                                               {0.3, 1e-3});
  require_unchanged_parameters<Native<double>, PhiObserver>(Native<double>(), problem, {0.3, 1e-3});
  require_unchanged_parameters<Native<double>, PhiSeedObserver>(Native<double>(), problem,
                                                                {0.3, 1e-3});
}

TEST_CASE("on small stable problems Φ is of the size of the certified error") {
  constexpr int kTrials = 20;
  for (const Precision precision : {Precision::kFp32, Precision::kFp64}) {
    int near = 0;
    for (int i = 0; i < kTrials; ++i) {
      const Problem problem = small_problem({"dense 8", "relu", "dense 3"}, 60, 40, 3, 16, 100 + i);
      const Trial trial{&problem, {0.005 * (1 + i), i % 2 == 0 ? 0 : 1e-3}, std::uint64_t(i)};
      const CertifiedTrial result = certify(trial, {precision}, {}, run_native_with_estimates);
      REQUIRE(result.certification.certified());
      const double phi = result.native[0].estimates.at("phi").value;
      const double error = result.certified_errors[0].upper;
      INFO("trial " << i << ": Φ = " << phi << ", certified error " << error);
      CHECK(phi > 0);
      CHECK(std::isfinite(phi));
      if (phi >= 1e-2 * error && phi <= 1e4 * error) ++near;
    }
    CHECK(near >= kTrials * 9 / 10);
  }
}

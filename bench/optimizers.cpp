// Our samplers on functions whose least value is known. One JSON line for each run: the problem,
// the sampler, the seed, the seconds spent in suggestions and the least value after each
// evaluation.
//
// usage: optimizers EVALUATIONS SEEDS [SAMPLER ...]     for example: optimizers 100 25 tpe
// gp:log_ei
//        (samplers: random, sobol, tpe, cma_es, gp:ACQUISITION; all where none is named)

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include "numgeom/arithmetic/environment.hpp"
#include "numgeom/error.hpp"
#include "numgeom/hpo/sampler.hpp"
#include "timing.hpp"

namespace {

using namespace numgeom;

struct Function {
  std::string name;
  std::vector<Parameter> parameters;
  double (*value)(std::span<const double> x);
};

/// Source: Dixon, L., Szegő, G. (1978), as are the constants below.
double branin(std::span<const double> x) {
  constexpr double kPi = std::numbers::pi;
  const double valley = x[1] - 5.1 / (4 * kPi * kPi) * x[0] * x[0] + 5 / kPi * x[0] - 6;
  return valley * valley + 10 * (1 - 1 / (8 * kPi)) * std::cos(x[0]) + 10;
}

double hartmann6(std::span<const double> x) {
  constexpr std::array<double, 4> kAlpha{1, 1.2, 3, 3.2};
  constexpr double kA[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                               {0.05, 10, 17, 0.1, 8, 14},
                               {3, 3.5, 1.7, 10, 17, 8},
                               {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double kP[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                               {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                               {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                               {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
  double sum = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    double distance = 0;
    for (std::size_t j = 0; j < 6; ++j) distance += kA[i][j] * std::pow(x[j] - kP[i][j], 2);
    sum -= kAlpha[i] * std::exp(-distance);
  }
  return sum;
}

std::vector<Function> functions() {
  Function first{"branin", {Parameter::real("x0", -5, 10), Parameter::real("x1", 0, 15)}, branin};
  Function second{"hartmann6", {}, hartmann6};
  for (int j = 0; j < 6; ++j)
    second.parameters.push_back(Parameter::real(fmt::format("x{}", j), 0, 1));
  return {first, second};
}

Search search_of(const std::string& sampler, int trials, std::uint64_t seed) {
  Search search;
  const auto colon = sampler.find(':');
  search.method = parse_search_method(sampler.substr(0, colon));
  if (colon != std::string::npos) search.acquisition = parse_acquisition(sampler.substr(colon + 1));
  search.trials = trials;
  search.seed = seed;
  return search;
}

struct Run {
  double seconds = 0;
  std::vector<double> best;
};

Run minimise(const Function& function, const Search& search) {
  Run run;
  const auto sampler = make_sampler({function.parameters, {}}, search);
  History history;
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < search.trials; ++i) {
    std::optional<Suggestion> suggestion;
    run.seconds += bench::seconds([&] { suggestion = sampler->suggest(history); });
    std::vector<double> x;
    for (const auto& [name, value] : suggestion->assignment) x.push_back(to_number(value));
    const double loss = function.value(x);
    history.push_back(
        {suggestion->assignment, Evaluation::State::kDone, loss, 0.0, suggestion->memo});
    run.best.push_back(best = std::min(best, loss));
  }
  return run;
}

void print(const std::string& problem, const std::string& sampler, std::uint64_t seed,
           const Run& run) {
  fmt::print(R"({{"problem": "{}", "sampler": "{}", "seed": {}, "seconds": {:.6f}, "best": [{}]}})",
             problem, sampler, seed, run.seconds, fmt::join(run.best, ", "));
  fmt::print("\n");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) try {
  numgeom::keep_freed_memory();
  const int evaluations = argc > 1 ? std::atoi(argv[1]) : 100;
  const auto seeds = static_cast<std::uint64_t>(argc > 2 ? std::atoi(argv[2]) : 25);
  std::vector<std::string> samplers(argv + std::min(argc, 3), argv + argc);
  if (samplers.empty())
    samplers = {"random", "sobol",       "tpe",
                "cma_es", "gp:log_ei",   "gp:ei",
                "gp:ucb", "gp:thompson", "gp:precision_aware"};
  for (const Function& function : functions())
    for (const std::string& sampler : samplers)
      for (std::uint64_t seed = 0; seed < seeds; ++seed)
        print(function.name, sampler, seed,
              minimise(function, search_of(sampler, evaluations, seed)));
  return 0;
} catch (const numgeom::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}

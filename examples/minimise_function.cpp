// Minimises a function of your own with the samplers: ask, evaluate, tell.

#include <cmath>
#include <cstdio>

#include "numgeom/numgeom.hpp"

namespace {

/// Branin's function; its least value is 0.397887.
double branin(double x, double y) {
  const double pi = std::acos(-1.0);
  const double curve = y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6;
  return curve * curve + 10 * (1 - 1 / (8 * pi)) * std::cos(x) + 10;
}

}  // namespace

int main() try {
  const numgeom::Space space{
      {numgeom::Parameter::real("x", -5, 10), numgeom::Parameter::real("y", 0, 15)}, {}};
  numgeom::Search search;
  search.method = numgeom::SearchMethod::kGp;
  search.acquisition = numgeom::AcquisitionKind::kLogExpectedImprovement;
  const auto sampler = numgeom::make_sampler(space, search);
  numgeom::History history;
  double best = HUGE_VAL;
  for (int i = 0; i < 30; ++i) {
    const auto suggestion = sampler->suggest(history);
    numgeom::Evaluation evaluation;
    evaluation.assignment = suggestion->assignment;
    evaluation.memo = suggestion->memo;
    evaluation.state = numgeom::Evaluation::State::kDone;
    evaluation.loss = branin(numgeom::to_number(suggestion->assignment.at("x")),
                             numgeom::to_number(suggestion->assignment.at("y")));
    evaluation.delta = 0;  // exact; a bound on the error of the loss where there is one
    best = std::fmin(best, evaluation.loss);
    history.push_back(evaluation);
  }
  std::printf("least value after 30 evaluations: %.6f\n", best);
  return best < 0.41 ? 0 : 1;
} catch (const numgeom::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}

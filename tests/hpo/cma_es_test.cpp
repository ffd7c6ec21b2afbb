#include "numgeom/hpo/cma_es.hpp"

#include <catch2/catch.hpp>

#include "support/samplers.hpp"

using namespace numgeom;

TEST_CASE("CMA-ES: the same history gives the same suggestion, in any object") {
  test::check_pure(cma_es_sampler);
}

TEST_CASE("CMA-ES: suggestions are members of the space: conditions, constraints, values") {
  test::check_members(cma_es_sampler);
}

TEST_CASE("CMA-ES: parallel workers do not repeat each other") {
  test::check_parallel(cma_es_sampler);
  test::check_only_running(cma_es_sampler);
}

TEST_CASE("CMA-ES: trials that diverge or fail are avoided") {
  test::check_tolerates_failures(cma_es_sampler);
  test::check_survives_failures_only(cma_es_sampler);
}

TEST_CASE("CMA-ES: a small space is exhausted before anything comes twice") {
  test::check_small_space(cma_es_sampler);
}

TEST_CASE("CMA-ES: narrow constraints are met, contradictory ones reported") {
  test::check_constraints(cma_es_sampler);
}

TEST_CASE("CMA-ES: spaces without an ordered coordinate") {
  test::check_degenerate_spaces(cma_es_sampler);
}

TEST_CASE("CMA-ES: the first trials are a scrambled Sobol sequence") {
  test::check_startup(cma_es_sampler);
}

TEST_CASE("CMA-ES: finds better values than random search") {
  const auto with = [](const Space& space, const test::Loss& loss, int trials) {
    return test::median_least(cma_es_sampler, space, loss, trials);
  };
  CHECK(with(test::square(), test::sphere, 60) <
        0.1 * test::median_of_random(test::square(), test::sphere, 60));
  CHECK(with(test::square(), test::branin, 60) < 0.45);
  CHECK(with(test::mixed_space(), test::mixed_loss, 80) <
        0.5 * test::median_of_random(test::mixed_space(), test::mixed_loss, 80));
}

TEST_CASE("CMA-ES: goes on after it has converged, from another mean") {
  const auto two_valleys = [](const Assignment& a) {
    const double x = to_number(a.at("x"));
    return std::min(std::pow(x - 0.2, 2) + 0.1, 20 * std::pow(x - 0.8, 2));
  };
  const Space line{{Parameter::real("x", 0, 1)}, {}};
  CHECK(test::median_least(cma_es_sampler, line, two_valleys, 400) < 1e-4);
}

TEST_CASE("CMA-ES: integers do not freeze") {
  const Space space{{Parameter::integer("x", 0, 6), Parameter::real("y", 0, 1)}, {}};
  // The best startup point lies in another cell than the minimum, which is a step away.
  const auto loss = [](const Assignment& a) {
    return std::fabs(to_number(a.at("x")) - 5) + std::pow(to_number(a.at("y")) - 0.3, 2);
  };
  CHECK(test::median_least(cma_es_sampler, space, loss, 60) < 1e-3);
}

TEST_CASE("CMA-ES: trials without a memo, as from another source, count with their values") {
  const auto sampler = cma_es_sampler(test::square(), test::search_with_seed(4));
  History history;
  for (int i = 0; i < 60; ++i) {
    const auto suggestion = sampler->suggest(history);
    REQUIRE(suggestion);
    const double loss = test::sphere(suggestion->assignment);
    history.push_back({suggestion->assignment, Evaluation::State::kDone, loss});
  }
  CHECK(test::least(history) < 1e-2);
}

TEST_CASE("CMA-ES: a memo that is not of this trial is ignored") {
  const auto sampler = cma_es_sampler(test::square(), test::search_with_seed(4));
  History history = test::run(*sampler, test::sphere, 25);
  const auto expected = [&] {
    History bare = history;
    for (Evaluation& trial : bare) trial.memo.clear();
    return sampler->suggest(bare)->assignment;
  }();
  for (Evaluation& trial : history) trial.memo = {0.5, std::nan("")};
  CHECK(sampler->suggest(history)->assignment == expected);
}

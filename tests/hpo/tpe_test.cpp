#include "numgeom/hpo/tpe.hpp"

#include <catch2/catch.hpp>

#include "support/samplers.hpp"

using namespace numgeom;

TEST_CASE("TPE: the same history gives the same suggestion, in any object") {
  test::check_pure(tpe_sampler);
}

TEST_CASE("TPE: suggestions are members of the space: conditions, constraints, values") {
  test::check_members(tpe_sampler);
}

TEST_CASE("TPE: parallel workers do not repeat each other") {
  test::check_parallel(tpe_sampler);
  test::check_only_running(tpe_sampler);
}

TEST_CASE("TPE: trials that diverge or fail are avoided") {
  test::check_tolerates_failures(tpe_sampler);
  test::check_survives_failures_only(tpe_sampler);
}

TEST_CASE("TPE: a small space is exhausted before anything comes twice") {
  test::check_small_space(tpe_sampler);
}

TEST_CASE("TPE: narrow constraints are met, contradictory ones reported") {
  test::check_constraints(tpe_sampler);
}

TEST_CASE("TPE: spaces without an ordered coordinate") {
  test::check_degenerate_spaces(tpe_sampler);
}

TEST_CASE("TPE: the first trials are a scrambled Sobol sequence") {
  test::check_startup(tpe_sampler);
}

TEST_CASE("TPE: finds better values than random search") {
  const auto with = [](const Space& space, const test::Loss& loss, int trials) {
    return test::median_least(tpe_sampler, space, loss, trials);
  };
  CHECK(with(test::square(), test::sphere, 60) <
        0.2 * test::median_of_random(test::square(), test::sphere, 60));
  CHECK(with(test::square(), test::branin, 60) < 0.45);
  CHECK(test::median_of_random(test::square(), test::branin, 60) > 0.7);
  CHECK(with(test::mixed_space(), test::mixed_loss, 80) <
        0.5 * test::median_of_random(test::mixed_space(), test::mixed_loss, 80));
}

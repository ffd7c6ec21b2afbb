#include <catch2/catch.hpp>
#include <cmath>

#include "numgeom/shadow/certify.hpp"
#include "support/problems.hpp"

using namespace numgeom;
using numgeom::test::small_problem;

TEST_CASE("errors of every native precision are certified, and are of its size") {
  const Problem problem = small_problem({"dense 8", "relu", "dense 3"}, 60, 40, 3);
  const std::vector<Precision> precisions = all_precisions();
  const CertifiedTrial result = certify({&problem, {0.05, 1e-4}, 3}, precisions);
  REQUIRE(result.certification.certified());
  const double exact = result.certification.loss.midpoint();
  for (std::size_t i = 0; i < precisions.size(); ++i) {
    const NativeRun& run = result.native[i];
    const CertifiedError& error = result.certified_errors[i];
    INFO(to_string(precisions[i]) << ": loss " << run.loss << ", exactly " << exact);
    CHECK(run.precision == precisions[i]);
    CHECK_FALSE(run.diverged());
    CHECK(error.tightness() <= 1.001);
    CHECK(error.lower <= error.upper);
    CHECK(std::abs(run.loss - exact) == Approx(error.upper).epsilon(0.002).margin(1e-16));
    CHECK(error.upper <= 16 * unit_roundoff(precisions[i]));
    CHECK(error.upper > 0);
  }
}

TEST_CASE("a narrow run that overflows is a result, and its exact loss is certified") {
  const Problem problem = small_problem({"dense 8", "relu", "dense 3"}, 40, 20, 1);
  // The first step takes weights to about 10^6, beyond the greatest number of fp16.
  const CertifiedTrial result =
      certify({&problem, {1e6, 0}, 0}, {parse_precision("fp16"), Precision::kFp64});
  CHECK(result.native[0].diverged());
  CHECK_FALSE(result.native[1].diverged());
  CHECK(std::isinf(result.certified_errors[0].upper));
}

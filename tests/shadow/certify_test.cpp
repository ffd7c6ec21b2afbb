#include "numgeom/shadow/certify.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <stop_token>

#include "numgeom/error.hpp"
#include "support/problems.hpp"

using namespace numgeom;
using numgeom::test::small_problem;

namespace {

const std::vector<Precision> kBoth{Precision::kFp32, Precision::kFp64};

}  // namespace

TEST_CASE("a certification that was not run certifies nothing") {
  const Certification nothing;
  CHECK_FALSE(nothing.certified());
  CHECK_FALSE(nothing.loss.is_bounded());
  CHECK_FALSE(nothing.reason.empty());
}

TEST_CASE("a certified trial meets what was asked") {
  const Problem problem = small_problem({"dense 8", "relu", "dense 3"});
  const CertifiedTrial result = certify({&problem, {0.1, 1e-4}, 0}, kBoth);
  REQUIRE(result.certification.certified());
  CHECK(result.certification.reason.empty());
  CHECK(result.certification.loss.width() <= 1e-9);
  for (const CertifiedError& error : result.certified_errors) CHECK(error.tightness() <= 1.001);
  CHECK(result.certified_errors[0].upper < 1e-5);
  CHECK(result.certified_errors[1].upper < 1e-13);
  CHECK(result.certification.errors.lower == result.certification.errors.upper);
  CHECK(result.certification.errors.lower == result.native[1].errors.lower);
}

TEST_CASE("plain doubles certify what asks for no more") {
  const Problem problem = small_problem({"dense 4", "relu", "dense 3"}, 20, 10, 1);
  CertifyOptions options;
  options.tightness = 1e6;
  options.width = 1e-6;
  const CertifiedTrial result = certify({&problem, {0.001, 0}, 0}, {Precision::kFp32}, options);
  REQUIRE(result.certification.certified());
  CHECK(result.certification.rung.kind == Rung::Kind::kInterval);
}

TEST_CASE("the ladder stops at its limit and says what is missing") {
  const Problem problem = small_problem({"dense 8", "relu", "dense 3"}, 60, 20, 10);
  CertifyOptions options;
  options.width = 1e-60;
  options.max_bits = 100;
  const CertifiedTrial result = certify({&problem, {0.3, 0}, 0}, kBoth, options);
  CHECK_FALSE(result.certification.certified());
  CHECK(result.certification.reason.find("at 100 bits") != std::string::npos);
  CHECK(result.certification.rung.bits <= 100);
}

TEST_CASE("a run that is hopeless at its precision is given up, not misjudged") {
  const Problem problem =
      small_problem({"dense 16", "relu", "dense 16", "relu", "dense 3"}, 60, 20, 20);
  const Trial trial{&problem, {0.5, 0}, 0};
  const ShadowRun run = run_shadow(trial, draw_inputs(problem, 0), Rung());
  CHECK_FALSE(run.loss.is_bounded());
  CHECK(run.errors.lower == 0);
  CHECK(run.errors.upper == 20);
}

TEST_CASE("radii in the course of a run go down with every bit, and the last step has one") {
  const Problem problem = small_problem({"dense 8", "relu", "dense 3"}, 200, 20, 20);
  const Trial trial{&problem, {0.1, 0}, 0};
  const TrialInputs inputs = draw_inputs(problem, 0);
  const int steps = static_cast<int>(inputs.batches.size());
  for (const Rung::Way way : {Rung::Way::kDirect, Rung::Way::kStepwise}) {
    const auto few = run_shadow(trial, inputs, Rung::for_bits(152, way)).radii;
    const auto many = run_shadow(trial, inputs, Rung::for_bits(256, way)).radii;
    REQUIRE(few.size() > 10);
    REQUIRE(few.size() < 40);
    REQUIRE(few.size() == many.size());
    CHECK(few.back().steps == steps);
    for (std::size_t i = 0; i < few.size(); ++i) {
      CHECK(few[i].steps == many[i].steps);
      CHECK(many[i].log2 == Approx(few[i].log2 - 104).margin(2));
      if (i > 0) CHECK(few[i].steps > few[i - 1].steps);
    }
  }
}

TEST_CASE("the exact run may be finite where the native one diverges") {
  const Problem problem = small_problem({"dense 4", "relu", "dense 3"}, 20, 10, 2);
  // Products of weights beyond 3·10^38 overflow in fp32 only.
  const CertifiedTrial result = certify({&problem, {1e20, 0}, 0}, kBoth);
  CHECK(result.native[0].diverged());
  CHECK_FALSE(result.native[1].diverged());
  CHECK(std::isinf(result.certified_errors[0].upper));
  if (result.certification.certified()) CHECK(result.certification.loss.width() <= 1e-9);
}

TEST_CASE("a requested stop ends the run without a verdict") {
  const Problem problem = small_problem({"dense 8", "relu", "dense 3"});
  std::stop_source stop;
  stop.request_stop();
  CHECK_THROWS_AS(certify({&problem, {0.1, 0}, 0}, kBoth, {}, run_native, stop.get_token()),
                  Interrupted);
}

TEST_CASE("impossible options are refused with their value") {
  const Problem problem = small_problem({"dense 3"});
  const Trial trial{&problem, {0.1, 0}, 0};
  CHECK_THROWS_WITH(certify(trial, kBoth, {.width = 0}), Catch::Contains("width"));
  CHECK_THROWS_WITH(certify(trial, kBoth, {.width = std::nan("")}), Catch::Contains("width"));
  CHECK_THROWS_WITH(certify(trial, kBoth, {.tightness = 1}), Catch::Contains("tightness"));
  CHECK_THROWS_WITH(certify(trial, kBoth, {.max_bits = 10}), Catch::Contains("max_bits"));
  CHECK_THROWS_WITH(certify({&problem, {-0.1, 0}, 0}, kBoth), Catch::Contains("-0.1"));
}

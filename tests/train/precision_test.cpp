#include "numgeom/train/precision.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "numgeom/error.hpp"

using namespace numgeom;

TEST_CASE("every precision has a name of its own that reads back") {
  std::set<std::string> names;
  for (const Precision& precision : all_precisions()) {
    const std::string name = to_string(precision);
    CHECK(parse_precision(name) == precision);
    names.insert(name);
  }
  // Three formats and two with four forms each, in four orders.
  CHECK(names.size() == (3 + 2 * 4) * 4);
  CHECK(names.size() == all_precisions().size());
}

TEST_CASE("names say what they are") {
  CHECK(parse_precision("fp64") == Precision::kFp64);
  CHECK(parse_precision("fp32") == Precision::kFp32);
  CHECK(Precision() == Precision::kFp32);
  CHECK(parse_precision("tf32") == Precision{FloatFormat::kTf32});
  CHECK(parse_precision("fp32-kahan") ==
        Precision{.format = FloatFormat::kFp32, .summation = Summation::kKahan});
  CHECK(parse_precision("bf16-mixed") == Precision{.format = FloatFormat::kBf16, .mixed = true});
  CHECK(parse_precision("fp16-mixed-stochastic-pairwise") ==
        Precision{FloatFormat::kFp16, true, true, Summation::kPairwise});
  CHECK(to_string({FloatFormat::kBf16, false, true, Summation::kSequential}) ==
        "bf16-stochastic-sequential");
}

TEST_CASE("other names are refused, and the error says what is expected") {
  for (const char* name : {"", "fp12", "FP32", "fp32 ", "fp32-", "fp32-mixed", "tf32-stochastic",
                           "fp64-blocked", "bf16-stochastic-mixed", "bf16-kahan-mixed", "mixed"}) {
    CHECK_THROWS_WITH(parse_precision(name), Catch::Contains("'" + std::string(name) + "'") &&
                                                 Catch::Contains("fp64, fp32, tf32, fp16 or bf16"));
  }
  CHECK_THROWS_AS(to_string({.format = FloatFormat::kFp32, .mixed = true}), Error);
}

TEST_CASE("a precision's unit roundoff is that of its coarsest format") {
  CHECK(unit_roundoff(Precision::kFp64) == 0x1p-53);
  CHECK(unit_roundoff(Precision::kFp32) == 0x1p-24);
  CHECK(unit_roundoff(parse_precision("tf32")) == 0x1p-11);
  CHECK(unit_roundoff(parse_precision("fp16-mixed")) == 0x1p-11);
  CHECK(unit_roundoff(parse_precision("bf16")) == 0x1p-8);
}

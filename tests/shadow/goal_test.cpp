#include "numgeom/shadow/goal.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace numgeom;

namespace {

Enclosure around(double x, double width) {
  BigFloat lower = BigFloat::exact(x, 200);
  BigFloat upper = lower;
  mpfr_sub_d(lower.get(), lower.get(), width / 2, MPFR_RNDD);
  mpfr_add_d(upper.get(), upper.get(), width / 2, MPFR_RNDU);
  return {lower, upper};
}

}  // namespace

TEST_CASE("a goal is reached by width and tightness together") {
  const Goal wide{1e-3, 1.001, {}};
  CHECK(wide.reached(around(1, 1e-4)));
  CHECK_FALSE(wide.reached(around(1, 1e-2)));
  CHECK_FALSE(wide.reached(Enclosure()));

  const Goal tight{1e-3, 1.001, {{1.0 + 1e-6, 0x1p-24}}};
  CHECK_FALSE(tight.reached(around(1, 1e-7)));
  CHECK(tight.reached(around(1, 1e-10)));
  CHECK(tight.shortfall(around(1, 1e-7)).find("1.001 asked") != std::string::npos);
}

TEST_CASE("diverged values ask for nothing") {
  const Goal goal{1e-3, 1.001, {{std::nan(""), 0x1p-24}, {INFINITY, 0x1p-53}}};
  CHECK(goal.reached(around(1, 1e-4)));
  CHECK(goal.expected_width() == 1e-3);
}

TEST_CASE("NaN in an enclosure's width never counts as narrow") {
  Goal goal;
  goal.width = std::nan("");
  CHECK_FALSE(goal.reached(around(1, 1e-12)));
}

TEST_CASE("the next precision aims at what is missing") {
  const Goal goal{1e-20, 1.001, {}};
  CHECK(goal.next_bits(128, around(1, 1e-10)) >= 128 + 64);
  CHECK(goal.next_bits(128, around(1, 1e-10)) <= 128 + 72);
  CHECK(goal.next_bits(128, around(1, 0.1)) == 256);
  CHECK(goal.next_bits(128, Enclosure()) == 256);
}

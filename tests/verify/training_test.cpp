// The checker's own steps where a sign is open, which whole trainings seldom are to their end.
#include "verify/training.cpp"

#include <catch2/catch.hpp>

namespace {

verify::Ball ball(double middle, double radius) {
  verify::Ball x(middle);
  arb_add_error(x.get(), verify::Ball(radius).get());
  return x;
}

bool contains(const verify::Ball& x, double value) {
  return arb_contains(x.get(), verify::Ball(value).get()) != 0;
}

}  // namespace

TEST_CASE("an open sign takes both branches, a decided one its own") {
  const verify::Ball open = verify::gated(ball(1, 2), verify::Ball(8), 0.25);
  CHECK(contains(open, 8));
  CHECK(contains(open, 2));
  const verify::Ball relu = verify::gated(ball(0, 1), verify::Ball(8), 0);
  CHECK(contains(relu, 8));
  CHECK(contains(relu, 0));
  CHECK_FALSE(contains(verify::gated(ball(3, 2), verify::Ball(8), 0), 0));
  CHECK_FALSE(contains(verify::gated(verify::Ball(0.0), verify::Ball(8), 0), 8));  // ReLU′(0) = 0
  CHECK(contains(verify::gated(verify::Ball(-1), verify::Ball(8), 0.25), 2));
}

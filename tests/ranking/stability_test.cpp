#include "numgeom/ranking/stability.hpp"

#include <catch2/catch.hpp>
#include <limits>

using namespace numgeom;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Enclosure enclosure(double lower, double upper) {
  return {BigFloat::exact(lower), BigFloat::exact(upper)};
}

}  // namespace

TEST_CASE("relative errors divide by the farthest and the nearest exact loss") {
  const CertifiedError relative = relative_error({0.5, 1}, enclosure(2, 4));
  CHECK(relative.lower == 0.125);
  CHECK(relative.upper == 0.5);
  // 1/3 is no double: the bounds are its neighbours.
  const CertifiedError third = relative_error({1, 1}, enclosure(3, 3));
  CHECK(third.lower < third.upper);
  CHECK(third.lower == std::nextafter(third.upper, 0));
  const CertifiedError negative = relative_error({0.5, 1}, enclosure(-4, -2));
  CHECK(negative.lower == 0.125);
  CHECK(negative.upper == 0.5);
}

TEST_CASE("an exact loss that may be zero bounds no relative error") {
  const CertifiedError around = relative_error({0.5, 1}, enclosure(-1, 2));
  CHECK(around.lower == 0.25);
  CHECK(around.upper == kInfinity);
  CHECK(relative_error({0, 0}, enclosure(0, 0)).upper == 0);
  const CertifiedError nothing_known = relative_error({0, kInfinity}, Enclosure());
  CHECK(nothing_known.lower == 0);
  CHECK(nothing_known.upper == kInfinity);
}

TEST_CASE("stable and unstable are proved, and all else is undecided") {
  CHECK(stability({0.1, 0.2}, 0.3) == Stability::kStable);
  CHECK(stability({0.1, 0.2}, 0.2) == Stability::kUndecided);
  CHECK(stability({0.1, 0.2}, 0.15) == Stability::kUndecided);
  CHECK(stability({0.1, 0.2}, 0.1) == Stability::kUnstable);
  CHECK(stability(relative_error({kInfinity, kInfinity}, enclosure(1, 1)), 0.1) ==
        Stability::kUnstable);
  CHECK(Stability() == Stability::kUndecided);
}

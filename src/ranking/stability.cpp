#include "numgeom/ranking/stability.hpp"

#include <algorithm>
#include <cmath>

#include "numgeom/arithmetic/rounding.hpp"

namespace numgeom {
namespace {

/// The doubles that enclose |x| for the members x.
struct Size {
  double least = 0;
  double most = 0;
};

Size size_of(const Enclosure& x) {
  const double low = x.lower.to_double_down();
  const double high = x.upper.to_double_up();
  if (low > 0) return {low, high};
  if (high < 0) return {-high, -low};
  return {0, std::max(-low, high)};
}

}  // namespace

const char* to_string(Stability stability) {
  switch (stability) {
    case Stability::kStable:
      return "stable";
    case Stability::kUnstable:
      return "unstable";
    default:
      return "undecided";
  }
}

CertifiedError relative_error(const CertifiedError& error, const Enclosure& loss) {
  if (std::isinf(error.lower)) return error;
  const Size size = size_of(loss);
  CertifiedError relative;
  relative.lower =
      error.lower > 0 && std::isfinite(size.most) ? rounding::div_down(error.lower, size.most) : 0;
  if (error.upper > 0)
    relative.upper =
        size.least > 0 ? rounding::div_up(error.upper, size.least) : rounding::kInfinity;
  return relative;
}

Stability stability(const CertifiedError& relative, double tolerance) {
  if (relative.upper < tolerance) return Stability::kStable;
  if (relative.lower >= tolerance) return Stability::kUnstable;
  return Stability::kUndecided;
}

}  // namespace numgeom

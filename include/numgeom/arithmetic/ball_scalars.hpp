#pragma once

#include "numgeom/arithmetic/ball.hpp"
#include "numgeom/arithmetic/constant.hpp"
#include "numgeom/arithmetic/magnitude.hpp"

namespace numgeom {

/// What the midpoints of ball arithmetics do with single entries, whatever a matrix is stored in.
struct BallScalars {
  [[nodiscard]] static Ball positive_part(const Ball& x) { return max(x, Ball(0.0)); }
  [[nodiscard]] static Ball hull_with_zero(const Ball& x);
  [[nodiscard]] static Ball midpoint_of(const Ball& x) { return Ball(x.midpoint()); }
  [[nodiscard]] static Magnitude radius_of(const Ball& x) { return x.radius(); }
  [[nodiscard]] static Magnitude magnitude_of(const Ball& x) { return x.magnitude(); }
  [[nodiscard]] static Ball widened(const Ball& x, const Magnitude& by) { return x.widened(by); }
  [[nodiscard]] static Ball real(const Constant& x, int bits);
  [[nodiscard]] static bool is_positive(const Ball& point) {
    return mpfr_sgn(point.midpoint().get()) > 0;
  }
  /// A lower bound; −∞ where there is none.
  [[nodiscard]] static double lower_double(const Ball& x) { return x.lower().to_double_down(); }
  /// An upper bound on e^x.
  [[nodiscard]] static Magnitude exp_up(const Magnitude& x);
};

}  // namespace numgeom

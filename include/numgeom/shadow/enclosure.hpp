#pragma once

#include <string>

#include "numgeom/arithmetic/big_float.hpp"

namespace numgeom {

class Ball;
class Interval;

/// A proved statement about a real number x: lower ≤ x ≤ upper.
///
/// A default-made enclosure is the whole real line, so that forgetting to compute one proves
/// nothing. Bounds are exact dyadic numbers, or ∓∞.
struct Enclosure {
  BigFloat lower;
  BigFloat upper;

  Enclosure();
  Enclosure(BigFloat lower_bound, BigFloat upper_bound);
  /// The members of an interval or ball; all reals unless it is defined and not empty.
  explicit Enclosure(const Interval& x);
  explicit Enclosure(const Ball& x);

  [[nodiscard]] bool is_bounded() const { return lower.is_finite() && upper.is_finite(); }
  /// An upper bound on upper − lower; ∞ where the enclosure is not bounded.
  [[nodiscard]] double width() const;
  [[nodiscard]] double midpoint() const;
  [[nodiscard]] bool contains(const BigFloat& x) const;
  [[nodiscard]] bool intersects(const Enclosure& other) const;
  /// Decimal strings that bound the enclosure from outside: lower rounded down, upper up, both to
  /// the digits that the width is worth and two more.
  [[nodiscard]] std::string lower_string() const;
  [[nodiscard]] std::string upper_string() const;
  /// The certified digits, then what the bounds add in brackets: `0.486006938[37,41]`; at most
  /// `places` digits after the point. The bounds shown are rounded outward.
  [[nodiscard]] std::string digits(int places = 40) const;
};

/// Two-sided bound on |computed − x| for every x in an enclosure.
///
///     upper = max(|computed − lo|, |computed − hi|),   lower = dist(computed, [lo, hi])
///
/// rounded up and down. Not finite input (a diverged run): lower = upper = ∞.
struct CertifiedError {
  double lower = 0;
  double upper = 0;

  /// upper/lower, rounded up: 1 where both are zero, ∞ where only the lower one is.
  [[nodiscard]] double tightness() const;
};

[[nodiscard]] CertifiedError certified_error(double computed, const Enclosure& exact);

}  // namespace numgeom

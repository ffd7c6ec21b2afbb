#pragma once

#include <string>
#include <vector>

#include "numgeom/shadow/enclosure.hpp"

namespace numgeom {

/// A computed value whose error is to be certified, and the unit roundoff it was computed with.
struct ComputedValue {
  double value = 0;
  double unit_roundoff = 0;
};

/// How good an enclosure has to be: certified means that this was reached, and nothing less.
///
///     width ≤ `width`   and   δ⁺/δ⁻ ≤ `tightness` for every finite computed value
struct Goal {
  double width = 1e-9;
  double tightness = 1.001;
  std::vector<ComputedValue> computed;

  [[nodiscard]] bool reached(const Enclosure& enclosure) const;
  /// What is missing, for people; empty where the goal is reached.
  [[nodiscard]] std::string shortfall(const Enclosure& enclosure) const;
  /// A width that should do, before any enclosure is known: errors are guessed to be at least an
  /// eighth of a rounding of the value.
  [[nodiscard]] double expected_width() const;
  /// The precision that should do after `bits` led to `enclosure`; at least 64 bits more.
  [[nodiscard]] int next_bits(int bits, const Enclosure& enclosure) const;
};

}  // namespace numgeom

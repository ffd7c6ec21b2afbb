#pragma once

#include "numgeom/shadow/enclosure.hpp"

namespace numgeom {

/// Whether a native loss has so small an error that it means something.
enum class Stability {
  kUndecided,  ///< the enclosure of the error has the tolerance in it
  kStable,     ///< |L̂ − L*|/|L*| < tolerance, proved
  kUnstable    ///< |L̂ − L*|/|L*| ≥ tolerance, proved; a diverged run is
};

/// "undecided", "stable", "unstable".
[[nodiscard]] const char* to_string(Stability stability);

/// |L̂ − L*|/|L*|, enclosed.
///
///     lower = δ⁻/max|L*|,   upper = δ⁺/min|L*|   over the members L* of the enclosure
///
/// rounded down and up. An exact loss that may be zero gives upper = ∞ unless the error is zero; a
/// diverged run (δ = ∞) gives ∞ for both.
[[nodiscard]] CertifiedError relative_error(const CertifiedError& error, const Enclosure& loss);

/// What an enclosed relative error says of the loss.
[[nodiscard]] Stability stability(const CertifiedError& relative, double tolerance);

}  // namespace numgeom

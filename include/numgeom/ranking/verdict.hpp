#pragma once

#include <string>

#include "numgeom/shadow/enclosure.hpp"

namespace numgeom {

/// A three-valued answer with its reason. Starts undecided.
struct [[nodiscard]] Verdict {
  enum class State { kUndecided, kCertified, kRefuted };
  State state = State::kUndecided;
  std::string reason = "not examined";

  [[nodiscard]] bool certified() const { return state == State::kCertified; }
  [[nodiscard]] bool refuted() const { return state == State::kRefuted; }
  [[nodiscard]] bool undecided() const { return state == State::kUndecided; }
};

[[nodiscard]] std::string to_string(Verdict::State state);

/// Is L*(first) < L*(second)?
///
///     hi(first) < lo(second)  ⇒ certified        hi(second) ≤ lo(first)  ⇒ refuted
///
/// and undecided where the enclosures overlap or are unbounded. Source: theorem 2,
/// proofs/ranking.md.
Verdict certified_less(const Enclosure& first, const Enclosure& second);

}  // namespace numgeom

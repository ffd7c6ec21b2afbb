#include "numgeom/ranking/verdict.hpp"

namespace numgeom {

std::string to_string(Verdict::State state) {
  switch (state) {
    case Verdict::State::kCertified:
      return "certified";
    case Verdict::State::kRefuted:
      return "refuted";
    case Verdict::State::kUndecided:
      break;
  }
  return "undecided";
}

Verdict certified_less(const Enclosure& first, const Enclosure& second) {
  if (mpfr_less_p(first.upper.get(), second.lower.get()) != 0)
    return {Verdict::State::kCertified, "the enclosures are disjoint"};
  if (mpfr_lessequal_p(second.upper.get(), first.lower.get()) != 0)
    return {Verdict::State::kRefuted, "the enclosures are in the opposite order"};
  if (!first.is_bounded() || !second.is_bounded())
    return {Verdict::State::kUndecided, "an enclosure is unbounded"};
  return {Verdict::State::kUndecided, "the enclosures overlap"};
}

}  // namespace numgeom

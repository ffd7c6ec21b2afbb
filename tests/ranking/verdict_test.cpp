#include "numgeom/ranking/verdict.hpp"

#include <catch2/catch.hpp>

using namespace numgeom;

namespace {

Enclosure enclosure(double lower, double upper) {
  return {BigFloat::exact(lower), BigFloat::exact(upper)};
}

}  // namespace

TEST_CASE("a verdict that was not reached is undecided") {
  const Verdict verdict;
  CHECK(verdict.undecided());
  CHECK_FALSE(verdict.certified());
  CHECK_FALSE(verdict.refuted());
}

TEST_CASE("order is certified by disjoint enclosures only") {
  CHECK(certified_less(enclosure(0, 1), enclosure(2, 3)).certified());
  CHECK(certified_less(enclosure(2, 3), enclosure(0, 1)).refuted());
  CHECK(certified_less(enclosure(0, 2), enclosure(1, 3)).undecided());
  CHECK(certified_less(enclosure(0, 3), enclosure(1, 2)).undecided());
}

TEST_CASE("enclosures that touch") {
  // Both values may be 1: not certainly less. But never the other way round.
  CHECK_FALSE(certified_less(enclosure(0, 1), enclosure(1, 2)).certified());
  CHECK(certified_less(enclosure(1, 2), enclosure(0, 1)).refuted());
  // One and the same number is not less than itself.
  CHECK(certified_less(enclosure(1, 1), enclosure(1, 1)).refuted());
}

TEST_CASE("the whole line decides nothing") {
  CHECK(certified_less(Enclosure(), enclosure(0, 1)).undecided());
  CHECK(certified_less(enclosure(0, 1), Enclosure()).undecided());
  CHECK(certified_less(Enclosure(), Enclosure()).undecided());
}

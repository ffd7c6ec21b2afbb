#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/random.hpp"

namespace numgeom::soundness {

/// What a check has counted.
struct Tally {
  std::int64_t operations = 0;
  std::int64_t violations = 0;
  /// Doubles between a computed bound and the best possible one, at worst.
  std::uint64_t slack = 0;
  /// The first violation, with the operands in hexadecimal.
  std::string first;

  /// Counts one operation; `describe()` is called for the first violation only.
  template <class Describe>
  void record(bool sound, std::uint64_t doubles_of_slack, Describe&& describe) {
    ++operations;
    if (doubles_of_slack > slack) slack = doubles_of_slack;
    if (sound) return;
    if (violations++ == 0) first = describe();
  }
};

/// Random operations of one kind, each compared with its exact result.
struct Check {
  std::string name;
  /// Its share of all operations, relative to the other checks.
  double weight = 1;
  /// More slack than this, in doubles, is a violation too.
  std::uint64_t allowed_slack = 0;
  /// Carries out about so many operations.
  std::function<void(Tally&, test::Random&, std::int64_t operations)> run;
};

/// `numgeom::rounding`: directed operations on doubles.
std::vector<Check> rounding_checks();
/// `Interval`: operators and elementary functions.
std::vector<Check> interval_checks();
/// `Ball`: operators and elementary functions at several precisions.
std::vector<Check> ball_checks();
/// `IntervalArithmetic`, `BallArithmetic` and `LimbArithmetic`: every operation of the concept.
std::vector<Check> matrix_checks();

}  // namespace numgeom::soundness

#include "numgeom/hpo/parameter.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <set>

#include "numgeom/error.hpp"

using namespace numgeom;
using Catch::Matchers::Message;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double number_at(const Parameter& parameter, double t) { return to_number(parameter.at(t)); }

Parameter stepped(double low, double high, double step) {
  Parameter p = Parameter::real("x", low, high);
  p.step = step;
  return p;
}

Parameter stepped_integer(std::int64_t low, std::int64_t high, double step) {
  Parameter p = Parameter::integer("x", low, high);
  p.step = step;
  return p;
}

/// All values of a parameter with cells, by the middles of cells that meet.
std::vector<Value> values_of(const Parameter& parameter) {
  std::vector<Value> values;
  double t = 0;
  while (t < 1) {
    const Value value = parameter.at(t + 1e-9);
    const auto [from, to] = parameter.cell(value);
    CHECK(from == Approx(t).margin(1e-12));
    CHECK(to > from);
    values.push_back(value);
    t = to > 1 - 1e-12 ? 1 : to;
  }
  return values;
}

}  // namespace

TEST_CASE("a real number meets the ends of its range exactly and stays between them") {
  const auto p = GENERATE(Parameter::real("x", 0.1, 0.7), Parameter::real("x", 1e-3, 1, true),
                          Parameter::real("x", 0, 1e308), Parameter::real("x", 5e-324, 1e308, true),
                          Parameter::real("x", 0.3, 0.30000000000000004, true),
                          Parameter::real("x", -3, -0.1));
  p.validate();
  CHECK(p.at(0) == Value(p.low));
  CHECK(p.at(1) == Value(p.high));
  CHECK(p.at(-0.5) == Value(p.low));
  CHECK(p.at(1.5) == Value(p.high));
  CHECK(p.at(kNan) == Value(p.low));
  double before = p.low;
  for (double t = 1.0 / 64; t < 1; t += 1.0 / 64) {
    CHECK(number_at(p, t) >= before);
    CHECK(p.contains(p.at(t)));
    before = number_at(p, t);
  }
  CHECK(p.contains(p.at(1 - 0x1p-53)));
  CHECK(p.contains(p.at(0x1p-60)));
}

TEST_CASE("a real number is linear or logarithmic") {
  CHECK(number_at(Parameter::real("x", 2, 4), 0.25) == 2.5);
  CHECK(number_at(Parameter::real("x", 1e-4, 1, true), 0.5) == Approx(1e-2).epsilon(1e-14));
  CHECK(number_at(Parameter::real("x", 1e-4, 1, true), 0.75) == Approx(1e-1).epsilon(1e-14));
}

TEST_CASE("the position of a real number is where it came from") {
  const auto p = GENERATE(Parameter::real("x", 0.1, 0.7), Parameter::real("x", -5, 10),
                          Parameter::real("x", 1e-7, 100, true));
  for (double t = 0; t <= 1; t += 1.0 / 128) {
    const Value value = p.at(t);
    CHECK(p.position(value) == Approx(t).margin(1e-14));
    const auto [from, to] = p.cell(value);
    CHECK(from == to);
  }
}

TEST_CASE("values with cells: every one has its own, of equal size, with itself in the middle") {
  Parameter p;
  std::size_t count = 0;
  std::tie(p, count) = GENERATE(table<Parameter, std::size_t>(
      {{Parameter::integer("x", -3, 4), 8},
       {stepped_integer(1, 10, 3), 4},
       {stepped_integer(1, 9, 3), 3},
       {stepped(0, 1, 0.1), 11},
       {stepped(0.1, 0.3, 0.1), 3},
       {stepped(0.1, 0.35, 0.1), 3},
       {Parameter::boolean("x"), 2},
       {Parameter::categorical("x", {std::string("relu"), 1.0, std::int64_t{1}, true}), 4}}));
  p.validate();
  CHECK(p.cells() == static_cast<std::int64_t>(count));
  const auto values = values_of(p);
  REQUIRE(values.size() == count);
  for (std::size_t k = 0; k < count; ++k) {
    const double middle = (static_cast<double>(k) + 0.5) / static_cast<double>(count);
    CHECK(p.position(values[k]) == Approx(middle).epsilon(1e-14));
    CHECK(p.at(p.position(values[k])) == values[k]);
    CHECK(p.contains(values[k]));
  }
  CHECK(p.at(1) == values.back());
}

TEST_CASE("integers on a logarithmic scale have cells from log(k - 1/2) to log(k + 1/2)") {
  const Parameter p = Parameter::integer("x", 1, 64, true);
  const auto values = values_of(p);
  REQUIRE(values.size() == 64);
  const double length = std::log(64.5) - std::log(0.5);
  for (std::int64_t k = 1; k <= 64; ++k) {
    const Value value = values[static_cast<std::size_t>(k - 1)];
    CHECK(value == Value(k));
    CHECK(p.at(p.position(value)) == value);
    const auto [from, to] = p.cell(value);
    const auto x = static_cast<double>(k);
    CHECK(to - from == Approx((std::log(x + 0.5) - std::log(x - 0.5)) / length).epsilon(1e-10));
  }
}

TEST_CASE("steps meet the high end in spite of rounding") {
  for (int count = 1; count < 200; ++count)
    for (const double low : {0.0, 0.1, 0.3, 1.7, -2.3}) {
      const double high = low + count * 0.1;
      const Parameter up = stepped(low, std::nextafter(high, 10), 0.1);
      const Parameter down = stepped(low, std::nextafter(high, -10), 0.1);
      for (const Parameter& p : {up, down}) {
        CHECK(p.cells() == count + 1);
        CHECK(p.at(1) == Value(p.high));
        CHECK(p.contains(Value(p.high)));
      }
    }
}

TEST_CASE("a decimal counts as the step that it means") {
  const Parameter p = stepped(0, 1, 0.1);
  for (const double x : {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}) CHECK(p.contains(Value(x)));
  CHECK(p.position(Value(0.3)) == Approx(3.5 / 11));
  CHECK_FALSE(p.contains(Value(0.31)));
  CHECK_FALSE(p.contains(Value(0.3000001)));
}

TEST_CASE("large integers are counted exactly") {
  const std::int64_t most = std::int64_t{1} << 53;
  const Parameter p = Parameter::integer("x", 0, most);
  p.validate();
  CHECK(p.cells() == most + 1);
  CHECK(p.at(1) == Value(most));
  CHECK(p.contains(Value(most - 1)));
}

TEST_CASE("one value is not tuned") {
  for (const Parameter& p : {Parameter::fixed("x", 0.1), Parameter::fixed("x", std::int64_t{3}),
                             Parameter::fixed("x", std::string("a")), Parameter::real("x", 2, 2),
                             Parameter::integer("x", 2, 2), Parameter::integer("x", 2, 2, true),
                             stepped(0, 0.5, 1), Parameter::real("x", 2, 2, true)}) {
    p.validate();
    CHECK(p.is_fixed());
    for (const double t : {0.0, 0.3, 1.0}) {
      CHECK(p.at(t) == p.at(0.5));
      CHECK(p.contains(p.at(t)));
    }
  }
  CHECK_FALSE(Parameter::real("x", 0, 1).is_fixed());
  CHECK_FALSE(Parameter::boolean("x").is_fixed());
}

TEST_CASE("values of another type or outside are not contained") {
  const Parameter real = Parameter::real("x", 0, 1);
  CHECK_FALSE(real.contains(Value(std::int64_t{1})));
  CHECK_FALSE(real.contains(Value(true)));
  CHECK_FALSE(real.contains(Value(1.5)));
  CHECK_FALSE(real.contains(Value(kNan)));
  const Parameter integer = Parameter::integer("x", 1, 9);
  CHECK_FALSE(integer.contains(Value(2.0)));
  CHECK_FALSE(integer.contains(Value(std::int64_t{0})));
  CHECK_FALSE(stepped_integer(1, 9, 3).contains(Value(std::int64_t{5})));
  CHECK_FALSE(stepped(0, 3, 5).contains(Value(2.0)));
  CHECK_FALSE(Parameter::boolean("x").contains(Value(std::int64_t{1})));
  CHECK_FALSE(Parameter::categorical("x", {std::int64_t{1}}).contains(Value(1.0)));
  CHECK_THROWS_MATCHES(integer.position(Value(std::int64_t{12})), Error,
                       Message("x: 12 is not one of its values"));
}

TEST_CASE("a parameter that is none is refused by name") {
  const auto refused = [](const Parameter& p, const std::string& message) {
    CHECK_THROWS_MATCHES(p.validate(), Error, Message(message));
  };
  CHECK_NOTHROW(Parameter::real("lr", 0, 0).validate());
  CHECK_NOTHROW(Parameter::real("lr", -1, 1).validate());
  refused(Parameter::real("lr", kNan, 1), "lr: low must be a finite number, not nan");
  refused(Parameter::real("lr", 2, 1), "lr: high must be a finite number ≥ low = 2, not 1");
  refused(Parameter::real("lr", 1, kInfinity),
          "lr: high must be a finite number ≥ low = 1, not inf");
  refused(Parameter::real("lr", -1e308, 1e308),
          "lr: high - low must be a finite number, not 1e+308 - -1e+308");
  refused(Parameter::real("lr", 0, 1, true), "lr: low must be > 0 on a logarithmic scale, not 0");
  refused(stepped(0, 1, -0.1), "x: step must be a finite number > 0, not -0.1");
  refused(stepped(0, 1, 1e-13), "x: at most 2^40 steps expected");
  refused(stepped_integer(0, 4, 0.5), "x: an integer expected, not 0.5");
  refused(Parameter::integer("n", 0, (std::int64_t{1} << 53) + 2),
          "n: integers of at most 2^53 expected, and as large a range");
  refused(Parameter::integer("n", -4, std::int64_t{1} << 53),
          "n: integers of at most 2^53 expected, and as large a range");
  refused(Parameter::categorical("act", {}), "act: at least one choice expected");
  refused(Parameter::categorical("act", {1.0, 2.0, 1.0}), "act: the choice 1 is named twice");
  Parameter both = stepped(1, 2, 0.1);
  both.logarithmic = true;
  refused(both, "x: a step goes with a linear scale only");
}

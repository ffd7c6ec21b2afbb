#include "numgeom/hpo/space.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "numgeom/error.hpp"
#include "numgeom/hpo/design.hpp"
#include "support/samplers.hpp"

using namespace numgeom;
using Catch::Matchers::Message;

namespace {

Eigen::VectorXd point(std::initializer_list<double> coordinates) {
  Eigen::VectorXd result(static_cast<Eigen::Index>(coordinates.size()));
  std::copy(coordinates.begin(), coordinates.end(), result.begin());
  return result;
}

Parameter when(Parameter parameter, std::string other, std::vector<Value> values) {
  parameter.condition = Condition{std::move(other), std::move(values)};
  return parameter;
}

/// a = true makes b active, b > 1 makes c active; d is fixed.
Space chain() {
  return {{Parameter::boolean("a"), when(Parameter::integer("b", 1, 3), "a", {true}),
           when(Parameter::real("c", 0, 1), "b", {std::int64_t{2}, std::int64_t{3}}),
           when(Parameter::fixed("d", 0.5), "a", {false})},
          {}};
}

void refused(const Space& space, const std::string& message) {
  CHECK_THROWS_MATCHES(space.validate(), Error, Message(message));
}

}  // namespace

TEST_CASE("a condition makes a parameter active, and through it others") {
  const Space space = chain();
  space.validate();
  CHECK(space.dimensions() == 3);
  CHECK(space.decode(point({0.1, 0.9, 0.3})) == Assignment{{"a", false}, {"d", 0.5}});
  CHECK(space.decode(point({0.9, 0.1, 0.3})) == Assignment{{"a", true}, {"b", std::int64_t{1}}});
  CHECK(space.decode(point({0.9, 0.5, 0.25})) ==
        Assignment{{"a", true}, {"b", std::int64_t{2}}, {"c", 0.25}});
}

TEST_CASE("encode is the inverse of decode, with inactive coordinates in the middle") {
  const Space space = GENERATE(chain(), test::mixed_space());
  const auto points = random_points(space.dimensions(), 5);
  for (int i = 0; i < 500; ++i) {
    const Assignment assignment = space.decode(*points->next());
    const Eigen::VectorXd unit = space.encode(assignment);
    const Assignment again = space.decode(unit);
    REQUIRE(again.size() == assignment.size());
    for (const auto& [name, value] : assignment) {
      if (std::holds_alternative<double>(value))
        CHECK(to_number(again.at(name)) == Approx(to_number(value)).epsilon(1e-12));
      else
        CHECK(again.at(name) == value);
    }
    const auto free = space.free();
    for (std::size_t j = 0; j < free.size(); ++j)
      if (assignment.find(free[j]->name) == nullptr)
        CHECK(unit[static_cast<Eigen::Index>(j)] == 0.5);
  }
}

TEST_CASE("encode refuses what is missing or cannot be") {
  const Space space = chain();
  CHECK_THROWS_MATCHES(space.encode({{"a", true}}), Error,
                       Message("b: no value for this hyperparameter"));
  CHECK_THROWS_MATCHES(space.encode({{"a", true}, {"b", std::int64_t{4}}}), Error,
                       Message("b: 4 is not one of its values"));
  CHECK_THROWS_AS(space.encode({{"a", false}}), Error);
}

TEST_CASE("constraints are arithmetic, and hold where they mention what is inactive") {
  Space space = chain();
  space.constraints.emplace_back("c < 0.5 || b == 3");
  space.validate();
  CHECK(space.feasible(space.decode(point({0.1, 0.5, 0.9}))));
  CHECK(space.feasible(space.decode(point({0.9, 0.1, 0.9}))));
  CHECK_FALSE(space.feasible(space.decode(point({0.9, 0.5, 0.9}))));
  CHECK(space.feasible(space.decode(point({0.9, 0.5, 0.4}))));
  CHECK(space.feasible(space.decode(point({0.9, 0.9, 0.9}))));
  space.constraints.emplace_back("a * b < 3");
  CHECK_FALSE(space.feasible(space.decode(point({0.9, 0.9, 0.9}))));
}

TEST_CASE("a constraint without a number does not hold") {
  const Constraint root("sqrt(x)");
  CHECK(root.holds({{"x", 1.0}}));
  CHECK_FALSE(root.holds({{"x", 0.0}}));
  CHECK_FALSE(root.holds({{"x", -1.0}}));
  CHECK_THROWS_AS(root.holds({{"x", std::string("a")}}), Error);
}

TEST_CASE("a constraint that is no expression is refused with its text") {
  for (const std::string text : {"x <", "x + (y", "frobnicate(x)", "x = 1"}) {
    INFO(text);
    CHECK_THROWS_WITH(Constraint(text), Catch::Matchers::StartsWith("constraint '" + text + "': "));
  }
  CHECK_THROWS_MATCHES(Constraint("1 < 2"), Error,
                       Message("constraint '1 < 2': it mentions no hyperparameter"));
  CHECK(Constraint("y <= x && y > 0").names() == std::vector<std::string>{"x", "y"});
}

TEST_CASE("a space that is none is refused by name") {
  const Parameter x = Parameter::real("x", 0, 1);
  CHECK_NOTHROW(Space{}.validate());
  refused({{x, Parameter::boolean("x")}, {}}, "x: this name occurs twice");
  refused({{Parameter::real("x", 1, 0)}, {}}, "x: high must be a finite number ≥ low = 1, not 0");
  refused({{when(x, "y", {true}), Parameter::boolean("y")}, {}},
          "x: when: 'y' is not a hyperparameter above it");
  refused({{when(x, "x", {0.5})}, {}}, "x: when: 'x' is not a hyperparameter above it");
  const Parameter flag = Parameter::boolean("flag");
  refused({{flag, when(x, "flag", {})}, {}}, "x: when: at least one value expected");
  refused({{flag, when(x, "flag", {std::int64_t{1}})}, {}},
          "x: when: flag never takes the value 1");
  refused({{x}, {Constraint("x < y")}}, "constraint 'x < y': 'y' is not a hyperparameter");
  const Parameter activation =
      Parameter::categorical("act", {std::string("relu"), std::string("tanh")});
  refused({{x, activation}, {Constraint("x < act")}},
          "constraint 'x < act': act may be 'relu', which is no number");
}

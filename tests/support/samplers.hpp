#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <numbers>
#include <vector>

#include "numgeom/error.hpp"
#include "numgeom/hpo/design.hpp"

/// What every sampler that looks at losses must do.
namespace numgeom::test {

using MakeSampler = std::function<std::unique_ptr<Sampler>(const Space&, const Search&)>;
using Loss = std::function<double(const Assignment&)>;

inline Search search_with_seed(std::uint64_t seed) {
  Search search;
  search.seed = seed;
  return search;
}

/// One of every kind, with a condition and a constraint.
inline Space mixed_space() {
  Parameter momentum = Parameter::real("momentum", 0, 0.99);
  momentum.condition = Condition{"optimizer", {std::string("sgd")}};
  Parameter stepped = Parameter::real("dropout", 0, 0.5);
  stepped.step = 0.1;
  Space space{
      {Parameter::real("lr", 1e-4, 1, true),
       Parameter::categorical("optimizer", {std::string("adam"), std::string("sgd")}), momentum,
       Parameter::integer("width", 4, 256, true), Parameter::integer("depth", 1, 5), stepped,
       Parameter::boolean("bias"), Parameter::fixed("epochs", std::int64_t{3})},
      {Constraint("lr * width < 20")}};
  space.validate();
  return space;
}

/// Least at lr 0.01, sgd with momentum 0.9, width 32, depth 3, dropout 0.2, bias.
inline double mixed_loss(const Assignment& a) {
  const auto number = [&](const char* name) { return to_number(a.at(name)); };
  const Value* momentum = a.find("momentum");
  return std::pow(std::log10(number("lr")) + 2, 2) +
         (momentum != nullptr ? std::pow(to_number(*momentum) - 0.9, 2) : 1.0) +
         std::pow(std::log2(number("width")) - 5, 2) / 4 + std::pow(number("depth") - 3, 2) / 2 +
         std::pow(number("dropout") - 0.2, 2) * 10 + (number("bias") != 0 ? 0 : 0.5);
}

inline Space square() { return {{Parameter::real("x", -5, 10), Parameter::real("y", 0, 15)}, {}}; }

inline double branin(const Assignment& a) {
  constexpr double kPi = std::numbers::pi;
  const double x = to_number(a.at("x")), y = to_number(a.at("y"));
  const double valley = y - 5.1 / (4 * kPi * kPi) * x * x + 5 / kPi * x - 6;
  return valley * valley + 10 * (1 - 1 / (8 * kPi)) * std::cos(x) + 10;
}

inline double sphere(const Assignment& a) {
  return std::pow(to_number(a.at("x")) - 3, 2) + std::pow(to_number(a.at("y")) - 4, 2);
}

inline void tell(History& history, const Suggestion& suggestion, double loss) {
  history.push_back(
      {suggestion.assignment, Evaluation::State::kDone, loss, std::nullopt, suggestion.memo});
}

inline History run(Sampler& sampler, const Loss& loss, int trials) {
  History history;
  for (int i = 0; i < trials; ++i) {
    const auto suggestion = sampler.suggest(history);
    REQUIRE(suggestion);
    tell(history, *suggestion, loss(suggestion->assignment));
  }
  return history;
}

inline double least(const History& history) {
  double result = std::numeric_limits<double>::infinity();
  for (const Evaluation& trial : history)
    if (trial.has_loss()) result = std::min(result, trial.loss);
  return result;
}

/// The median of the least loss over seven seeds.
inline double median_least(const MakeSampler& make, const Space& space, const Loss& loss,
                           int trials) {
  std::vector<double> results;
  for (std::uint64_t seed = 0; seed < 7; ++seed)
    results.push_back(least(run(*make(space, search_with_seed(seed)), loss, trials)));
  std::nth_element(results.begin(), results.begin() + 3, results.end());
  return results[3];
}

inline double median_of_random(const Space& space, const Loss& loss, int trials) {
  const auto make = [](const Space& s, Search search) {
    search.method = SearchMethod::kRandom;
    return design_sampler(s, search);
  };
  return median_least(make, space, loss, trials);
}

/// Active parameters are those whose conditions hold, with values that they take; feasible.
inline void check_member(const Space& space, const Assignment& assignment) {
  INFO([&] {
    std::string text;
    for (const auto& [name, value] : assignment) text += name + "=" + to_string(value) + " ";
    return text;
  }());
  for (const auto& [name, value] : assignment) {
    REQUIRE(space.find(name) != nullptr);
    CHECK(space.find(name)->contains(value));
  }
  CHECK(space.decode(space.encode(assignment)).size() == assignment.size());
  CHECK(space.feasible(assignment));
}

inline void check_pure(const MakeSampler& make) {
  const Space space = mixed_space();
  const Search search = search_with_seed(11);
  const auto sampler = make(space, search);
  History history;
  for (int i = 0; i < 60; ++i) {
    const auto suggestion = sampler->suggest(history);
    const auto again = sampler->suggest(history);
    const auto fresh = make(space, search)->suggest(history);
    REQUIRE((suggestion && again && fresh));
    for (const auto& other : {*again, *fresh}) {
      CHECK(other.assignment == suggestion->assignment);
      CHECK(other.memo == suggestion->memo);
    }
    tell(history, *suggestion, mixed_loss(suggestion->assignment));
  }
  const auto shorter = make(space, search);
  (void)shorter->suggest(history);
  const History first(history.begin(), history.begin() + 30);
  CHECK(shorter->suggest(first)->assignment == history[30].assignment);
  CHECK(make(space, search_with_seed(12))->suggest(first)->assignment != history[30].assignment);
}

inline void check_members(const MakeSampler& make) {
  const Space space = mixed_space();
  bool with = false, without = false;
  for (std::uint64_t seed = 0; seed < 4; ++seed)
    for (const Evaluation& trial : run(*make(space, search_with_seed(seed)), mixed_loss, 50)) {
      check_member(space, trial.assignment);
      const bool sgd = trial.assignment.at("optimizer") == Value(std::string("sgd"));
      CHECK((trial.assignment.find("momentum") != nullptr) == sgd);
      (sgd ? with : without) = true;
    }
  CHECK((with && without));
}

/// Four workers: the oldest of four running trials ends when another is asked for.
inline void check_parallel(const MakeSampler& make) {
  Space space = mixed_space();
  const auto sampler = make(space, search_with_seed(3));
  History history;
  for (std::size_t i = 0; i < 60; ++i) {
    const auto suggestion = sampler->suggest(history);
    REQUIRE(suggestion);
    for (const Evaluation& other : history) CHECK(other.assignment != suggestion->assignment);
    history.push_back({suggestion->assignment, Evaluation::State::kRunning,
                       std::numeric_limits<double>::quiet_NaN(), std::nullopt, suggestion->memo});
    if (i < 3) continue;
    Evaluation& ended = history[i - 3];
    ended.state = Evaluation::State::kDone;
    ended.loss = mixed_loss(ended.assignment);
  }
}

/// Nothing ends: there is never a loss, and still no configuration comes twice.
inline void check_only_running(const MakeSampler& make) {
  const Space space = mixed_space();
  const auto sampler = make(space, search_with_seed(3));
  History history;
  for (int i = 0; i < 40; ++i) {
    const auto suggestion = sampler->suggest(history);
    REQUIRE(suggestion);
    for (const Evaluation& other : history) CHECK(other.assignment != suggestion->assignment);
    Evaluation trial;
    trial.assignment = suggestion->assignment;
    history.push_back(trial);
  }
}

inline Evaluation without_loss(const Suggestion& suggestion, Evaluation::State state, double loss) {
  return {suggestion.assignment, state, loss, std::nullopt, suggestion.memo};
}

/// A third of the square diverges, fails or has no number: the rest is searched.
inline void check_tolerates_failures(const MakeSampler& make) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const auto sampler = make(square(), search_with_seed(5));
  History history;
  for (int i = 0; i < 80; ++i) {
    const auto suggestion = sampler->suggest(history);
    REQUIRE(suggestion);
    check_member(square(), suggestion->assignment);
    if (to_number(suggestion->assignment.at("x")) > 0)
      tell(history, *suggestion, sphere(suggestion->assignment));
    else if (i % 3 == 0)
      history.push_back(without_loss(*suggestion, Evaluation::State::kFailed, kNan));
    else
      history.push_back(
          without_loss(*suggestion, Evaluation::State::kDone, i % 3 == 1 ? kInfinity : kNan));
  }
  CHECK(least(history) < 0.1);
}

/// Every trial fails: suggestions go on, and into all parts of the square.
inline void check_survives_failures_only(const MakeSampler& make) {
  const auto sampler = make(square(), search_with_seed(5));
  History history;
  for (int i = 0; i < 60; ++i) {
    const auto suggestion = sampler->suggest(history);
    REQUIRE(suggestion);
    check_member(square(), suggestion->assignment);
    history.push_back(without_loss(*suggestion, Evaluation::State::kFailed, 0));
  }
}

/// Four configurations: all come before one comes again.
inline void check_small_space(const MakeSampler& make) {
  const Space space{{Parameter::boolean("a"), Parameter::integer("b", 1, 2)}, {}};
  Search search = search_with_seed(1);
  search.startup = 1;
  const auto sampler = make(space, search);
  const auto loss = [](const Assignment& a) { return to_number(a.at("b")); };
  const History history = run(*sampler, loss, 12);
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < i; ++j) CHECK(history[i].assignment != history[j].assignment);
}

/// One feasible part in a hundred; none at all.
inline void check_constraints(const MakeSampler& make) {
  Space space = square();
  space.constraints.emplace_back("x > 3 && x < 3.15 && y > 4");
  for (const Evaluation& trial : run(*make(space, search_with_seed(2)), sphere, 30))
    check_member(space, trial.assignment);
  space.constraints.emplace_back("x < 0");
  CHECK_THROWS_AS(make(space, search_with_seed(2))->suggest({}), Error);
  History history;
  for (int i = 0; i < 20; ++i)
    history.push_back(
        {Assignment{{"x", 3.1}, {"y", 5.0 + 0.1 * i}}, Evaluation::State::kDone, 1.0});
  CHECK_THROWS_MATCHES(make(space, search_with_seed(2))->suggest(history), Error,
                       Catch::Matchers::Message(
                           "space: 10000 points in a row broke a constraint: nothing is feasible"));
}

/// Only fixed parameters, or only nominal ones.
inline void check_degenerate_spaces(const MakeSampler& make) {
  const Space fixed{{Parameter::fixed("x", 1.0)}, {}};
  const auto number = [](const Assignment& a) { return to_number(a.at("x")); };
  CHECK(run(*make(fixed, search_with_seed(1)), number, 20).size() == 20);
  const Space nominal{{Parameter::boolean("x"), Parameter::categorical("y", {1.0, 2.0, 3.0, 4.0})},
                      {}};
  const auto sum = [](const Assignment& a) { return to_number(a.at("x")) + to_number(a.at("y")); };
  const History history = run(*make(nominal, search_with_seed(1)), sum, 40);
  CHECK(least(history) == 1.0);
}

inline void check_startup(const MakeSampler& make) {
  Search search = search_with_seed(9);
  search.startup = 7;
  const History history = run(*make(square(), search), sphere, 7);
  search.method = SearchMethod::kSobol;
  search.trials = 7;
  const auto design = sample(square(), search);
  for (std::size_t i = 0; i < 7; ++i) CHECK(history[i].assignment == design[i]);
}

}  // namespace numgeom::test

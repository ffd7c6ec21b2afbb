#include "numgeom/hpo/stability_map.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>

#include "numgeom/error.hpp"

using namespace numgeom;

namespace {

using Truth = std::function<Stability(const Cell&)>;
using Loss = std::function<double(const Cell&)>;

Stability when(bool stable) { return stable ? Stability::kStable : Stability::kUnstable; }

/// Evaluates what is asked for until the map is complete; how many cells that took.
int complete(
    Refinement& refinement, const Truth& truth,
    const Loss& loss = [](const Cell&) { return 1.0; }) {
  int evaluated = 0;
  for (auto cells = refinement.next(); !cells.empty(); cells = refinement.next())
    for (const Cell& cell : cells) {
      REQUIRE_FALSE(refinement.known(cell));
      refinement.set(cell, truth(cell), loss(cell));
      ++evaluated;
    }
  return evaluated;
}

Space lr_decay_width() {
  return {{Parameter::real("lr", 1e-3, 1, true), Parameter::real("decay", 0, 0.1),
           Parameter::integer("width", 4, 7)},
          {}};
}

}  // namespace

TEST_CASE("without refinement every cell is evaluated once") {
  Refinement all(5, 3, false);
  CHECK(complete(all, [](const Cell& cell) { return when(cell.x < 2); }) == 15);
  for (int y = 0; y < 3; ++y)
    for (int x = 0; x < 5; ++x) CHECK(all.inferred({x, y}) == when(x < 2));
}

TEST_CASE("refinement finds the boundary with a part of the cells") {
  // The last one has the longest boundary.
  const std::vector<Truth> truths = {
      [](const Cell& cell) { return when(cell.x < 13); },
      [](const Cell& cell) { return when(cell.x + cell.y < 21); },
      [](const Cell& cell) { return when(2 * cell.x - cell.y < 17); },
      [](const Cell& cell) { return cell.y < 7 ? Stability::kUndecided : when(cell.x < 13); },
      [](const Cell& cell) { return when(std::hypot(cell.x - 9, cell.y - 11) < 6); }};
  for (std::size_t i = 0; i < truths.size(); ++i) {
    CAPTURE(i);
    Refinement adaptive(20, 20, true);
    CHECK(complete(adaptive, truths[i]) <= (i + 1 < truths.size() ? 160 : 200));
    for (int y = 0; y < 20; ++y)
      for (int x = 0; x < 20; ++x) {
        CAPTURE(x, y);
        CHECK(adaptive.inferred({x, y}) == truths[i]({x, y}));
      }
  }
}

TEST_CASE("a thin unstable band between unlike trainings is found, with its gaps") {
  // Between the lattice's columns 16 and 19, as on the pooled digits: rough, and every third row
  // whole. The same between its rows.
  for (const bool upright : {true, false}) {
    CAPTURE(upright);
    const auto along = [&](const Cell& cell) { return upright ? cell.y : cell.x; };
    const auto across = [&](const Cell& cell) { return upright ? cell.x : cell.y; };
    const Truth truth = [&](const Cell& cell) {
      return when(along(cell) % 3 == 0 || across(cell) != 17 + along(cell) % 2);
    };
    const Loss loss = [&](const Cell& cell) { return across(cell) < 17 ? 1.0 : 2.3; };
    Refinement adaptive(20, 20, true);
    CHECK(complete(adaptive, truth, loss) <= 160);
    for (int y = 0; y < 20; ++y)
      for (int x = 0; x < 20; ++x) {
        CAPTURE(x, y);
        CHECK(adaptive.inferred({x, y}) == truth({x, y}));
      }
  }
}

TEST_CASE("losses that are not finite say nothing, and small differences are none") {
  for (const double other : {1.4, std::nan(""), HUGE_VAL}) {
    Refinement adaptive(9, 9, true);
    const int evaluated = complete(
        adaptive, [](const Cell&) { return Stability::kStable; },
        [&](const Cell& cell) { return cell.x < 4 ? 1.0 : other; });
    CHECK(evaluated == 9);
  }
}

TEST_CASE("a map without a boundary takes the lattice alone") {
  Refinement adaptive(20, 9, true);
  CHECK(complete(adaptive, [](const Cell&) { return Stability::kStable; }) == 6 * 3);
  CHECK_FALSE(adaptive.known({1, 1}));
  CHECK(adaptive.inferred({1, 1}) == Stability::kStable);
  double sum = 0;
  double x = 0;
  for (const auto& [corner, share] : adaptive.corners({1, 3})) {
    CHECK(adaptive.known(corner));
    sum += share;
    x += share * corner.x;
  }
  CHECK(sum == Approx(1));
  CHECK(x == Approx(1));
}

TEST_CASE("the cells of a map are configurations of the space") {
  MapOptions options;
  options.columns = 4;
  options.rows = 3;
  const MapGrid grid(lr_decay_width(), options);
  CHECK(grid.x().parameter.name == "lr");
  CHECK(grid.y().parameter.name == "decay");
  const auto configurations = grid.configurations({3, 1});
  REQUIRE(configurations.size() == 1);
  CHECK(to_number(configurations[0].at("lr")) == 1);
  CHECK(to_number(configurations[0].at("decay")) == Approx(0.05));
  CHECK(to_number(grid.configurations({1, 1})[0].at("lr")) == Approx(0.01));
}

TEST_CASE("an integer axis has no more cells than integers, and others are fixed or sampled") {
  MapOptions options;
  options.x = "width";
  options.y = "lr";
  options.samples = 3;
  const MapGrid sampled(lr_decay_width(), options);
  CHECK(sampled.columns() == 4);
  const auto samples = sampled.configurations({2, 0});
  REQUIRE(samples.size() == 3);
  CHECK(std::get<std::int64_t>(samples[0].at("width")) == 6);
  CHECK(samples[0].at("decay") != samples[1].at("decay"));
  CHECK(sampled.configurations({3, 5})[1].at("decay") == samples[1].at("decay"));
  options.fixed = {{"decay", 0.03}};
  const MapGrid fixed(lr_decay_width(), options);
  const auto only = fixed.configurations({0, 0});
  REQUIRE(only.size() == 1);
  CHECK(to_number(only[0].at("decay")) == 0.03);
}

TEST_CASE("maps of what a space has not are refused") {
  const auto refused = [](const std::function<void(MapOptions&)>& change) {
    MapOptions options;
    change(options);
    CHECK_THROWS_AS(MapGrid(lr_decay_width(), options), Error);
  };
  refused([](MapOptions& o) { o.x = "momentum"; });
  refused([](MapOptions& o) { o.x = o.y = "lr"; });
  refused([](MapOptions& o) { o.columns = 1; });
  refused([](MapOptions& o) { o.tolerance = 0; });
  refused([](MapOptions& o) { o.samples = 0; });
  refused([](MapOptions& o) { o.fixed = {{"decay", 0.2}}; });
  refused([](MapOptions& o) { o.fixed = {{"momentum", 0.2}}; });
  refused([](MapOptions& o) {
    o.fixed = {{"decay", 0.02}, {"width", std::int64_t{5}}};  // one axis is left
  });
  Space conditional = lr_decay_width();
  conditional.parameters[1].condition = Condition{"width", {std::int64_t{5}}};
  conditional.parameters = {conditional.parameters[0], conditional.parameters[2],
                            conditional.parameters[1]};
  MapOptions options;
  options.y = "decay";
  CHECK_THROWS_AS(MapGrid(conditional, options), Error);
}

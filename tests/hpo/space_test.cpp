#include "numgeom/hpo/space.hpp"

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

const Space kUnitSquare{{0, 1, false}, {0, 1, false}};

std::vector<Configuration> sample_of(SearchMethod method, const Space& space, int count,
                                     std::uint64_t seed = 0) {
  Search search;
  search.method = method;
  search.trials = count;
  search.points = count;
  search.seed = seed;
  return sample(space, search);
}

}  // namespace

TEST_CASE("a range meets its ends exactly and stays between them") {
  const auto range =
      GENERATE(Range{0.1, 0.7, false}, Range{1e-3, 1.0, true}, Range{0, 1e308, false},
               Range{5e-324, 1e308, true}, Range{0.3, 0.30000000000000004, true});
  CHECK(range.at(0) == range.low);
  CHECK(range.at(1) == range.high);
  double before = range.low;
  for (double t = 1.0 / 64; t < 1; t += 1.0 / 64) {
    const double value = range.at(t);
    CHECK(value >= before);
    CHECK(value <= range.high);
    before = value;
  }
}

TEST_CASE("a range is linear or logarithmic, or one value") {
  CHECK(Range{2, 4, false}.at(0.25) == 2.5);
  CHECK(Range{1e-4, 1.0, true}.at(0.5) == Approx(1e-2).epsilon(1e-14));
  CHECK(Range{1e-4, 1.0, true}.at(0.75) == Approx(1e-1).epsilon(1e-14));
  for (const double t : {0.0, 0.3, 1.0}) CHECK(Range::fixed(0.1).at(t) == 0.1);
  CHECK(Range::fixed(0.1).is_fixed());
  CHECK_FALSE(Range{0, 1, false}.is_fixed());
}

TEST_CASE("a range that is none is refused by name") {
  CHECK_NOTHROW(Range{0, 0, false}.validate("lr"));
  CHECK_NOTHROW(Range{1e-3, 1, true}.validate("lr"));
  CHECK_THROWS_MATCHES((Range{-1, 1, false}.validate("lr")), Error,
                       Message("lr: low must be a finite number ≥ 0, not -1"));
  CHECK_THROWS_MATCHES((Range{kNan, 1, false}.validate("lr")), Error,
                       Message("lr: low must be a finite number ≥ 0, not nan"));
  CHECK_THROWS_MATCHES((Range{2, 1, false}.validate("lr")), Error,
                       Message("lr: high must be a finite number ≥ low = 2, not 1"));
  CHECK_THROWS_MATCHES((Range{1, kInfinity, false}.validate("lr")), Error,
                       Message("lr: high must be a finite number ≥ low = 1, not inf"));
  CHECK_THROWS_MATCHES((Range{0, 1, true}.validate("lr")), Error,
                       Message("lr: low must be > 0 on a logarithmic scale, not 0"));
}

TEST_CASE("a grid has the corners of the space, the first dimension slowest") {
  const Space space{{1e-3, 1.0, true}, {0.1, 0.7, false}};
  const auto grid = sample_of(SearchMethod::kGrid, space, 3);
  REQUIRE(grid.size() == 9);
  CHECK(grid[0] == Configuration{1e-3, 0.1});
  CHECK(grid[2] == Configuration{1e-3, 0.7});
  CHECK(grid[6] == Configuration{1.0, 0.1});
  CHECK(grid[8] == Configuration{1.0, 0.7});
  CHECK(grid[1].lr == 1e-3);
  CHECK(grid[1].weight_decay == Approx(0.4));
  CHECK(grid[4].lr == Approx(std::sqrt(1e-3)));
}

TEST_CASE("a grid has one point where there is one value, or one is asked") {
  const Space one_free{{0.1, 0.3, false}, Range::fixed(0.01)};
  CHECK(sample_of(SearchMethod::kGrid, one_free, 5).size() == 5);
  for (const auto& one : sample_of(SearchMethod::kGrid, one_free, 5))
    CHECK(one.weight_decay == 0.01);
  const auto single = sample_of(SearchMethod::kGrid, kUnitSquare, 1);
  CHECK(single == std::vector<Configuration>{{0, 0}});
}

TEST_CASE("a random search is the same everywhere, and another for another seed") {
  const auto drawn = sample_of(SearchMethod::kRandom, kUnitSquare, 100, 7);
  REQUIRE(drawn.size() == 100);
  CHECK(drawn[0] == Configuration{0.754385304152858, 0.9493012028926442});
  CHECK(drawn[1] == Configuration{0.11741428103451812, 0.8919131767124764});
  CHECK(sample_of(SearchMethod::kRandom, kUnitSquare, 100, 7) == drawn);
  CHECK(sample_of(SearchMethod::kRandom, kUnitSquare, 100, 8) != drawn);
  const auto fewer = sample_of(SearchMethod::kRandom, kUnitSquare, 10, 7);
  CHECK(std::equal(fewer.begin(), fewer.end(), drawn.begin()));
  double sum = 0;
  for (const auto& [lr, decay] : drawn) {
    CHECK((lr >= 0 && lr < 1 && decay >= 0 && decay < 1));
    sum += lr + decay;
  }
  CHECK(sum / 200 == Approx(0.5).margin(0.1));
}

TEST_CASE("a Sobol search starts with the well-known points") {
  const std::vector<Configuration> known{{0.5, 0.5},     {0.75, 0.25},   {0.25, 0.75},
                                         {0.375, 0.375}, {0.875, 0.875}, {0.625, 0.125},
                                         {0.125, 0.625}};
  CHECK(sample_of(SearchMethod::kSobol, kUnitSquare, 7) == known);
}

TEST_CASE("a Sobol search has low discrepancy: one point in every elementary interval") {
  constexpr int kBits = 8;
  auto points = sample_of(SearchMethod::kSobol, kUnitSquare, (1 << kBits) - 1);
  points.push_back({0, 0});  // the first point of the sequence, which is left out
  for (int bits = 0; bits <= kBits; ++bits) {
    std::set<std::pair<int, int>> cells;
    for (const auto& [lr, decay] : points)
      cells.emplace(static_cast<int>(std::ldexp(lr, bits)),
                    static_cast<int>(std::ldexp(decay, kBits - bits)));
    CHECK(cells.size() == points.size());
  }
}

TEST_CASE("samplers place their points on the scale of each range") {
  const Space space{{1e-4, 1.0, true}, {0.0, 0.5, false}};
  const auto points = sample_of(SearchMethod::kSobol, space, 2);
  CHECK(points[0].lr == Approx(1e-2));
  CHECK(points[0].weight_decay == 0.25);
  CHECK(points[1].lr == Approx(1e-1));
  CHECK(points[1].weight_decay == 0.125);
}

TEST_CASE("a list is taken as it is") {
  Search search;
  search.method = SearchMethod::kList;
  search.configurations = {{0.3, 0.1}, {0.1, 0}, {0.3, 0.1}};
  CHECK(sample(kUnitSquare, search) == search.configurations);
}

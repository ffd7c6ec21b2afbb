#include "numgeom/hpo/design.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "numgeom/error.hpp"

using namespace numgeom;
using Catch::Matchers::Message;

namespace {

const Space kUnitSquare{{Parameter::real("x", 0, 1), Parameter::real("y", 0, 1)}, {}};

Assignment xy(double x, double y) { return {{"x", x}, {"y", y}}; }

std::vector<Assignment> sample_of(SearchMethod method, const Space& space, int count,
                                  std::optional<std::uint64_t> seed = std::nullopt) {
  Search search;
  search.method = method;
  search.trials = count;
  search.points = count;
  search.seed = seed;
  return sample(space, search);
}

std::vector<Eigen::VectorXd> first(PointStream& stream, int count) {
  std::vector<Eigen::VectorXd> points;
  for (int i = 0; i < count; ++i) points.push_back(*stream.next());
  return points;
}

double real(const Assignment& assignment, const char* name) {
  return to_number(assignment.at(name));
}

}  // namespace

TEST_CASE("a grid has the corners of the space, the first dimension slowest") {
  const Space space{{Parameter::real("x", 1e-3, 1, true), Parameter::real("y", 0.1, 0.7)}, {}};
  const auto grid = sample_of(SearchMethod::kGrid, space, 3);
  REQUIRE(grid.size() == 9);
  CHECK(grid[0] == xy(1e-3, 0.1));
  CHECK(grid[2] == xy(1e-3, 0.7));
  CHECK(grid[6] == xy(1.0, 0.1));
  CHECK(grid[8] == xy(1.0, 0.7));
  CHECK(real(grid[1], "x") == 1e-3);
  CHECK(real(grid[1], "y") == Approx(0.4));
  CHECK(real(grid[4], "x") == Approx(std::sqrt(1e-3)));
}

TEST_CASE("a grid has one point where there is one value, or one is asked") {
  const Space one_free{{Parameter::real("x", 0.1, 0.3), Parameter::fixed("y", 0.01)}, {}};
  CHECK(sample_of(SearchMethod::kGrid, one_free, 5).size() == 5);
  for (const auto& one : sample_of(SearchMethod::kGrid, one_free, 5)) CHECK(real(one, "y") == 0.01);
  CHECK(sample_of(SearchMethod::kGrid, kUnitSquare, 1) == std::vector<Assignment>{xy(0, 0)});
}

TEST_CASE("a grid has every choice, few integers, feasible points, and no duplicates") {
  Parameter momentum = Parameter::real("momentum", 0, 1);
  momentum.condition = Condition{"sgd", {true}};
  Space space{{Parameter::boolean("sgd"), momentum, Parameter::integer("depth", 1, 2)}, {}};
  // Four momenta with sgd, none without; two depths.
  CHECK(sample_of(SearchMethod::kGrid, space, 4).size() == 10);
  space.constraints.emplace_back("momentum * depth < 1");
  CHECK(sample_of(SearchMethod::kGrid, space, 4).size() == 7);
  const Space wide{{Parameter::integer("n", 1, 100)}, {}};
  const auto some = sample_of(SearchMethod::kGrid, wide, 3);
  REQUIRE(some.size() == 3);
  CHECK(some.front().at("n") == Value(std::int64_t{1}));
  CHECK(some.back().at("n") == Value(std::int64_t{100}));
}

TEST_CASE("a random search is the same everywhere, and another for another seed") {
  const auto drawn = sample_of(SearchMethod::kRandom, kUnitSquare, 100, 7);
  REQUIRE(drawn.size() == 100);
  CHECK(drawn[0] == xy(0.754385304152858, 0.9493012028926442));
  CHECK(drawn[1] == xy(0.11741428103451812, 0.8919131767124764));
  CHECK(sample_of(SearchMethod::kRandom, kUnitSquare, 100, 7) == drawn);
  CHECK(sample_of(SearchMethod::kRandom, kUnitSquare, 100, 8) != drawn);
  const auto fewer = sample_of(SearchMethod::kRandom, kUnitSquare, 10, 7);
  CHECK(std::equal(fewer.begin(), fewer.end(), drawn.begin()));
  double sum = 0;
  for (const Assignment& one : drawn) {
    const double x = real(one, "x"), y = real(one, "y");
    CHECK((x >= 0 && x < 1 && y >= 0 && y < 1));
    sum += x + y;
  }
  CHECK(sum / 200 == Approx(0.5).margin(0.1));
}

TEST_CASE("a Sobol search starts with the well-known points") {
  const std::vector<Assignment> known{xy(0.5, 0.5),     xy(0.75, 0.25),   xy(0.25, 0.75),
                                      xy(0.375, 0.375), xy(0.875, 0.875), xy(0.625, 0.125),
                                      xy(0.125, 0.625)};
  CHECK(sample_of(SearchMethod::kSobol, kUnitSquare, 7) == known);
}

/// Each of 2^bits rectangles of equal area, whatever their shape, has one of as many points.
static void check_elementary_intervals(const std::vector<Eigen::VectorXd>& points, int all_bits) {
  for (int bits = 0; bits <= all_bits; ++bits) {
    std::set<std::pair<int, int>> cells;
    for (const Eigen::VectorXd& p : points)
      cells.emplace(static_cast<int>(std::ldexp(p[0], bits)),
                    static_cast<int>(std::ldexp(p[1], all_bits - bits)));
    CHECK(cells.size() == points.size());
  }
}

TEST_CASE("a Sobol search has low discrepancy: one point in every elementary interval") {
  constexpr int kBits = 8;
  auto points = first(*sobol_points(2, std::nullopt), (1 << kBits) - 1);
  points.insert(points.begin(), Eigen::VectorXd::Zero(2));  // the first point, which is left out
  check_elementary_intervals(points, kBits);
}

TEST_CASE("scrambled Sobol points keep one point in every elementary interval") {
  constexpr int kBits = 8;
  const auto seed = GENERATE(0U, 1U, 2U, 12345U);
  // The second block of 2^8 points is whole; the first lacks its first point.
  auto points = first(*sobol_points(2, seed), (2 << kBits) - 1);
  points.erase(points.begin(), points.begin() + (1 << kBits) - 1);
  REQUIRE(points.size() == 1 << kBits);
  check_elementary_intervals(points, kBits);
}

TEST_CASE("scrambled Sobol points are uniform over seeds, and others for every seed") {
  Eigen::Vector3d sum = Eigen::Vector3d::Zero(), squares = Eigen::Vector3d::Zero();
  constexpr int kSeeds = 2000;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Eigen::VectorXd p = first(*sobol_points(3, seed), 5).back();
    CHECK(std::all_of(p.begin(), p.end(), [](double x) { return 0 <= x && x < 1; }));
    sum += p;
    squares += p.cwiseAbs2();
  }
  for (int j = 0; j < 3; ++j) {
    CHECK(sum[j] / kSeeds == Approx(0.5).margin(0.03));
    CHECK(squares[j] / kSeeds == Approx(1.0 / 3).margin(0.03));
  }
  CHECK(sample_of(SearchMethod::kSobol, kUnitSquare, 5, 1) !=
        sample_of(SearchMethod::kSobol, kUnitSquare, 5, 2));
}

TEST_CASE("Sobol points are known up to 3667 dimensions") {
  CHECK(sobol_points(3667, 1)->next()->size() == 3667);
  CHECK(sobol_points(0, 1)->next()->size() == 0);
  CHECK_THROWS_MATCHES(sobol_points(3668, 1), Error,
                       Message("sobol: at most 3667 hyperparameters expected, not 3668"));
}

TEST_CASE("a Latin hypercube has one point in every slice of every coordinate") {
  constexpr int kSize = 17;
  const auto stream = latin_hypercube_points(3, kSize, 4);
  std::vector<Eigen::VectorXd> before;
  for (int block = 0; block < 3; ++block) {
    const auto points = first(*stream, kSize);
    for (int j = 0; j < 3; ++j) {
      std::set<int> slices;
      for (const Eigen::VectorXd& p : points) slices.insert(static_cast<int>(p[j] * kSize));
      CHECK(slices.size() == kSize);
      CHECK(*slices.rbegin() == kSize - 1);
    }
    CHECK(points != before);
    before = points;
  }
}

TEST_CASE("samplers place their points on the scale of each range") {
  const Space space{{Parameter::real("x", 1e-4, 1, true), Parameter::real("y", 0, 0.5)}, {}};
  const auto points = sample_of(SearchMethod::kSobol, space, 2);
  CHECK(real(points[0], "x") == Approx(1e-2));
  CHECK(real(points[0], "y") == 0.25);
  CHECK(real(points[1], "x") == Approx(1e-1));
  CHECK(real(points[1], "y") == 0.125);
}

TEST_CASE("infeasible points are left out, and nothing feasible is an error") {
  Space space = kUnitSquare;
  space.constraints.emplace_back("x < y");
  for (const auto method :
       {SearchMethod::kRandom, SearchMethod::kSobol, SearchMethod::kLatinHypercube}) {
    const auto points = sample_of(method, space, 50, 3);
    CHECK(points.size() == 50);
    for (const Assignment& one : points) CHECK(real(one, "x") < real(one, "y"));
  }
  space.constraints.emplace_back("x > y");
  CHECK_THROWS_MATCHES(
      sample_of(SearchMethod::kRandom, space, 1), Error,
      Message("space: 10000 points in a row broke a constraint: nothing is feasible"));
  CHECK(sample_of(SearchMethod::kGrid, space, 3).empty());
}

TEST_CASE("a list is taken as it is") {
  Search search;
  search.method = SearchMethod::kList;
  search.configurations = {xy(0.3, 0.1), xy(0.1, 0), xy(0.3, 0.1)};
  CHECK(sample(kUnitSquare, search) == search.configurations);
}

TEST_CASE("a design depends on the length of the history alone") {
  Search search;
  search.method = SearchMethod::kSobol;
  const auto sampler = design_sampler(kUnitSquare, search);
  History history(5);
  const auto late = sampler->suggest(history);
  CHECK(sampler->suggest({})->assignment == xy(0.5, 0.5));
  history[2].loss = 1;
  CHECK(sampler->suggest(history)->assignment == late->assignment);
}

TEST_CASE("methods that look at losses are no designs") {
  for (const auto method : {SearchMethod::kTpe, SearchMethod::kGp, SearchMethod::kCmaEs}) {
    CHECK_FALSE(is_design(method));
    CHECK_THROWS_AS(sample_of(method, kUnitSquare, 3), Error);
  }
  CHECK(is_design(SearchMethod::kGrid));
}

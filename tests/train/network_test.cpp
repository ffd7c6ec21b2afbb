#include "numgeom/train/network.hpp"

#include <catch2/catch.hpp>

#include "numgeom/error.hpp"
#include "numgeom/train/problem.hpp"
#include "support/problems.hpp"

using numgeom::Network;

TEST_CASE("a network reads back as it was described") {
  const std::vector<std::string> layers{"dense 64", "relu", "dense 8", "tanh", "dense 10"};
  CHECK(Network::parse(layers).describe() == layers);
}

TEST_CASE("dense layers take the outputs of the layer before") {
  const auto shapes = Network::parse({"dense 5", "relu", "dense 3"}).dense_shapes(7);
  REQUIRE(shapes.size() == 2);
  CHECK(shapes[0].inputs == 7);
  CHECK(shapes[0].units == 5);
  CHECK(shapes[1].inputs == 5);
  CHECK(shapes[1].units == 3);
}

TEST_CASE("what is no network is refused by name") {
  for (const char* bad : {"dense", "dense 0", "dense -3", "dense 3.5", "dense 99999999", "conv 3",
                          "", "RELU", "dense 3 "}) {
    CHECK_THROWS_WITH(Network::parse({bad, "dense 2"}),
                      Catch::Contains(std::string("'") + bad + "'"));
  }
  CHECK_THROWS_WITH(Network::parse({}), Catch::Contains("at least one layer"));
  CHECK_THROWS_WITH(Network::parse({"dense 3", "relu"}),
                    Catch::Contains("last layer must be dense"));
}

TEST_CASE("a network that does not fit the data is refused with both shapes") {
  const auto problem = numgeom::test::small_problem({"dense 4", "relu", "dense 7"});
  CHECK_THROWS_WITH(problem.validate(),
                    Catch::Contains("7 outputs") && Catch::Contains("3 classes"));
}

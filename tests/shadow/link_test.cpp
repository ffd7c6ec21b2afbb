#include "numgeom/shadow/link.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "support/random.hpp"

using namespace numgeom;

namespace {

using test::Random;
using Real = long double;

/// The link behind the first convolution.
Link link_of(const std::vector<std::string>& layers, const ImageShape& image) {
  const auto links = links_of(
      Network::parse(layers).for_input(image.height * image.width * image.channels, image));
  REQUIRE(links);
  return links->front();
}

}  // namespace

TEST_CASE("a link's transpose encloses what rounding loses, for points too") {
  // Ninths are no doubles.
  Random random = Random::announced("links", 78);
  const Link link = link_of(
      {"conv 1x1x2", "relu", "average_pool 3 stride 1", "conv 2x2x1", "dense 2"}, {5, 5, 1});
  int rounded = 0;
  for (int n = 0; n < test::repetitions(50); ++n) {
    Matrix<double> x(2 * link.rows_out(), 8);
    for (double& entry : x.reshaped()) entry = 2 * random.unit() - 1;
    const NormBall found = link.backward(NormBall(x));
    Matrix<Real> exact = Matrix<Real>::Zero(2 * link.rows_in(), 2);
    for (Eigen::Index s = 0; s < 2; ++s)
      for (Eigen::Index r = 0; r < link.rows_out(); ++r)
        for (Eigen::Index f = 0; f < x.cols(); ++f)
          link.for_terms(r, f, [&](const Link::Term& term) {
            CHECK(term.weight == 1.0 / 9);
            exact(s * link.rows_in() + term.row, term.unit) += x(s * link.rows_out() + r, f) / 9.0L;
          });
    const Real apart = (found.midpoint().cast<Real>() - exact).norm();
    CHECK(apart <= found.radius().to_double_up());
    if (apart > 0x1p-60L) ++rounded;
    CHECK(found.norm() < Magnitude(1.001) * link.norm() * NormBall(x).norm());
    CHECK(exact.norm() <= static_cast<Real>((link.norm() * NormBall(x).norm()).to_double_up()));
  }
  CHECK(rounded > 0);
}

TEST_CASE("an identity is a link without terms") {
  const auto links = links_of(Network::parse({"dense 3", "relu", "dense 2"}));
  REQUIRE(links);
  CHECK(links->front().is_identity());
  CHECK(links->front().norm() == Magnitude(1));
}

TEST_CASE(
    "a single row that is not passed on entry by entry is no link that anything is known of") {
  const auto links = [](const std::vector<std::string>& layers) {
    return links_of(Network::parse(layers).for_input(64, {8, 8, 1}));
  };
  // An image of one pixel, padded for the next convolution: its row becomes many, or longer.
  CHECK_FALSE(links({"conv 8x8x3", "relu", "conv 3x3x4 padding 2", "relu", "dense 10"}));
  CHECK_FALSE(links({"conv 8x8x3", "relu", "conv 3x3x4 padding 1", "relu", "dense 10"}));
  const auto plain = links({"conv 8x8x3", "relu", "conv 1x1x4", "relu", "dense 10"});
  REQUIRE(plain);
  for (const Link& link : *plain) CHECK(link.keeps_entries());
  const auto pooled = links({"conv 3x3x2", "average_pool 2", "flatten", "dense 10"});
  REQUIRE(pooled);
  CHECK_FALSE(pooled->front().keeps_entries());
}

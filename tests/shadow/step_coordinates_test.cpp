#include "numgeom/shadow/step_coordinates.hpp"

#include <Eigen/LU>
#include <Eigen/SVD>
#include <catch2/catch.hpp>
#include <cmath>

#include "numgeom/arithmetic/native.hpp"
#include "numgeom/error.hpp"
#include "support/random.hpp"

// The step maps of one weight with the gradient h·w are linear: their matrices come from `update`,
// applied to unit vectors.

using namespace numgeom;

namespace {

using test::Random;
using Real = long double;
using Matrix2 = Eigen::Matrix<Real, 2, 2>;
using Vector2 = Eigen::Matrix<Real, 2, 1>;

constexpr Optimizer kOptimizers[] = {Optimizer::kSgd, Optimizer::kMomentum, Optimizer::kNesterov};

Vector2 step(Optimizer optimizer, double rate, double momentum, double h, double w, double v) {
  const auto one = [](double x) { return Matrix<double>::Constant(1, 1, x).eval(); };
  std::vector<Matrix<double>> parameters{one(w)};
  std::vector<Matrix<double>> gradients{one(h * w)};
  OptimizerState<Native<double>> state{{one(v)}, {one(0)}};
  Configuration configuration;
  configuration.momentum = momentum;
  update(Native<double>(), optimizer, configuration, rate, gradients, state, parameters);
  return {parameters[0](0, 0), state.first[0](0, 0)};
}

Matrix2 jacobian(Optimizer optimizer, double rate, double momentum, double h) {
  Matrix2 result;
  result.col(0) = step(optimizer, rate, momentum, h, 1, 0);
  result.col(1) = step(optimizer, rate, momentum, h, 0, 1);
  return result;
}

Matrix2 to_coordinates(const StepCoordinates& c) {
  Matrix2 result;
  result << 1, -static_cast<Real>(c.kappa), 0, c.scale;
  return result;
}

Real norm(const Matrix2& x) { return x.jacobiSvd().singularValues()(0); }

Configuration with_momentum(double momentum) {
  Configuration configuration;
  configuration.momentum = momentum;
  return configuration;
}

struct Drawn {
  Optimizer optimizer;
  double rate;
  double momentum;
  StepCoordinates coordinates;

  [[nodiscard]] StepMap map() const {
    return StepMap::of(optimizer, with_momentum(momentum), rate);
  }
  [[nodiscard]] Real exact(double h) const {
    const Matrix2 j = jacobian(optimizer, rate, momentum, h);
    if (map().kind == StepMap::Kind::kPlain) return std::fabs(j(0, 0));
    const Matrix2 t = to_coordinates(coordinates);
    return norm(t * j * t.inverse());
  }
};

StepCoordinates draw_coordinates(Random& random, double rate) {
  return {random.coin() ? 0 : rate * 10 * random.unit(),
          rate * std::pow(10.0, -1 + 3 * random.unit())};
}

Drawn draw(Random& random) {
  Drawn one;
  one.optimizer = kOptimizers[random.below(3)];
  one.rate = std::pow(10.0, -3 + 3 * random.unit());
  one.momentum = random.below(8) == 0 ? 0 : 0.99 * random.unit();
  if (one.map().kind != StepMap::Kind::kPlain) one.coordinates = draw_coordinates(random, one.rate);
  return one;
}

}  // namespace

TEST_CASE("Λ bounds the norm of a step for every eigenvalue in the range, and is reached") {
  Random random = Random::announced("step maps", 91);
  for (int n = 0; n < test::repetitions(2000); ++n) {
    const Drawn one = draw(random);
    const double h = (2 * random.unit() - 1) * std::pow(10.0, -2 + 4 * random.unit());
    const double width = random.below(4) == 0 ? 0 : std::pow(10.0, -2 + 4 * random.unit());
    const HessianRange range{h, h + width};
    const Real bound = step_lipschitz(one.map(), one.coordinates, range).to_double_up();
    INFO("case " << n << ", " << to_string(one.optimizer) << ", lr " << one.rate << ", momentum "
                 << one.momentum << ", κ " << one.coordinates.kappa << ", s "
                 << one.coordinates.scale << ", from " << range.lower << " to " << range.upper);
    for (const double share : {0.0, 1.0, random.unit(), random.unit()})
      CHECK(one.exact(range.lower + share * width) <= bound * (1 + 1e-12L));
    CHECK(bound <= std::max(one.exact(range.lower), one.exact(range.upper)) * (1 + 1e-12L));
  }
}

TEST_CASE("a change of coordinates, and what it says about weights") {
  Random random = Random::announced("coordinates", 92);
  for (int n = 0; n < test::repetitions(2000); ++n) {
    const StepCoordinates from = draw_coordinates(random, 0.1);
    const StepCoordinates to =
        random.coin() ? draw_coordinates(random, 0.1) : StepCoordinates{from.kappa, from.scale};
    const Matrix2 t = to_coordinates(from);
    INFO("from κ " << from.kappa << ", s " << from.scale << " to κ " << to.kappa << ", s "
                   << to.scale);
    const Real change = norm(to_coordinates(to) * t.inverse());
    CHECK(change <= change_norm(from, to).to_double_up() * (1 + 1e-15L));
    CHECK(change_norm(from, to).to_double_up() <= change * (1 + 1e-12L));

    const Real reach = t.inverse().row(0).norm();
    CHECK(reach <= reach_of_weights(from).to_double_up() * (1 + 1e-15L));
    CHECK(reach_of_weights(from).to_double_up() <= reach * (1 + 1e-12L));

    const double w = random.unit();
    const double v = random.below(4) == 0 ? 0 : 10 * random.unit();
    // The worst signs.
    const Real size = (t * Vector2(w, -v)).norm();
    CHECK(size <= norm_in(from, Magnitude(w), Magnitude(v)).to_double_up() * (1 + 1e-15L));
    CHECK(norm_in(from, Magnitude(w), Magnitude(v)).to_double_up() <= size * (1 + 1e-12L));
  }
  CHECK(norm_in({}, Magnitude(3), Magnitude(4)) == Magnitude(3));
}

TEST_CASE("a tube holds every state of linear steps, at changing rates") {
  Random random = Random::announced("tubes", 93);
  double tightest = 1e9;
  for (int n = 0; n < test::repetitions(200); ++n) {
    const Drawn one = draw(random);
    const Configuration configuration = with_momentum(one.momentum);
    const auto map_at = [&](double rate) {
      return StepMap::of(one.optimizer, configuration, rate);
    };
    // Slopes differ from step to step; the computed point is zero, a state within the tube is not.
    const double low = -0.1 * random.unit() / one.rate;
    const double high = 2 * random.unit() / one.rate;
    Tube tube(map_at(one.rate));
    Vector2 state = Vector2::Zero();
    for (int t = 0; t < 60; ++t) {
      const double rate =
          one.rate * (random.below(5) == 0 ? std::pow(10.0, -2 * random.unit()) : 1);
      const HessianRange range{low, low + (high - low) * random.unit()};
      const StepMap map = map_at(rate);
      if (t > 0) tube.advance(map, range);
      const double h = random.coin() ? range.lower : range.upper;
      state = jacobian(one.optimizer, rate, one.momentum, h) * state;
      const double w = 2 * random.unit() - 1;
      const double v = map.kind == StepMap::Kind::kPlain ? 0 : (2 * random.unit() - 1) / rate;
      state += Vector2(w, v);
      tube.widen(Magnitude(w), Magnitude(v));
      INFO("case " << n << ", step " << t << ", " << to_string(one.optimizer) << ", momentum "
                   << one.momentum);
      const Real radius = tube.radius().to_double_up() * (1 + 1e-12L);
      CHECK((to_coordinates(tube.coordinates()) * state).norm() <= radius);
      CHECK(std::fabs(state(0)) <= tube.reach().to_double_up() * (1 + 1e-12L));
      if (t < 5)
        tightest = std::min(
            tightest,
            static_cast<double>(radius / (to_coordinates(tube.coordinates()) * state).norm()));
    }
  }
  CHECK(tightest < 1.5);
}

TEST_CASE("coordinates are moved to where steps are short") {
  // A bowl with the curvatures of small networks: in u = w − ημ/(1−μ)·v nothing grows along flat
  // directions, but a lot along steep ones.
  for (const Optimizer optimizer : {Optimizer::kMomentum, Optimizer::kNesterov}) {
    const StepMap map = StepMap::of(optimizer, with_momentum(0.9), 0.05);
    const HessianRange range{-0.2, 5};
    Tube tube(map);
    tube.widen(Magnitude(1), Magnitude());
    double bits = 0;
    for (int t = 0; t < 100; ++t) bits += tube.advance(map, range).log2();
    CHECK(bits < 30);
    // Where it is flat nothing may be lost at all.
    for (int t = 0; t < 100; ++t) tube.advance(map, {0, 0.01});
    bits = 0;
    for (int t = 0; t < 100; ++t) bits += tube.advance(map, {0, 0.01}).log2();
    CHECK(bits < 0.1);
  }
}

TEST_CASE("without momentum a step has one coordinate") {
  for (const Optimizer optimizer : kOptimizers) {
    const StepMap map = StepMap::of(optimizer, with_momentum(0), 0.25);
    Tube tube(map);
    tube.widen(Magnitude(1), Magnitude(1000));
    CHECK(tube.radius() == Magnitude(1));
    CHECK(tube.advance(map, {-1, 2}).to_double_up() == Approx(1.25));
    CHECK(tube.advance(map, {0, 10}).to_double_up() == Approx(1.5));
    CHECK(tube.reach().to_double_up() == Approx(tube.radius().to_double_up()));
  }
}

TEST_CASE("a step without bounds has no Lipschitz constant") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const Optimizer optimizer : kOptimizers) {
    const Configuration configuration = with_momentum(0.9);
    const StepCoordinates c{0.1, 1};
    const StepMap map = StepMap::of(optimizer, configuration, 0.1);
    CHECK_FALSE(step_lipschitz(map, c, {-kInfinity, 1}).is_finite());
    CHECK_FALSE(step_lipschitz(map, c, {0, kInfinity}).is_finite());
    CHECK_FALSE(
        step_lipschitz(StepMap::of(optimizer, configuration, kInfinity), c, {0, 1}).is_finite());
    CHECK(step_lipschitz(StepMap::of(optimizer, configuration, 0), c, {0, 1}).is_finite());
    // A rate of zero, and back.
    Tube tube(StepMap::of(optimizer, configuration, 0));
    tube.widen(Magnitude(1), Magnitude(1));
    tube.advance(StepMap::of(optimizer, configuration, 0), {0, 1});
    const Magnitude before = tube.radius();
    tube.advance(map, {0, 1});
    CHECK(before <= tube.radius() * Magnitude(2));
  }
  CHECK_THROWS_AS(StepMap::of(Optimizer::kAdam, {}, 0.1), Error);
  CHECK_FALSE(StepMap::is_known(Optimizer::kAdam));
}

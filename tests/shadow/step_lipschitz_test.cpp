#include "numgeom/shadow/step_lipschitz.hpp"

#include <Eigen/Eigenvalues>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>

#include "numgeom/arithmetic/interval_arithmetic.hpp"
#include "numgeom/arithmetic/limb_arithmetic.hpp"
#include "support/random.hpp"
#include "support/reference_network.hpp"

// Λ is compared with the spectral norm of the step map's Jacobian, whose entries come from second
// derivatives of a plain implementation in extended precision.

using namespace numgeom;

namespace {

using Eigen::Index;
using test::Random;
using test::Real;
using test::ReferenceNetwork;

struct Case {
  Network network;
  std::vector<ExactMatrix> parameters;
  ExactMatrix batch;
  Indices labels;
  Configuration configuration;

  [[nodiscard]] ReferenceNetwork reference() const { return {network, batch.cast<Real>(), labels}; }
  /// All parameters in one vector.
  [[nodiscard]] std::vector<Real> point() const {
    std::vector<Real> result;
    for (const ExactMatrix& parameter : parameters)
      for (const float x : parameter.reshaped<Eigen::RowMajor>()) result.push_back(x);
    return result;
  }
};

ExactMatrix random_exact(Random& random, Index rows, Index cols, double size) {
  ExactMatrix x(rows, cols);
  for (float& entry : x.reshaped()) entry = static_cast<float>(size * (2 * random.unit() - 1));
  return x;
}

Case draw(Random& random, const std::vector<std::string>& activations) {
  Case one;
  const int inputs = 1 + random.below(3);
  const int classes = 2 + random.below(2);
  std::vector<std::string> layers;
  for (const std::string& activation : activations) {
    layers.push_back("dense " + std::to_string(1 + random.below(4)));
    if (!activation.empty()) layers.push_back(activation);
  }
  layers.push_back("dense " + std::to_string(classes));
  one.network = Network::parse(layers);
  // Now and then so large that the softmax is nearly one-hot.
  const double size = std::pow(2.0, random.below(5) - 1);
  for (const DenseShape& shape : one.network.dense_shapes(inputs)) {
    one.parameters.push_back(random_exact(random, shape.inputs, shape.units, size));
    one.parameters.push_back(random_exact(random, 1, shape.units, size));
  }
  const int samples = 1 + random.below(7);
  one.batch = random_exact(random, samples, inputs, std::pow(2.0, random.below(3)));
  for (int i = 0; i < samples; ++i) one.labels.push_back(random.below(classes));
  one.configuration = {std::pow(10.0, -2 + 3 * random.unit()),
                       random.coin() ? 0 : std::pow(10.0, -3 + 3 * random.unit())};
  return one;
}

/// The same for small images.
Case draw_convolutions(Random& random, const std::vector<std::string>& layers) {
  Case one;
  const ImageShape image{3 + random.below(2), 3 + random.below(2), 1 + random.below(2)};
  one.network =
      Network::parse(layers).for_input(image.height * image.width * image.channels, image);
  const double size = std::pow(2.0, random.below(4) - 2);
  for (const DenseShape& shape :
       one.network.dense_shapes(image.height * image.width * image.channels)) {
    one.parameters.push_back(random_exact(random, shape.inputs, shape.units, size));
    one.parameters.push_back(random_exact(random, 1, shape.units, size));
  }
  const int samples = 1 + random.below(4);
  one.batch = random_exact(random, samples, image.height * image.width * image.channels, 1);
  for (int i = 0; i < samples; ++i) one.labels.push_back(random.below(one.network.outputs()));
  one.configuration = {std::pow(10.0, -2 + 2 * random.unit()),
                       random.coin() ? 0 : std::pow(10.0, -3 + 3 * random.unit())};
  return one;
}

template <class A>
std::optional<StepEnclosure> enclose(const A& arithmetic, const Case& one, const Magnitude& rho) {
  std::vector<typename A::Matrix> parameters;
  for (const ExactMatrix& parameter : one.parameters)
    parameters.push_back(arithmetic.embed(parameter));
  const auto passes = forward_backward(arithmetic, one.network, parameters,
                                       arithmetic.embed(one.batch), one.labels);
  return enclose_step(arithmetic, one.network, parameters, passes, one.labels, rho);
}

Matrix<Real> step_jacobian(const Case& one, const Matrix<Real>& hessian) {
  const Real eta = one.configuration.lr;
  const Real c = 1 - eta * static_cast<Real>(one.configuration.weight_decay);
  return c * Matrix<Real>::Identity(hessian.rows(), hessian.rows()) - eta * hessian;
}

struct Spectrum {
  Real norm = 0;
  Real greatest = 0;
  std::vector<Real> direction;  ///< the eigenvector behind the norm
};

Spectrum spectrum(const Matrix<Real>& x) {
  const Eigen::SelfAdjointEigenSolver<Matrix<Real>> solver(0.5L * (x + x.transpose()));
  Spectrum result;
  Index at = 0;
  result.norm = solver.eigenvalues().cwiseAbs().maxCoeff(&at);
  result.greatest = solver.eigenvalues().maxCoeff();
  for (Index i = 0; i < x.rows(); ++i) result.direction.push_back(solver.eigenvectors()(i, at));
  return result;
}

/// A point at the distance ρ, or a little less: in a random direction, along one parameter, along
/// the gradient or along the leading eigenvector.
std::vector<Real> at_the_edge(Random& random, const Case& one, const std::vector<Real>& centre,
                              Real rho) {
  std::vector<Real> direction(centre.size());
  switch (random.below(4)) {
    case 0:
      for (Real& x : direction) x = 2 * random.unit() - 1;
      break;
    case 1:
      direction[static_cast<std::size_t>(random.below(static_cast<int>(centre.size())))] = 1;
      break;
    case 2:
      direction = one.reference().gradient(centre);
      break;
    default:
      direction = spectrum(step_jacobian(one, one.reference().hessian(centre))).direction;
  }
  Real squares = 0;
  for (const Real x : direction) squares += x * x;
  if (!(squares > 0)) return centre;
  const Real scale = (random.coin() ? 1 : -1) * rho * (1 - 0x1p-50L) / std::sqrt(squares);
  std::vector<Real> result = centre;
  for (std::size_t i = 0; i < result.size(); ++i) result[i] += scale * direction[i];
  return result;
}

void check_member(const NormBall& ball, const Matrix<Real>& exact, const char* what) {
  REQUIRE(ball.rows() == exact.rows());
  REQUIRE(ball.cols() == exact.cols());
  INFO(what);
  CHECK((ball.midpoint().cast<Real>() - exact).norm() <=
        ball.radius().to_double_up() * (1 + 0x1p-40L) + 0x1p-56L * exact.norm());
}

/// Every ball of the step holds what it stands for at the point ξ.
void check_contents(const StepEnclosure& step, const Case& one, const std::vector<Real>& point) {
  const test::ReferencePass pass = one.reference().pass(point);
  REQUIRE(step.inputs.size() == pass.inputs.size());
  for (std::size_t m = 0; m < step.inputs.size(); ++m) {
    check_member(step.inputs[m], pass.inputs[m], "inputs");
    if (m > 0) check_member(step.weights[m], pass.weights[m], "weights");
    if (m + 1 < step.inputs.size()) check_member(step.slopes[m], pass.slopes[m], "slopes");
    if (step.curvatures[m].rows() > 0)
      check_member(step.curvatures[m], pass.curvatures[m], "curvatures");
    else
      CHECK(pass.curvatures[m].isZero(0));
  }
  check_member(step.residuals, pass.residuals, "residuals");
}

const std::vector<std::vector<std::string>> kShapes = {
    {},   {"relu"},         {"relu", "relu"},    {"tanh"}, {"tanh", "relu"}, {"relu", "tanh"},
    {""}, {"tanh", "tanh"}, {"relu", "", "relu"}};

const std::vector<std::vector<std::string>> kConvolutions = {
    {"conv 2x2x2", "relu", "dense 2"},
    {"conv 2x2x2 padding 1", "relu", "average_pool 2", "dense 3"},
    {"conv 2x2x2 padding 1", "relu", "average_pool 2 stride 1", "conv 2x2x3", "relu", "dense 2"},
    {"conv 2x2x2", "tanh", "conv 2x2x2 padding 1 stride 2", "dense 2", "relu", "dense 2"},
    {"average_pool 2 stride 1", "conv 1x2x3", "relu", "flatten", "dense 2", "tanh", "dense 3"},
    {"conv 2x1x2 stride 2 padding 1", "conv 2x2x2 padding 1", "tanh", "average_pool 2", "dense 2"},
    {"conv 3x3x1", "relu", "dense 2"}};

Case draw_any(Random& random, int n) {
  const auto of = [&](const auto& shapes) {
    return shapes[static_cast<std::size_t>(n / 2) % shapes.size()];
  };
  return n % 2 == 0 ? draw(random, of(kShapes)) : draw_convolutions(random, of(kConvolutions));
}

}  // namespace

TEST_CASE("the Lipschitz constant of a step holds on the whole ball") {
  Random random = Random::announced("Lipschitz constants", 71);
  const IntervalArithmetic interval;
  const LimbArithmetic limbs(LimbMidpoints(152));
  int decided = 0;
  int curved = 0;
  int expanding = 0;
  const int cases = test::repetitions(400);
  for (int n = 0; n < cases; ++n) {
    const Case one = draw_any(random, n);
    const double radius = random.below(3) == 0 ? 1e-12 : std::pow(10.0, -4 * random.unit());
    const Magnitude rho(radius);
    const auto step = n % 4 < 2 ? enclose(interval, one, rho) : enclose(limbs, one, rho);
    if (!step) continue;
    ++decided;
    const Magnitude lambda = step_lipschitz(*step, one.configuration);
    for (int sample = 0; sample < 5; ++sample) {
      const std::vector<Real> point =
          sample == 0 ? one.point() : at_the_edge(random, one, one.point(), radius);
      const Matrix<Real> hessian = one.reference().hessian(point);
      const Spectrum exact = spectrum(step_jacobian(one, hessian));
      INFO("case " << n << ", radius " << radius << ", lr " << one.configuration.lr << ", Λ "
                   << lambda.to_double_up() << ", exact " << static_cast<double>(exact.norm));
      CHECK(exact.norm <= lambda.to_double_up() * (1 + 1e-14L));
      check_contents(*step, one, point);
      // Without R, or without the Gauss–Newton part, these could not be bounded.
      const Real c = 1 - static_cast<Real>(one.configuration.lr * one.configuration.weight_decay);
      if (exact.greatest > std::fabs(c) * 1.001L) ++curved;
      if (exact.norm > exact.greatest && exact.norm > 1.5L * std::fabs(c)) ++expanding;
    }
  }
  std::fprintf(stderr, "Lipschitz constants: %d of %d cases decided, %d curved, %d expanding\n",
               decided, cases, curved, expanding);
  CHECK(decided > cases / 2);
  CHECK(curved > cases / 10);
  CHECK(expanding > cases / 10);
}

TEST_CASE("every bound of the Gauss-Newton part holds on the whole ball") {
  Random random = Random::announced("Gauss-Newton parts", 74);
  const IntervalArithmetic interval;
  int decided = 0;
  const int cases = test::repetitions(200);
  for (int n = 0; n < cases; ++n) {
    const Case one = draw_any(random, n);
    const double radius = std::pow(10.0, -5 * random.unit());
    const auto step = enclose(interval, one, Magnitude(radius));
    if (!step) continue;
    ++decided;
    for (int sample = 0; sample < 4; ++sample) {
      const std::vector<Real> point =
          sample == 0 ? one.point() : at_the_edge(random, one, one.point(), radius);
      const Real exact = spectrum(one.reference().gauss_newton(point)).greatest;
      for (const GaussNewtonStage stage : kGaussNewtonStages) {
        INFO("case " << n << ", radius " << radius << ", stage " << static_cast<int>(stage));
        CHECK(exact <= gauss_newton_bound(*step, stage).to_double_up() * (1 + 1e-14L));
      }
    }
  }
  CHECK(decided > cases / 3);
}

TEST_CASE("bounds of the Gauss-Newton part count what each layer may become, and no more") {
  // One sample far out: the hidden output moves a great deal, or the weights behind it double, and
  // the probabilities hardly change. With two classes the bounds are tight.
  constexpr double kRadius = 0x1p-10;
  const auto check = [](float first, float last, std::size_t parameter) {
    Case one;
    one.network = Network::parse({"dense 1", "relu", "dense 2"});
    one.parameters = {ExactMatrix::Constant(1, 1, first), ExactMatrix::Zero(1, 1),
                      ExactMatrix::Zero(1, 2), ExactMatrix::Zero(1, 2)};
    one.parameters[2] << last, -last;
    one.batch = ExactMatrix::Constant(1, 1, 1024);
    one.labels = {0};
    const auto step = enclose(IntervalArithmetic(), one, Magnitude(kRadius));
    REQUIRE(step);
    std::vector<Real> edge = one.point();
    if (parameter == 0) {
      edge[0] += kRadius;
    } else {
      edge[2] += kRadius * std::sqrt(0.5L) * (1 - 0x1p-50L);
      edge[3] -= kRadius * std::sqrt(0.5L) * (1 - 0x1p-50L);
    }
    const Real centre = spectrum(one.reference().gauss_newton(one.point())).greatest;
    const Real exact = spectrum(one.reference().gauss_newton(edge)).greatest;
    REQUIRE(exact > 1.2L * centre);
    for (const GaussNewtonStage stage : kGaussNewtonStages) {
      const double bound = gauss_newton_bound(*step, stage).to_double_up();
      INFO("stage " << static_cast<int>(stage) << ": " << bound << " for "
                    << static_cast<double>(exact));
      CHECK(exact <= bound);
      CHECK(bound < 1.5L * exact);
    }
  };
  check(0.0078125F, 0, 0);
  check(1.25F / 1024, 2 * 0x1p-10F, 2);
}

TEST_CASE("bounds of the Gauss-Newton part count what the weights behind windows may become") {
  // Two windows of one pixel; all weights behind them grow, and with them both derivatives.
  constexpr double kRadius = 0x1p-10;
  Case one;
  one.network = Network::parse({"conv 1x1x1", "relu", "dense 2"}).for_input(2, {1, 2, 1});
  one.parameters = {ExactMatrix::Constant(1, 1, 0x1p-9F), ExactMatrix::Zero(1, 1),
                    ExactMatrix::Zero(2, 2), ExactMatrix::Zero(1, 2)};
  one.parameters[2] << 0x1p-9F, -0x1p-9F, 0x1p-9F, -0x1p-9F;
  one.batch = ExactMatrix::Constant(1, 2, 1024);
  one.labels = {0};
  const auto step = enclose(IntervalArithmetic(), one, Magnitude(kRadius));
  REQUIRE(step);
  std::vector<Real> edge = one.point();
  for (std::size_t k = 0; k < 4; ++k)
    edge[2 + k] += (k % 2 == 0 ? 1 : -1) * 0.5L * kRadius * (1 - 0x1p-50L);
  const Real exact = spectrum(one.reference().gauss_newton(edge)).greatest;
  REQUIRE(exact > 1.2L * spectrum(one.reference().gauss_newton(one.point())).greatest);
  for (const GaussNewtonStage stage : kGaussNewtonStages) {
    const double bound = gauss_newton_bound(*step, stage).to_double_up();
    INFO("stage " << static_cast<int>(stage) << ": " << bound << " for "
                  << static_cast<double>(exact));
    CHECK(exact <= bound);
    CHECK(bound < 2 * exact);
  }
}

TEST_CASE("a batch of many copies of a sample has the Hessian of one") {
  // So many that the windows are worked on in several parts.
  Random random = Random::announced("copies", 77);
  Case one;
  one.network =
      Network::parse({"conv 3x3x2 padding 1", "relu", "dense 2"}).for_input(144, {12, 12, 1});
  for (const DenseShape& shape : one.network.dense_shapes(144)) {
    one.parameters.push_back(random_exact(random, shape.inputs, shape.units, 0.5));
    one.parameters.push_back(random_exact(random, 1, shape.units, 0.5));
  }
  one.batch = random_exact(random, 1, 144, 1);
  one.labels = {1};
  Case many = one;
  many.batch = one.batch.replicate(1000, 1);
  many.labels.assign(1000, 1);
  const auto residual = [](const Case& which) {
    const auto step = enclose(IntervalArithmetic(), which, Magnitude(1e-13));
    REQUIRE(step);
    return -hessian_range(*step, 0, [](const HessianRange&) { return true; }).lower;
  };
  CHECK(residual(one) > 0.01);
  CHECK(residual(many) == Approx(residual(one)).epsilon(0.01));
}

namespace {

/// Λ must lie between what the two parts of the Hessian give and what they give if the residual one
/// is taken so many times. Eigenvalues are bounded by squaring: of up to 64 rows, 64^(1/64)
/// = 1.067.
void check_tight(const Case& one, const Magnitude& bound, Real times) {
  const ReferenceNetwork reference = one.reference();
  const Matrix<Real> gauss_newton = reference.gauss_newton(one.point());
  const Matrix<Real> rest = reference.hessian(one.point()) - gauss_newton;
  const Real eta = one.configuration.lr;
  const Real c = 1 - eta * static_cast<Real>(one.configuration.weight_decay);
  const Real greatest = spectrum(gauss_newton).greatest;
  const Real residual = spectrum(rest).norm;
  const double lambda = bound.to_double_up();
  INFO("lr " << one.configuration.lr << ", Λ " << lambda << ", λ " << static_cast<double>(greatest)
             << ", ‖R‖ " << static_cast<double>(residual));
  const auto parts = [&](Real slack) { return std::max(std::fabs(c), slack * eta * greatest - c); };
  CHECK(lambda >= (parts(1) + eta * residual) * (1 - 1e-9L));
  CHECK(lambda <= parts(1.07L) + times * 1.07L * eta * residual + 1e-6L * (1 + eta));
}

}  // namespace

TEST_CASE("with one hidden ReLU layer Λ is what the two parts of the Hessian give") {
  Random random = Random::announced("tight Lipschitz constants", 72);
  const IntervalArithmetic interval;
  int decided = 0;
  const int cases = test::repetitions(200);
  for (int n = 0; n < cases; ++n) {
    const Case one =
        n % 4 == 0   ? draw(random, {})
        : n % 4 == 1 ? draw(random, {"relu"})
        : n % 4 == 2
            ? draw_convolutions(random, {"conv 2x2x3 padding 1", "relu", "dense 2"})
            : draw_convolutions(random, {"conv 2x2x2", "relu", "average_pool 2", "dense 3"});
    const auto step = enclose(interval, one, Magnitude(1e-13));
    if (!step) continue;
    ++decided;
    INFO("case " << n);
    check_tight(one, step_lipschitz(*step, one.configuration), 1);
  }
  CHECK(decided > cases / 2);
}

TEST_CASE("with two convolutions blocks of R are known, and their signs are not") {
  Random random = Random::announced("Lipschitz constants of two convolutions", 75);
  const IntervalArithmetic interval;
  int decided = 0;
  const int cases = test::repetitions(60);
  for (int n = 0; n < cases; ++n) {
    const Case one = draw_convolutions(random, {"conv 2x2x2 padding 1", "relu", "conv 2x2x2",
                                                "relu", "average_pool 2", "dense 2"});
    const auto step = enclose(interval, one, Magnitude(1e-13));
    if (!step) continue;
    ++decided;
    INFO("case " << n);
    // Three layers: three blocks, each no greater than R, in a 3×3 matrix without a diagonal.
    check_tight(one, step_lipschitz(*step, one.configuration), 2);
  }
  CHECK(decided > cases / 2);
}

/// The matrix of a step of weights and velocity together, in the coordinates of a tube.
Matrix<Real> state_jacobian(const Case& one, const StepMap& map, const StepCoordinates& coordinates,
                            const Matrix<Real>& hessian) {
  const Index n = hessian.rows();
  const Matrix<Real> identity = Matrix<Real>::Identity(n, n);
  const Matrix<Real> h = hessian + static_cast<Real>(one.configuration.weight_decay) * identity;
  const Real eta = map.rate;
  const Real mu = map.momentum;
  const bool nesterov = map.kind == StepMap::Kind::kNesterov;
  Matrix<Real> step(2 * n, 2 * n);
  step << identity - eta * (nesterov ? 1 + mu : 1) * h, -eta * (nesterov ? mu * mu : mu) * identity,
      h, mu * identity;
  const Real kappa = coordinates.kappa;
  const Real s = coordinates.scale;
  Matrix<Real> to(2 * n, 2 * n);
  Matrix<Real> from(2 * n, 2 * n);
  to << identity, -kappa * identity, 0 * identity, s * identity;
  from << identity, kappa / s * identity, 0 * identity, identity / s;
  return to * step * from;
}

Real spectral_norm_of(const Matrix<Real>& x) { return std::sqrt(spectrum(x * x.transpose()).norm); }

TEST_CASE("with momentum Λ holds for weights and velocity on the whole ball") {
  Random random = Random::announced("Lipschitz constants with momentum", 75);
  const IntervalArithmetic interval;
  int decided = 0;
  int moved = 0;
  double tightest = 1e9;
  const int cases = test::repetitions(200);
  for (int n = 0; n < cases; ++n) {
    Case one = draw(random, kShapes[static_cast<std::size_t>(n) % kShapes.size()]);
    one.configuration.momentum = random.below(4) == 0 ? 0.99 : 0.05 + 0.9 * random.unit();
    const auto optimizer = random.coin() ? Optimizer::kMomentum : Optimizer::kNesterov;
    const StepMap map = StepMap::of(optimizer, one.configuration, one.configuration.lr);
    const double radius = random.below(3) == 0 ? 1e-12 : std::pow(10.0, -4 * random.unit());
    const auto step = enclose(interval, one, Magnitude(radius));
    if (!step) continue;
    ++decided;
    Tube tube(map);
    const StepCoordinates first = tube.coordinates();
    const HessianRange range = hessian_range(*step, one.configuration.weight_decay, map, tube);
    tube.advance(map, range);
    if (tube.coordinates().kappa != first.kappa || tube.coordinates().scale != first.scale) ++moved;
    for (const StepCoordinates& coordinates : {first, tube.coordinates()}) {
      const Real lambda = step_lipschitz(map, coordinates, range).to_double_up();
      for (int sample = 0; sample < 3; ++sample) {
        const std::vector<Real> point =
            sample == 0 ? one.point() : at_the_edge(random, one, one.point(), radius);
        const Real exact =
            spectral_norm_of(state_jacobian(one, map, coordinates, one.reference().hessian(point)));
        INFO("case " << n << ", radius " << radius << ", lr " << map.rate << ", momentum "
                     << map.momentum << ", κ " << coordinates.kappa << ", s " << coordinates.scale
                     << ", Λ " << static_cast<double>(lambda) << ", exact "
                     << static_cast<double>(exact));
        CHECK(exact <= lambda * (1 + 1e-13L));
        tightest = std::min(tightest, static_cast<double>(lambda / exact));
      }
    }
  }
  std::fprintf(stderr, "Lipschitz constants with momentum: %d of %d cases decided, tightest %.6f\n",
               decided, cases, tightest);
  CHECK(decided > cases / 2);
  CHECK(moved > cases / 4);
  CHECK(tightest < 1.001);
}

TEST_CASE("with one hidden ReLU layer the range of the Hessian is what its two parts give") {
  Random random = Random::announced("tight ranges", 76);
  int decided = 0;
  const int cases = test::repetitions(100);
  for (int n = 0; n < cases; ++n) {
    const Case one = draw(random, {"relu"});
    const auto step = enclose(IntervalArithmetic(), one, Magnitude(1e-13));
    if (!step) continue;
    ++decided;
    const Matrix<Real> gauss_newton = one.reference().gauss_newton(one.point());
    const Real greatest = spectrum(gauss_newton).greatest;
    const Real residual = spectrum(one.reference().hessian(one.point()) - gauss_newton).norm;
    const Real omega = one.configuration.weight_decay;
    const HessianRange range = hessian_range(*step, one.configuration.weight_decay,
                                             [](const HessianRange&) { return false; });
    INFO("case " << n << ", from " << range.lower << " to " << range.upper);
    CHECK(range.lower <= omega - residual * (1 - 1e-9L) + 1e-15L);
    CHECK(range.lower >= omega - 1.05L * residual - 1e-6L);
    CHECK(range.upper >= omega + (greatest + residual) * (1 - 1e-9L));
    CHECK(range.upper <= omega + 1.05L * (greatest + residual) + 1e-6L);
  }
  CHECK(decided > cases / 2);
}

TEST_CASE("a step with an open sign has no Lipschitz constant") {
  Case one;
  one.network = Network::parse({"dense 1", "relu", "dense 2"});
  one.parameters = {ExactMatrix::Ones(1, 1), ExactMatrix::Zero(1, 1), ExactMatrix::Ones(1, 2),
                    ExactMatrix::Zero(1, 2)};
  one.batch = ExactMatrix::Constant(1, 1, 1);
  one.labels = {0};
  const IntervalArithmetic interval;
  const LimbArithmetic limbs(LimbMidpoints(100));
  // The pre-activation is 1 and moves by ρ√2.
  CHECK(enclose(interval, one, Magnitude(0.4)));
  CHECK(enclose(limbs, one, Magnitude(0.4)));
  CHECK_FALSE(enclose(interval, one, Magnitude(0.75)));
  CHECK_FALSE(enclose(limbs, one, Magnitude(0.75)));
  // Exactly zero: open for every ρ > 0.
  one.batch.setZero();
  CHECK_FALSE(enclose(interval, one, Magnitude::power_of_two(-2000)));
  CHECK_FALSE(enclose(limbs, one, Magnitude::power_of_two(-2000)));
}

TEST_CASE("which networks have a Lipschitz constant") {
  const auto known = [](const std::vector<std::string>& layers) {
    return has_step_lipschitz({nullptr, Network::parse(layers), {}, {}}, {});
  };
  CHECK(known({"dense 2"}));
  CHECK(known({"dense 3", "relu", "dense 4", "tanh", "dense 2"}));
  CHECK(known({"dense 3", "dense 2"}));
  CHECK_FALSE(known({"relu", "dense 2"}));
  CHECK_FALSE(known({"dense 3", "relu", "tanh", "dense 2"}));
  CHECK_FALSE(known({"dense 3", "dropout 0.5", "dense 2"}));
  CHECK_FALSE(known({"dense 3", "gelu", "dense 2"}));
  const auto known_for_images = [](const std::vector<std::string>& layers) {
    return has_step_lipschitz({nullptr, Network::parse(layers).for_input(16, {4, 4, 1}), {}, {}},
                              {});
  };
  for (const auto& layers : kConvolutions) CHECK(known_for_images(layers));
  CHECK_FALSE(known_for_images({"conv 2x2x2", "relu", "max_pool 2", "dense 2"}));
  CHECK_FALSE(known_for_images({"conv 2x2x2", "average_pool 2", "relu", "dense 2"}));
  CHECK_FALSE(known_for_images({"conv 2x2x2", "relu", "average_pool 2", "tanh", "dense 2"}));
  CHECK_FALSE(known_for_images({"conv 3x3x1 padding 1", "residual 1", "dense 2"}));
  Problem problem{nullptr, Network::parse({"dense 2"}), {}, {}};
  CHECK_FALSE(has_step_lipschitz(problem, {.l1 = 0.1}));
  CHECK_FALSE(has_step_lipschitz(problem, {.clip_norm = 1}));
  problem.loss.label_smoothing = 0.1;
  CHECK_FALSE(has_step_lipschitz(problem, {}));
  problem.loss = {};
  for (const Optimizer optimizer : {Optimizer::kMomentum, Optimizer::kNesterov}) {
    problem.training.optimizer = optimizer;
    CHECK(has_step_lipschitz(problem, {}));
    CHECK_FALSE(has_step_lipschitz(problem, {.clip_norm = 1}));
  }
  for (const Optimizer optimizer : {Optimizer::kAdam, Optimizer::kAdamW, Optimizer::kRmsprop}) {
    problem.training.optimizer = optimizer;
    CHECK_FALSE(has_step_lipschitz(problem, {}));
  }
}

TEST_CASE("a ball without bounds has no Lipschitz constant") {
  Random random(73);
  const Case one = draw(random, {"tanh"});
  const auto step = enclose(IntervalArithmetic(), one, Magnitude::infinity());
  REQUIRE(step);
  CHECK_FALSE(step_lipschitz(*step, one.configuration).is_finite());
}

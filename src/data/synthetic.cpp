#include "numgeom/data/synthetic.hpp"

#include <fmt/format.h>

#include <boost/random/mersenne_twister.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_01.hpp>
#include <cmath>
#include <utility>

#include "numgeom/data/array.hpp"
#include "numgeom/data/shuffle.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

/// The one stream of random numbers that a data set is drawn from, in the order of the calls.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : engine_(seed) {}
  double normal() { return normal_(engine_); }
  double unit() { return unit_(engine_); }
  int below(int bound) {
    return static_cast<int>(uniform_below(static_cast<std::uint64_t>(bound), engine_));
  }

 private:
  boost::random::mt19937_64 engine_;
  boost::random::normal_distribution<double> normal_;
  boost::random::uniform_01<double> unit_;
};

Matrix<double> normal_matrix(int rows, int columns, double factor, Draws& draws) {
  Matrix<double> matrix(rows, columns);
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) matrix(i, j) = factor * draws.normal();
  return matrix;
}

/// Class means and linear map: what all samples share.
class Problem {
 public:
  Problem(const SyntheticOptions& options, Draws& draws)
      : options_(options),
        means_(normal_matrix(options.classes, options.informative,
                             options.separation / std::sqrt(options.informative), draws)),
        map_(normal_matrix(options.informative, options.informative,
                           1 / std::sqrt(options.informative), draws)) {}

  /// Draws one sample; returns its label.
  int draw(Draws& draws, Eigen::Ref<Eigen::RowVectorXd> sample) const {
    const int label = draws.below(options_.classes);
    sample.setZero();
    for (int j = 0; j < options_.informative; ++j) {
      const double coordinate = means_(label, j) + draws.normal();
      // Plain loops: the order of summation, and so the data, must not depend on the machine.
      for (int i = 0; i < options_.informative; ++i) sample(i) += map_(i, j) * coordinate;
    }
    for (int i = options_.informative; i < options_.features; ++i) sample(i) = draws.normal();
    return draws.unit() < options_.noise ? draws.below(options_.classes) : label;
  }

 private:
  SyntheticOptions options_;
  Matrix<double> means_;
  Matrix<double> map_;
};

/// The two linear maps of a regression problem.
class Regression {
 public:
  Regression(const SyntheticRegressionOptions& options, Draws& draws)
      : options_(options), linear_(draw_map(draws)), curved_(draw_map(draws)) {}

  void draw(Draws& draws, Eigen::Ref<Eigen::RowVectorXd> sample,
            Eigen::Ref<Eigen::RowVectorXd> targets) const {
    for (int i = 0; i < options_.features; ++i) sample(i) = draws.normal();
    for (int k = 0; k < options_.outputs; ++k) targets(k) = target(k, sample, draws.normal());
  }

 private:
  [[nodiscard]] Matrix<double> draw_map(Draws& draws) const {
    return normal_matrix(options_.outputs, options_.informative,
                         1 / std::sqrt(options_.informative), draws);
  }

  /// Only operations that IEEE 754 rounds correctly, in a fixed order: the data must not depend on
  /// the machine.
  [[nodiscard]] double target(int k, const Eigen::Ref<Eigen::RowVectorXd>& sample,
                              double noise) const {
    double straight = 0;
    double slope = 0;
    for (int j = 0; j < options_.informative; ++j) {
      straight += linear_(k, j) * sample(j);
      slope += curved_(k, j) * sample(j);
    }
    slope *= 2;
    return straight + options_.nonlinearity * (slope / std::sqrt(1 + slope * slope)) +
           options_.noise * noise;
  }

  SyntheticRegressionOptions options_;
  Matrix<double> linear_;
  Matrix<double> curved_;
};

template <class Value>
void require(bool holds, const char* option, Value value, const std::string& expected) {
  if (!holds)
    throw Error(fmt::format("synthetic data: {} = {}: expected {}", option, value, expected));
}

}  // namespace

void validate(const SyntheticOptions& options) {
  require(options.samples >= 1, "samples", options.samples, "at least 1");
  require(options.features >= 1, "features", options.features, "at least 1");
  require(options.informative >= 1 && options.informative <= options.features, "informative",
          options.informative, fmt::format("1 to features ({})", options.features));
  require(options.classes >= 2 && options.classes <= kMaxLabel + 1, "classes", options.classes,
          fmt::format("2 to {}", kMaxLabel + 1));
  require(std::isfinite(options.separation) && options.separation >= 0, "separation",
          options.separation, "a finite number, at least 0");
  require(options.noise >= 0 && options.noise <= 1, "noise", options.noise, "0 to 1");
}

RawData make_synthetic(const SyntheticOptions& options) {
  validate(options);
  Draws draws(options.seed);
  const Problem problem(options, draws);
  Matrix<double> features(options.samples, options.features);
  Indices labels(options.samples);
  for (int i = 0; i < options.samples; ++i) labels[i] = problem.draw(draws, features.row(i));
  return {"synthetic", std::move(features), std::move(labels), options.classes, {}, 0};
}

void validate(const SyntheticRegressionOptions& options) {
  require(options.samples >= 1, "samples", options.samples, "at least 1");
  require(options.features >= 1, "features", options.features, "at least 1");
  require(options.informative >= 1 && options.informative <= options.features, "informative",
          options.informative, fmt::format("1 to features ({})", options.features));
  require(options.outputs >= 1, "outputs", options.outputs, "at least 1");
  for (const auto& [name, value] :
       {std::pair("nonlinearity", options.nonlinearity), std::pair("noise", options.noise)})
    require(std::isfinite(value) && value >= 0, name, value, "a finite number, at least 0");
}

RawData make_synthetic_regression(const SyntheticRegressionOptions& options) {
  validate(options);
  Draws draws(options.seed);
  const Regression problem(options, draws);
  Matrix<double> features(options.samples, options.features);
  Matrix<double> targets(options.samples, options.outputs);
  for (int i = 0; i < options.samples; ++i) problem.draw(draws, features.row(i), targets.row(i));
  return {"synthetic_regression", std::move(features), {}, 0, {}, 0, std::move(targets)};
}

}  // namespace numgeom

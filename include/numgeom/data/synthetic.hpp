#pragma once

#include <cstdint>

#include "numgeom/data/raw_data.hpp"

namespace numgeom {

/// A tabular classification problem that needs no file.
struct SyntheticOptions {
  int samples = 2000;
  int features = 20;
  int informative = 10;  ///< features that depend on the class; the others are noise
  int classes = 3;
  double separation = 3;  ///< root mean square distance of a class mean from the origin
  double noise = 0.05;    ///< share of samples whose label is drawn anew from all classes
  std::uint64_t seed = 0;
};

/// Throws Error naming the first option that is out of range, and its value.
void validate(const SyntheticOptions& options);

/// Gaussian classes behind a linear map, beside pure noise.
///
/// Once: class means m_k = separation·g/√d with g ~ N(0, I_d), d = informative, and a d×d matrix A
/// with entries N(0, 1/d). Then for each sample in turn: class k uniform; x_informative = A(m_k +
/// g); the other features N(0, 1); with probability `noise` the label is drawn uniformly from all
/// classes, else it is k. All draws come from one mt19937_64 through Boost.Random, so that equal
/// options give equal data with every standard library, and the first rows do not depend on
/// `samples`. Throws Error as validate.
[[nodiscard]] RawData make_synthetic(const SyntheticOptions& options);

/// A tabular regression problem that needs no file.
struct SyntheticRegressionOptions {
  int samples = 2000;
  int features = 20;
  int informative = 10;  ///< features that the targets depend on; the others are noise
  int outputs = 1;
  double nonlinearity = 1;  ///< weight of the smooth nonlinear part
  double noise = 0.05;      ///< standard deviation of the noise in each target
  std::uint64_t seed = 0;
};

/// Throws Error naming the first option that is out of range, and its value.
void validate(const SyntheticRegressionOptions& options);

/// A linear map of Gaussian features, plus a smooth nonlinearity, plus noise.
///
/// Once: K×d matrices A and B with entries N(0, 1/d), d = informative, K = outputs. Then for each
/// sample in turn: x ~ N(0, I), and with z its first d features
///
///     y_k = (A z)_k + nonlinearity·s/√(1 + s²) + noise·g_k,  s = 2(B z)_k,  g ~ N(0, I_K).
///
/// The targets are exact as they are drawn (not scaled later). Draws and machines as for
/// make_synthetic; the first rows do not depend on `samples`. Throws Error as validate.
[[nodiscard]] RawData make_synthetic_regression(const SyntheticRegressionOptions& options);

}  // namespace numgeom

#pragma once

#include <array>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "numgeom/arithmetic/limb_arithmetic.hpp"

namespace numgeom::bench {

/// A product of an m×k and a k×n matrix.
struct ProductShape {
  Eigen::Index m = 0;
  Eigen::Index k = 0;
  Eigen::Index n = 0;
  bool left_is_pixels = false;  ///< the left operand is 8-bit integers over 256, exactly

  [[nodiscard]] double multiply_adds() const { return static_cast<double>(m * k * n); }
  [[nodiscard]] std::string name() const {
    return std::to_string(m) + "x" + std::to_string(k) + "·" + std::to_string(k) + "x" +
           std::to_string(n) + (left_is_pixels ? " 8-bit" : "");
  }
};

/// The products of training 784-64-10 on batches of 32, a convolution as a product, and two cubes.
inline const std::array kProductShapes = {
    ProductShape{32, 784, 64},      ProductShape{784, 32, 64}, ProductShape{128, 128, 128},
    ProductShape{8192, 72, 16},     ProductShape{16, 16, 16},  ProductShape{32, 784, 64, true},
    ProductShape{784, 32, 64, true}};

/// A matrix of balls, row by row, that every peer is given.
struct Operand {
  Eigen::Index rows = 0;
  Eigen::Index cols = 0;
  std::vector<Ball> entries;

  [[nodiscard]] const Ball& operator()(Eigen::Index i, Eigen::Index j) const {
    return entries[static_cast<std::size_t>(i * cols + j)];
  }
};

/// A normal deviate whose `bits` bits are all drawn.
inline BigFloat random_normal(int bits, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  BigFloat result(bits);
  BigFloat part(53);
  for (int drawn = 0; drawn < bits; drawn += 50) {
    mpfr_set_d(part.get(), std::ldexp(normal(random), -drawn), MPFR_RNDN);
    mpfr_add(result.get(), result.get(), part.get(), MPFR_RNDN);
  }
  return result;
}

/// Normal deviates x with radii 2^-bits·|x|, cut to the 24 bits that the radii of all peers hold.
inline Operand random_balls(Eigen::Index rows, Eigen::Index cols, int bits,
                            std::mt19937_64& random) {
  Operand result{rows, cols, {}};
  for (Eigen::Index i = 0; i < rows * cols; ++i) {
    BigFloat midpoint = random_normal(bits, random);
    const Magnitude radius(static_cast<float>(midpoint.to_double()), -bits);
    result.entries.emplace_back(std::move(midpoint), radius);
  }
  return result;
}

/// Grey levels: multiples of 1/256 below 1, exactly.
inline Operand random_pixels(Eigen::Index rows, Eigen::Index cols, std::mt19937_64& random) {
  Operand result{rows, cols, {}};
  for (Eigen::Index i = 0; i < rows * cols; ++i)
    result.entries.emplace_back(static_cast<double>(random() % 256) / 256);
  return result;
}

struct ProductOperands {
  Operand left;
  Operand right;
};

inline ProductOperands random_operands(const ProductShape& shape, int bits) {
  std::mt19937_64 random(1);
  Operand left = shape.left_is_pixels ? random_pixels(shape.m, shape.k, random)
                                      : random_balls(shape.m, shape.k, bits, random);
  return {std::move(left), random_balls(shape.k, shape.n, bits, random)};
}

/// An operand in limbs, as training meets it: exact data in few limbs, balls in all of them. What
/// their common unit cuts off a midpoint goes into its radius.
inline LimbArithmetic::Matrix in_limbs(const Operand& operand, const LimbArithmetic& arithmetic) {
  std::vector<Magnitude> radii;
  bool exact = true;
  for (const Ball& entry : operand.entries) {
    radii.push_back(entry.radius());
    exact = exact && entry.is_point();
  }
  if (exact) {
    ExactMatrix values(operand.rows, operand.cols);
    for (Eigen::Index i = 0; i < operand.rows; ++i)
      for (Eigen::Index j = 0; j < operand.cols; ++j)
        values(i, j) = static_cast<float>(operand(i, j).midpoint().to_double());
    return arithmetic.embed(values);
  }
  auto [midpoints, errors] =
      arithmetic.midpoints().from_midpoints(operand.rows, operand.cols, operand.entries);
  return {std::move(midpoints), errors + BoundMatrix(operand.rows, operand.cols, radii)};
}

}  // namespace numgeom::bench

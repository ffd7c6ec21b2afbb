#pragma once

#include <Eigen/Core>
#include <vector>

namespace numgeom {

/// Dense matrix, one sample a row, stored row by row.
template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Exact inputs (data, initial weights): fp32 values that every arithmetic takes as exact reals.
using ExactMatrix = Matrix<float>;

/// Zeros and ones, one an entry.
using Mask = Matrix<unsigned char>;

/// Class labels 0 … classes−1, or row numbers; one entry a sample.
using Indices = std::vector<int>;

}  // namespace numgeom

#pragma once

#include <string>

#include "numgeom/arithmetic/matrix.hpp"

namespace numgeom {

/// How a row of features is laid out as an image; all zero for tabular data.
///
/// Pixel (i, j) of channel c is in column (i·width + j)·channels + c.
struct ImageShape {
  int height = 0;
  int width = 0;
  int channels = 0;

  [[nodiscard]] bool is_image() const { return height > 0; }
  bool operator==(const ImageShape&) const = default;
};

/// The data a trial trains on or is validated on: exact, preprocessed.
///
/// `features` holds one sample a row, as fp32 values that every arithmetic takes as exact reals.
/// For classification `labels[i]` lies in 0 … classes−1 and belongs to row i, and `targets` has no
/// entries. Both parts of a split have the `classes` of the whole data set, whether or not each
/// class occurs in the part. For regression row i of `targets` (samples × outputs, as exact as the
/// features) belongs to row i, `labels` is empty and `classes` is 0.
struct Dataset {
  ExactMatrix features;
  Indices labels;
  int classes = 0;
  ImageShape image;
  ExactMatrix targets = {};

  [[nodiscard]] bool is_regression() const { return targets.cols() > 0; }
  [[nodiscard]] int samples() const { return static_cast<int>(features.rows()); }
};

/// Disjoint training and validation data, and one line for reports on where they came from:
/// source, rows, pooling and scale.
struct Split {
  Dataset train;
  Dataset validation;
  std::string description;
};

}  // namespace numgeom

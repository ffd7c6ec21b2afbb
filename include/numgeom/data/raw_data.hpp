#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "numgeom/data/dataset.hpp"

namespace numgeom {

/// A data set as its source states it, before any rounding.
///
/// Bytes stay bytes and all other numbers are doubles, so that preprocessing rounds once, at its
/// end.
struct RawData {
  std::string name;  ///< what messages call it: the file or the catalog name
  std::variant<Matrix<std::uint8_t>, Matrix<double>> features;
  Indices labels;   ///< of classification, else empty
  int classes = 0;  ///< of classification, else 0
  ImageShape image;
  /// Features are integers 0 … levels with `levels` a power of two, as pixels are; 0 when unknown.
  double levels = 0;
  Matrix<double> targets = {};  ///< of regression, samples × outputs; else no entries

  [[nodiscard]] bool is_regression() const { return targets.cols() > 0; }
  [[nodiscard]] int samples() const;
  [[nodiscard]] int width() const;
};

/// The given rows in the given order; everything else is copied.
/// Throws Error if a row number is not in 0 … samples−1.
[[nodiscard]] RawData select_rows(const RawData& data, const Indices& rows);

/// The rows of the first part, then those of the second, and so on; `classes` is the largest of
/// them, the name is that of the first. Throws Error if there is no part, or if widths, image
/// shapes, kinds of number or numbers of targets differ.
[[nodiscard]] RawData concatenate(const std::vector<RawData>& parts);

}  // namespace numgeom

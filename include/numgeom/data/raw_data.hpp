#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "numgeom/data/dataset.hpp"

namespace numgeom {

/// A data set as its source states it, before any rounding.
///
/// Bytes stay bytes and all other numbers are doubles, so that preprocessing rounds once, at its
/// end.
struct RawData {
  std::string name;  ///< what messages call it: the file or the catalog name
  std::variant<Matrix<std::uint8_t>, Matrix<double>> features;
  Indices labels;
  int classes = 0;
  ImageShape image;
  /// Features are integers 0 … levels with `levels` a power of two, as pixels are; 0 when unknown.
  double levels = 0;

  [[nodiscard]] int samples() const;
  [[nodiscard]] int width() const;
};

/// The given rows in the given order; everything else is copied.
/// Throws Error if a row number is not in 0 … samples−1.
[[nodiscard]] RawData select_rows(const RawData& data, const Indices& rows);

/// The rows of `first`, then those of `second`; `classes` is the larger of both, the name is that
/// of `first`. Throws Error if widths, image shapes or kinds of number differ.
[[nodiscard]] RawData concatenate(const RawData& first, const RawData& second);

}  // namespace numgeom

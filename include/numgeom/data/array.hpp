#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "numgeom/data/raw_data.hpp"

namespace numgeom {

/// An array as IDX and NPY files hold it: a shape and values in C order (last index fastest).
///
/// Bytes stay bytes; every other type becomes doubles, exactly.
struct Array {
  std::string name;  ///< the file it came from
  std::vector<std::int64_t> shape;
  std::variant<std::vector<std::uint8_t>, std::vector<double>> values;
  bool is_floating_point = false;  ///< the type in the file, not in `values`
};

/// The largest label that is accepted; a larger one is taken for a mistake (a regression target).
inline constexpr int kMaxLabel = 65535;

/// Features and labels put together and checked.
///
/// `features` has shape N×F (tabular), N×H×W or N×H×W×C (images); `labels` has shape N or N×1.
/// Features must be finite, labels integers in 0 … kMaxLabel; classes = greatest label + 1.
/// Throws Error naming the array, and the row and column (from 1) of the first bad value.
[[nodiscard]] RawData raw_data(const Array& features, const Array& labels);

/// Features and real targets put together and checked.
///
/// As raw_data, but for `targets` of shape N or N×K, K ≥ 1, whose values must be finite and in the
/// range of fp32; there are no labels and classes = 0.
[[nodiscard]] RawData regression_data(const Array& features, const Array& targets);

}  // namespace numgeom

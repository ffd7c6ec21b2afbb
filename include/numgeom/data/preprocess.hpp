#pragma once

#include <string>
#include <string_view>

#include "numgeom/data/dataset.hpp"
#include "numgeom/data/split.hpp"

namespace numgeom {

enum class Scale {
  automatic,    ///< unit for images whose levels are known, else standardise
  none,         ///< values as they are
  unit,         ///< v/levels: v/256 for bytes, so that pixels keep their 8 bits
  standardise,  ///< (v − mean)/deviation by column; constant columns become 0
};

/// "automatic", "none", "unit", "standardise".
[[nodiscard]] std::string to_string(Scale scale);
/// Throws Error listing the names above.
[[nodiscard]] Scale scale_from_string(std::string_view name);

struct Preprocessing {
  Scale scale = Scale::automatic;
  int pool = 1;  ///< images: mean over pool×pixel squares (2: 28×28 → 14×14)
  /// Images of three channels, red, green and blue, become images of one, their luma as ITU-R
  /// BT.601 defines it: 0.299·R + 0.587·G + 0.114·B.
  bool grayscale = false;
};

/// What Scale::automatic means for `data`; other scales are returned unchanged.
[[nodiscard]] Scale resolve(Scale scale, const RawData& data);

/// The split as exact data: made grey, pooled, then scaled, in doubles, and rounded once, to fp32.
///
/// Mean and deviation (√(Σ(v − mean)²/n)) are those of the training rows only, summed in row
/// order, so that every machine gets the same values. A column whose training values are all equal
/// becomes 0 in both parts. Targets are only rounded to fp32.
/// Throws Error if `grayscale` is set and the data have no three channels, if pool < 1, if pool > 1
/// and the data are no images or their height or width is no multiple of it, if the scale is `unit`
/// and the levels are not known, and if a value or target does not fit in fp32 (its row and column
/// are named).
[[nodiscard]] Split preprocess(const RawSplit& split, const Preprocessing& options);

}  // namespace numgeom

#pragma once

#include <cstdint>
#include <optional>

#include "numgeom/data/raw_data.hpp"

namespace numgeom {

struct SplitOptions {
  int train = 1000;                           ///< rows to train on
  int validation = 500;                       ///< rows to validate on
  std::optional<std::uint64_t> shuffle_seed;  ///< none: rows in the file's order
};

struct RawSplit {
  RawData train;
  RawData validation;
};

/// The first `train` rows, and the `validation` rows after them.
///
/// With a seed the rows are first put in the order random_permutation(samples, mt19937_64(seed)).
/// Throws Error if train or validation is not positive, or if there are fewer rows than both need.
[[nodiscard]] RawSplit make_split(const RawData& data, const SplitOptions& options);

}  // namespace numgeom

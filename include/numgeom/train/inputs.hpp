#pragma once

#include <cstdint>
#include <vector>

#include "numgeom/train/problem.hpp"

namespace numgeom {

/// The exact inputs of a trial besides its data.
struct TrialInputs {
  std::vector<ExactMatrix> parameters;  ///< initial weights, fp32 values taken as exact
  std::vector<Indices> batches;         ///< rows of the training set, one entry a step
  /// One entry a step: what each dropout layer keeps, rows of the batch × entries. None without
  /// dropout.
  std::vector<std::vector<Mask>> masks{};
};

/// Draws initial weights (where the problem gives none), batch order and dropout masks from the
/// seed.
///
/// Each of them has a stream of its own (Mersenne twister and normal deviates of
/// Boost.Random, so that they do not depend on the standard library): a wider layer does not change
/// the batches. Each epoch is a permutation of the training rows cut into batches; the last batch
/// of an epoch holds what is left.
TrialInputs draw_inputs(const Problem& problem, std::uint64_t seed);

}  // namespace numgeom

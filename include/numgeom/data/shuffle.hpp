#pragma once

#include <boost/random/mersenne_twister.hpp>
#include <cstdint>

#include "numgeom/arithmetic/matrix.hpp"

namespace numgeom {

/// A uniform draw from 0 … bound−1 (bound > 0), by rejection: the same for every library and
/// machine.
[[nodiscard]] std::uint64_t uniform_below(std::uint64_t bound, boost::random::mt19937_64& engine);

/// A uniformly drawn permutation of 0 … size−1 (Fisher and Yates, from the last entry down).
[[nodiscard]] Indices random_permutation(int size, boost::random::mt19937_64& engine);

}  // namespace numgeom

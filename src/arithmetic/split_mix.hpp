#pragma once

#include <cstdint>

namespace numgeom {

/// Output `index` of the generator SplitMix64 whose state begins at `key`: a counter-based
/// generator, the same for every order of evaluation.
/// Source: Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
inline std::uint64_t split_mix(std::uint64_t key, std::uint64_t index) {
  std::uint64_t z = key + (index + 1) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

}  // namespace numgeom

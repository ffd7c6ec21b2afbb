#include "numgeom/data/shuffle.hpp"

#include <limits>
#include <numeric>
#include <utility>

namespace numgeom {

std::uint64_t uniform_below(std::uint64_t bound, boost::random::mt19937_64& engine) {
  // 2^64 mod bound: the draws below it would make the small remainders more likely.
  const std::uint64_t surplus = (std::numeric_limits<std::uint64_t>::max() % bound + 1) % bound;
  std::uint64_t draw = engine();
  while (draw < surplus) draw = engine();
  return draw % bound;
}

Indices random_permutation(int size, boost::random::mt19937_64& engine) {
  Indices order(size);
  std::iota(order.begin(), order.end(), 0);
  for (int i = size - 1; i > 0; --i) {
    const auto j = uniform_below(static_cast<std::uint64_t>(i) + 1, engine);
    std::swap(order[i], order[j]);
  }
  return order;
}

}  // namespace numgeom

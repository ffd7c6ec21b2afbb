#include "numgeom/data/split.hpp"

#include <fmt/format.h>

#include <numeric>

#include "numgeom/data/shuffle.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

void require_positive(const char* what, int count) {
  if (count < 1) throw Error(fmt::format("{} = {}: expected at least 1 row", what, count));
}

void require_enough_rows(const RawData& data, const SplitOptions& options) {
  const std::int64_t needed = std::int64_t{options.train} + options.validation;
  if (needed > data.samples())
    throw Error(fmt::format("{}: found {} rows, expected at least {} (train {} + validation {})",
                            data.name, data.samples(), needed, options.train, options.validation));
}

Indices row_order(int samples, const std::optional<std::uint64_t>& shuffle_seed) {
  if (shuffle_seed) {
    boost::random::mt19937_64 engine(*shuffle_seed);
    return random_permutation(samples, engine);
  }
  Indices order(samples);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

}  // namespace

RawSplit make_split(const RawData& data, const SplitOptions& options) {
  require_positive("train", options.train);
  require_positive("validation", options.validation);
  require_enough_rows(data, options);
  const Indices order = row_order(data.samples(), options.shuffle_seed);
  const auto middle = order.begin() + options.train;
  return {select_rows(data, Indices(order.begin(), middle)),
          select_rows(data, Indices(middle, middle + options.validation))};
}

}  // namespace numgeom

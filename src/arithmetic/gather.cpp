#include "numgeom/arithmetic/gather.hpp"

namespace numgeom {

Gather Gather::transposed() const {
  Gather result{out_rows, out_cols, in_rows, in_cols, {}};
  const auto entries = static_cast<std::size_t>(in_rows * in_cols);
  std::vector<std::size_t> uses(entries);
  for (const std::vector<int>& term : sources)
    for (std::size_t k = 0; k < term.size(); ++k) {
      if (term[k] < 0) continue;
      const auto source = static_cast<std::size_t>(term[k]);
      const std::size_t use = uses[source]++;
      if (use == result.sources.size()) result.sources.emplace_back(entries, -1);
      result.sources[use][source] = static_cast<int>(k);
    }
  if (result.sources.empty()) result.sources.emplace_back(entries, -1);
  return result;
}

}  // namespace numgeom

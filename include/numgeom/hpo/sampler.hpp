#pragma once

#include <memory>
#include <string>
#include <vector>

#include "numgeom/hpo/evaluation.hpp"
#include "numgeom/hpo/search.hpp"
#include "numgeom/hpo/space.hpp"

namespace numgeom {

/// What to try next.
struct Suggestion {
  Assignment assignment;
  std::vector<double> memo;  ///< to be kept as `Evaluation::memo`
  std::string note;          ///< for people; empty where there is nothing to say
};

/// Chooses configurations: ask (`suggest`), evaluate, tell (append to the history), again.
///
/// A suggestion is a function of the space, the options (the seed among them) and the history
/// alone: the same history gives the same suggestion, bit for bit, also in another process. What a
/// sampler keeps from call to call may save time, never change a result. Trials that still run are
/// in the history too. Not thread-safe.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// The trial number `history.size()`, feasible. Nothing where there is no other configuration (a
  /// list or grid has come to its end). Throws `Error` where no feasible configuration is found.
  [[nodiscard]] virtual std::optional<Suggestion> suggest(const History& history) = 0;
};

/// Throws `Error` where the options do not go with the space.
[[nodiscard]] std::unique_ptr<Sampler> make_sampler(const Space& space, const Search& search);

}  // namespace numgeom

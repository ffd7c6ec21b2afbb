#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "numgeom/train/assignment.hpp"

namespace numgeom {

/// One trial as samplers see it: (θ, L, δ).
struct Evaluation {
  enum class State {
    kRunning,  ///< somebody works on it: no loss yet
    kDone,     ///< with a loss; infinite or NaN where training diverged
    kFailed    ///< without a loss: the trainer gave up
  };

  Assignment assignment = {};
  State state = State::kRunning;
  double loss = std::numeric_limits<double>::quiet_NaN();
  /// A bound on or an estimate of |L̂ − L*|; nothing where nobody knows.
  std::optional<double> delta = std::nullopt;
  /// What the sampler noted when it suggested this trial (for instance fitted hyperparameters):
  /// kept with the trial, so that a search that is resumed goes on as if never interrupted.
  std::vector<double> memo = {};

  [[nodiscard]] bool has_loss() const { return state == State::kDone && std::isfinite(loss); }
};

/// running, done, failed.
[[nodiscard]] std::string to_string(Evaluation::State state);

/// All trials of a search, in the order in which they were suggested.
using History = std::vector<Evaluation>;

/// Whether some trial has exactly this configuration.
[[nodiscard]] bool was_tried(const History& history, const Assignment& assignment);

}  // namespace numgeom

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "numgeom/ranking/stability_score.hpp"

namespace numgeom {

/// A model that was scored, and where it came from.
struct ScoredModel {
  std::string study;                    ///< the file that describes the network and the data
  int trial = 0;                        ///< of the study
  std::string weights;                  ///< the file they came from; empty where they were trained
  std::optional<Precision> trained_in;  ///< the precision they were trained in here
  const Problem* problem = nullptr;     ///< must outlive this
  std::optional<StabilityScore> score;  ///< none where training diverged
};

/// One line for every model and precision: losses, certified errors, the score, labels, and what
/// the weights' rounding does to the loss; then flips, and all that is open with the reason.
[[nodiscard]] std::string score_text(const std::vector<ScoredModel>& models);

/// The same as one JSON document (`schema_version` 1; the fields are listed in docs/score.md).
/// Numbers and bounds are printed as in `certify_json`. With `samples` every sample is in it,
/// else flips and open labels only. Samples are numbered from 0.
[[nodiscard]] std::string score_json(const std::vector<ScoredModel>& models,
                                     const ScoreOptions& options, bool samples);

}  // namespace numgeom

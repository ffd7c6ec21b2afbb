#pragma once

#include "numgeom/hpo/study.hpp"
#include "train/assignment_json.hpp"

namespace numgeom {

/// Of every JSON document that a study's results are written to.
inline constexpr int kSchemaVersion = 1;

/// θ with the learning rate and the weight decay, whether they are tuned or not.
[[nodiscard]] OrderedJson configuration_json(const Trial& trial);
/// What is trained on what.
[[nodiscard]] OrderedJson problem_json(const LoadedStudy& study);
/// What decides the last bits of native results.
[[nodiscard]] OrderedJson build_json();

}  // namespace numgeom

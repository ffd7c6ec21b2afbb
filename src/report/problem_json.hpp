#pragma once

#include "numgeom/hpo/study.hpp"
#include "train/assignment_json.hpp"

namespace numgeom {

/// The `problem` of a document: data, network, loss, training.
[[nodiscard]] OrderedJson problem_json(const LoadedStudy& loaded);
/// Its `build`: version, compiler, flags, SIMD.
[[nodiscard]] OrderedJson build_json();

}  // namespace numgeom

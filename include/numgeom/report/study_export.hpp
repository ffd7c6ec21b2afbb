#pragma once

#include <string>
#include <vector>

#include "numgeom/hpo/space.hpp"
#include "numgeom/hpo/storage.hpp"

namespace numgeom {

/// One row a trial: number, state, loss, delta, a column for each hyperparameter (empty where it is
/// not active) and each attribute. RFC 4180; doubles read back to the same double.
[[nodiscard]] std::string study_csv(const Space& space, const std::vector<StoredTrial>& trials);

/// `schema_version` 1, `study`, `definition`, `trials[]` with `number`, `state`, `parameters`,
/// `loss`, `delta`, `attributes`. Infinities and NaN are the strings "inf", "-inf", "nan".
[[nodiscard]] std::string study_json(const StoredStudy& study,
                                     const std::vector<StoredTrial>& trials);

/// A journal that Optuna's JournalStorage reads (version 3.1 and later): the study, all trials with
/// parameters and their distributions, values, states and attributes. Optuna has no values that are
/// not finite: a diverged trial is a failed one with the attribute `loss`.
[[nodiscard]] std::string optuna_journal(const StoredStudy& study, const Space& space,
                                         const std::vector<StoredTrial>& trials);

}  // namespace numgeom

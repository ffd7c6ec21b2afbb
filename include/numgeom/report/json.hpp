#pragma once

#include <string>
#include <vector>

#include "numgeom/hpo/study.hpp"
#include "numgeom/ranking/ranking.hpp"

namespace numgeom {

/// The results of `certify` as one JSON document (`schema_version` 1; the fields are listed in
/// README.md). Doubles are printed so that they read back to the same double, infinities and NaN as
/// the strings "inf", "-inf", "nan"; bounds of enclosures are decimal strings rounded outward.
/// Trials are numbered from 0. Two runs differ in the fields named `seconds` only.
[[nodiscard]] std::string certify_json(const LoadedStudy& study,
                                       const std::vector<CertifiedTrial>& trials,
                                       const Ranking& ranking);

}  // namespace numgeom

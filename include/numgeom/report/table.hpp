#pragma once

#include <string>
#include <vector>

#include "numgeom/hpo/study.hpp"
#include "numgeom/ranking/ranking.hpp"

namespace numgeom {

/// The results of `certify` as text for people: a table of trials, then the certified order, what
/// is undecided, the indistinguishable sets, native pairs in the wrong order and the estimators'
/// scores. Trials are numbered from 0.
[[nodiscard]] std::string certify_text(const Study& study,
                                       const std::vector<CertifiedTrial>& trials,
                                       const Ranking& ranking);

}  // namespace numgeom

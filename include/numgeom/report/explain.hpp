#pragma once

#include <string>
#include <vector>

#include "numgeom/shadow/certify.hpp"

namespace numgeom {

/// For every trial, why the ladder chose the rungs that it ran: the bits that each way was
/// predicted to lose, the rung and the time expected of it, then what each run found.
[[nodiscard]] std::string explain_text(const std::vector<CertifiedTrial>& trials);

}  // namespace numgeom

#pragma once

#include "numgeom/shadow/enclosure.hpp"
#include "numgeom/train/inputs.hpp"

namespace numgeom::test {

/// The validation loss of the exact run by Arb's balls, entry by entry: the training algorithm
/// written a second time, with nothing of the library but its inputs.
Enclosure arb_loss(const Problem& problem, const TrialInputs& inputs,
                   const Configuration& configuration, int bits);

}  // namespace numgeom::test

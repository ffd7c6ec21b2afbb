#pragma once

#include "numgeom/train/native_run.hpp"

namespace numgeom {

/// Trains natively with all estimators watching: `run_native` with `estimates` filled in.
///
/// The result of training is the same, bit for bit; the time spent in the estimators is taken out
/// of `seconds` and stated with each estimate.
[[nodiscard]] NativeRun run_native_with_estimates(const Trial& trial, const TrialInputs& inputs,
                                                  Precision precision);

/// The same with Φ alone, which costs a few percent where Φ_seed costs as much as training.
[[nodiscard]] NativeRun run_native_with_phi(const Trial& trial, const TrialInputs& inputs,
                                            Precision precision);

}  // namespace numgeom

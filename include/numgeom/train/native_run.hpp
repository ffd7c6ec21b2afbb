#pragma once

#include <map>
#include <string>
#include <vector>

#include "numgeom/arithmetic/concept.hpp"
#include "numgeom/train/assignment.hpp"
#include "numgeom/train/inputs.hpp"
#include "numgeom/train/precision.hpp"

namespace numgeom {

/// A problem, one configuration, one seed. The problem is shared and must outlive the trial.
struct Trial {
  const Problem* problem = nullptr;
  Configuration configuration;
  std::uint64_t seed = 0;
  Assignment assignment = {};  ///< all that is tuned, by name; for reports
};

/// A cheap estimate of the error of a native loss, and what it cost. Never a certified bound.
struct Estimate {
  double value = 0;
  double seconds = 0;  ///< spent in the estimator
};

/// What native training computed. A diverged run (loss infinite or NaN) is a result too.
struct NativeRun {
  Precision precision = Precision::kFp32;
  double loss = 0;
  ErrorCount errors;
  double seconds = 0;                         ///< of training and evaluation, estimators included
  std::map<std::string, Estimate> estimates;  ///< by the estimator's name

  [[nodiscard]] bool diverged() const;
};

/// Trains natively, without any estimator.
[[nodiscard]] NativeRun run_native(const Trial& trial, const TrialInputs& inputs,
                                   Precision precision);

/// The parameters after training natively, exactly.
[[nodiscard]] std::vector<Matrix<double>> train_natively(const Trial& trial,
                                                         const TrialInputs& inputs,
                                                         Precision precision);

}  // namespace numgeom

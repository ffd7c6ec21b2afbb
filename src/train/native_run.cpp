#include "numgeom/train/native_run.hpp"

#include <chrono>
#include <cmath>

#include "numgeom/train/train.hpp"
#include "numgeom/train/with_native_arithmetic.hpp"

namespace numgeom {

bool NativeRun::diverged() const { return !std::isfinite(loss); }

NativeRun run_native(const Trial& trial, const TrialInputs& inputs, Precision precision) {
  return with_native_arithmetic(precision, trial.seed, [&](const auto& arithmetic) -> NativeRun {
    const auto start = std::chrono::steady_clock::now();
    const auto result = train(arithmetic, *trial.problem, inputs, trial.configuration);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    return {precision, static_cast<double>(result.loss), result.errors, elapsed.count(), {}};
  });
}

std::vector<Matrix<double>> train_natively(const Trial& trial, const TrialInputs& inputs,
                                           Precision precision) {
  return with_native_arithmetic(precision, trial.seed, [&](const auto& arithmetic) {
    std::vector<Matrix<double>> result;
    for (const auto& parameter :
         train(arithmetic, *trial.problem, inputs, trial.configuration).parameters)
      result.push_back(parameter.template cast<double>());
    return result;
  });
}

}  // namespace numgeom

#include "numgeom/train/native_run.hpp"

#include <chrono>
#include <cmath>

#include "numgeom/arithmetic/native.hpp"
#include "numgeom/error.hpp"
#include "numgeom/train/train.hpp"

namespace numgeom {
namespace {

template <class T>
NativeRun run(const Trial& trial, const TrialInputs& inputs, Precision precision) {
  const auto start = std::chrono::steady_clock::now();
  const auto result = train(Native<T>(), *trial.problem, inputs, trial.configuration);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return {precision, static_cast<double>(result.loss), result.errors, elapsed.count(), {}};
}

}  // namespace

std::string to_string(Precision precision) {
  return precision == Precision::kFp32 ? "fp32" : "fp64";
}

Precision parse_precision(const std::string& name) {
  for (const Precision precision : {Precision::kFp32, Precision::kFp64})
    if (to_string(precision) == name) return precision;
  throw Error("precision: '" + name + "' is unknown; expected fp32 or fp64");
}

double unit_roundoff(Precision precision) {
  return precision == Precision::kFp32 ? 0x1p-24 : 0x1p-53;
}

bool NativeRun::diverged() const { return !std::isfinite(loss); }

NativeRun run_native(const Trial& trial, const TrialInputs& inputs, Precision precision) {
  return precision == Precision::kFp32 ? run<float>(trial, inputs, precision)
                                       : run<double>(trial, inputs, precision);
}

}  // namespace numgeom

#include "numgeom/shadow/certify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "numgeom/arithmetic/ball_arithmetic.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

/// Keeps the narrower of the two; both are proved.
void keep_best(Certification& certification, const ShadowRun& run) {
  if (!(run.loss.width() < certification.loss.width())) return;
  certification.loss = run.loss;
  certification.errors = run.errors;
  certification.rung = run.rung;
}

}  // namespace

void CertifyOptions::validate() const {
  if (!(std::isfinite(width) && width > 0))
    throw Error(fmt::format("width: a finite number > 0 expected, not {}", width));
  if (!(std::isfinite(tightness) && tightness > 1))
    throw Error(fmt::format("tightness: a finite number > 1 expected, not {}", tightness));
  if (max_bits < BigFloatMidpoints::kMinBits || max_bits > (1 << 20))
    throw Error(fmt::format("max_bits: an integer from 53 to 1048576 expected, not {}", max_bits));
}

Certification climb_ladder(const Trial& trial, const TrialInputs& inputs, const Goal& goal,
                           int max_bits, const std::stop_token& stop, const Progress& progress) {
  const auto start = std::chrono::steady_clock::now();
  Certification result;
  result.errors = {0, trial.problem->data.validation.samples()};
  result.predicted_bits = predict_bits(trial, inputs, goal.expected_width());
  int bits = result.predicted_bits;
  for (;;) {
    Rung rung = Rung::for_bits(std::min(bits, max_bits));
    rung.bits = std::min(rung.bits, max_bits);
    result.attempts.push_back(run_shadow(trial, inputs, rung, stop, progress));
    const ShadowRun& last = result.attempts.back();
    keep_best(result, last);
    const std::string missing = goal.shortfall(result.loss);
    if (missing.empty()) {
      result.status = CertificationStatus::kCertified;
      result.reason.clear();
      break;
    }
    result.reason = fmt::format("{} at {} bits", missing, rung.bits);
    if (rung.bits >= max_bits) break;
    bits = goal.next_bits(rung.bits, last.loss);
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

CertifiedTrial certify(
    const Trial& trial, const std::vector<Precision>& precisions, const CertifyOptions& options,
    const NativeRunner& runner,
    std::stop_token stop,  // NOLINT(performance-unnecessary-value-param): a handle
    const Progress& progress) {
  options.validate();
  trial.problem->validate();
  trial.configuration.validate();
  const TrialInputs inputs = draw_inputs(*trial.problem, trial.seed);
  CertifiedTrial result{trial, {}, {}, {}};
  Goal goal{options.width, options.tightness, {}};
  for (const Precision precision : precisions) {
    result.native.push_back(runner(trial, inputs, precision));
    goal.computed.push_back({result.native.back().loss, unit_roundoff(precision)});
  }
  result.certification = climb_ladder(trial, inputs, goal, options.max_bits, stop, progress);
  for (const NativeRun& run : result.native)
    result.certified_errors.push_back(certified_error(run.loss, result.certification.loss));
  return result;
}

}  // namespace numgeom

#include "numgeom/shadow/certify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "numgeom/arithmetic/ball_arithmetic.hpp"
#include "numgeom/error.hpp"
#include "numgeom/shadow/cost.hpp"
#include "numgeom/shadow/step_lipschitz.hpp"

namespace numgeom {
namespace {

/// Keeps the narrower of the two; both are proved.
void keep_best(Certification& certification, const ShadowRun& run) {
  if (!(run.loss.width() < certification.loss.width())) return;
  certification.loss = run.loss;
  certification.errors = run.errors;
  certification.rung = run.rung;
}

/// Which rung comes next.
class Ladder {
 public:
  Ladder(const Trial& trial, const TrialInputs& inputs, const Goal& goal, int max_bits)
      : trial_(trial), inputs_(inputs), goal_(goal), max_bits_(max_bits) {
    if (has_step_lipschitz(*trial.problem, trial.configuration)) {
      consider(predict_stepwise(trial, inputs));
      consider(predict_direct_early(trial, inputs));
    } else {
      consider(predict_direct(trial, inputs));
    }
    rung_ = std::min_element(candidates_.begin(), candidates_.end(), is_better)->rung;
  }

  [[nodiscard]] const Rung& rung() const { return rung_; }
  [[nodiscard]] const std::vector<Candidate>& candidates() const { return candidates_; }

  /// Goes on from what the present rung found; false at the top.
  bool climb(const ShadowRun& found) {
    constexpr int kMostOpen = 2;
    if (rung_.way == Rung::Way::kStepwise && !found.open.empty() &&
        (++open_ == kMostOpen || rung_.bits >= max_bits_)) {
      // A pre-activation may be exactly zero, and then no precision decides its sign on a ball.
      const Prediction direct = predict_direct(trial_, inputs_);
      rung_ = rung_for(direct.way, direct.bits(goal_.expected_width()));
      return true;
    }
    if (rung_.bits >= max_bits_) return false;
    rung_ = rung_for(rung_.way, goal_.next_bits(rung_.bits, found.loss));
    return true;
  }

 private:
  /// Where one way's bits are unknown, the other one is tried first.
  static bool is_better(const Candidate& a, const Candidate& b) {
    if (a.predicted != b.predicted) return a.predicted;
    return a.seconds < b.seconds;
  }

  void consider(const Prediction& prediction) {
    const Rung rung = rung_for(prediction.way, prediction.bits(goal_.expected_width()));
    const auto steps = static_cast<int>(inputs_.batches.size());
    candidates_.push_back({rung, prediction.bits_lost, prediction.sign_bits, prediction.known,
                           expected_seconds(*trial_.problem, steps, rung)});
  }
  [[nodiscard]] Rung rung_for(Rung::Way way, int bits) const {
    Rung rung = Rung::for_bits(std::min(bits, max_bits_), way);
    rung.bits = std::min(rung.bits, max_bits_);
    return rung;
  }

  const Trial& trial_;
  const TrialInputs& inputs_;
  const Goal& goal_;
  int max_bits_;
  std::vector<Candidate> candidates_;
  Rung rung_;
  int open_ = 0;
};

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
  result.errors = {0, trial.problem->data->validation.samples()};
  Ladder ladder(trial, inputs, goal, max_bits);
  result.candidates = ladder.candidates();
  result.expected_width = goal.expected_width();
  result.predicted_bits = ladder.rung().bits;
  for (;;) {
    result.attempts.push_back(run_shadow(trial, inputs, ladder.rung(), stop, progress));
    const ShadowRun& last = result.attempts.back();
    keep_best(result, last);
    const std::string missing = goal.shortfall(result.loss);
    if (missing.empty()) {
      result.status = CertificationStatus::kCertified;
      result.reason.clear();
      break;
    }
    result.reason =
        fmt::format("{} at {} bits", last.open.empty() ? missing : last.open, ladder.rung().bits);
    if (!ladder.climb(last)) break;
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

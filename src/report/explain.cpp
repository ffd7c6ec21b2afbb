#include "numgeom/report/explain.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace numgeom {
namespace {

std::string name(const Rung& rung) {
  return fmt::format("{} {} {} bits", rung.way_name(), rung.arithmetic_name(), rung.bits);
}

bool same(const Rung& a, const Rung& b) {
  return a.way == b.way && a.kind == b.kind && a.bits == b.bits;
}

std::string candidate_text(const Candidate& candidate, bool taken) {
  const std::string expected =
      candidate.predicted ? fmt::format("predicted to lose {:.1f} bits, signs take {:.0f}",
                                        candidate.bits_lost, std::max(0.0, candidate.sign_bits))
                          : std::string("nothing can be predicted: a start to climb from");
  return fmt::format("  {} {}: {}; about {:.2g} s\n", taken ? "→" : " ", name(candidate.rung),
                     expected, candidate.seconds);
}

std::string attempt_text(const ShadowRun& run) {
  if (!run.open.empty()) return fmt::format("  ran {}: given up, {}\n", name(run.rung), run.open);
  const std::string lost = run.rung.way == Rung::Way::kStepwise
                               ? fmt::format("Π Λ lost {:.1f} bits, ", run.bits_lost)
                               : std::string();
  return fmt::format("  ran {}: {}width {:.2g}, {:.2g} s\n", name(run.rung), lost, run.loss.width(),
                     run.seconds);
}

std::string trial_text(std::size_t index, const CertifiedTrial& trial) {
  const Certification& found = trial.certification;
  std::string text = fmt::format(
      "trial {}: lr {:.3g}, weight decay {:.3g}: a width of about {:.2g} is needed\n", index,
      trial.trial.configuration.lr, trial.trial.configuration.weight_decay, found.expected_width);
  for (const Candidate& candidate : found.candidates)
    text += candidate_text(
        candidate, !found.attempts.empty() && same(candidate.rung, found.attempts.front().rung));
  for (const ShadowRun& run : found.attempts) text += attempt_text(run);
  return text + (found.certified() ? std::string("  certified\n")
                                   : fmt::format("  undecided: {}\n", found.reason));
}

}  // namespace

std::string explain_text(const std::vector<CertifiedTrial>& trials) {
  std::string text;
  for (std::size_t i = 0; i < trials.size(); ++i) text += trial_text(i, trials[i]);
  return text;
}

}  // namespace numgeom

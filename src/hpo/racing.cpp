#include "numgeom/hpo/racing.hpp"

#include <fmt/format.h>
#include <mpfr.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <mutex>
#include <thread>

#include "numgeom/arithmetic/rounding.hpp"

namespace numgeom {
namespace {

/// Of the distance from the best native loss, for the width of a coarse enclosure.
constexpr double kCoarseShare = 1.0 / 8;

const Enclosure& loss_of(const RaceTrial& trial) { return trial.certification.loss; }

int best_native_of(const std::vector<RaceTrial>& trials) {
  int best = -1;
  for (int i = 0; i < static_cast<int>(trials.size()); ++i) {
    const NativeRun& run = trials[i].native;
    if (!run.diverged() && (best < 0 || run.loss < trials[best].native.loss)) best = i;
  }
  return best;
}

int winner_of(const std::vector<RaceTrial>& trials) {
  int winner = -1;
  for (int i = 0; i < static_cast<int>(trials.size()); ++i) {
    if (!loss_of(trials[i]).is_bounded()) continue;
    if (winner < 0 ||
        mpfr_less_p(loss_of(trials[i]).upper.get(), loss_of(trials[winner]).upper.get()) != 0)
      winner = i;
  }
  return winner;
}

Verdict verdict(Verdict::State state, std::string reason) { return {state, std::move(reason)}; }

/// Certifies trials on several threads, and keeps the first failure.
class Certifier {
 public:
  Certifier(std::vector<RaceTrial>& trials, const RaceOptions& options, const std::stop_token& stop,
            const RaceProgress& progress)
      : trials_(trials), options_(options), stop_(stop), progress_(progress) {}

  void certify(const std::vector<int>& indices, Effort effort) {
    planned_ += static_cast<int>(indices.size());
    next_ = 0;
    {
      std::vector<std::jthread> workers;
      const int threads = std::max(1, std::min(options_.threads, static_cast<int>(indices.size())));
      for (int i = 0; i < threads; ++i) workers.emplace_back([&] { work(indices, effort); });
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void work(const std::vector<int>& indices, Effort effort) {
    try {
      for (std::size_t i = next_++; i < indices.size() && !failed_; i = next_++)
        certify_one(indices[i], effort);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      failed_ = true;
    }
    mpfr_free_cache();  // MPFR keeps constants for every thread
  }

  void certify_one(int index, Effort effort) {
    RaceTrial& one = trials_[index];
    const TrialInputs inputs = draw_inputs(*one.trial.problem, one.trial.seed);
    const Goal goal = effort == Effort::kFull ? full_goal(one) : coarse_goal(one);
    Certification found = climb_ladder(one.trial, inputs, goal, options_.certify.max_bits, stop_);
    const std::lock_guard lock(mutex_);
    one.certification = std::move(found);
    one.error = certified_error(one.native.loss, loss_of(one));
    one.effort = effort;
    ++done_;
    if (progress_) progress_(one, index, done_, planned_);
  }

  [[nodiscard]] Goal full_goal(const RaceTrial& one) const {
    return {options_.certify.width,
            options_.certify.tightness,
            {{one.native.loss, unit_roundoff(one.native.precision)}}};
  }

  [[nodiscard]] Goal coarse_goal(const RaceTrial& one) const {
    const int best = best_native_of(trials_);
    const double reference = best < 0 ? 1 : trials_[best].native.loss;
    const double distance =
        one.native.diverged() ? std::fabs(reference) : std::fabs(one.native.loss - reference);
    const double width = std::max(options_.certify.width, kCoarseShare * distance);
    return {std::isfinite(width) ? width : options_.certify.width, options_.certify.tightness, {}};
  }

  std::vector<RaceTrial>& trials_;
  const RaceOptions& options_;
  const std::stop_token& stop_;
  const RaceProgress& progress_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;  ///< guards what follows, and `trials_`
  std::exception_ptr failure_;
  int done_ = 0;
  int planned_ = 0;
};

void judge(Race& race) {
  race.winner = winner_of(race.trials);
  race.against_winner.clear();
  race.indistinguishable.clear();
  const int count = static_cast<int>(race.trials.size());
  for (int i = 0; i < count; ++i) {
    race.indistinguishable.push_back(indistinguishable_verdict(race.trials, race.best_native, i));
    if (race.winner >= 0 && i != race.winner)
      race.against_winner.push_back(
          {race.winner, i,
           certified_less(loss_of(race.trials[race.winner]), loss_of(race.trials[i]))});
  }
}

/// The trials that open verdicts wait for.
std::vector<int> to_refine(const Race& race) {
  std::vector<bool> wanted(race.trials.size(), false);
  if (race.winner >= 0) wanted[race.winner] = true;
  for (const PairVerdict& pair : race.against_winner)
    if (pair.less.undecided()) wanted[pair.second] = true;
  for (std::size_t i = 0; i < race.trials.size(); ++i)
    if (race.indistinguishable[i].undecided()) wanted[i] = true;
  std::vector<int> result;
  for (std::size_t i = 0; i < race.trials.size(); ++i)
    if (wanted[i] && race.trials[i].effort != Effort::kFull) result.push_back(static_cast<int>(i));
  return result;
}

}  // namespace

bool Race::decided() const {
  return winner >= 0 &&
         std::none_of(against_winner.begin(), against_winner.end(),
                      [](const PairVerdict& pair) { return pair.less.undecided(); }) &&
         std::none_of(indistinguishable.begin(), indistinguishable.end(),
                      [](const Verdict& one) { return one.undecided(); });
}

int Race::count(Effort effort) const {
  return static_cast<int>(
      std::count_if(trials.begin(), trials.end(),
                    [effort](const RaceTrial& one) { return one.effort == effort; }));
}

std::vector<int> Race::possibly_indistinguishable() const {
  std::vector<int> result;
  for (std::size_t i = 0; i < indistinguishable.size(); ++i)
    if (!indistinguishable[i].refuted()) result.push_back(static_cast<int>(i));
  return result;
}

Verdict indistinguishable_verdict(const std::vector<RaceTrial>& trials, int best, int index) {
  using State = Verdict::State;
  const RaceTrial& one = trials[index];
  if (best < 0 || one.native.diverged()) {
    for (const RaceTrial& other : trials)
      if (certified_less(loss_of(other), loss_of(one)).certified())
        return verdict(State::kRefuted, "it diverged, and another trial is certainly better");
    return verdict(State::kUndecided, "it diverged, and its exact loss may be the least");
  }
  if (index == best) return verdict(State::kCertified, "the best native loss");
  using rounding::add_down;
  using rounding::add_up;
  const double base = trials[best].native.loss;
  const CertifiedError& of_best = trials[best].error;
  const double outer = add_up(add_up(base, of_best.upper), one.error.upper);
  const double inner = add_down(add_down(base, of_best.lower), one.error.lower);
  const double loss = one.native.loss;
  if (loss > outer)
    return verdict(State::kRefuted,
                   fmt::format("{} > {}: above the best by more than both errors", loss, outer));
  if (loss <= inner)
    return verdict(State::kCertified, fmt::format("{} ≤ {}: within both errors", loss, inner));
  return verdict(State::kUndecided,
                 fmt::format("{} lies between {} and {}: the errors are not known well enough",
                             loss, inner, outer));
}

Race race(std::vector<RaceTrial> trials, const RaceOptions& options, const std::stop_token& stop,
          const RaceProgress& progress) {
  options.certify.validate();
  Race race;
  race.trials = std::move(trials);
  race.best_native = best_native_of(race.trials);
  Certifier certifier(race.trials, options, stop, progress);
  const auto with_less_than = [&race](Effort effort) {
    std::vector<int> result;
    for (std::size_t i = 0; i < race.trials.size(); ++i)
      if (race.trials[i].effort < effort) result.push_back(static_cast<int>(i));
    return result;
  };
  if (race.best_native >= 0 && race.trials[race.best_native].effort != Effort::kFull)
    certifier.certify({race.best_native}, Effort::kFull);
  certifier.certify(with_less_than(Effort::kCoarse), Effort::kCoarse);
  judge(race);
  for (auto open = to_refine(race); !open.empty(); open = to_refine(race)) {
    certifier.certify(open, Effort::kFull);
    judge(race);
  }
  return race;
}

}  // namespace numgeom

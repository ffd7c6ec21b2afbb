#include "numgeom/ranking/reliability.hpp"

#include <algorithm>
#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "numgeom/arithmetic/rounding.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool is_less(const CertifiedTrial& a, const CertifiedTrial& b) {
  return certified_less(a.certification.loss, b.certification.loss).certified();
}

/// |a − b| ≤ δ_a + δ_b unless it is certainly greater.
bool is_flagged(double a, double b, double delta_a, double delta_b) {
  const double gap = rounding::sub_down(std::max(a, b), std::min(a, b));
  return !(gap > rounding::add_up(delta_a, delta_b));
}

/// NaN of nothing.
double share(int part, int whole) {
  return whole == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(part) / whole;
}

/// Of those listed; −1 where all diverged.
int native_winner(std::span<const CertifiedTrial> trials, std::size_t run,
                  const std::vector<int>& members) {
  int best = -1;
  for (const int i : members)
    if (!trials[i].native[run].diverged() &&
        (best < 0 || trials[i].native[run].loss < trials[best].native[run].loss))
      best = i;
  return best;
}

/// The one that no other is possibly below; −1 where nobody is proved to be.
int exact_winner(std::span<const CertifiedTrial> trials, const std::vector<int>& members) {
  for (const int i : members)
    if (std::all_of(members.begin(), members.end(),
                    [&](int other) { return other == i || is_less(trials[i], trials[other]); }))
      return i;
  return -1;
}

bool is_beaten(std::span<const CertifiedTrial> trials, const std::vector<int>& members, int one) {
  return std::any_of(members.begin(), members.end(),
                     [&](int other) { return is_less(trials[other], trials[one]); });
}

/// max(0, L* − min L*), enclosed by doubles.
CertifiedError regret_of(std::span<const CertifiedTrial> trials, int one) {
  const Enclosure& loss = trials[one].certification.loss;
  double least_lower = kInfinity;
  double least_upper = kInfinity;
  for (const CertifiedTrial& trial : trials) {
    least_lower = std::min(least_lower, trial.certification.loss.lower.to_double_down());
    least_upper = std::min(least_upper, trial.certification.loss.upper.to_double_up());
  }
  CertifiedError regret;
  regret.lower = std::max(0.0, rounding::sub_down(loss.lower.to_double_down(), least_upper));
  const double upper = rounding::sub_up(loss.upper.to_double_up(), least_lower);
  regret.upper = std::isnan(upper) ? kInfinity : upper;
  // Nothing is below it: the minimum is its own loss.
  std::vector<int> all(trials.size());
  std::iota(all.begin(), all.end(), 0);
  if (exact_winner(trials, all) == one) regret = {};
  return regret;
}

}  // namespace

Uncertainties certified_uncertainties(std::span<const CertifiedTrial> trials, std::size_t run) {
  Uncertainties result;
  for (const CertifiedTrial& trial : trials) result.push_back(trial.certified_errors[run].upper);
  return result;
}

Uncertainties estimated_uncertainties(std::span<const CertifiedTrial> trials, std::size_t run,
                                      const std::string& name) {
  Uncertainties result;
  for (const CertifiedTrial& trial : trials) {
    const auto& estimates = trial.native[run].estimates;
    const auto found = estimates.find(name);
    const bool known = !trial.native[run].diverged() && found != estimates.end() &&
                       !std::isnan(found->second.value);
    result.push_back(known ? found->second.value : kInfinity);
  }
  return result;
}

double CriterionScore::recall() const { return share(changed_and_flagged, changed); }
double CriterionScore::precision() const { return share(changed_and_flagged, flagged); }
double CriterionScore::borderline_share() const { return share(borderline, trials); }

CriterionScore score_criterion(std::span<const CertifiedTrial> trials, std::size_t run,
                               const Uncertainties& uncertainties) {
  if (uncertainties.size() != trials.size())
    throw Error("reliability: one uncertainty for every trial expected");
  CriterionScore score;
  std::vector<bool> borderline(trials.size(), false);
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].native[run].diverged()) continue;
    ++score.trials;
    for (std::size_t j = i + 1; j < trials.size(); ++j) {
      const double first = trials[i].native[run].loss;
      const double second = trials[j].native[run].loss;
      const bool below = is_less(trials[i], trials[j]);
      if (trials[j].native[run].diverged() || (!below && !is_less(trials[j], trials[i]))) continue;
      const bool flagged = is_flagged(first, second, uncertainties[i], uncertainties[j]);
      const bool changed = below ? second < first : first < second;
      ++score.pairs;
      score.flagged += flagged ? 1 : 0;
      score.changed += changed ? 1 : 0;
      score.changed_and_flagged += flagged && changed ? 1 : 0;
      if (flagged) borderline[i] = borderline[j] = true;
    }
  }
  score.borderline = static_cast<int>(std::count(borderline.begin(), borderline.end(), true));
  return score;
}

int count_changes_between(std::span<const CertifiedTrial> trials, std::size_t run,
                          std::size_t other_run) {
  const auto order = [&](std::size_t i, std::size_t j, std::size_t r) {
    const double a = trials[i].native[r].diverged() ? kInfinity : trials[i].native[r].loss;
    const double b = trials[j].native[r].diverged() ? kInfinity : trials[j].native[r].loss;
    return a < b ? -1 : (b < a ? 1 : 0);
  };
  int changes = 0;
  for (std::size_t i = 0; i < trials.size(); ++i)
    for (std::size_t j = i + 1; j < trials.size(); ++j)
      changes += order(i, j, run) != order(i, j, other_run) ? 1 : 0;
  return changes;
}

WinnerScore score_winner(std::span<const CertifiedTrial> trials, std::size_t run, int subsets,
                         int size, std::uint64_t seed) {
  WinnerScore score;
  std::vector<int> all(trials.size());
  std::iota(all.begin(), all.end(), 0);
  score.native = native_winner(trials, run, all);
  score.exact = exact_winner(trials, all);
  if (score.native >= 0) {
    score.rank = 1 + static_cast<int>(std::count_if(all.begin(), all.end(), [&](int other) {
                   return is_less(trials[other], trials[score.native]);
                 }));
    score.regret = regret_of(trials, score.native);
  }
  for (const NativeRanking& native : rank(trials).native)
    if (native.precision == trials[0].native[run].precision) score.set = native.indistinguishable;
  boost::random::mt19937_64 random(seed);
  const int members = std::min<int>(size, static_cast<int>(all.size()));
  for (score.subsets = 0; score.subsets < subsets; ++score.subsets) {
    for (int i = 0; i < members; ++i)
      std::swap(all[i], all[boost::random::uniform_int_distribution<int>(
                            i, static_cast<int>(all.size()) - 1)(random)]);
    const std::vector<int> subset(all.begin(), all.begin() + members);
    const int native = native_winner(trials, run, subset);
    if (native < 0 || is_beaten(trials, subset, native))
      ++score.wrong;
    else if (exact_winner(trials, subset) != native)
      ++score.undecided;
  }
  return score;
}

}  // namespace numgeom

#include "numgeom/ranking/ranking.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "numgeom/arithmetic/rounding.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

const Enclosure& loss_of(const CertifiedTrial& trial) { return trial.certification.loss; }

/// Order of the midpoints, exactly; unbounded enclosures come last. Disjoint enclosures are in the
/// order of their midpoints, so that sorting by this respects every certified pair.
bool midpoint_less(const Enclosure& a, const Enclosure& b) {
  if (!a.is_bounded() || !b.is_bounded()) return a.is_bounded() && !b.is_bounded();
  BigFloat minus_lower = b.lower;
  BigFloat minus_upper = b.upper;
  mpfr_neg(minus_lower.get(), minus_lower.get(), MPFR_RNDN);
  mpfr_neg(minus_upper.get(), minus_upper.get(), MPFR_RNDN);
  // mpfr_sum does not write to its terms, but takes them as mutable pointers.
  BigFloat a_lower = a.lower;
  BigFloat a_upper = a.upper;
  mpfr_ptr terms[] = {a_lower.get(), a_upper.get(), minus_lower.get(), minus_upper.get()};
  BigFloat difference;  // rounded once, so its sign is exact
  mpfr_sum(difference.get(), terms, 4, MPFR_RNDN);
  return mpfr_sgn(difference.get()) < 0;
}

void require_same_precisions(std::span<const CertifiedTrial> trials) {
  for (const CertifiedTrial& trial : trials) {
    const auto same = [](const NativeRun& a, const NativeRun& b) {
      return a.precision == b.precision;
    };
    if (!std::equal(trial.native.begin(), trial.native.end(), trials[0].native.begin(),
                    trials[0].native.end(), same) ||
        trial.certified_errors.size() != trial.native.size())
      throw Error("ranking: trials that were run in the same precisions expected");
  }
}

/// Native losses that are not finite lose against finite ones.
bool natively_less(double a, double b) { return std::isfinite(a) && (a < b || !std::isfinite(b)); }

std::vector<Flip> find_flips(std::span<const CertifiedTrial> trials,
                             const std::vector<PairVerdict>& pairs, std::size_t run) {
  std::vector<Flip> flips;
  for (const PairVerdict& pair : pairs) {
    // A refuted pair may be a tie: the opposite order needs a proof of its own.
    const bool first_is_better = pair.less.certified();
    if (!first_is_better &&
        !certified_less(loss_of(trials[pair.second]), loss_of(trials[pair.first])).certified())
      continue;
    const int better = first_is_better ? pair.first : pair.second;
    const int worse = first_is_better ? pair.second : pair.first;
    if (natively_less(trials[worse].native[run].loss, trials[better].native[run].loss))
      flips.push_back({worse, better});
  }
  return flips;
}

bool certainly_beaten(const CertifiedTrial& trial, std::span<const CertifiedTrial> trials) {
  return std::any_of(trials.begin(), trials.end(), [&trial](const CertifiedTrial& other) {
    return certified_less(loss_of(other), loss_of(trial)).certified();
  });
}

/// L̂(θ) ≤ L̂_best + δ_best + δ(θ), the right side rounded up.
bool indistinguishable(const CertifiedTrial& trial, const CertifiedTrial& best, std::size_t run) {
  const double reach =
      rounding::add_up(rounding::add_up(best.native[run].loss, best.certified_errors[run].upper),
                       trial.certified_errors[run].upper);
  return trial.native[run].loss <= reach;
}

std::vector<int> find_indistinguishable(std::span<const CertifiedTrial> trials, std::size_t run) {
  const CertifiedTrial* best = nullptr;
  for (const CertifiedTrial& trial : trials)
    if (!trial.native[run].diverged() &&
        (best == nullptr || trial.native[run].loss < best->native[run].loss))
      best = &trial;
  std::vector<int> result;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const bool member = trials[i].native[run].diverged() ? !certainly_beaten(trials[i], trials)
                                                         : indistinguishable(trials[i], *best, run);
    if (member) result.push_back(static_cast<int>(i));
  }
  return result;
}

/// Smallest element that at least `share` of the values do not exceed.
double quantile(std::vector<double> values, double share) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const double position = std::ceil(share * static_cast<double>(values.size())) - 1;
  return values[static_cast<std::size_t>(std::max(0.0, position))];
}

struct Samples {
  int covered = 0;
  std::vector<double> overestimation;
  std::vector<double> overhead;
};

EstimatorScore score(const Samples& samples) {
  return {static_cast<int>(samples.overestimation.size()), samples.covered,
          quantile(samples.overestimation, 0.5), quantile(samples.overestimation, 0.9),
          quantile(samples.overhead, 0.5)};
}

}  // namespace

bool Ranking::is_total() const {
  return std::none_of(pairs.begin(), pairs.end(),
                      [](const PairVerdict& pair) { return pair.less.undecided(); });
}

std::vector<int> Ranking::undecided_against(int trial) const {
  std::vector<int> others;
  for (const PairVerdict& pair : pairs) {
    if (!pair.less.undecided()) continue;
    if (pair.first == trial) others.push_back(pair.second);
    if (pair.second == trial) others.push_back(pair.first);
  }
  return others;
}

Ranking rank(std::span<const CertifiedTrial> trials) {
  Ranking ranking;
  if (trials.empty()) return ranking;
  require_same_precisions(trials);
  const int count = static_cast<int>(trials.size());
  ranking.order.resize(trials.size());
  std::iota(ranking.order.begin(), ranking.order.end(), 0);
  std::stable_sort(ranking.order.begin(), ranking.order.end(), [&trials](int a, int b) {
    return midpoint_less(loss_of(trials[a]), loss_of(trials[b]));
  });
  for (int i = 0; i < count; ++i)
    for (int j = i + 1; j < count; ++j)
      ranking.pairs.push_back({i, j, certified_less(loss_of(trials[i]), loss_of(trials[j]))});
  for (std::size_t run = 0; run < trials[0].native.size(); ++run)
    ranking.native.push_back({trials[0].native[run].precision,
                              find_flips(trials, ranking.pairs, run),
                              find_indistinguishable(trials, run)});
  return ranking;
}

Tightness tightness(double estimate, const CertifiedError& error) {
  if (!std::isfinite(error.upper)) return {0, kInfinity};
  Tightness result{kInfinity, kInfinity};
  if (error.upper > 0) result.lower = rounding::div_down(estimate, error.upper);
  if (error.lower > 0) result.upper = rounding::div_up(estimate, error.lower);
  return result;
}

std::map<Precision, std::map<std::string, EstimatorScore>> score_estimators(
    std::span<const CertifiedTrial> trials) {
  std::map<Precision, std::map<std::string, Samples>> samples;
  for (const CertifiedTrial& trial : trials) {
    for (std::size_t run = 0; run < trial.native.size(); ++run) {
      const NativeRun& native = trial.native[run];
      if (native.diverged()) continue;
      for (const auto& [name, estimate] : native.estimates) {
        Samples& one = samples[native.precision][name];
        if (estimate.value >= trial.certified_errors[run].upper) ++one.covered;
        const double ratio = tightness(estimate.value, trial.certified_errors[run]).upper;
        one.overestimation.push_back(std::isnan(ratio) ? kInfinity : ratio);
        one.overhead.push_back(estimate.seconds / native.seconds);
      }
    }
  }
  std::map<Precision, std::map<std::string, EstimatorScore>> scores;
  for (const auto& [precision, by_name] : samples)
    for (const auto& [name, one] : by_name) scores[precision][name] = score(one);
  return scores;
}

}  // namespace numgeom

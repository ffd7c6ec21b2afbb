// The checks that proofs/coq/ClaimChecker.v proves sound have its names; the others ask for more.

#include <algorithm>
#include <numeric>

#include "certificate.hpp"

namespace verify {
namespace {

/// Bounds that were rounded outward are at most this far above what they bound, relatively.
constexpr long kRounding = -45;
constexpr std::size_t kMostPrecisions = 64;

std::string name(std::size_t trial) { return "trial " + std::to_string(trial); }

/// x ≤ y up to outward rounding of x.
bool at_most_rounded(const Rational& x, const Rational& y) {
  return x <= y + shifted(abs(y), kRounding);
}

/// hi(a) < lo(b), so that the exact loss of a is less (theorem 2).
bool surely_less(const Enclosure& a, const Enclosure& b) {
  return a.upper && b.lower && *a.upper < *b.lower;
}

/// hi(a) ≤ lo(b).
bool surely_at_most(const Enclosure& a, const Enclosure& b) {
  return a.upper && b.lower && *a.upper <= *b.lower;
}

/// What follows about "the exact loss of a is less than that of b".
std::string verdict(const Enclosure& a, const Enclosure& b) {
  if (surely_less(a, b)) return "certified";
  return surely_at_most(b, a) ? "refuted" : "undecided";
}

/// error ≤ dist(loss, [lo, hi]).
bool check_error_lower(const Enclosure& e, const Rational& loss, const Rational& error) {
  return error <= 0 || (e.lower && error <= *e.lower - loss) ||
         (e.upper && error <= loss - *e.upper);
}

/// error ≥ |loss − lo| and error ≥ |loss − hi|.
bool check_error_upper(const Enclosure& e, const Rational& loss, const Rational& error) {
  return e.is_bounded() && error >= abs(loss - *e.lower) && error >= abs(loss - *e.upper);
}

void check_outcome(const Enclosure& e, const Native& run, const std::string& at) {
  if (!run.loss) {
    require(!run.error_lower && !run.error_upper,
            at + ": infinite errors of a diverged run expected");
    return;
  }
  require(run.error_lower && check_error_lower(e, *run.loss, *run.error_lower),
          at + ": error.lower is greater than the distance of the loss to the enclosure");
  require(
      !run.error_upper || check_error_upper(e, *run.loss, *run.error_upper),
      at + ": error.upper is less than the distance of the loss to the enclosure's farther end");
}

/// "certified" means: as narrow as asked, and every error known as well as asked.
void check_goal(const Certificate& certificate, const Trial& trial, const std::string& at) {
  if (!trial.certified) return;
  require(trial.enclosure.is_bounded(), at + ": certified without bounds");
  require(*trial.enclosure.upper - *trial.enclosure.lower <= certificate.asked_width,
          at + ": certified, but wider than was asked");
  for (const Native& run : trial.native)
    require(!run.loss ||
                (run.error_upper &&
                 at_most_rounded(*run.error_upper, certificate.asked_tightness * *run.error_lower)),
            at + ", " + run.precision +
                ": certified, but error.upper/error.lower is greater than "
                "was asked");
}

/// Λ_tρ_t + d_t ≤ ρ_{t+1}, and hardly less.
void check_chain(const Trial& trial, const std::string& at) {
  require(trial.chain.has_value() == (trial.way == "stepwise"),
          at + ": a chain for the stepwise way, and only for it, expected");
  if (!trial.chain) return;
  const auto& [radius, lipschitz, defect] = *trial.chain;
  require(radius.size() == lipschitz.size() && radius.size() == defect.size(),
          at + ": chain: as many radii as constants and defects expected");
  for (std::size_t t = 0; t < radius.size(); ++t) {
    const Rational bound = (t == 0 ? Rational(0) : lipschitz[t] * radius[t - 1]) + defect[t];
    const std::string step = at + ", step " + std::to_string(t) + ": the radius after it is ";
    require(bound <= radius[t], step + "less than the recurrence gives");
    require(at_most_rounded(radius[t], bound), step + "not that of the recurrence");
  }
}

void check_trial(const Certificate& certificate, std::size_t i) {
  const Trial& trial = certificate.trials[i];
  const std::vector<Native>& first = certificate.trials[0].native;
  require(!trial.enclosure.is_bounded() || *trial.enclosure.lower <= *trial.enclosure.upper,
          name(i) + ": the enclosure is empty");
  require(trial.native.size() == first.size() && first.size() <= kMostPrecisions,
          name(i) + ": the precisions of trial 0 expected");
  for (std::size_t run = 0; run < first.size(); ++run) {
    const std::string& precision = trial.native[run].precision;
    require(precision == first[run].precision, name(i) + ": the precisions of trial 0 expected");
    for (std::size_t other = 0; other < run; ++other)
      require(first[other].precision != precision, name(i) + ": two native runs in " + precision);
    check_outcome(trial.enclosure, trial.native[run], name(i) + ", " + precision);
  }
  check_goal(certificate, trial, name(i));
  check_chain(trial, name(i));
}

void check_pairs(const Certificate& certificate) {
  const std::vector<Trial>& trials = certificate.trials;
  std::size_t next = 0;
  bool total = true;
  for (std::size_t i = 0; i < trials.size(); ++i)
    for (std::size_t j = i + 1; j < trials.size(); ++j, ++next) {
      const std::string at = "pair of trials " + std::to_string(i) + " and " + std::to_string(j);
      require(next < certificate.pairs.size(), at + ": missing");
      const Pair& pair = certificate.pairs[next];
      require(pair.first == static_cast<long>(i) && pair.second == static_cast<long>(j),
              at + ": expected in this place");
      const std::string follows = verdict(trials[i].enclosure, trials[j].enclosure);
      require(pair.less == follows,
              at + ": " + pair.less + " is claimed, " + follows + " follows from the enclosures");
      total = total && follows != "undecided";
    }
  require(next == certificate.pairs.size(), "pairs: more than there are");
  require(certificate.total == total, "total: every pair decided, or not, is claimed wrongly");
}

/// No trial stands behind one that its exact loss is proved to be less than.
void check_order(const Certificate& certificate) {
  std::vector<long> all(certificate.trials.size());
  std::iota(all.begin(), all.end(), 0L);
  require(std::is_permutation(all.begin(), all.end(), certificate.order.begin(),
                              certificate.order.end()),
          "order: every trial once expected");
  for (auto after = certificate.order.begin(); after != certificate.order.end(); ++after)
    for (auto before = certificate.order.begin(); before != after; ++before)
      require(
          !surely_less(certificate.trials[*after].enclosure, certificate.trials[*before].enclosure),
          "order: trial " + std::to_string(*after) + " stands behind trial " +
              std::to_string(*before) + ", which is proved to be worse");
}

bool is_beaten(const Certificate& certificate, const Enclosure& e) {
  return std::any_of(certificate.trials.begin(), certificate.trials.end(),
                     [&](const Trial& other) { return surely_less(other.enclosure, e); });
}

/// Who is not listed is beaten for certain; who is has L̂ ≤ L̂_best + δ_best + δ up to rounding, or
/// an error without a bound.
void check_set(const Certificate& certificate, std::size_t run, const std::vector<long>& set) {
  const Native* best = nullptr;
  for (const Trial& trial : certificate.trials)
    if (trial.native[run].loss && (best == nullptr || *trial.native[run].loss < *best->loss))
      best = &trial.native[run];
  require(std::adjacent_find(set.begin(), set.end(), std::greater_equal<>()) == set.end(),
          "indistinguishable: trials in ascending order expected");
  for (std::size_t i = 0; i < certificate.trials.size(); ++i) {
    const Native& native = certificate.trials[i].native[run];
    const bool beaten = is_beaten(certificate, certificate.trials[i].enclosure);
    const std::string at = "indistinguishable in " + native.precision + ": " + name(i);
    if (!std::binary_search(set.begin(), set.end(), static_cast<long>(i)))
      require(beaten, at + " is missing: it may be the best");
    else if (!native.loss)
      require(!beaten, at + " is proved not to be the best");
    else if (best->error_upper && native.error_upper)
      require(at_most_rounded(*native.loss, *best->loss + *best->error_upper + *native.error_upper),
              at + " is proved not to be the best");
  }
}

bool natively_less(const Native& a, const Native& b) {
  return a.loss && (!b.loss || *a.loss < *b.loss);
}

/// Those that follow, and no others.
void check_flips(const Certificate& certificate, std::size_t run, const NativeRanking& ranking) {
  std::vector<std::pair<long, long>> flips;
  for (const auto& [first, second, less] : certificate.pairs)
    for (const auto& [a, b] : {std::pair(first, second), std::pair(second, first)})
      if (surely_less(certificate.trials[b].enclosure, certificate.trials[a].enclosure) &&
          natively_less(certificate.trials[a].native[run], certificate.trials[b].native[run]))
        flips.emplace_back(a, b);
  require(flips == ranking.flips, "flips in " + ranking.precision + ": not those that follow");
}

}  // namespace

void check_claims(const Certificate& certificate) {
  for (std::size_t i = 0; i < certificate.trials.size(); ++i) check_trial(certificate, i);
  check_pairs(certificate);
  check_order(certificate);
  const std::vector<Native>& runs = certificate.trials[0].native;
  require(certificate.native.size() == runs.size(),
          "ranking.native: one entry a precision expected");
  for (std::size_t run = 0; run < runs.size(); ++run) {
    require(certificate.native[run].precision == runs[run].precision,
            "ranking.native: precisions in the order of the native runs expected");
    check_set(certificate, run, certificate.native[run].indistinguishable);
    check_flips(certificate, run, certificate.native[run]);
  }
}

}  // namespace verify

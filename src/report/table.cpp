#include "numgeom/report/table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "text_table.hpp"

namespace numgeom {
namespace {

/// Digits that fit a column; the JSON has all of them.
constexpr int kDisplayPlaces = 13;

std::string short_number(double x) { return fmt::format("{:.3g}", x); }

std::string loss_text(const NativeRun& run) {
  if (run.diverged()) return "diverged";
  if (std::abs(run.loss) >= 1e6) return fmt::format("{:.9g}", run.loss);
  return fmt::format("{:.{}f}", run.loss, run.precision.format == FloatFormat::kFp64 ? 12 : 8);
}

/// A factor that is known from both sides, or the interval where they differ visibly.
std::string tightness_text(const NativeRun& run, const CertifiedError& error) {
  const auto phi = run.estimates.find("phi");
  if (phi == run.estimates.end() || run.diverged()) return "-";
  const Tightness ratio = tightness(phi->second.value, error);
  if (std::isnan(phi->second.value)) return "-";
  const std::string low = fmt::format("{:.2g}", ratio.lower);
  const std::string high = fmt::format("{:.2g}", ratio.upper);
  return low == high ? low : fmt::format("[{},{}]", low, high);
}

std::string phi_text(const NativeRun& run) {
  const auto phi = run.estimates.find("phi");
  return phi == run.estimates.end() || std::isnan(phi->second.value)
             ? "-"
             : fmt::format("{:.2g}", phi->second.value);
}

/// Learning rate and weight decay, then all that any trial's assignment has.
std::vector<std::string> tuned_names(const std::vector<CertifiedTrial>& trials) {
  std::vector<std::string> names{"lr", "weight_decay"};
  for (const CertifiedTrial& trial : trials)
    for (const auto& [name, value] : trial.trial.assignment)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

std::string with_spaces(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

std::string value_text(const Trial& trial, const std::string& name) {
  if (name == "lr") return short_number(trial.configuration.lr);
  if (name == "weight_decay") return short_number(trial.configuration.weight_decay);
  const Value* value = trial.assignment.find(name);
  if (value == nullptr) return "-";
  const auto* number = std::get_if<double>(value);
  return number == nullptr ? to_string(*value) : short_number(*number);
}

std::string trials_table(const std::vector<CertifiedTrial>& trials) {
  const std::vector<std::string> names = tuned_names(trials);
  std::vector<std::string> header{"#"};
  for (const std::string& name : names) header.push_back(with_spaces(name));
  for (const NativeRun& run : trials.front().native)
    header.push_back(to_string(run.precision) + " loss");
  header.push_back("exact loss");
  for (const NativeRun& run : trials.front().native) {
    header.push_back(to_string(run.precision) + " error");
    header.push_back("Φ");
    header.push_back("Φ/error");
  }
  for (const char* name : {"way", "bits", "seconds"}) header.emplace_back(name);

  TextTable table(std::move(header));
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const CertifiedTrial& trial = trials[i];
    std::vector<std::string> row{std::to_string(i)};
    for (const std::string& name : names) row.push_back(value_text(trial.trial, name));
    for (const NativeRun& run : trial.native) row.push_back(loss_text(run));
    row.push_back(trial.certification.loss.digits(kDisplayPlaces));
    for (std::size_t run = 0; run < trial.native.size(); ++run) {
      row.push_back(short_number(trial.certified_errors[run].upper));
      row.push_back(phi_text(trial.native[run]));
      row.push_back(tightness_text(trial.native[run], trial.certified_errors[run]));
    }
    const Certification& certification = trial.certification;
    row.push_back(certification.rung.way_name() + " " + certification.rung.arithmetic_name());
    row.push_back(std::to_string(certification.rung.bits));
    row.push_back(fmt::format("{:.1f}", certification.seconds));
    table.add(std::move(row));
  }
  return table.text();
}

std::string undecided_trials(const std::vector<CertifiedTrial>& trials) {
  std::string text;
  for (std::size_t i = 0; i < trials.size(); ++i)
    if (!trials[i].certification.certified())
      text += fmt::format("undecided: trial {}: {}\n", i, trials[i].certification.reason);
  return text;
}

/// `<` where it is proved, `≤` where the two may also be equal, `?` where nothing is.
const char* relation(const CertifiedTrial& before, const CertifiedTrial& after) {
  const Enclosure& first = before.certification.loss;
  const Enclosure& second = after.certification.loss;
  if (certified_less(first, second).certified()) return "<";
  return certified_less(second, first).refuted() ? "≤" : "?";
}

std::string order_text(const Ranking& ranking, const std::vector<CertifiedTrial>& trials) {
  std::string text = fmt::format("{}", ranking.order.front());
  for (std::size_t i = 1; i < ranking.order.size(); ++i)
    text += fmt::format(" {} {}", relation(trials[ranking.order[i - 1]], trials[ranking.order[i]]),
                        ranking.order[i]);
  return text;
}

std::string ranking_text(const Ranking& ranking, const std::vector<CertifiedTrial>& trials) {
  const auto undecided =
      std::count_if(ranking.pairs.begin(), ranking.pairs.end(),
                    [](const PairVerdict& pair) { return pair.less.undecided(); });
  std::string text =
      fmt::format("certified order of the exact losses: {}\n", order_text(ranking, trials));
  text += undecided == 0
              ? fmt::format("all {} pairs decided\n", ranking.pairs.size())
              : fmt::format("{} of {} pairs undecided:\n", undecided, ranking.pairs.size());
  for (const PairVerdict& pair : ranking.pairs)
    if (pair.less.undecided())
      text += fmt::format("  {} ? {}: {}\n", pair.first, pair.second, pair.less.reason);
  return text;
}

std::string flips_text(const NativeRanking& native, const std::vector<CertifiedTrial>& trials) {
  const std::string name = to_string(native.precision);
  if (native.flips.empty()) return fmt::format("{}: no native pair in the wrong order\n", name);
  std::string text = fmt::format("{}: {} native pair{} in the wrong order:\n", name,
                                 native.flips.size(), native.flips.size() == 1 ? "" : "s");
  for (const Flip& flip : native.flips)
    text += fmt::format("  {} before {}, exactly {} < {} ({} < {})\n", flip.native_better,
                        flip.exact_better, flip.exact_better, flip.native_better,
                        trials[flip.exact_better].certification.loss.digits(kDisplayPlaces),
                        trials[flip.native_better].certification.loss.digits(kDisplayPlaces));
  return text;
}

std::string native_text(const Ranking& ranking, const std::vector<CertifiedTrial>& trials) {
  std::string text;
  for (const NativeRanking& native : ranking.native) {
    text += fmt::format("{}: indistinguishable from the best: {}\n", to_string(native.precision),
                        fmt::join(native.indistinguishable, ", "));
    text += flips_text(native, trials);
  }
  return text;
}

std::string scores_text(const std::vector<CertifiedTrial>& trials) {
  TextTable table(
      {"estimator", "precision", "covered", "median over-estimation", "90 %", "overhead"});
  for (const auto& [precision, by_name] : score_estimators(trials))
    for (const auto& [name, score] : by_name)
      table.add({name, to_string(precision), fmt::format("{}/{}", score.covered, score.trials),
                 fmt::format("{:.2g}", score.median_overestimation),
                 fmt::format("{:.2g}", score.high_overestimation),
                 fmt::format("{:.0f} %", 100 * score.overhead)});
  return table.text();
}

}  // namespace

std::string certify_text(const Study& study, const std::vector<CertifiedTrial>& trials,
                         const Ranking& ranking) {
  if (trials.empty()) return "no trial was finished\n";
  const auto certified =
      std::count_if(trials.begin(), trials.end(),
                    [](const CertifiedTrial& trial) { return trial.certification.certified(); });
  return trials_table(trials) + "\n" +
         fmt::format("{} of {} trials certified: width ≤ {}, errors known to a factor of {}\n",
                     certified, trials.size(), study.certify.width, study.certify.tightness) +
         undecided_trials(trials) + ranking_text(ranking, trials) + "\n" +
         native_text(ranking, trials) + "\n" + scores_text(trials);
}

}  // namespace numgeom

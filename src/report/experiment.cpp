#include "numgeom/report/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <limits>
#include <set>

#include "document.hpp"
#include "numgeom/ranking/reliability.hpp"
#include "text_table.hpp"

namespace numgeom {
namespace {

using Json = OrderedJson;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string number(double x) { return fmt::format("{:.3g}", x); }
std::string exact(double x) { return fmt::format("{}", x); }
std::string percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.0f} %", 100 * share);
}

/// Whether a claim holds; nothing where there are no cases.
std::optional<bool> if_any(int cases, bool holds) {
  return cases > 0 ? std::optional(holds) : std::nullopt;
}

std::string outcome(const std::optional<bool>& holds) {
  if (!holds) return "nothing to tell by";
  return *holds ? "holds" : "DOES NOT HOLD";
}

double median(std::vector<double> values) {
  if (values.empty()) return kNaN;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Rows of a table for people and of a CSV file at once.
class Rows {
 public:
  explicit Rows(const std::vector<std::string>& header) : table_(header) { add_csv(header); }

  void add(const std::vector<std::string>& row) {
    table_.add(row);
    add_csv(row);
  }
  [[nodiscard]] std::string text() const { return table_.text(); }
  [[nodiscard]] const std::string& csv() const { return csv_; }

 private:
  void add_csv(const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) csv_ += (i == 0 ? "" : ",") + row[i];
    csv_ += '\n';
  }

  TextTable table_;
  std::string csv_;
};

std::string precision_name(const ExperimentProblem& problem, std::size_t run) {
  return to_string(problem.trials.front().native[run].precision);
}

bool is_fp64(const ExperimentProblem& problem, std::size_t run) {
  return precision_name(problem, run) == "fp64";
}

/// The run in fp64 that others are compared with; −1 where there is none.
int reference_run(const ExperimentProblem& problem) {
  for (std::size_t run = 0; run < problem.trials.front().native.size(); ++run)
    if (is_fp64(problem, run)) return static_cast<int>(run);
  return -1;
}

/// Calls f(problem, index of the run) for every precision narrower than fp64.
template <class Function>
void for_narrow_runs(std::span<const ExperimentProblem> problems, const Function& f) {
  for (const ExperimentProblem& problem : problems)
    for (std::size_t run = 0; run < problem.trials.front().native.size(); ++run)
      if (!is_fp64(problem, run)) f(problem, run);
}

std::vector<std::string> estimators(const ExperimentProblem& problem, std::size_t run) {
  std::set<std::string> names;
  for (const CertifiedTrial& trial : problem.trials)
    for (const auto& [name, estimate] : trial.native[run].estimates) names.insert(name);
  return {names.begin(), names.end()};
}

/// |L̂ − L̂_fp64| of one trial; NaN where there is none.
double empirical_error(const CertifiedTrial& trial, std::size_t run, int reference) {
  if (reference < 0 || trial.native[run].diverged() || trial.native[reference].diverged())
    return kNaN;
  return std::abs(trial.native[run].loss - trial.native[reference].loss);
}

std::string trials_csv(std::span<const ExperimentProblem> problems) {
  std::string csv =
      "problem,trial,precision,native_loss,exact_lower,exact_upper,width,error_lower,error_upper,"
      "empirical_error,phi,phi_seed\n";
  for (const ExperimentProblem& problem : problems)
    for (std::size_t i = 0; i < problem.trials.size(); ++i) {
      const CertifiedTrial& trial = problem.trials[i];
      for (std::size_t run = 0; run < trial.native.size(); ++run) {
        const auto estimate = [&](const char* name) {
          const auto found = trial.native[run].estimates.find(name);
          return found == trial.native[run].estimates.end() ? kNaN : found->second.value;
        };
        csv += fmt::format(
            "{},{},{},{},{},{},{},{},{},{},{},{}\n", problem.name, i, precision_name(problem, run),
            trial.native[run].loss, trial.certification.loss.lower_string(),
            trial.certification.loss.upper_string(), trial.certification.loss.width(),
            trial.certified_errors[run].lower, trial.certified_errors[run].upper,
            empirical_error(trial, run, reference_run(problem)), estimate("phi"),
            estimate("phi_seed"));
      }
    }
  return csv;
}

struct MeanInterval {
  double mean = kNaN;
  double low = -kInfinity;
  double high = kInfinity;
};

/// The mean and the 95 % percentile interval of 10,000 bootstrap samples, always the same ones.
MeanInterval mean_interval(const std::vector<double>& values) {
  constexpr int kSamples = 10000;
  const auto count = static_cast<int>(values.size());
  if (count == 0) return {};
  const auto mean_of = [&](const auto& index) {
    double sum = 0;
    for (int i = 0; i < count; ++i) sum += values[static_cast<std::size_t>(index(i))];
    return sum / count;
  };
  boost::random::mt19937_64 random(1);
  boost::random::uniform_int_distribution<int> any(0, count - 1);
  std::vector<double> means;
  for (int s = 0; s < kSamples; ++s) means.push_back(mean_of([&](int) { return any(random); }));
  std::sort(means.begin(), means.end());
  return {mean_of([](int i) { return i; }), means[kSamples / 40],
          means[kSamples - kSamples / 40 - 1]};
}

}  // namespace

std::string ExperimentResult::to_text() const {
  std::string result = title + "\n\n" + text + "\n";
  for (const Expectation& claim : claims)
    result += fmt::format("{}: expected {}; measured {}: {}\n", claim.about, claim.expected,
                          claim.measured, outcome(claim.holds));
  return result;
}

std::string ExperimentResult::to_json() const {
  Json list = Json::array();
  for (const Expectation& claim : claims)
    list.push_back({{"about", claim.about},
                    {"expected", claim.expected},
                    {"measured", claim.measured},
                    {"holds", claim.holds ? Json(*claim.holds) : Json(nullptr)}});
  const Json document = {{"schema_version", kSchemaVersion},
                         {"kind", "experiment"},
                         {"experiment", name},
                         {"title", title},
                         {"build", build_json()},
                         {"claims", list}};
  return document.dump(2) + "\n";
}

ExperimentResult error_bounds(std::span<const ExperimentProblem> problems) {
  ExperimentResult result{"bounds", "Error bounds: estimates beside certified errors", {}, {}, {}};
  Rows rows({"problem", "precision", "estimator", "trials", "covered", "within 50x",
             "median over-estimation", "90 %", "overhead"});
  for_narrow_runs(problems, [&](const ExperimentProblem& problem, std::size_t run) {
    const std::string precision = precision_name(problem, run);
    const auto scores = score_estimators(problem.trials);
    for (const std::string& name : estimators(problem, run)) {
      const EstimatorScore& score =
          scores.at(problem.trials.front().native[run].precision).at(name);
      int within = 0;
      for (const CertifiedTrial& trial : problem.trials) {
        if (trial.native[run].diverged()) continue;
        const auto estimate = trial.native[run].estimates.find(name);
        if (estimate == trial.native[run].estimates.end()) continue;
        const Tightness ratio = tightness(estimate->second.value, trial.certified_errors[run]);
        within += ratio.lower >= 1 && ratio.upper <= 50 ? 1 : 0;
      }
      const double share = static_cast<double>(within) / std::max(score.trials, 1);
      rows.add({problem.name, precision, name, exact(score.trials),
                percent(static_cast<double>(score.covered) / std::max(score.trials, 1)),
                percent(share), number(score.median_overestimation),
                number(score.high_overestimation), percent(score.overhead)});
      if (name == "phi")
        result.claims.push_back({problem.name + " " + precision,
                                 "Φ at least the error and at most 50 times it, in median",
                                 fmt::format("covered {} of {}, median {:.3g} times", score.covered,
                                             score.trials, score.median_overestimation),
                                 if_any(score.trials, score.covered >= 0.95 * score.trials &&
                                                          score.median_overestimation <= 50)});
    }
    const int reference = reference_run(problem);
    std::vector<double> ratios;
    for (const CertifiedTrial& trial : problem.trials)
      if (const double error = empirical_error(trial, run, reference); !std::isnan(error))
        ratios.push_back(tightness(error, trial.certified_errors[run]).upper);
    rows.add({problem.name, precision, "|native - fp64|", exact(static_cast<int>(ratios.size())),
              "-", "-", number(median(ratios)), "-", "-"});
  });
  result.text = rows.text();
  result.tables = {{"bounds.csv", rows.csv()}, {"trials.csv", trials_csv(problems)}};
  return result;
}

ExperimentResult ranking_reliability(std::span<const ExperimentProblem> problems) {
  ExperimentResult result{
      "ranking", "Ranking reliability: orders that rounding changes", {}, {}, {}};
  Rows rows({"problem", "precision", "criterion with", "pairs", "changed", "flagged", "recall",
             "precision of flags", "borderline trials", "changed against fp64"});
  for_narrow_runs(problems, [&](const ExperimentProblem& problem, std::size_t run) {
    const std::string precision = precision_name(problem, run);
    const int reference = reference_run(problem);
    const std::string between =
        reference < 0 ? "-"
                      : exact(count_changes_between(problem.trials, run,
                                                    static_cast<std::size_t>(reference)));
    const auto add = [&](const std::string& name, const Uncertainties& uncertainties) {
      const CriterionScore score = score_criterion(problem.trials, run, uncertainties);
      rows.add({problem.name, precision, name, exact(score.pairs), exact(score.changed),
                exact(score.flagged), percent(score.recall()), percent(score.precision()),
                percent(score.borderline_share()), between});
      return score;
    };
    const CriterionScore certified =
        add("certified errors", certified_uncertainties(problem.trials, run));
    const CriterionScore estimated = add("Φ", estimated_uncertainties(problem.trials, run, "phi"));
    const std::string about = problem.name + " " + precision;
    result.claims.push_back(
        {about, "every change flagged by certified errors (theorem 2)",
         fmt::format("{} of {}", certified.changed_and_flagged, certified.changed),
         if_any(certified.changed, certified.changed_and_flagged == certified.changed)});
    result.claims.push_back(
        {about, "at least 70 % of the changes flagged by Φ",
         fmt::format("{} of {}", estimated.changed_and_flagged, estimated.changed),
         if_any(estimated.changed, estimated.recall() >= 0.7)});
    const double share = certified.borderline_share();
    result.claims.push_back({about, "10 to 25 % of the trials borderline", percent(share),
                             if_any(certified.trials, share >= 0.1 && share <= 0.25)});
  });
  result.text = rows.text();
  result.tables = {{"ranking.csv", rows.csv()}};
  return result;
}

ExperimentResult search_comparison(std::span<const SearchRun> runs) {
  ExperimentResult result{"search",
                          "Searches: expected improvement beside the precision-aware acquisition",
                          {},
                          {},
                          {}};
  Rows rows({"problem", "acquisition", "seed", "loss", "certified error", "set size"});
  struct Choice {
    double loss = kInfinity;
    double error = kInfinity;
    double set = 0;
  };
  std::map<std::string, std::map<int, std::map<bool, Choice>>> choices;
  for (const SearchRun& run : runs) {
    Choice choice;
    if (run.chosen >= 0) {
      const CertifiedTrial& trial = run.trials[run.chosen];
      choice.loss = trial.native.front().loss;
      choice.error = trial.certified_errors.front().upper;
    }
    choice.set = static_cast<double>(rank(run.trials).native.front().indistinguishable.size());
    choices[run.problem][run.seed][run.precision_aware] = choice;
    rows.add({run.problem, run.precision_aware ? "precision-aware" : "standard", exact(run.seed),
              exact(choice.loss), exact(choice.error), exact(choice.set)});
  }
  Rows summary({"problem", "seeds", "loss: standard", "precision-aware", "error: standard",
                "precision-aware", "error ratio (95 %)", "set: standard", "precision-aware"});
  for (const auto& [problem, seeds] : choices) {
    std::map<bool, std::vector<double>> losses;
    std::map<bool, std::vector<double>> errors;
    std::map<bool, std::vector<double>> sets;
    std::vector<double> log_ratios;
    for (const auto& [seed, pair] : seeds) {
      for (const auto& [aware, choice] : pair) {
        losses[aware].push_back(choice.loss);
        errors[aware].push_back(choice.error);
        sets[aware].push_back(choice.set);
      }
      if (pair.size() == 2)
        log_ratios.push_back(std::log(pair.at(true).error / pair.at(false).error));
    }
    const MeanInterval log_ratio = mean_interval(log_ratios);
    const double ratio = std::exp(log_ratio.mean);
    const bool tells = log_ratio.low > 0 || log_ratio.high < 0;  // one is better than the other
    const std::string interval = fmt::format("{:.2g} ({:.2g} to {:.2g})", ratio,
                                             std::exp(log_ratio.low), std::exp(log_ratio.high));
    summary.add({problem, exact(static_cast<int>(seeds.size())), number(median(losses[false])),
                 number(median(losses[true])), number(median(errors[false])),
                 number(median(errors[true])), interval, number(median(sets[false])),
                 number(median(sets[true]))});
    result.claims.push_back({problem, "certified error of the choice 10 to 30 % lower",
                             fmt::format("{:.0f} % {}; ratio {}", 100 * std::abs(1 - ratio),
                                         ratio < 1 ? "lower" : "higher", interval),
                             tells ? std::optional(ratio <= 0.9) : std::nullopt});
  }
  result.text = summary.text();
  result.tables = {{"searches.csv", rows.csv()}, {"search.csv", summary.csv()}};
  return result;
}

ExperimentResult stability_mapping(const LoadedStudy& study, const StabilityMap& map) {
  ExperimentResult result{
      "map", "Stability over learning rate and weight decay", {}, map_text(study, map), {}};
  const std::vector<MapCell> cells = map.cells();
  const int third = map.grid().columns() / 3;
  const auto unstable_share = [&](int first, int end) {
    int count = 0;
    int unstable = 0;
    for (const MapCell& cell : cells)
      if (cell.cell.x >= first && cell.cell.x < end) {
        ++count;
        unstable += cell.verdict == Stability::kUnstable ? 1 : 0;
      }
    return static_cast<double>(unstable) / std::max(count, 1);
  };
  const double low = unstable_share(0, third);
  const double high = unstable_share(map.grid().columns() - third, map.grid().columns());
  result.claims.push_back(
      {"lowest third of the learning rates", "stable", percent(low) + " unstable", low == 0});
  result.claims.push_back(
      {"highest third of the learning rates", "unstable", percent(high) + " unstable", high > 0.5});
  std::string csv = "x,y,evaluated,verdict,error_lower,error_upper,phi\n";
  for (const MapCell& cell : cells)
    csv += fmt::format("{},{},{},{},{},{},{}\n", to_string(map.grid().x().values[cell.cell.x]),
                       to_string(map.grid().y().values[cell.cell.y]), cell.evaluated ? 1 : 0,
                       to_string(cell.verdict), cell.relative_error.lower,
                       cell.relative_error.upper, cell.relative_phi);
  result.tables = {{"map.csv", csv}};
  return result;
}

ExperimentResult winner_sensitivity(std::span<const ExperimentProblem> problems) {
  constexpr int kSubsets = 1000;
  constexpr int kSize = 10;
  constexpr std::uint64_t kSeed = 1;
  ExperimentResult result{"sensitivity", "The best configuration: native beside exact", {}, {}, {}};
  Rows rows({"problem", "precision", "native winner", "exact winner", "its exact rank", "regret",
             "set size", "subsets with a wrong winner", "undecided"});
  for_narrow_runs(problems, [&](const ExperimentProblem& problem, std::size_t run) {
    const WinnerScore score = score_winner(problem.trials, run, kSubsets, kSize, kSeed);
    rows.add({problem.name, precision_name(problem, run), exact(score.native), exact(score.exact),
              exact(score.rank), number(score.regret.upper),
              exact(static_cast<int>(score.set.size())),
              percent(static_cast<double>(score.wrong) / score.subsets),
              percent(static_cast<double>(score.undecided) / score.subsets)});
    result.claims.push_back(
        {problem.name + " " + precision_name(problem, run), "the native winner is the exact one",
         score.rank == 1 ? "it is"
                         : fmt::format("it has exact rank {}, {:.2g} above the least exact loss",
                                       score.rank, score.regret.upper),
         score.rank == 1 && score.exact == score.native});
  });
  result.text =
      rows.text() + fmt::format("subsets: {} random ones of {} trials\n", kSubsets, kSize);
  result.tables = {{"sensitivity.csv", rows.csv()}};
  return result;
}

}  // namespace numgeom

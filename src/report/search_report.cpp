#include "numgeom/report/search_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "numgeom/arithmetic/rounding.hpp"
#include "text_table.hpp"
#include "train/assignment_json.hpp"

namespace numgeom {
namespace {

using Json = OrderedJson;

constexpr int kPlaces = 13;

std::vector<const StoredTrial*> by_loss(const std::vector<StoredTrial>& trials) {
  std::vector<const StoredTrial*> order;
  for (const StoredTrial& trial : trials) order.push_back(&trial);
  const auto key = [](const StoredTrial* trial) {
    return trial->evaluation.has_loss() ? trial->evaluation.loss
                                        : std::numeric_limits<double>::infinity();
  };
  std::stable_sort(order.begin(), order.end(),
                   [&key](const StoredTrial* a, const StoredTrial* b) { return key(a) < key(b); });
  return order;
}

std::vector<std::string> parameter_names(const std::vector<StoredTrial>& trials) {
  std::vector<std::string> names;
  for (const StoredTrial& trial : trials)
    for (const auto& [name, value] : trial.evaluation.assignment)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

std::string value_text(const Value* value) {
  if (value == nullptr) return "-";
  const auto* real = std::get_if<double>(value);
  return real == nullptr ? to_string(*value) : fmt::format("{:.4g}", *real);
}

std::string loss_text(const Evaluation& evaluation) {
  switch (evaluation.state) {
    case Evaluation::State::kRunning:
      return "running";
    case Evaluation::State::kFailed:
      return "failed";
    case Evaluation::State::kDone:
      break;
  }
  return evaluation.has_loss() ? fmt::format("{:.9g}", evaluation.loss) : "diverged";
}

const RaceTrial* race_trial(const SearchResult& result, int number) {
  if (!result.race) return nullptr;
  const auto at = std::find(result.race_numbers.begin(), result.race_numbers.end(), number);
  if (at == result.race_numbers.end()) return nullptr;
  return &result.race->trials[static_cast<std::size_t>(at - result.race_numbers.begin())];
}

std::string effort_text(Effort effort) {
  if (effort == Effort::kNone) return "-";
  return effort == Effort::kFull ? "full" : "coarse";
}

std::string trials_table(const SearchResult& result, int most) {
  const std::vector<std::string> names = parameter_names(result.trials);
  std::vector<std::string> header{"#"};
  for (std::string name : names) {
    std::replace(name.begin(), name.end(), '_', ' ');
    header.push_back(std::move(name));
  }
  header.insert(header.end(), {"loss", "δ"});
  if (result.race) header.insert(header.end(), {"exact loss", "certified error", "certified"});
  TextTable table(std::move(header));
  int shown = 0;
  for (const StoredTrial* trial : by_loss(result.trials)) {
    if (most > 0 && shown++ == most) break;
    std::vector<std::string> row{std::to_string(trial->number)};
    for (const std::string& name : names)
      row.push_back(value_text(trial->evaluation.assignment.find(name)));
    row.push_back(loss_text(trial->evaluation));
    row.push_back(trial->evaluation.delta ? fmt::format("{:.2g}", *trial->evaluation.delta) : "-");
    if (result.race) {
      const RaceTrial* known = race_trial(result, trial->number);
      row.push_back(known == nullptr ? "-" : known->certification.loss.digits(kPlaces));
      row.push_back(known == nullptr ? "-" : fmt::format("{:.3g}", known->error.upper));
      row.push_back(known == nullptr ? "-" : effort_text(known->effort));
    }
    table.add(std::move(row));
  }
  std::string text = table.text();
  if (most > 0 && static_cast<int>(result.trials.size()) > most)
    text += fmt::format("… and {} more\n", static_cast<int>(result.trials.size()) - most);
  return text;
}

struct Pairs {
  int all = 0;
  int reliable = 0;
};

/// Pairs of one trial, which has a loss, with all others that have one.
Pairs pairs_of(const std::vector<StoredTrial>& trials, int number) {
  const auto one = std::find_if(trials.begin(), trials.end(), [number](const StoredTrial& trial) {
    return trial.number == number;
  });
  Pairs pairs;
  if (one == trials.end()) return pairs;
  for (const StoredTrial& other : trials) {
    if (other.number == number || !other.evaluation.has_loss()) continue;
    ++pairs.all;
    if (reliable_order(one->evaluation, other.evaluation)) ++pairs.reliable;
  }
  return pairs;
}

std::string choice_text(const std::vector<StoredTrial>& trials, double penalty) {
  const int best = chosen_trial(trials, 0);
  if (best < 0) return "no trial has a finite loss\n";
  const int trusted = chosen_trial(trials, penalty);
  const Pairs pairs = pairs_of(trials, best);
  return fmt::format(
             "least loss: trial {}\nleast loss + {}δ: trial {}\n"
             "front of loss and δ: {}\n",
             best, penalty == 1 ? std::string() : fmt::format("{:g}·", penalty), trusted,
             fmt::join(pareto_front(trials), ", ")) +
         fmt::format("order against the least loss is beyond both δ in {} of {} pairs\n",
                     pairs.reliable, pairs.all);
}

std::string race_text(const SearchResult& result) {
  const Race& race = *result.race;
  const auto number = [&result](int index) {
    return result.race_numbers[static_cast<std::size_t>(index)];
  };
  if (race.winner < 0) return "certified winner: none, no exact loss is bounded\n";
  std::vector<int> set;
  for (const int index : race.possibly_indistinguishable()) set.push_back(number(index));
  std::string text = fmt::format(
      "certified winner: trial {}, exact loss {}\ncertified Pareto set (indistinguishable from the "
      "best): {}\n",
      number(race.winner),
      race.trials[static_cast<std::size_t>(race.winner)].certification.loss.digits(kPlaces),
      fmt::join(set, ", "));
  text += fmt::format("{} of {} trials certified in full, {} coarsely; {}\n",
                      race.count(Effort::kFull), race.trials.size(), race.count(Effort::kCoarse),
                      race.decided() ? "every verdict that matters is decided"
                                     : "undecided at the precision limit:");
  for (const PairVerdict& pair : race.against_winner)
    if (pair.less.undecided())
      text +=
          fmt::format("  {} ? {}: {}\n", number(pair.first), number(pair.second), pair.less.reason);
  for (std::size_t i = 0; i < race.indistinguishable.size(); ++i)
    if (race.indistinguishable[i].undecided())
      text += fmt::format("  {} in the set?: {}\n", number(static_cast<int>(i)),
                          race.indistinguishable[i].reason);
  return text;
}

/// Certified: to the asked width and tightness, not only as far as a race needed.
std::string status_of(const RaceTrial& trial) {
  if (!trial.certification.certified()) return "undecided";
  return trial.effort == Effort::kFull ? "certified" : "enclosed";
}

Json trial_json(const SearchResult& result, const StoredTrial& trial) {
  const Evaluation& evaluation = trial.evaluation;
  Json json = {{"number", trial.number}, {"parameters", assignment_json(evaluation.assignment)}};
  switch (evaluation.state) {
    case Evaluation::State::kRunning:
      json["status"] = "running";
      break;
    case Evaluation::State::kFailed:
      json["status"] = "failed";
      break;
    case Evaluation::State::kDone:
      json["status"] = evaluation.has_loss() ? "ok" : "diverged";
      json["loss"] = number_json(evaluation.loss);
  }
  if (evaluation.delta) json["delta"] = number_json(*evaluation.delta);
  if (const RaceTrial* known = race_trial(result, trial.number)) {
    const Certification& found = known->certification;
    json["enclosure"] = {{"lower", found.loss.lower_string()},
                         {"upper", found.loss.upper_string()},
                         {"effort", effort_text(known->effort)},
                         {"status", status_of(*known)}};
    if (!found.certified()) json["enclosure"]["reason"] = found.reason;
    json["certified_error"] = {{"lower", number_json(known->error.lower)},
                               {"upper", number_json(known->error.upper)}};
  }
  return json;
}

Json race_json(const SearchResult& result) {
  const Race& race = *result.race;
  const auto number = [&result](int index) {
    return result.race_numbers[static_cast<std::size_t>(index)];
  };
  Json set = Json::array();
  for (const int index : race.possibly_indistinguishable()) set.push_back(number(index));
  Json verdicts = Json::array();
  for (const PairVerdict& pair : race.against_winner)
    verdicts.push_back({{"first", number(pair.first)},
                        {"second", number(pair.second)},
                        {"less", to_string(pair.less.state)},
                        {"reason", pair.less.reason}});
  Json members = Json::array();
  for (std::size_t i = 0; i < race.indistinguishable.size(); ++i)
    members.push_back({{"trial", number(static_cast<int>(i))},
                       {"member", to_string(race.indistinguishable[i].state)},
                       {"reason", race.indistinguishable[i].reason}});
  return {
      {"winner", race.winner < 0 ? Json(nullptr) : Json(number(race.winner))},
      {"decided", race.decided()},
      {"certified", {{"full", race.count(Effort::kFull)}, {"coarse", race.count(Effort::kCoarse)}}},
      {"indistinguishable", set},
      {"verdicts", verdicts},
      {"membership", members}};
}

Json choice_json(int number) { return number < 0 ? Json(nullptr) : Json(number); }

}  // namespace

int chosen_trial(const std::vector<StoredTrial>& trials, double penalty) {
  int chosen = -1;
  double least = std::numeric_limits<double>::infinity();
  for (const StoredTrial& trial : trials) {
    if (!trial.evaluation.has_loss()) continue;
    const double value = trial.evaluation.loss + penalty * trial.evaluation.delta.value_or(0);
    if (chosen >= 0 && !(value < least)) continue;
    chosen = trial.number;
    least = value;
  }
  return chosen;
}

std::vector<int> pareto_front(const std::vector<StoredTrial>& trials) {
  std::vector<const StoredTrial*> known;
  for (const StoredTrial& trial : trials)
    if (trial.evaluation.has_loss() && trial.evaluation.delta) known.push_back(&trial);
  std::stable_sort(known.begin(), known.end(), [](const StoredTrial* a, const StoredTrial* b) {
    return std::pair(a->evaluation.loss, *a->evaluation.delta) <
           std::pair(b->evaluation.loss, *b->evaluation.delta);
  });
  std::vector<int> front;
  double least = std::numeric_limits<double>::infinity();
  for (const StoredTrial* trial : known) {
    if (!(*trial->evaluation.delta < least)) continue;
    least = *trial->evaluation.delta;
    front.push_back(trial->number);
  }
  return front;
}

bool reliable_order(const Evaluation& first, const Evaluation& second) {
  if (!first.has_loss() || !second.has_loss() || !first.delta || !second.delta) return false;
  const double low = std::min(first.loss, second.loss);
  const double high = std::max(first.loss, second.loss);
  return rounding::sub_down(high, low) > rounding::add_up(*first.delta, *second.delta);
}

std::string search_text(const SearchResult& result, int most) {
  return trials_table(result, most) + "\n" + choice_text(result.trials, result.penalty) +
         (result.race ? race_text(result) : "");
}

std::string search_json(const SearchResult& result) {
  Json trials = Json::array();
  for (const StoredTrial& trial : result.trials) trials.push_back(trial_json(result, trial));
  const int best = chosen_trial(result.trials, 0);
  const Pairs pairs = pairs_of(result.trials, best);
  Json document = {{"schema_version", 1},
                   {"study", result.study.name},
                   {"trials", trials},
                   {"best", choice_json(best)},
                   {"trusted", choice_json(chosen_trial(result.trials, result.penalty))},
                   {"pareto_front", pareto_front(result.trials)},
                   {"reliable_pairs", {{"with_best", pairs.all}, {"reliable", pairs.reliable}}}};
  if (result.race) document["race"] = race_json(result);
  return document.dump(2) + "\n";
}

}  // namespace numgeom

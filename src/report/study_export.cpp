#include "numgeom/report/study_export.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "train/assignment_json.hpp"

namespace numgeom {
namespace {

using Json = OrderedJson;

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string result = "\"";
  for (const char c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + "\"";
}

std::string row_of(const std::vector<std::string>& cells) {
  std::string row;
  for (std::size_t i = 0; i < cells.size(); ++i) row += (i == 0 ? "" : ",") + quoted(cells[i]);
  return row + "\r\n";
}

std::set<std::string> attribute_names(const std::vector<StoredTrial>& trials) {
  std::set<std::string> names;
  for (const StoredTrial& trial : trials)
    for (const auto& [name, value] : trial.attributes) names.insert(name);
  return names;
}

// ---- Optuna -----------------------------------------------------------------------------------

enum Operation { kCreateStudy = 0, kCreateTrial = 4 };
enum State { kRunning = 0, kComplete = 1, kFail = 3 };
constexpr const char* kWorker = "numgeom";

/// As `optuna.distributions.distribution_to_json` writes it.
std::string distribution(const Parameter& p) {
  Json json;
  if (p.is_nominal()) {
    Json choices = Json::array();
    if (p.kind == Parameter::Kind::kBoolean) choices = {false, true};
    for (const Value& choice : p.choices) choices.push_back(value_json(choice));
    json = {{"name", "CategoricalDistribution"}, {"attributes", {{"choices", choices}}}};
  } else if (p.kind == Parameter::Kind::kInt) {
    json = {{"name", "IntDistribution"},
            {"attributes",
             {{"log", p.logarithmic},
              {"step", p.step == 0 ? 1 : static_cast<std::int64_t>(p.step)},
              {"low", static_cast<std::int64_t>(p.low)},
              {"high", static_cast<std::int64_t>(p.high)}}}};
  } else {
    json = {{"name", "FloatDistribution"},
            {"attributes",
             {{"step", p.step > 0 ? Json(p.step) : Json(nullptr)},
              {"low", p.low},
              {"high", p.high},
              {"log", p.logarithmic}}}};
  }
  return json.dump();
}

/// What Optuna stores: the index of a choice, else the number.
Json internal_value(const Parameter& p, const Value& value) {
  if (p.kind == Parameter::Kind::kBoolean) return std::get<bool>(value) ? 1 : 0;
  if (p.kind == Parameter::Kind::kCategorical)
    return std::find(p.choices.begin(), p.choices.end(), value) - p.choices.begin();
  return value_json(value);
}

std::string time_text(double seconds) {
  const auto whole = static_cast<std::time_t>(std::floor(seconds));
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06d}", fmt::gmtime(whole),
                     static_cast<int>(std::floor((seconds - std::floor(seconds)) * 1e6)));
}

int state_number(const Evaluation& evaluation) {
  if (evaluation.state == Evaluation::State::kRunning) return kRunning;
  return evaluation.has_loss() ? kComplete : kFail;
}

Json trial_record(const Space& space, const StoredTrial& trial) {
  const Evaluation& evaluation = trial.evaluation;
  Json parameters = Json::object();
  Json distributions = Json::object();
  for (const auto& [name, value] : evaluation.assignment) {
    const Parameter* parameter = space.find(name);
    if (parameter == nullptr) continue;
    parameters[name] = internal_value(*parameter, value);
    distributions[name] = distribution(*parameter);
  }
  Json attributes = Json::object();
  if (evaluation.delta) attributes["delta"] = number_json(*evaluation.delta);
  if (evaluation.state == Evaluation::State::kDone && !evaluation.has_loss())
    attributes["loss"] = number_json(evaluation.loss);
  for (const auto& [name, value] : trial.attributes) attributes[name] = value_json(value);
  Json record = {{"op_code", kCreateTrial},
                 {"worker_id", kWorker},
                 {"study_id", 0},
                 {"datetime_start", time_text(trial.started)},
                 {"state", state_number(evaluation)},
                 {"params", parameters},
                 {"distributions", distributions},
                 {"user_attrs", attributes},
                 {"system_attrs", Json::object()},
                 {"intermediate_values", Json::object()}};
  if (evaluation.state != Evaluation::State::kRunning)
    record["datetime_complete"] = time_text(trial.finished);
  if (evaluation.has_loss()) record["value"] = evaluation.loss;
  return record;
}

}  // namespace

std::string study_csv(const Space& space, const std::vector<StoredTrial>& trials) {
  const std::set<std::string> attributes = attribute_names(trials);
  std::vector<std::string> cells{"number", "state", "loss", "delta"};
  for (const Parameter& parameter : space.parameters) cells.push_back(parameter.name);
  cells.insert(cells.end(), attributes.begin(), attributes.end());
  std::string text = row_of(cells);
  for (const StoredTrial& trial : trials) {
    const Evaluation& evaluation = trial.evaluation;
    const bool done = evaluation.state == Evaluation::State::kDone;
    cells = {std::to_string(trial.number), to_string(evaluation.state),
             done ? to_string(Value(evaluation.loss)) : "",
             evaluation.delta ? to_string(Value(*evaluation.delta)) : ""};
    for (const Parameter& parameter : space.parameters) {
      const Value* value = evaluation.assignment.find(parameter.name);
      cells.push_back(value == nullptr ? "" : to_string(*value));
    }
    for (const std::string& name : attributes) {
      const auto found = trial.attributes.find(name);
      cells.push_back(found == trial.attributes.end() ? "" : to_string(found->second));
    }
    text += row_of(cells);
  }
  return text;
}

std::string study_json(const StoredStudy& study, const std::vector<StoredTrial>& trials) {
  Json list = Json::array();
  for (const StoredTrial& trial : trials) {
    const Evaluation& evaluation = trial.evaluation;
    Json attributes = Json::object();
    for (const auto& [name, value] : trial.attributes) attributes[name] = value_json(value);
    Json one = {{"number", trial.number},
                {"state", to_string(evaluation.state)},
                {"parameters", assignment_json(evaluation.assignment)}};
    if (evaluation.state == Evaluation::State::kDone) one["loss"] = number_json(evaluation.loss);
    if (evaluation.delta) one["delta"] = number_json(*evaluation.delta);
    one["attributes"] = attributes;
    list.push_back(std::move(one));
  }
  const Json document = {{"schema_version", 1},
                         {"study", study.name},
                         {"definition", study.definition},
                         {"trials", list}};
  return document.dump(2) + "\n";
}

std::string optuna_journal(const StoredStudy& study, const Space& space,
                           const std::vector<StoredTrial>& trials) {
  constexpr int kMinimise = 1;
  std::string text = Json{{"op_code", kCreateStudy},
                          {"worker_id", kWorker},
                          {"study_name", study.name},
                          {"directions", {kMinimise}}}
                         .dump() +
                     "\n";
  for (const StoredTrial& trial : trials) text += trial_record(space, trial).dump() + "\n";
  return text;
}

}  // namespace numgeom

#include "page_document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "acquisition_surface.hpp"
#include "document.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

using Json = OrderedJson;

constexpr const char* kExpected = "a JSON document of numgeom certify, optimize or map expected";

/// A value of a document and where it is, for messages.
class Node {
 public:
  Node(const Json& json, std::string place) : json_(json), place_(std::move(place)) {}

  [[nodiscard]] const Json& json() const { return json_; }
  [[nodiscard]] bool has(const char* key) const { return json_.contains(key); }
  [[nodiscard]] Node at(const std::string& key) const {
    require(json_.is_object(), "an object");
    const std::string place = place_.empty() ? key : place_ + "." + key;
    const auto found = json_.find(key);
    if (found == json_.end()) throw Error(fmt::format("{}: the key is missing", place));
    return {*found, place};
  }
  [[nodiscard]] std::vector<Node> elements() const {
    require(json_.is_array(), "an array");
    std::vector<Node> result;
    for (std::size_t i = 0; i < json_.size(); ++i)
      result.emplace_back(json_[i], fmt::format("{}[{}]", place_, i));
    return result;
  }
  void object() const { require(json_.is_object(), "an object"); }
  [[nodiscard]] std::string text() const {
    require(json_.is_string(), "a string");
    return json_.get<std::string>();
  }
  [[nodiscard]] double number() const {
    try {
      return number_from_json(json_);
    } catch (const Error& error) {
      throw Error(fmt::format("{}: {}", place_, error.what()));
    }
  }
  [[nodiscard]] int index(std::size_t count) const {
    require(json_.is_number_integer() && json_ >= 0 && json_ < count,
            fmt::format("an integer from 0 to {}", static_cast<long>(count) - 1));
    return json_.get<int>();
  }
  void require(bool holds, const std::string& what) const {
    if (!holds) throw Error(fmt::format("{}: {} expected", place_.empty() ? "JSON" : place_, what));
  }

 private:
  const Json& json_;
  std::string place_;
};

void check_error(const Node& error) {
  (void)error.at("lower").number();
  (void)error.at("upper").number();
}

void check_enclosure(const Node& enclosure) {
  (void)enclosure.at("lower").text();
  (void)enclosure.at("upper").text();
  (void)enclosure.at("status").text();
}

void check_native(const Node& run) {
  (void)run.at("precision").text();
  (void)run.at("status").text();
  (void)run.at("loss").number();
  check_error(run.at("certified_error"));
  run.at("estimates").object();
  for (const auto& [name, value] : run.at("estimates").json().items())
    (void)run.at("estimates").at(name).number();
}

/// Pairs as one character each: kinds of verdict are numbered in the order in which they come.
class PackedPairs {
 public:
  explicit PackedPairs(std::size_t trials) {
    for (std::size_t i = 0; i < trials; ++i) rows_.emplace_back(trials - 1 - i, kNone);
  }

  void add(const Node& pair) {
    const auto first = static_cast<std::size_t>(pair.at("first").index(rows_.size()));
    const auto second = static_cast<std::size_t>(pair.at("second").index(rows_.size()));
    pair.require(first < second, "first < second");
    rows_[first][second - first - 1] = kind(pair.at("less").text(), pair.at("reason").text());
  }
  [[nodiscard]] const Json& kinds() const { return kinds_; }
  [[nodiscard]] const std::vector<std::string>& rows() const { return rows_; }

 private:
  static constexpr char kNone = '!';
  static constexpr char kFirst = '#';
  static constexpr std::size_t kMost = 50;  ///< up to here characters are no backslash

  char kind(const std::string& less, std::string reason) {
    if (numbers_.size() >= kMost && !numbers_.contains({less, reason})) reason = "see the document";
    const auto [known, added] = numbers_.emplace(std::pair(less, reason), numbers_.size());
    if (added) kinds_.push_back({{"less", less}, {"reason", reason}});
    return static_cast<char>(kFirst + static_cast<char>(known->second));
  }

  std::map<std::pair<std::string, std::string>, std::size_t> numbers_;
  Json kinds_ = Json::array();
  std::vector<std::string> rows_;
};

Json packed_ranking(const Node& ranking, std::size_t trials) {
  const std::vector<Node> order = ranking.at("order").elements();
  for (const Node& one : order) (void)one.index(trials);
  PackedPairs pairs(trials);
  for (const Node& pair : ranking.at("pairs").elements()) pairs.add(pair);
  for (const Node& native : ranking.at("native").elements()) {
    (void)native.at("precision").text();
    for (const Node& one : native.at("indistinguishable").elements()) (void)one.index(trials);
    for (const Node& flip : native.at("flips").elements()) {
      (void)flip.at("native_better").index(trials);
      (void)flip.at("exact_better").index(trials);
    }
  }
  Json packed = ranking.json();
  packed.erase("pairs");
  packed["verdict_kinds"] = pairs.kinds();
  packed["verdicts"] = pairs.rows();
  return packed;
}

Json certification_document(const Node& document) {
  document.at("problem").object();
  document.at("build").object();
  (void)document.at("estimators").elements();
  const std::vector<Node> trials = document.at("trials").elements();
  for (const Node& trial : trials) {
    trial.at("configuration").object();
    check_enclosure(trial.at("enclosure"));
    for (const Node& run : trial.at("native").elements()) check_native(run);
  }
  Json result = document.json();
  result["kind"] = "certify";
  result["ranking"] = packed_ranking(document.at("ranking"), trials.size());
  return result;
}

Evaluation evaluation_of(const Node& trial) {
  Evaluation result;
  result.assignment = assignment_from_json(trial.at("parameters").json());
  const std::string status = trial.at("status").text();
  if (status == "running") return result;
  result.state = status == "failed" ? Evaluation::State::kFailed : Evaluation::State::kDone;
  if (result.state == Evaluation::State::kDone) result.loss = trial.at("loss").number();
  if (trial.has("delta")) result.delta = trial.at("delta").number();
  return result;
}

/// A hyperparameter as far as the values tell: their range or their choices.
Parameter parameter_from_values(const std::string& name, const std::vector<Value>& values) {
  constexpr double kDecades = 30;  ///< a greater ratio of the ends looks logarithmic
  const auto is_real = [](const Value& value) { return std::holds_alternative<double>(value); };
  const auto is_number = [&is_real](const Value& value) {
    return is_real(value) || std::holds_alternative<std::int64_t>(value);
  };
  if (!std::all_of(values.begin(), values.end(), is_number)) {
    std::vector<Value> choices;
    for (const Value& value : values)
      if (std::find(choices.begin(), choices.end(), value) == choices.end())
        choices.push_back(value);
    return choices.size() == 1 ? Parameter::fixed(name, choices.front())
                               : Parameter::categorical(name, choices);
  }
  std::vector<double> numbers;
  for (const Value& value : values) numbers.push_back(to_number(value));
  const auto [low, high] = std::minmax_element(numbers.begin(), numbers.end());
  const bool logarithmic = *low > 0 && *high > kDecades * *low;
  if (std::any_of(values.begin(), values.end(), is_real))
    return Parameter::real(name, *low, *high, logarithmic);
  return Parameter::integer(name, static_cast<std::int64_t>(*low), static_cast<std::int64_t>(*high),
                            logarithmic);
}

/// The space of a search: ranges as `space` says, else as far as trials went.
Space space_of(const Node& document, const History& history) {
  std::vector<std::pair<std::string, std::vector<Value>>> values;
  for (const Evaluation& evaluation : history)
    for (const auto& [name, value] : evaluation.assignment) {
      auto found = std::find_if(values.begin(), values.end(),
                                [&name = name](const auto& one) { return one.first == name; });
      if (found == values.end()) found = values.insert(values.end(), {name, {}});
      found->second.push_back(value);
    }
  Space space;
  for (const auto& [name, seen] : values)
    space.parameters.push_back(parameter_from_values(name, seen));
  if (!document.has("space")) return space;
  for (const Node& one : document.at("space").elements())
    for (Parameter& parameter : space.parameters) {
      if (parameter.name != one.at("name").text() || parameter.is_nominal()) continue;
      parameter.low = one.at("low").number();
      parameter.high = one.at("high").number();
      parameter.logarithmic = one.at("scale").text() == "log";
    }
  return space;
}

/// Null where some hyperparameter is not in every trial.
Json acquisition_of(const Node& document, const History& history) {
  try {
    return acquisition_surface(space_of(document, history), history);
  } catch (const Error&) {
    return nullptr;
  }
}

Json search_document(const Node& document) {
  History history;
  (void)document.at("study").text();
  (void)document.at("pareto_front").elements();
  for (const Node& trial : document.at("trials").elements()) {
    (void)trial.at("number").number();
    history.push_back(evaluation_of(trial));
    if (trial.has("enclosure")) check_enclosure(trial.at("enclosure"));
    if (trial.has("certified_error")) check_error(trial.at("certified_error"));
  }
  if (document.has("race")) {
    (void)document.at("race").at("indistinguishable").elements();
    (void)document.at("race").at("verdicts").elements();
    (void)document.at("race").at("membership").elements();
  }
  Json result = document.json();
  result["kind"] = "search";
  if (Json acquisition = acquisition_of(document, history); !acquisition.is_null())
    result["acquisition"] = std::move(acquisition);
  return result;
}

Json map_document(const Node& document) {
  const std::vector<Node> axes = document.at("axes").elements();
  document.at("axes").require(axes.size() == 2, "two axes");
  std::vector<std::size_t> sizes;
  for (const Node& axis : axes) {
    (void)axis.at("name").text();
    (void)axis.at("scale").text();
    sizes.push_back(axis.at("values").elements().size());
    for (const Node& value : axis.at("values").elements()) (void)value.number();
  }
  for (const Node& cell : document.at("cells").elements()) {
    (void)cell.at("x").index(sizes[0]);
    (void)cell.at("y").index(sizes[1]);
    (void)cell.at("verdict").text();
    (void)cell.at("log10_relative_error").number();
  }
  return document.json();
}

Json parse(const std::string& document) {
  try {
    return Json::parse(document);
  } catch (const nlohmann::json::exception& error) {
    throw Error(fmt::format("{}: {}", kExpected, error.what()));
  }
}

}  // namespace

OrderedJson page_document(const std::string& document) {
  const Json json = parse(document);
  if (!json.is_object()) throw Error(kExpected);
  const Node root(json, "");
  if (!root.has("schema_version")) throw Error(fmt::format("{}: no schema_version", kExpected));
  if (json["schema_version"] != kSchemaVersion)
    throw Error(fmt::format("schema_version: {} expected, not {}", kSchemaVersion,
                            json["schema_version"].dump()));
  if (root.has("kind") && json["kind"] == "map") return map_document(root);
  if (root.has("kind")) throw Error(fmt::format("{}: kind {}", kExpected, json["kind"].dump()));
  if (root.has("ranking")) return certification_document(root);
  if (root.has("pareto_front")) return search_document(root);
  throw Error(kExpected);
}

}  // namespace numgeom

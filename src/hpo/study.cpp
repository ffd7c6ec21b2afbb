#include "numgeom/hpo/study.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "numgeom/data/catalog.hpp"
#include "numgeom/data/file.hpp"
#include "numgeom/data/sha256.hpp"
#include "numgeom/error.hpp"
#include "numgeom/hpo/design.hpp"
#include "numgeom/version.hpp"
#include "toml_reader.hpp"

namespace numgeom {
namespace {

constexpr std::int64_t kMostRows = 100'000'000;
constexpr std::int64_t kMostTrials = 1'000'000;
constexpr std::int64_t kMostInt = std::numeric_limits<std::int32_t>::max();

/// A sub-table that must be there.
TomlReader require_table(TomlReader& root, const char* key) {
  auto table = root.table(key);
  if (!table) root.fail("", fmt::format("the table [{}] is missing", key));
  return *table;
}

/// Training options that a hyperparameter of the same name sets.
constexpr std::array kTrainingNames = {"lr", "weight_decay", "epochs", "batch", "initialization"};

/// The one value that is supported today; anything else is refused by name.
void require_choice(TomlReader& reader, const char* key, const std::string& only) {
  const auto value = reader.string(key);
  if (value && *value != only)
    reader.fail(key, fmt::format("'{}' expected, not '{}'", only, *value));
}

int integer_or(TomlReader& reader, const char* key, std::int64_t low, std::int64_t high,
               int otherwise) {
  return static_cast<int>(reader.integer(key, low, high).value_or(otherwise));
}

std::uint64_t seed_or(TomlReader& reader, const char* key, std::uint64_t otherwise) {
  const auto value = reader.integer(key, 0, std::numeric_limits<std::int64_t>::max());
  return value ? static_cast<std::uint64_t>(*value) : otherwise;
}

/// Paths are relative to the study file; names of the catalog stay names.
std::string resolve_path(const std::filesystem::path& study, const std::string& path) {
  if (path.empty() || is_catalog_name(path) || std::filesystem::path(path).is_absolute())
    return path;
  return (study.parent_path() / path).string();
}

void read_synthetic(TomlReader reader, SyntheticOptions& options) {
  options.features = integer_or(reader, "features", 1, kMostInt, options.features);
  options.informative = integer_or(reader, "informative", 1, kMostInt, options.informative);
  options.classes = integer_or(reader, "classes", 2, kMostInt, options.classes);
  options.separation = reader.number("separation").value_or(options.separation);
  options.noise = reader.number("noise").value_or(options.noise);
  options.seed = seed_or(reader, "seed", options.seed);
  reader.finish();
  reader.at("", [&options] { validate(options); });
}

void read_problem(TomlReader reader, Study& study) {
  const auto dataset = reader.string("dataset");
  if (!dataset) reader.fail("", "the key dataset is missing: a name or a path");
  study.data.dataset = resolve_path(study.file, *dataset);
  study.data.labels = resolve_path(study.file, reader.string("labels").value_or(""));
  study.data.label_column = reader.string("label_column").value_or("");
  study.data.preprocessing.pool = integer_or(reader, "pool", 1, kMostInt, 1);
  if (const auto scale = reader.string("scale"))
    study.data.preprocessing.scale = reader.at("scale", [&] { return scale_from_string(*scale); });
  study.data.split.train = integer_or(reader, "train", 1, kMostRows, study.data.split.train);
  study.data.split.validation =
      integer_or(reader, "validation", 1, kMostRows, study.data.split.validation);
  if (reader.contains("shuffle_seed"))
    study.data.split.shuffle_seed = seed_or(reader, "shuffle_seed", 0);
  auto network = reader.layers("network");
  if (!network) reader.fail("", "the key network is missing: an array such as [\"dense 10\"]");
  study.network = NetworkTemplate(std::move(*network));
  require_choice(reader, "loss", "cross_entropy");
  if (auto synthetic = reader.table("synthetic")) {
    if (*dataset != "synthetic")
      reader.fail("synthetic",
                  fmt::format("only for dataset = \"synthetic\", not \"{}\"", *dataset));
    read_synthetic(*synthetic, study.data.synthetic);
  }
  reader.finish();
}

Initialization parse_initialization(const std::string& name) {
  if (name == "he") return Initialization::kHe;
  if (name == "glorot") return Initialization::kGlorot;
  throw Error(fmt::format("'he' or 'glorot' expected, not '{}'", name));
}

void read_training(TomlReader reader, Study& study) {
  require_choice(reader, "optimizer", "sgd");
  study.training.epochs = integer_or(reader, "epochs", 1, kMostInt, study.training.epochs);
  study.training.batch = integer_or(reader, "batch", 1, kMostRows, study.training.batch);
  if (const auto name = reader.string("initialization"))
    study.training.initialization =
        reader.at("initialization", [&] { return parse_initialization(*name); });
  study.seed = seed_or(reader, "seed", study.seed);
  reader.finish();
}

void read_native(TomlReader reader, Study& study) {
  if (const auto names = reader.strings("precision")) {
    study.precisions.clear();
    for (const std::string& name : *names) {
      const Precision precision = reader.at("precision", [&] { return parse_precision(name); });
      for (const Precision other : study.precisions)
        if (other == precision) reader.fail("precision", fmt::format("'{}' is named twice", name));
      study.precisions.push_back(precision);
    }
    if (study.precisions.empty()) reader.fail("precision", "at least one precision expected");
  }
  reader.finish();
}

/// Throws where a training option cannot have this value.
void validate_training_value(const std::string& name, const Value& value) {
  const auto fail = [&](const char* expected) {
    throw Error(fmt::format("{}: {} expected, not {}", name, expected, to_string(value)));
  };
  if (name == "initialization") {
    if (!std::holds_alternative<std::string>(value)) fail("'he' or 'glorot'");
    (void)parse_initialization(std::get<std::string>(value));
  } else if (name == "lr" || name == "weight_decay") {
    const auto* number = std::get_if<double>(&value);
    if (number == nullptr || !std::isfinite(*number) || *number < 0) fail("a finite number ≥ 0");
  } else if (name == "epochs" || name == "batch") {
    const auto* number = std::get_if<std::int64_t>(&value);
    if (number == nullptr || *number < 1 || *number > kMostInt) fail("an integer ≥ 1");
  }
}

void validate_training_values(const Parameter& parameter) {
  switch (parameter.kind) {
    case Parameter::Kind::kCategorical:
      for (const Value& choice : parameter.choices) validate_training_value(parameter.name, choice);
      break;
    case Parameter::Kind::kBoolean:
      validate_training_value(parameter.name, Value(true));
      break;
    default:
      validate_training_value(parameter.name, parameter.at(0));
      validate_training_value(parameter.name, parameter.at(1));
  }
}

/// Where a training option is given, its values have its type whatever the file says.
bool is_whole(const std::string& name) { return name == "epochs" || name == "batch"; }
bool is_real(const std::string& name) { return name == "lr" || name == "weight_decay"; }

Condition read_condition(TomlReader reader) {
  const std::vector<std::string> keys = reader.keys();
  if (keys.size() != 1) reader.fail("", "one hyperparameter and its values expected");
  return {keys.front(), *reader.scalars(keys.front().c_str())};
}

bool read_scale(TomlReader& reader) {
  const std::string scale = reader.string("scale").value_or("linear");
  if (scale != "linear" && scale != "log")
    reader.fail("scale", fmt::format("'linear' or 'log' expected, not '{}'", scale));
  return scale == "log";
}

/// float, int or bool.
Parameter::Kind read_type(TomlReader& reader, const std::string& name) {
  const std::string type = reader.string("type").value_or(is_whole(name) ? "int" : "float");
  if (type == "bool") return Parameter::Kind::kBoolean;
  if (type == "int" && !is_real(name)) return Parameter::Kind::kInt;
  if (type == "float" && !is_whole(name)) return Parameter::Kind::kFloat;
  reader.fail("type", is_real(name)    ? "'float' expected"
                      : is_whole(name) ? "'int' expected"
                                       : "'float', 'int' or 'bool' expected, not '" + type + "'");
}

Parameter read_parameter_table(TomlReader reader, const std::string& name) {
  Parameter parameter = Parameter::boolean(name);
  if (auto choices = reader.scalars("choices")) {
    if (is_real(name))
      for (Value& choice : *choices)
        choice = reader.at("choices", [&] { return Value(to_number(choice)); });
    parameter = Parameter::categorical(name, std::move(*choices));
  } else {
    parameter.kind = read_type(reader, name);
    if (parameter.kind != Parameter::Kind::kBoolean) {
      const auto low = reader.number("low");
      const auto high = reader.number("high");
      if (!low || !high) reader.fail("", "low and high expected");
      parameter.low = *low;
      parameter.high = *high;
      parameter.step = reader.number("step").value_or(0);
      parameter.logarithmic = read_scale(reader);
    }
  }
  if (auto when = reader.table("when")) parameter.condition = read_condition(*when);
  reader.finish();
  return parameter;
}

Parameter read_parameter(TomlReader& reader, const std::string& name) {
  const char* key = name.c_str();
  Parameter parameter;
  if (reader.is_table(key)) {
    parameter = read_parameter_table(*reader.table(key), name);
  } else if (is_real(name)) {
    parameter = Parameter::fixed(name, *reader.number(key));
  } else {
    parameter = Parameter::fixed(name, *reader.scalar(key));
  }
  reader.at(name, [&] {
    parameter.validate();
    validate_training_values(parameter);
  });
  return parameter;
}

/// Conditions point upwards: a hyperparameter goes below the one that it depends on.
void sort_by_conditions(std::vector<Parameter>& parameters) {
  std::vector<Parameter> sorted;
  const auto is_there = [&sorted](const std::string& name) {
    return std::any_of(sorted.begin(), sorted.end(),
                       [&name](const Parameter& p) { return p.name == name; });
  };
  std::vector<Parameter> waiting = std::move(parameters);
  for (std::size_t before = waiting.size() + 1; before != waiting.size();) {
    before = waiting.size();
    for (auto one = waiting.begin(); one != waiting.end();) {
      if (one->condition && !is_there(one->condition->parameter)) {
        ++one;
        continue;
      }
      sorted.push_back(std::move(*one));
      one = waiting.erase(one);
    }
  }
  // What waits for something that is not there is refused by `Space::validate`.
  std::move(waiting.begin(), waiting.end(), std::back_inserter(sorted));
  parameters = std::move(sorted);
}

void read_space(TomlReader reader, Study& study) {
  std::vector<Parameter>& parameters = study.space.parameters;
  for (Parameter& parameter : parameters)
    if (reader.contains(parameter.name.c_str())) parameter = read_parameter(reader, parameter.name);
  const std::vector<Parameter> given = parameters;
  for (const std::string& key : reader.keys()) {
    const bool known = std::any_of(given.begin(), given.end(),
                                   [&key](const Parameter& p) { return p.name == key; });
    if (!known && key != "constraints") parameters.push_back(read_parameter(reader, key));
  }
  sort_by_conditions(parameters);
  if (const auto texts = reader.strings("constraints"))
    for (const std::string& text : *texts)
      study.space.constraints.push_back(
          reader.at("constraints", [&text] { return Constraint(text); }));
  reader.finish();
  reader.at("", [&study] { study.space.validate(); });
}

Assignment read_configuration(TomlReader reader, const Study& study) {
  Assignment assignment;
  for (const Parameter& parameter : study.space.parameters) {
    const char* key = parameter.name.c_str();
    if (is_real(parameter.name)) {
      if (const auto number = reader.number(key))
        assignment.add(parameter.name, *number);
      else if (parameter.is_fixed())
        assignment.add(parameter.name, parameter.at(0));
      else
        reader.fail("", fmt::format("the key {} is missing", key));
    } else if (const auto value = reader.scalar(key)) {
      assignment.add(parameter.name, *value);
    } else if (parameter.is_fixed()) {
      assignment.add(parameter.name, parameter.at(0));
    } else if (!parameter.condition) {
      reader.fail("", fmt::format("the key {} is missing", key));
    }
  }
  reader.finish();
  reader.at("", [&] {
    for (const auto& [name, value] : assignment) validate_training_value(name, value);
  });
  return assignment;
}

Penalty read_penalty(TomlReader& reader) {
  const auto checked = [&reader](const TomlReader& at, double value) {
    if (!(std::isfinite(value) && value >= 0))
      at.fail("", fmt::format("penalty: a finite number ≥ 0 expected, not {}", value));
    return value;
  };
  if (!reader.is_table("penalty")) {
    const double value = checked(reader, reader.number("penalty").value_or(1));
    return {value, value};
  }
  TomlReader table = *reader.table("penalty");
  const auto first = table.number("first");
  const auto last = table.number("last");
  if (!first || !last) table.fail("", "first and last expected");
  table.finish();
  return {checked(table, *first), checked(table, *last)};
}

void read_gp(TomlReader& reader, Search& search) {
  if (const auto name = reader.string("acquisition"))
    search.acquisition = reader.at("acquisition", [&] { return parse_acquisition(*name); });
  if (const auto name = reader.string("incumbent")) {
    if (*name != "observed" && *name != "posterior")
      reader.fail("incumbent", fmt::format("'observed' or 'posterior' expected, not '{}'", *name));
    search.incumbent = *name == "posterior" ? Incumbent::kPosterior : Incumbent::kObserved;
  }
  if (search.acquisition == AcquisitionKind::kPrecisionAware) search.penalty = read_penalty(reader);
  if (search.acquisition == AcquisitionKind::kConfidenceBound) {
    search.exploration = reader.number("exploration").value_or(search.exploration);
    if (!(std::isfinite(search.exploration) && search.exploration >= 0))
      reader.fail("exploration",
                  fmt::format("a finite number ≥ 0 expected, not {}", search.exploration));
  }
}

void read_list(TomlReader& reader, Study& study) {
  const auto entries = reader.tables("configurations");
  if (!entries || entries->empty())
    reader.fail(entries ? "configurations" : "",
                "method \"list\" needs at least one entry in configurations");
  for (const TomlReader& entry : *entries)
    study.search.configurations.push_back(read_configuration(entry, study));
}

/// Keys of other methods are refused: they would be ignored otherwise.
void read_search(TomlReader reader, Study& study) {
  Search& search = study.search;
  if (const auto name = reader.string("method"))
    search.method = reader.at("method", [&] { return parse_search_method(*name); });
  if (search.method == SearchMethod::kList) {
    read_list(reader, study);
  } else if (search.method == SearchMethod::kGrid) {
    search.points = integer_or(reader, "points", 1, 1000, search.points);
  } else {
    search.trials = integer_or(reader, "trials", 1, kMostTrials, search.trials);
    if (reader.contains("seed")) search.seed = seed_or(reader, "seed", 0);
    if (!is_design(search.method))
      search.startup = integer_or(reader, "startup", 1, kMostTrials, search.startup);
    if (search.method == SearchMethod::kGp) read_gp(reader, search);
  }
  reader.finish();
}

void read_certify(TomlReader reader, Study& study) {
  study.certify.width = reader.number("width").value_or(study.certify.width);
  study.certify.tightness = reader.number("tightness").value_or(study.certify.tightness);
  study.certify.max_bits = integer_or(reader, "max_bits", 53, 1 << 20, study.certify.max_bits);
  reader.finish();
  reader.at("", [&] { study.certify.validate(); });
}

toml::table parse(const std::string& text, const std::filesystem::path& file) {
  try {
    return toml::parse(text, file.string());
  } catch (const toml::parse_error& error) {
    throw Error(fmt::format("{}:{}: TOML: {}", file.string(), error.source().begin.line,
                            error.description()));
  }
}

/// The network mentions no hyperparameter that is not there; without any, it is wrong or right once
/// and for all.
void validate_network(const TomlReader& problem, const Study& study) {
  problem.at("network", [&study] {
    for (const std::string& name : study.network.names())
      if (study.space.find(name) == nullptr)
        throw Error(fmt::format("${}: [space] has no such hyperparameter", name));
    if (study.network.names().empty()) (void)study.network.instantiate({});
  });
}

/// Every hyperparameter has an effect.
void validate_use(const TomlReader& space, const Study& study) {
  std::vector<std::string> used(kTrainingNames.begin(), kTrainingNames.end());
  const auto add = [&used](const std::vector<std::string>& names) {
    used.insert(used.end(), names.begin(), names.end());
  };
  add(study.network.names());
  for (const Parameter& parameter : study.space.parameters)
    if (parameter.condition) used.push_back(parameter.condition->parameter);
  for (const Constraint& constraint : study.space.constraints) add(constraint.names());
  for (const Parameter& parameter : study.space.parameters)
    if (std::find(used.begin(), used.end(), parameter.name) == used.end())
      space.fail(
          parameter.name,
          fmt::format("unknown key; expected one of {}, or a name that the network mentions as ${}",
                      fmt::join(kTrainingNames, ", "), parameter.name));
}

/// Reads the tables of a study that trains here.
void read_own(TomlReader& root, Study& study) {
  read_problem(require_table(root, "problem"), study);
  if (auto training = root.table("training")) read_training(*training, study);
  if (auto native = root.table("native")) read_native(*native, study);
  if (auto space = root.table("space")) read_space(*space, study);
  if (auto search = root.table("search")) read_search(*search, study);
  if (auto certify = root.table("certify")) read_certify(*certify, study);
  root.finish();
  validate_network(*root.table("problem"), study);
  if (const auto space = root.table("space")) validate_use(*space, study);
}

/// Without [problem] only the search is ours.
void read_external(TomlReader& root, Study& study) {
  study.external = true;
  study.space = {};
  read_space(*root.table("space"), study);
  if (auto search = root.table("search")) read_search(*search, study);
  root.finish();
}

/// What tells the problems of a study apart.
std::string problem_key(const Problem& problem) {
  return fmt::format("{} {} {} {}", fmt::join(problem.network.describe(), ","),
                     problem.training.epochs, problem.training.batch,
                     static_cast<int>(problem.training.initialization));
}

double number_in(const Assignment& assignment, const char* name, double otherwise) {
  const Value* value = assignment.find(name);
  return value == nullptr ? otherwise : to_number(*value);
}

TrainingOptions training_of(const TrainingOptions& options, const Assignment& assignment) {
  TrainingOptions result = options;
  result.epochs = static_cast<int>(number_in(assignment, "epochs", options.epochs));
  result.batch = static_cast<int>(number_in(assignment, "batch", options.batch));
  if (const Value* value = assignment.find("initialization"))
    result.initialization = parse_initialization(to_string(*value));
  return result;
}

}  // namespace

Space Study::default_space() {
  return {{Parameter::real("lr", 1e-3, 1.0, true), Parameter::fixed("weight_decay", 0.0)}, {}};
}

Study read_study(const std::filesystem::path& file) {
  return parse_study(read_file(file).bytes, file);
}

Study parse_study(const std::string& text, const std::filesystem::path& file) {
  Study study;
  study.file = file;
  study.text = text;
  const toml::table table = parse(text, file);
  TomlReader root(file, table, "");
  if (!root.contains("problem") && root.contains("space"))
    read_external(root, study);
  else
    read_own(root, study);
  return study;
}

LoadedStudy::LoadedStudy(Study study) : study_(std::move(study)) {
  const std::string file = study_.file.string();
  if (study_.external)
    throw Error(fmt::format("{}: the table [problem] is missing: others train its trials", file));
  try {
    data_ = std::make_shared<const Split>(load_problem_data(study_.data));
    if (study_.network.names().empty())
      Problem{data_, study_.network.instantiate({}), study_.training}.validate();
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", file, error.what()));
  }
}

std::string LoadedStudy::data_hash() const {
  const std::lock_guard lock(mutex_);
  if (!data_hash_.empty()) return data_hash_;
  std::string text;
  for (const Dataset* part : {&data_->train, &data_->validation}) {
    text += fmt::format("{} {} ", part->features.rows(), part->features.cols());
    text.append(reinterpret_cast<const char*>(part->features.data()),
                sizeof(float) * static_cast<std::size_t>(part->features.size()));
    for (const int label : part->labels) text += fmt::format("{} ", label);
  }
  data_hash_ = sha256(text);
  return data_hash_;
}

std::string LoadedStudy::fingerprint() const {
  return sha256(fmt::format("{} {} {} {}", kVersion, kResultRevision, data_hash(), study_.text));
}

Trial LoadedStudy::trial(const Assignment& assignment) const {
  Problem problem{data_, study_.network.instantiate(assignment),
                  training_of(study_.training, assignment)};
  problem.validate();
  const Configuration configuration{to_number(assignment.at("lr")),
                                    number_in(assignment, "weight_decay", 0)};
  configuration.validate();
  const std::string key = problem_key(problem);
  const std::lock_guard lock(mutex_);
  auto& known = problems_[key];
  if (!known) known = std::make_unique<const Problem>(std::move(problem));
  return {known.get(), configuration, study_.seed, assignment};
}

std::vector<Trial> LoadedStudy::trials() const {
  std::vector<Trial> result;
  try {
    for (const Assignment& assignment : sample(study_.space, study_.search))
      result.push_back(trial(assignment));
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", study_.file.string(), error.what()));
  }
  return result;
}

}  // namespace numgeom

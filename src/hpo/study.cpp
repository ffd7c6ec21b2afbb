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
constexpr std::array kReals = {"lr",    "weight_decay", "l1",    "clip_norm", "momentum",
                               "beta1", "beta2",        "decay", "epsilon"};
constexpr std::array kIntegers = {"epochs", "batch", "warmup_steps"};
constexpr std::array kNames = {"initialization", "optimizer", "schedule"};

template <std::size_t n>
bool is_in(const std::array<const char*, n>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> training_names() {
  std::vector<std::string> names(kReals.begin(), kReals.end());
  names.insert(names.end(), kIntegers.begin(), kIntegers.end());
  names.insert(names.end(), kNames.begin(), kNames.end());
  return names;
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

void read_synthetic(TomlReader reader, SyntheticRegressionOptions& options) {
  options.features = integer_or(reader, "features", 1, kMostInt, options.features);
  options.informative = integer_or(reader, "informative", 1, kMostInt, options.informative);
  options.outputs = integer_or(reader, "outputs", 1, kMostInt, options.outputs);
  options.nonlinearity = reader.number("nonlinearity").value_or(options.nonlinearity);
  options.noise = reader.number("noise").value_or(options.noise);
  options.seed = seed_or(reader, "seed", options.seed);
  reader.finish();
  reader.at("", [&options] { validate(options); });
}

/// Columns of a CSV file that are real targets.
void read_target_columns(TomlReader& reader, Study& study) {
  auto names = reader.strings("target_columns");
  if (!names) return;
  if (names->empty()) reader.fail("target_columns", "at least one column expected");
  if (!study.data.label_column.empty())
    reader.fail("target_columns", "not together with label_column");
  study.data.target_columns = std::move(*names);
}

void read_problem(TomlReader reader, Study& study) {
  const auto dataset = reader.string("dataset");
  if (!dataset) reader.fail("", "the key dataset is missing: a name or a path");
  study.data.dataset = resolve_path(study.file, *dataset);
  study.data.labels = resolve_path(study.file, reader.string("labels").value_or(""));
  study.data.label_column = reader.string("label_column").value_or("");
  read_target_columns(reader, study);
  study.data.preprocessing.pool = integer_or(reader, "pool", 1, kMostInt, 1);
  study.data.preprocessing.grayscale = reader.boolean("grayscale").value_or(false);
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
  if (const auto name = reader.string("loss"))
    study.loss.kind = reader.at("loss", [&] { return parse_loss(*name); });
  if (study.loss.kind == Loss::Kind::kCrossEntropy)
    study.loss.label_smoothing = reader.number("label_smoothing").value_or(0);
  if (study.loss.kind == Loss::Kind::kHuber)
    study.loss.huber_delta = reader.number("huber_delta").value_or(1);
  const bool smoothed = study.loss.kind == Loss::Kind::kCrossEntropy;
  reader.at(smoothed ? "label_smoothing" : "huber_delta", [&] { study.loss.validate(); });
  for (const char* key : {"network", "loss"}) study.places[key] = reader.place(key);
  if (auto synthetic = reader.table("synthetic")) {
    if (*dataset == "synthetic")
      read_synthetic(*synthetic, study.data.synthetic);
    else if (*dataset == "synthetic_regression")
      read_synthetic(*synthetic, study.data.synthetic_regression);
    else
      reader.fail("synthetic", fmt::format("only for dataset = \"synthetic\" or "
                                           "\"synthetic_regression\", not \"{}\"",
                                           *dataset));
  }
  reader.finish();
}

/// The training option or real hyperparameter of this name. Throws `Error` for a value that it
/// cannot have.
void set_option(const std::string& name, const Value& value, TrainingOptions& options,
                Configuration& configuration) {
  const auto fail = [&](const char* expected) {
    throw Error(fmt::format("{}: {} expected, not {}", name, expected, to_string(value)));
  };
  if (is_in(kReals, name)) {
    const auto* number = std::get_if<double>(&value);
    if (number == nullptr) fail("a number");
    const std::array<double*, kReals.size()> fields = {
        &configuration.lr,        &configuration.weight_decay, &configuration.l1,
        &configuration.clip_norm, &configuration.momentum,     &configuration.beta1,
        &configuration.beta2,     &configuration.decay,        &configuration.epsilon};
    const auto index = std::find(kReals.begin(), kReals.end(), name) - kReals.begin();
    *fields[static_cast<std::size_t>(index)] = *number;
    configuration.validate();
  } else if (is_in(kIntegers, name)) {
    const auto* number = std::get_if<std::int64_t>(&value);
    const std::int64_t least = name == "warmup_steps" ? 0 : 1;
    if (number == nullptr || *number < least || *number > kMostInt)
      fail(least == 0 ? "an integer ≥ 0" : "an integer ≥ 1");
    int& field = name == "epochs"  ? options.epochs
                 : name == "batch" ? options.batch
                                   : options.schedule.warmup;
    field = static_cast<int>(*number);
  } else if (is_in(kNames, name)) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) fail("a name");
    try {
      if (name == "initialization") options.initialization = parse_initialization(*text);
      if (name == "optimizer") options.optimizer = parse_optimizer(*text);
      if (name == "schedule") options.schedule.kind = parse_schedule(*text);
    } catch (const Error& error) {
      throw Error(fmt::format("{}: {}", name, error.what()));
    }
  }
}

void read_training(TomlReader reader, Study& study) {
  TrainingOptions& options = study.training;
  Schedule& schedule = options.schedule;
  options.epochs = integer_or(reader, "epochs", 1, kMostInt, options.epochs);
  options.batch = integer_or(reader, "batch", 1, kMostRows, options.batch);
  const auto read_name = [&reader](const char* key, const auto& parse, auto& field) {
    if (const auto name = reader.string(key)) field = reader.at(key, [&] { return parse(*name); });
  };
  read_name("initialization", parse_initialization, options.initialization);
  read_name("optimizer", parse_optimizer, options.optimizer);
  read_name("schedule", parse_schedule, schedule.kind);
  schedule.warmup = integer_or(reader, "warmup_steps", 0, kMostInt, schedule.warmup);
  schedule.period = integer_or(reader, "step_epochs", 1, kMostInt, schedule.period);
  schedule.factor = reader.number("step_factor").value_or(schedule.factor);
  for (const char* name : kReals) {
    if (std::string_view(name) == "lr" || std::string_view(name) == "weight_decay") continue;
    if (const auto value = reader.number(name))
      reader.at(name, [&] { set_option(name, *value, options, study.configuration); });
  }
  if (const auto path = reader.string("initial_weights")) {
    if (path->empty()) reader.fail("initial_weights", "the name of an NPZ file expected");
    study.initial_weights = study.file.parent_path() / *path;
    const std::string file = study.initial_weights.string();
    study.places[file] = fmt::format("{}: {}", reader.place("initial_weights"), file);
  }
  study.seed = seed_or(reader, "seed", study.seed);
  reader.finish();
  reader.at("", [&options] { options.validate(); });
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
  TrainingOptions options;
  Configuration configuration;
  set_option(name, value, options, configuration);
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
bool is_whole(const std::string& name) { return is_in(kIntegers, name); }
bool is_real(const std::string& name) { return is_in(kReals, name); }

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
  std::vector<std::string> used = training_names();
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
                      fmt::join(training_names(), ", "), parameter.name));
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
  const TrainingOptions& t = problem.training;
  return fmt::format("{} {} {} {} {} {} {}", fmt::join(problem.network.describe(), ","), t.epochs,
                     t.batch, to_string(t.initialization), to_string(t.optimizer),
                     to_string(t.schedule.kind), t.schedule.warmup);
}

/// An error that only the data bring to light, with the file and, if the study has the key that the
/// message starts with, its line.
std::string located(const Study& study, const std::string& message) {
  const std::string key = message.substr(0, message.find(':'));
  const auto place = study.places.find(key);
  return place == study.places.end() ? fmt::format("{}: {}", study.file.string(), message)
                                     : fmt::format("{}:{}{}", study.file.string(), place->second,
                                                   message.substr(key.size()));
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
    if (!study_.initial_weights.empty())
      initial_weights_ = std::make_shared<const Weights>(read_weights(study_.initial_weights));
    if (study_.network.names().empty())
      Problem{data_, network_for({}), study_.training, study_.loss, initial_weights_}.validate();
  } catch (const Error& error) {
    throw Error(located(study_, error.what()));
  }
}

Network LoadedStudy::network_for(const Assignment& assignment) const {
  const Dataset& train = data_->train;
  return study_.network.instantiate(assignment)
      .for_input(static_cast<int>(train.features.cols()), train.image);
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
    if (part->is_regression()) text += fmt::format("targets {} ", part->targets.cols());
    text.append(reinterpret_cast<const char*>(part->targets.data()),
                sizeof(float) * static_cast<std::size_t>(part->targets.size()));
  }
  if (initial_weights_) text += "initial weights " + initial_weights_->hash;
  data_hash_ = sha256(text);
  return data_hash_;
}

std::string LoadedStudy::fingerprint() const {
  return sha256(fmt::format("{} {} {} {}", kVersion, kResultRevision, data_hash(), study_.text));
}

Trial LoadedStudy::trial(const Assignment& assignment) const {
  Problem problem{data_, network_for(assignment), study_.training, study_.loss, initial_weights_};
  Configuration configuration = study_.configuration;
  for (const auto& [name, value] : assignment)
    set_option(name, value, problem.training, configuration);
  problem.validate();
  configuration.validate();
  (void)problem.training.schedule.rates(configuration.lr,
                                        problem.training.epochs * problem.steps_per_epoch(),
                                        problem.steps_per_epoch());
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
    throw Error(located(study_, error.what()));
  }
  return result;
}

}  // namespace numgeom

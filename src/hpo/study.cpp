#include "numgeom/hpo/study.hpp"

#include <fmt/format.h>

#include <limits>
#include <sstream>

#include "numgeom/data/catalog.hpp"
#include "numgeom/data/file.hpp"
#include "numgeom/error.hpp"
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
  const auto network = reader.strings("network");
  if (!network) reader.fail("", "the key network is missing: an array such as [\"dense 10\"]");
  study.network = reader.at("network", [&] { return Network::parse(*network); });
  require_choice(reader, "loss", "cross_entropy");
  if (auto synthetic = reader.table("synthetic")) {
    if (*dataset != "synthetic")
      reader.fail("synthetic",
                  fmt::format("only for dataset = \"synthetic\", not \"{}\"", *dataset));
    read_synthetic(*synthetic, study.data.synthetic);
  }
  reader.finish();
}

Initialization parse_initialization(TomlReader& reader) {
  const std::string name = reader.string("initialization").value_or("he");
  if (name == "he") return Initialization::kHe;
  if (name == "glorot") return Initialization::kGlorot;
  reader.fail("initialization", fmt::format("'he' or 'glorot' expected, not '{}'", name));
}

void read_training(TomlReader reader, Study& study) {
  require_choice(reader, "optimizer", "sgd");
  study.training.epochs = integer_or(reader, "epochs", 1, kMostInt, study.training.epochs);
  study.training.batch = integer_or(reader, "batch", 1, kMostRows, study.training.batch);
  study.training.initialization = parse_initialization(reader);
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

Range read_range_table(TomlReader reader) {
  const auto low = reader.number("low");
  const auto high = reader.number("high");
  if (!low || !high) reader.fail("", "low and high expected");
  const std::string scale = reader.string("scale").value_or("linear");
  if (scale != "linear" && scale != "log")
    reader.fail("scale", fmt::format("'linear' or 'log' expected, not '{}'", scale));
  reader.finish();
  return {*low, *high, scale == "log"};
}

void read_range(TomlReader& reader, const char* key, Range& range) {
  if (!reader.contains(key)) return;
  range = reader.is_table(key) ? read_range_table(*reader.table(key))
                               : Range::fixed(*reader.number(key));
  reader.at(key, [&] { range.validate(key); });
}

void read_space(TomlReader reader, Study& study) {
  read_range(reader, "lr", study.space.lr);
  read_range(reader, "weight_decay", study.space.weight_decay);
  reader.finish();
}

SearchMethod parse_method(TomlReader& reader) {
  const std::string name = reader.string("method").value_or("sobol");
  if (name == "list") return SearchMethod::kList;
  if (name == "grid") return SearchMethod::kGrid;
  if (name == "random") return SearchMethod::kRandom;
  if (name == "sobol") return SearchMethod::kSobol;
  reader.fail("method", fmt::format("list, grid, random or sobol expected, not '{}'", name));
}

Configuration read_configuration(TomlReader reader) {
  const auto lr = reader.number("lr");
  if (!lr) reader.fail("", "the key lr is missing");
  const Configuration configuration{*lr, reader.number("weight_decay").value_or(0)};
  reader.finish();
  reader.at("", [&] { configuration.validate(); });
  return configuration;
}

/// Keys of other methods are refused: they would be ignored otherwise.
void read_search(TomlReader reader, Study& study) {
  Search& search = study.search;
  search.method = parse_method(reader);
  switch (search.method) {
    case SearchMethod::kList: {
      const auto entries = reader.tables("configurations");
      if (!entries || entries->empty())
        reader.fail(entries ? "configurations" : "",
                    "method \"list\" needs at least one entry in configurations");
      for (const TomlReader& entry : *entries)
        search.configurations.push_back(read_configuration(entry));
      break;
    }
    case SearchMethod::kGrid:
      search.points = integer_or(reader, "points", 1, 1000, search.points);
      break;
    case SearchMethod::kRandom:
      search.seed = seed_or(reader, "seed", search.seed);
      [[fallthrough]];
    case SearchMethod::kSobol:
      search.trials = integer_or(reader, "trials", 1, kMostTrials, search.trials);
      break;
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

toml::table parse(const std::filesystem::path& file) {
  const File content = read_file(file);
  try {
    return toml::parse(content.bytes, file.string());
  } catch (const toml::parse_error& error) {
    throw Error(fmt::format("{}:{}: TOML: {}", file.string(), error.source().begin.line,
                            error.description()));
  }
}

}  // namespace

Study read_study(const std::filesystem::path& file) {
  Study study;
  study.file = file;
  const toml::table table = parse(file);
  TomlReader root(file, table, "");
  read_problem(require_table(root, "problem"), study);
  if (auto training = root.table("training")) read_training(*training, study);
  if (auto native = root.table("native")) read_native(*native, study);
  if (auto space = root.table("space")) read_space(*space, study);
  if (auto search = root.table("search")) read_search(*search, study);
  if (auto certify = root.table("certify")) read_certify(*certify, study);
  root.finish();
  return study;
}

Problem load_problem(const Study& study) {
  try {
    Problem problem{load_problem_data(study.data), study.network, study.training};
    problem.validate();
    return problem;
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", study.file.string(), error.what()));
  }
}

std::vector<Trial> make_trials(const Study& study, const Problem& problem) {
  std::vector<Trial> trials;
  for (const Configuration& configuration : sample(study.space, study.search))
    trials.push_back({&problem, configuration, study.seed});
  return trials;
}

}  // namespace numgeom

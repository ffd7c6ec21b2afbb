#include "numgeom/data/load.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "numgeom/data/array.hpp"
#include "numgeom/data/catalog.hpp"
#include "numgeom/data/csv.hpp"
#include "numgeom/data/idx.hpp"
#include "numgeom/data/npy.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

namespace fs = std::filesystem;

/// y.npy for x.npy, train_y.npy for train_x.npy.
fs::path labels_beside(const fs::path& features) {
  std::string stem = features.stem().string();
  if (!stem.ends_with('x'))
    throw Error(features.string() +
                ": found no file of labels, expected one to be named (or features in …x.npy and "
                "labels in …y.npy)");
  stem.back() = 'y';
  return features.parent_path() / (stem + ".npy");
}

Array read_array(const fs::path& path) {
  return path.extension() == ".npy" ? read_npy(path) : read_idx(path);
}

bool is_csv(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".csv") || name.ends_with(".csv.gz");
}

/// Features with the file that is named for them: targets if it holds floating-point numbers.
RawData with_named_labels(const Array& features, const fs::path& path) {
  const Array labels = read_array(path);
  return labels.is_floating_point ? regression_data(features, labels) : raw_data(features, labels);
}

RawData load_path(const fs::path& path, const DataOptions& options) {
  if (is_csv(path)) return read_csv(path, {options.label_column, options.target_columns, 0});
  if (!options.labels.empty()) return with_named_labels(read_array(path), options.labels);
  if (path.extension() == ".npy") return raw_data(read_npy(path), read_npy(labels_beside(path)));
  return read_idx_pairs(path);
}

void require_columns_fit(const DataOptions& options) {
  if (!options.target_columns.empty() && !is_csv(options.dataset))
    throw Error(fmt::format("target_columns: only for CSV files, not for data set \"{}\"",
                            options.dataset));
}

[[noreturn]] void fail_unknown(const std::string& dataset) {
  std::vector<std::string> names;
  for (const auto& info : list_datasets()) names.push_back(info.name);
  throw Error(
      fmt::format("data set \"{}\": there is no such file; expected a path (.csv, .csv.gz, "
                  ".npy, IDX) or one of: {}",
                  dataset, fmt::join(names, ", ")));
}

RawData load_synthetic(const DataOptions& options) {
  SyntheticOptions synthetic = options.synthetic;
  synthetic.samples = options.split.train + options.split.validation;
  return make_synthetic(synthetic);
}

RawData load_synthetic_regression(const DataOptions& options) {
  SyntheticRegressionOptions synthetic = options.synthetic_regression;
  synthetic.samples = options.split.train + options.split.validation;
  return make_synthetic_regression(synthetic);
}

/// How many of the first rows the split can reach; nothing if it draws from all.
std::optional<std::int64_t> rows_in_reach(const SplitOptions& split) {
  if (split.shuffle_seed) return std::nullopt;
  return std::int64_t{split.train} + split.validation;
}

}  // namespace

RawData load_raw_data(const DataOptions& options) {
  require_columns_fit(options);
  if (options.dataset == "synthetic") return load_synthetic(options);
  if (options.dataset == "synthetic_regression") return load_synthetic_regression(options);
  if (is_catalog_name(options.dataset))
    return load_named(options.dataset, rows_in_reach(options.split));
  const fs::path path = options.dataset;
  const bool has_known_ending = is_csv(path) || path.extension() == ".npy";
  if (options.dataset.empty() || !(has_known_ending || names_idx_files(path)))
    fail_unknown(options.dataset);
  return load_path(path, options);
}

Split load_problem_data(const DataOptions& options) {
  return preprocess(make_split(load_raw_data(options), options.split), options.preprocessing);
}

}  // namespace numgeom

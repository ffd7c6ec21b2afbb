#include "numgeom/data/load.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
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

RawData load_path(const fs::path& path, const DataOptions& options) {
  if (is_csv(path)) return read_csv(path, {options.label_column, 0});
  if (path.extension() == ".npy") {
    const fs::path labels = options.labels.empty() ? labels_beside(path) : fs::path(options.labels);
    return raw_data(read_npy(path), read_array(labels));
  }
  if (!options.labels.empty()) return raw_data(read_idx(path), read_array(options.labels));
  return read_idx_pairs(path);
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

}  // namespace

RawData load_raw_data(const DataOptions& options) {
  if (options.dataset == "synthetic") return load_synthetic(options);
  if (is_catalog_name(options.dataset)) return load_named(options.dataset);
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

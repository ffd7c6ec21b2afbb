#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "numgeom/data/file.hpp"

namespace numgeom {

/// Where the files of a named data set come from.
enum class Origin { mnist_package, cifar10_package, debian, generated };

/// A file and the SHA-256 it must have.
struct CatalogFile {
  std::string name;
  std::string hash;
};

/// A named data set: what is known without its files.
struct CatalogEntry {
  std::string name;
  std::string description;
  int samples = 0;
  int features = 0;
  int classes = 0;
  Origin origin = Origin::generated;
  std::vector<CatalogFile> files;
};

[[nodiscard]] const std::vector<CatalogEntry>& catalog();

/// Throws Error listing the known names if there is no such entry.
[[nodiscard]] const CatalogEntry& catalog_entry(std::string_view name);

/// The directory in data_directory() that keeps files of this origin.
[[nodiscard]] std::filesystem::path cache_directory(Origin origin);

/// Where a file is: installed by its package with the right hash, or kept in the cache (not
/// verified); nothing if neither.
[[nodiscard]] std::optional<std::filesystem::path> locate(Origin origin, const CatalogFile& file);

/// Reads a file and checks its SHA-256. Throws Error naming it and both hashes if they differ.
[[nodiscard]] File read_verified(const std::filesystem::path& path, const CatalogFile& file);

}  // namespace numgeom

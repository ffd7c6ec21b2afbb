#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "numgeom/hpo/storage.hpp"

namespace numgeom::cli {

/// Which study of which file.
struct StorageArguments {
  std::string file;
  std::string study;  ///< empty: the only one there is
};

void add_storage_options(CLI::App& command, StorageArguments& arguments);
/// Throws `Error` where the file has none, or several and none was named.
[[nodiscard]] StoredStudy find_study(const Storage& storage, const StorageArguments& arguments);

}  // namespace numgeom::cli

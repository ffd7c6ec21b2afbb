#include "storage_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "numgeom/error.hpp"

namespace numgeom::cli {

void add_storage_options(CLI::App& command, StorageArguments& arguments) {
  command.add_option("--storage", arguments.file, "The file that keeps the trials (SQLite)")
      ->required()
      ->type_name("FILE");
  command
      .add_option("--study", arguments.study,
                  "Its name in the file (default: the only one, or that of the study's file)")
      ->type_name("NAME");
}

StoredStudy find_study(const Storage& storage, const StorageArguments& arguments) {
  if (!arguments.study.empty()) return storage.study(arguments.study);
  const std::vector<StoredStudy> all = storage.studies();
  if (all.size() == 1) return all.front();
  if (all.empty()) throw Error(fmt::format("{}: there is no study in it", arguments.file));
  std::vector<std::string> names;
  for (const StoredStudy& one : all) names.push_back(one.name);
  throw Error(
      fmt::format("{}: --study NAME expected, one of {}", arguments.file, fmt::join(names, ", ")));
}

}  // namespace numgeom::cli

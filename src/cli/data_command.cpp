#include <fmt/format.h>

#include "commands.hpp"
#include "numgeom/data/catalog.hpp"
#include "output.hpp"

namespace numgeom::cli {
namespace {

void list() {
  constexpr const char* kRow = "{:<20} {:>7} {:>8} {:>7}  {}\n";
  std::string table = fmt::format(kRow, "name", "samples", "features", "classes", "where");
  for (const DatasetInfo& info : list_datasets())
    table += fmt::format(kRow, info.name, info.samples, info.features,
                         info.classes > 0 ? std::to_string(info.classes) : "real", info.location);
  print_result(table);
}

void fetch_one(const std::string& name) {
  const auto where = fetch(name, [](const std::string& line) { print_note(line + "\n"); });
  print_result(fmt::format("{}: {}\n", name,
                           where.empty() ? "generated, nothing to fetch" : where.string()));
}

}  // namespace

void add_data(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("data", "List the known data sets or fetch one.");
  command->require_subcommand(1);
  command->add_subcommand("list", "Known data sets and where they are")->callback([&exit_code] {
    list();
    exit_code = kDone;
  });
  CLI::App* fetch_command = command->add_subcommand(
      "fetch", "Fetch a data set into the user's cache, checked by hash (cifar10: 139 MB)");
  auto name = std::make_shared<std::string>();
  fetch_command->add_option("name", *name, "Its name, as in 'numgeom data list'")->required();
  fetch_command->callback([name, &exit_code] {
    fetch_one(*name);
    exit_code = kDone;
  });
}

}  // namespace numgeom::cli

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "commands.hpp"
#include "numgeom/data/file.hpp"
#include "numgeom/hpo/study.hpp"
#include "numgeom/report/search_report.hpp"
#include "numgeom/report/study_export.hpp"
#include "output.hpp"
#include "storage_options.hpp"

namespace numgeom::cli {
namespace {

struct StudyArguments {
  StorageArguments storage;
  JsonTarget json;
  std::string format = "csv";
  std::string out;
};

SearchResult load(const StorageArguments& arguments) {
  const Storage storage(arguments.file, Storage::Mode::kReadOnly);
  SearchResult result{find_study(storage, arguments), {}, std::nullopt, {}};
  result.trials = storage.trials(result.study.id);
  result.penalty = parse_study(result.study.definition, arguments.file).search.penalty.last;
  return result;
}

void list(const StudyArguments& arguments) {
  constexpr const char* kRow = "{:<24} {:>7} {:>7} {:>7}  {:<12} {}\n";
  std::string text =
      fmt::format(kRow, "name", "done", "running", "failed", "least loss", "started");
  const Storage storage(arguments.storage.file, Storage::Mode::kReadOnly);
  for (const StoredStudy& study : storage.studies())
    text += fmt::format(kRow, study.name, study.done, study.running, study.failed,
                        study.best ? fmt::format("{:.9g}", *study.best) : "-",
                        fmt::format("{:%Y-%m-%d %H:%M:%S} UTC",
                                    fmt::gmtime(static_cast<std::time_t>(study.created))));
  print_result(text);
}

void show(const StudyArguments& arguments, int most) {
  const SearchResult result = load(arguments.storage);
  if (!arguments.json.file.empty()) write_file(arguments.json.file, search_json(result));
  print_result(arguments.json.to_stdout() ? search_json(result) : search_text(result, most));
}

void export_study(const StudyArguments& arguments) {
  const SearchResult result = load(arguments.storage);
  const Space space = parse_study(result.study.definition, arguments.storage.file).space;
  const std::string text = arguments.format == "csv" ? study_csv(space, result.trials)
                           : arguments.format == "json"
                               ? study_json(result.study, result.trials)
                               : optuna_journal(result.study, space, result.trials);
  if (arguments.out.empty())
    print_result(text);
  else
    write_file(arguments.out, text);
}

}  // namespace

void add_study(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<StudyArguments>();
  CLI::App* command = app.add_subcommand("study", "List, show or export the studies of a storage.");
  command->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, std::function<void()> run) {
    CLI::App* one = command->add_subcommand(name, what);
    add_storage_options(*one, arguments->storage);
    one->callback([run = std::move(run), &exit_code] {
      run();
      exit_code = kDone;
    });
    return one;
  };
  add("list", "The studies in a file", [arguments] { list(*arguments); });
  CLI::App* all = add("show", "All trials of a study, the least loss first",
                      [arguments] { show(*arguments, 0); });
  add_json_option(*all, arguments->json);
  CLI::App* best = add("best", "The best trial, and which orders the errors leave open",
                       [arguments] { show(*arguments, 1); });
  add_json_option(*best, arguments->json);
  CLI::App* exported = add("export", "Trials as a table or for other tools",
                           [arguments] { export_study(*arguments); });
  exported->add_option("--format", arguments->format, "csv, json, or a journal for Optuna")
      ->check(CLI::IsMember({"csv", "json", "optuna"}));
  exported->add_option("--out", arguments->out, "Write to FILE instead of stdout")
      ->type_name("FILE");
}

}  // namespace numgeom::cli

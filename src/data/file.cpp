#include "numgeom/data/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

/// A file descriptor that is closed when it goes out of scope.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (is_open()) ::close(descriptor_);
  }
  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  [[nodiscard]] int get() const { return descriptor_; }
  /// Closes now; false (and errno) if the system reports a late write error.
  [[nodiscard]] bool close() { return ::close(std::exchange(descriptor_, -1)) == 0; }

 private:
  int descriptor_;
};

std::string read_all(int descriptor, const std::string& name) {
  std::string bytes;
  struct stat status {};
  if (::fstat(descriptor, &status) == 0) bytes.reserve(static_cast<std::size_t>(status.st_size));
  std::array<char, 1 << 16> buffer{};
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count == 0) return bytes;
    if (count > 0) bytes.append(buffer.data(), static_cast<std::size_t>(count));
    if (count < 0 && errno != EINTR)
      throw Error(fmt::format("{}: cannot be read: {}", name, reason(errno)));
  }
}

/// A name beside `path` that no other thread or process writes to.
std::filesystem::path temporary_name(const std::filesystem::path& path) {
  static std::atomic<unsigned> counter{0};
  return fmt::format("{}.{}-{}.tmp", path.string(), ::getpid(), counter++);
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

/// True, or false with the reason in errno.
bool write_and_rename(const std::filesystem::path& temporary, const std::filesystem::path& path,
                      std::string_view bytes) {
  Descriptor file(temporary, O_WRONLY | O_CREAT | O_EXCL);
  return file.is_open() && write_all(file.get(), bytes) && ::fsync(file.get()) == 0 &&
         file.close() && ::rename(temporary.c_str(), path.c_str()) == 0;
}

/// zlib's state for reading gzip data from memory.
class Inflater {
 public:
  Inflater(std::string_view bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw Error(name_ + ": zlib cannot be started");
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  /// All members, one after the other.
  std::string run() {
    while (offset_ < bytes_.size()) {
      inflateReset(&stream_);
      inflate_member();
    }
    return std::move(output_);
  }

 private:
  void inflate_member() {
    int status = Z_OK;
    while (status != Z_STREAM_END) {
      if (stream_.avail_in == 0 && !feed()) fail("the gzip data end too early");
      status = inflate_some();
      if (status != Z_OK && status != Z_STREAM_END) fail("damaged gzip data");
    }
    offset_ -= std::exchange(stream_.avail_in, 0U);
  }

  bool feed() {
    const auto piece = bytes_.substr(offset_, 1 << 20);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
    offset_ += piece.size();
    return !piece.empty();
  }

  int inflate_some() {
    stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
    stream_.avail_out = static_cast<uInt>(buffer_.size());
    const int status = inflate(&stream_, Z_NO_FLUSH);
    output_.append(buffer_.data(), buffer_.size() - stream_.avail_out);
    return status;
  }

  [[noreturn]] void fail(const char* what) const {
    throw Error(fmt::format("{}: byte {}: {}", name_, offset_ - stream_.avail_in, what));
  }

  std::string_view bytes_;
  std::string name_;
  std::size_t offset_ = 0;  // of the first byte that zlib has not been given
  z_stream stream_{};
  std::array<char, 1 << 16> buffer_{};
  std::string output_;
};

}  // namespace

File read_file(const std::filesystem::path& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file.is_open())
    throw Error(fmt::format("{}: cannot be opened: {}", path.string(), reason(errno)));
  File contents{path.string(), read_all(file.get(), path.string())};
  if (contents.bytes.empty())
    throw Error(fmt::format("{}: the file is empty, expected data", path.string()));
  return contents;
}

File gunzip(File file) {
  if (!file.bytes.starts_with("\x1f\x8b")) return file;
  std::string plain = Inflater(file.bytes, file.name).run();
  if (plain.empty()) throw Error(file.name + ": the gzip data are empty, expected data");
  file.bytes = std::move(plain);
  return file;
}

std::vector<std::filesystem::path> list_directory(const std::filesystem::path& path) {
  std::error_code error;
  std::vector<std::filesystem::path> entries;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end;
       it.increment(error))
    entries.push_back(it->path());
  if (error) throw Error(fmt::format("{}: cannot be read: {}", path.string(), error.message()));
  std::sort(entries.begin(), entries.end());
  return entries;
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path temporary = temporary_name(path);
  if (write_and_rename(temporary, path, bytes)) return;
  const int error = errno;
  ::unlink(temporary.c_str());
  throw Error(fmt::format("{}: cannot be written: {}", path.string(), reason(error)));
}

}  // namespace numgeom

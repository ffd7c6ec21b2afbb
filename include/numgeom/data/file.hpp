#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace numgeom {

/// The contents of a file together with its name for messages.
struct File {
  std::string name;
  std::string bytes;
};

/// The file as it is on disk.
/// Throws Error if it cannot be read (the reason is named) or is empty.
[[nodiscard]] File read_file(const std::filesystem::path& path);

/// The contents of a gzip file (one or more members), or the file unchanged if it does not start
/// with gzip's magic bytes 1f 8b.
/// Throws Error naming the byte offset if the gzip data are truncated or damaged, and if nothing
/// is in them.
[[nodiscard]] File gunzip(File file);

/// The entries of a directory, sorted by name. Throws Error if it cannot be read.
[[nodiscard]] std::vector<std::filesystem::path> list_directory(const std::filesystem::path& path);

/// Writes all of `bytes` to `path` or leaves `path` as it was: a temporary file beside it is
/// written, flushed to disk and renamed.
/// Throws Error naming the path and the system's reason; no temporary file stays behind.
void write_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace numgeom

#pragma once

#include <filesystem>

namespace numgeom {

/// A new directory that is removed with all it holds when it goes out of scope.
class TemporaryDirectory {
 public:
  /// Makes it in `parent`. Throws Error if that fails.
  explicit TemporaryDirectory(const std::filesystem::path& parent);
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace numgeom

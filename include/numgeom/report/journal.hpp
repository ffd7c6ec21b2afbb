#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "numgeom/hpo/study.hpp"

namespace numgeom {

/// A file of finished trials, one JSON line each, so that an interrupted certification goes on.
///
/// Every line carries the SHA-256 of all that decides the result (data, initial weights,
/// network, loss, training, precisions, certification options, build); only lines of the same
/// fingerprint are taken. Enclosures are kept exactly, as hexadecimal floating-point numbers. A
/// last line that was cut off (the program was killed while writing) is dropped.
class Journal {
 public:
  /// Opens or creates `file`. Throws `Error` when it cannot be read or written, or when a line
  /// is not one of a journal's; the file is as it was then.
  Journal(std::filesystem::path file, const LoadedStudy& study);

  /// The finished trial of that assignment and seed, if the journal has it.
  [[nodiscard]] std::optional<CertifiedTrial> find(const Trial& trial) const;
  /// Appends one line and flushes it. Throws `Error` when that fails.
  void append(const CertifiedTrial& trial);

 private:
  void load();
  void load_line(const std::string& line, int number);
  [[noreturn]] void fail_at(int line) const;

  std::filesystem::path file_;
  std::string fingerprint_;
  CertifyOptions options_;
  std::vector<CertifiedTrial> known_;
};

}  // namespace numgeom

#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

namespace numgeom::cli {

/// Writes results to stdout. Throws `Error` unless all of them arrive (a full disk, a closed pipe).
void print_result(std::string_view text);

/// Writes for people to stderr. That nobody can read it is no reason to stop.
void print_note(std::string_view text);

/// Finds out before hours of work that the file could not be written; nothing for no file. Throws
/// `Error` naming the option.
void require_writable(const std::string& option, const std::string& file);

/// Where JSON goes: nowhere, to stdout, or to a file.
struct JsonTarget {
  bool asked = false;
  std::string file;

  [[nodiscard]] bool to_stdout() const { return asked && file.empty(); }
  /// As above.
  void require_writable() const;
};

/// Adds `--json [FILE]`; `target` must outlive the parsing.
void add_json_option(CLI::App& command, JsonTarget& target);

/// As many as asked; for 0 one a processor.
[[nodiscard]] int thread_count(int asked);

}  // namespace numgeom::cli

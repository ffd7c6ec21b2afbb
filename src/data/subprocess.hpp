#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace numgeom {

struct ProgramResult {
  bool found = false;  ///< whether the program is on the PATH
  int status = -1;     ///< exit status; 128 + signal if a signal ended it
  std::string output;  ///< what it wrote to stdout and stderr
};

/// Runs a program (no shell) in the given directory, with nothing to read, until it ends.
///
/// `waiting`, if there is one, is called several times a second while the program says nothing.
/// Throws Error if the system cannot start processes.
[[nodiscard]] ProgramResult run_program(const std::vector<std::string>& arguments,
                                        const std::filesystem::path& directory,
                                        const std::function<void()>& waiting = {});

}  // namespace numgeom

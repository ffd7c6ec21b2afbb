#pragma once

#include <string_view>

namespace numgeom::cli {

/// Writes results to stdout. Throws `Error` unless all of them arrive (a full disk, a closed pipe).
void print_result(std::string_view text);

/// Writes for people to stderr. That nobody can read it is no reason to stop.
void print_note(std::string_view text);

}  // namespace numgeom::cli

#pragma once

#include <stdexcept>
#include <string>

namespace numgeom {

/// The one exception type of the library: a broken contract or unusable input.
///
/// The message is one line written for the user: it names the file, key, row or value and says
/// what was expected. Expected outcomes (undecided, diverged) are status values, never exceptions.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(message) {}
};

}  // namespace numgeom

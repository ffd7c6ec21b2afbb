#pragma once

#include <string>

namespace numgeom {

/// What decides the last bits of native results besides the machine.
struct BuildInfo {
  std::string version;
  std::string compiler;
  std::string flags;
  std::string simd;  ///< the vector instructions that Eigen uses
};

[[nodiscard]] BuildInfo build_info();

}  // namespace numgeom

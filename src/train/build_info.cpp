#include "build_info.hpp"

#include <Eigen/Core>

#include "numgeom/version.hpp"

#ifndef NUMGEOM_BUILD_FLAGS
#error "NUMGEOM_BUILD_FLAGS must hold the compiler flags; the build system sets it"
#endif

namespace numgeom {

BuildInfo build_info() {
#ifdef __clang__
  const std::string compiler = "clang " __clang_version__;
#else
  const std::string compiler = "g++ " __VERSION__;
#endif
  return {kVersion, compiler, NUMGEOM_BUILD_FLAGS, Eigen::SimdInstructionSetsInUse()};
}

}  // namespace numgeom

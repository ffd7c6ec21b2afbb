#pragma once

namespace numgeom {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace numgeom

#pragma once

namespace numgeom {

inline constexpr const char* kVersion = "0.1.0";

/// Goes up with every change that may change an enclosure or a native result, or what is kept of
/// them: results that were kept from before are not taken over.
inline constexpr int kResultRevision = 5;

}  // namespace numgeom

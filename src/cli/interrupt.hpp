#pragma once

namespace numgeom::cli {

/// While it lives, the first Ctrl-C (or SIGTERM) only sets a flag; a second one ends the program.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  [[nodiscard]] static bool requested();
};

}  // namespace numgeom::cli

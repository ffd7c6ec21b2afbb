#pragma once

#include <functional>
#include <stop_token>

namespace numgeom::cli {

/// Runs a function with a stop token that Ctrl-C triggers.
void run_interruptibly(const std::function<void(const std::stop_token&)>& function);

/// Runs `work` in that many processes of its own until all have ended, and `tick` now and then in
/// this one. Ctrl-C reaches all of them; when this process dies they stop after their trial. The
/// first `Error` that a worker throws stops the others and is thrown here. False where a worker did
/// not end well otherwise: it was killed. Must be called before this process has threads.
[[nodiscard]] bool run_processes(int count, const std::function<void(const std::stop_token&)>& work,
                                 const std::function<void()>& tick);

}  // namespace numgeom::cli

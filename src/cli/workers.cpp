#include "workers.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>
#include <vector>

#include "commands.hpp"
#include "interrupt.hpp"
#include "numgeom/error.hpp"
#include "output.hpp"

namespace numgeom::cli {
namespace {

constexpr std::chrono::milliseconds kTickPeriod{50};

/// Ends the process of a worker: with its destructors, without the parent's.
[[noreturn]] void be_worker(const std::function<void(const std::stop_token&)>& work, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kNotDone);
  int code = kDone;
  try {
    run_interruptibly(work);
  } catch (const Error& error) {
    print_note(fmt::format("numgeom: {}\n", error.what()));
    code = kBadInput;
  } catch (const std::exception& error) {
    print_note(fmt::format("numgeom: internal error: {}\n", error.what()));
    code = kNotDone;
  }
  _exit(code);
}

/// Takes the processes that have ended out of the list; false where one did not end well.
bool reap(std::vector<pid_t>& processes) {
  bool well = true;
  std::erase_if(processes, [&well](pid_t process) {
    int status = 0;
    if (waitpid(process, &status, WNOHANG) != process) return false;
    well = well && WIFEXITED(status) && WEXITSTATUS(status) == kDone;
    return true;
  });
  return well;
}

}  // namespace

void run_interruptibly(const std::function<void(const std::stop_token&)>& function) {
  std::stop_source source;
  const std::jthread watcher([&source](const std::stop_token& ended) {
    while (!ended.stop_requested() && !source.stop_requested()) {
      if (InterruptGuard::requested()) source.request_stop();
      std::this_thread::sleep_for(kTickPeriod);
    }
  });
  function(source.get_token());
}

bool run_processes(int count, const std::function<void(const std::stop_token&)>& work,
                   const std::function<void()>& tick) {
  const pid_t parent = getpid();
  std::vector<pid_t> processes;
  for (int i = 0; i < count; ++i) {
    const pid_t process = fork();
    if (process == 0) be_worker(work, parent);
    if (process < 0)
      throw Error(fmt::format("--workers {}: no process could be started: {}", count,
                              std::generic_category().message(errno)));
    processes.push_back(process);
  }
  bool well = true;
  while (!processes.empty()) {
    std::this_thread::sleep_for(kTickPeriod);
    well = reap(processes) && well;
    tick();
  }
  return well;
}

}  // namespace numgeom::cli

#include "workers.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
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

/// Carries one line from the first worker that has something to say.
class Pipe {
 public:
  Pipe() {
    if (pipe(ends_.data()) != 0)
      throw Error("--workers: no pipe: " + std::generic_category().message(errno));
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }

  /// Whole, where it is shorter than a pipe's buffer.
  void say(std::string_view message) const {
    (void)!write(ends_[1], message.data(), std::min<std::size_t>(message.size(), kMostBytes));
  }
  /// Empty where nobody said anything. Workers have ended, so that there is nothing to wait for.
  [[nodiscard]] std::string heard() const {
    fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    std::string text(kMostBytes, '\0');
    const ssize_t count = read(ends_[0], text.data(), text.size());
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, count)));
    return text.substr(0, text.find(kEnd));
  }
  static constexpr char kEnd = '\0';

 private:
  static constexpr std::size_t kMostBytes = 4096;
  std::array<int, 2> ends_{};
};

/// Ends the process of a worker: with its destructors, without the parent's.
[[noreturn]] void be_worker(const std::function<void(const std::stop_token&)>& work, pid_t parent,
                            const Pipe& pipe) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kNotDone);
  int code = kDone;
  try {
    run_interruptibly(work);
  } catch (const Error& error) {
    pipe.say(std::string(error.what()) + Pipe::kEnd);
    code = kBadInput;
  } catch (const std::exception& error) {
    print_note(fmt::format("numgeom: internal error: {}\n", error.what()));
    code = kNotDone;
  }
  _exit(code);
}

/// Takes the processes that have ended out of the list; the first exit code that is not 0.
int reap(std::vector<pid_t>& processes) {
  int code = kDone;
  std::erase_if(processes, [&code](pid_t process) {
    int status = 0;
    if (waitpid(process, &status, WNOHANG) != process) return false;
    if (code == kDone) code = WIFEXITED(status) ? WEXITSTATUS(status) : kNotDone;
    return true;
  });
  return code;
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
  const Pipe pipe;
  std::vector<pid_t> processes;
  const auto stop_all = [&processes] {
    for (const pid_t process : processes) kill(process, SIGTERM);
  };
  for (int i = 0; i < count; ++i) {
    const pid_t process = fork();
    if (process == 0) be_worker(work, parent, pipe);
    if (process < 0) {
      stop_all();
      throw Error(fmt::format("--workers {}: no process could be started: {}", count,
                              std::generic_category().message(errno)));
    }
    processes.push_back(process);
  }
  bool well = true;
  while (!processes.empty()) {
    std::this_thread::sleep_for(kTickPeriod);
    const int code = reap(processes);
    if (code == kBadInput) stop_all();
    well = well && code == kDone;
    tick();
  }
  if (const std::string message = pipe.heard(); !message.empty()) throw Error(message);
  return well;
}

}  // namespace numgeom::cli

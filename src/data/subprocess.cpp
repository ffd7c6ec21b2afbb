#include "subprocess.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "numgeom/error.hpp"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace numgeom {
namespace {

[[noreturn]] void fail(const std::string& program, int error) {
  throw Error(
      fmt::format("{}: cannot be started: {}", program, std::generic_category().message(error)));
}

/// A pipe whose ends are closed when it goes out of scope.
class Pipe {
 public:
  Pipe() { is_open_ = ::pipe2(ends_.data(), O_CLOEXEC) == 0; }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  [[nodiscard]] bool is_open() const { return is_open_; }
  [[nodiscard]] int write_end() const { return ends_[1]; }
  void close_write_end() { close_end(1); }

  [[nodiscard]] std::string read_all(const std::function<void()>& waiting) const {
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
      while (waiting && is_silent()) waiting();
      const ssize_t count = ::read(ends_[0], buffer.data(), buffer.size());
      if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
      if (count == 0 || (count < 0 && errno != EINTR)) return text;
    }
  }

 private:
  /// Waits for something to read; true if nothing came.
  [[nodiscard]] bool is_silent() const {
    constexpr int kMilliseconds = 250;
    pollfd end{ends_[0], POLLIN, 0};
    return ::poll(&end, 1, kMilliseconds) == 0;
  }

  void close_end(std::size_t end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }

  std::array<int, 2> ends_{-1, -1};
  bool is_open_ = false;
};

/// Where a child works and what its first three descriptors are.
class FileActions {
 public:
  FileActions(const std::filesystem::path& directory, int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str());
  }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& arguments,
                          const std::filesystem::path& directory,
                          const std::function<void()>& waiting) {
  Pipe output;
  if (!output.is_open()) fail(arguments.front(), errno);
  const FileActions actions(directory, output.write_end());
  std::vector<char*> pointers;
  for (const auto& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  pid_t child = 0;
  const int error =
      ::posix_spawnp(&child, pointers[0], actions.get(), nullptr, pointers.data(), environ);
  if (error == ENOENT) return {};
  if (error != 0) fail(arguments.front(), error);
  output.close_write_end();
  std::string text = output.read_all(waiting);
  return {true, wait_for(child), std::move(text)};
}

}  // namespace numgeom

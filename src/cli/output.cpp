#include "output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <thread>

#include "numgeom/error.hpp"

namespace numgeom::cli {
namespace {

/// True, or false with the reason in errno.
bool write(std::string_view text, std::FILE* stream) {
  return std::fwrite(text.data(), 1, text.size(), stream) == text.size() &&
         std::fflush(stream) == 0;
}

}  // namespace

void print_result(std::string_view text) {
  if (!write(text, stdout))
    throw Error(
        fmt::format("stdout: cannot be written: {}", std::generic_category().message(errno)));
}

void print_note(std::string_view text) { (void)write(text, stderr); }

void require_writable(const std::string& option, const std::string& file) {
  if (file.empty()) return;
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  if (!std::filesystem::is_directory(folder))
    throw Error(
        fmt::format("{} {}: the directory {} does not exist", option, file, folder.string()));
  if (std::filesystem::is_directory(file))
    throw Error(fmt::format("{} {}: a file name expected, this is a directory", option, file));
  // Written whole or not at all means replaced, which must not happen to a device or a pipe.
  if (std::filesystem::exists(file) && !std::filesystem::is_regular_file(file))
    throw Error(fmt::format("{} {}: a regular file expected{}", option, file,
                            option == "--json" ? "; --json alone writes to stdout" : ""));
  const std::string probe = file + ".probe";
  if (!std::ofstream(probe))
    throw Error(fmt::format("{} {}: no file can be written to {}", option, file, folder.string()));
  std::filesystem::remove(probe);
}

void JsonTarget::require_writable() const { cli::require_writable("--json", file); }

void add_json_option(CLI::App& command, JsonTarget& target) {
  command
      .add_option_function<std::vector<std::string>>(
          "--json",
          [&target](const std::vector<std::string>& values) {
            target.asked = true;
            if (!values.empty()) target.file = values.front();
          },
          "Write JSON to FILE, or to stdout instead of the table")
      ->expected(0, 1)
      ->type_name("[FILE]");
}

int thread_count(int asked) {
  return asked > 0 ? asked : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace numgeom::cli

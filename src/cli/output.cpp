#include "output.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

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

}  // namespace numgeom::cli

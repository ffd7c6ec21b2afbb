#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>

#include "output.hpp"

namespace numgeom::cli {
namespace {

constexpr std::chrono::milliseconds kTerminalPeriod{200};
constexpr std::chrono::seconds kPlainPeriod{5};

std::string duration_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.0f} s", seconds);
  if (seconds < 3600)
    return fmt::format("{:.0f} min {:02.0f} s", std::floor(seconds / 60), std::fmod(seconds, 60));
  return fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace

ProgressLine::ProgressLine(std::string label, bool quiet, std::string pieces)
    : label_(std::move(label)),
      pieces_(std::move(pieces)),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_(start_) {}

void ProgressLine::update(double share, int finished, int total) {
  const auto now = Clock::now();
  if (quiet_ || now - last_ < (terminal_ ? kTerminalPeriod : Clock::duration(kPlainPeriod))) return;
  last_ = now;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const std::string left = share > 0.01
                               ? "about " + duration_text(elapsed * (1 - share) / share) + " left"
                               : "estimating the time left";
  const std::string line = fmt::format("{}: {} of {} {}, {:.0f} %, {} gone, {}", label_, finished,
                                       total, pieces_, 100 * share, duration_text(elapsed), left);
  print_note(terminal_ ? "\r\033[K" + line : line + "\n");
}

void ProgressLine::close() {
  if (!quiet_ && terminal_) print_note("\r\033[K");
}

}  // namespace numgeom::cli

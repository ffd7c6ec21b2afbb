#pragma once

#include <chrono>
#include <string>

namespace numgeom::cli {

/// A progress line on stderr: rewritten in place on a terminal, a plain line now and then
/// elsewhere.
class ProgressLine {
 public:
  ProgressLine(std::string label, bool quiet, std::string pieces = "trials");

  /// `share` of the work is done, `finished` of `total` pieces.
  void update(double share, int finished, int total);
  /// Ends the line on a terminal.
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_;
  std::string pieces_;
  bool quiet_;
  bool terminal_;
  Clock::time_point start_;
  Clock::time_point last_;
};

}  // namespace numgeom::cli

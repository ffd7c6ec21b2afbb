#include "numgeom/hpo/evaluation.hpp"

#include <algorithm>

namespace numgeom {

std::string to_string(Evaluation::State state) {
  switch (state) {
    case Evaluation::State::kRunning:
      return "running";
    case Evaluation::State::kDone:
      return "done";
    case Evaluation::State::kFailed:
      break;
  }
  return "failed";
}

bool was_tried(const History& history, const Assignment& assignment) {
  return std::any_of(history.begin(), history.end(),
                     [&assignment](const Evaluation& one) { return one.assignment == assignment; });
}

}  // namespace numgeom

#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <limits>
#include <vector>

namespace numgeom::bench {

template <class Run>
double seconds(const Run& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Processor time of this process: what others do on the machine does not lengthen it, as it would
/// lengthen long runs more than short ones by the clock on the wall.
template <class Run>
double cpu_seconds(const Run& run) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  run();
  return now() - start;
}

/// How long to measure, in processor seconds.
struct Effort {
  int rounds = 4;        ///< turns of every contender
  double turn = 0.05;    ///< length of one turn, at least
  double sample = 1e-3;  ///< time between two looks at the clock, at least
};

namespace detail {

/// Calls of a contender until the clock is worth looking at; runs it, so that it is warm.
inline int calls_a_sample(const std::function<void()>& contender, double sample) {
  contender();
  for (int calls = 1;; calls *= 2) {
    const double taken = cpu_seconds([&] {
      for (int i = 0; i < calls; ++i) contender();
    });
    if (taken >= sample) return calls;
  }
}

/// Best processor seconds of one call over one turn.
inline double turn(const std::function<void()>& contender, int calls, double length) {
  double best = std::numeric_limits<double>::infinity();
  double total = 0;
  while (total < length) {
    const double taken = cpu_seconds([&] {
      for (int i = 0; i < calls; ++i) contender();
    });
    best = std::min(best, taken / calls);
    total += taken;
  }
  return best;
}

}  // namespace detail

/// Best processor seconds of one call of each contender. They take turns, so that a slow spell of
/// the machine meets all of them.
inline std::vector<double> best_seconds(const std::vector<std::function<void()>>& contenders,
                                        const Effort& effort = {}) {
  std::vector<int> calls;
  for (const auto& contender : contenders)
    calls.push_back(detail::calls_a_sample(contender, effort.sample));
  std::vector<double> best(contenders.size(), std::numeric_limits<double>::infinity());
  for (int round = 0; round < effort.rounds; ++round)
    for (std::size_t i = 0; i < contenders.size(); ++i)
      best[i] = std::min(best[i], detail::turn(contenders[i], calls[i], effort.turn));
  return best;
}

}  // namespace numgeom::bench

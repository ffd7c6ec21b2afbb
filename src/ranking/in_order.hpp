#pragma once

#include <mpfr.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace numgeom {

/// compute(k) for k = 0 … count−1 on several threads, and take(k, result) one at a time in that
/// order: results do not depend on how many threads there are. Throws what either threw first,
/// after all threads ended.
template <class Compute, class Take>
class InOrder {
 public:
  InOrder(int count, const Compute& compute, const Take& take)
      : count_(count), compute_(compute), take_(take) {}

  void run(int threads) {
    {
      std::vector<std::jthread> workers;
      for (int i = 1; i < std::min(threads, count_); ++i)
        workers.emplace_back([this] {
          work();
          mpfr_free_cache();  // MPFR keeps constants for every thread
        });
      work();
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void work() {
    try {
      while (const auto k = next()) pass_on(*k, compute_(*k));
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      changed_.notify_all();
    }
  }

  std::optional<int> next() {
    const std::lock_guard lock(mutex_);
    if (next_ == count_ || failure_) return std::nullopt;
    return next_++;
  }

  template <class Result>
  void pass_on(int k, Result result) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return turn_ == k || failure_; });
    if (failure_) return;
    take_(k, std::move(result));
    ++turn_;
    changed_.notify_all();
  }

  int count_;
  const Compute& compute_;
  const Take& take_;
  std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  int next_ = 0;
  int turn_ = 0;
  std::exception_ptr failure_;
};

template <class Compute, class Take>
void in_order(int count, int threads, const Compute& compute, const Take& take) {
  InOrder<Compute, Take>(count, compute, take).run(threads);
}

}  // namespace numgeom

#include "trial_pool.hpp"

#include <mpfr.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <thread>

#include "numgeom/estimate/estimated_run.hpp"

namespace numgeom::cli {
namespace {

constexpr std::chrono::milliseconds kTickPeriod{50};

/// MPFR keeps constants for every thread and forgets them when the thread ends.
struct MpfrCacheGuard {
  MpfrCacheGuard() = default;
  MpfrCacheGuard(const MpfrCacheGuard&) = delete;
  MpfrCacheGuard& operator=(const MpfrCacheGuard&) = delete;
  ~MpfrCacheGuard() { mpfr_free_cache(); }
};

}  // namespace

TrialPool::TrialPool(const std::vector<Trial>& trials, const std::vector<Precision>& precisions,
                     const CertifyOptions& options, int threads)
    : trials_(trials),
      precisions_(precisions),
      options_(options),
      threads_(std::max(1, std::min(threads, static_cast<int>(trials.size())))),
      results_(trials.size()),
      progress_(trials.size(), 0) {}

void TrialPool::skip(std::size_t index, CertifiedTrial result) {
  results_[index] = std::move(result);
  progress_[index] = 1;
}

std::optional<std::size_t> TrialPool::next() {
  const std::lock_guard lock(mutex_);
  while (next_ < trials_.size() && results_[next_]) ++next_;
  if (next_ == trials_.size() || stop_.stop_requested() || failure_) return std::nullopt;
  return next_++;
}

double TrialPool::share() const {
  return std::accumulate(progress_.begin(), progress_.end(), 0.0) /
         static_cast<double>(progress_.size());
}

void TrialPool::run_one(std::size_t index, const Finished& finished) {
  const Progress progress = [this, index](double share) {
    const std::lock_guard lock(mutex_);
    progress_[index] = share;
  };
  CertifiedTrial result = certify(trials_[index], precisions_, options_, run_native_with_estimates,
                                  stop_.get_token(), progress);
  const std::lock_guard lock(mutex_);
  finished(result);
  results_[index] = std::move(result);
  progress_[index] = 1;
}

void TrialPool::work(const Finished& finished) {
  const MpfrCacheGuard guard;
  try {
    while (const auto index = next()) run_one(*index, finished);
  } catch (const Interrupted&) {
    // What was not finished is left out.
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
    stop_.request_stop();
  }
  const std::lock_guard lock(mutex_);
  --working_;
}

void TrialPool::run(const Tick& tick, const Finished& finished) {
  working_ = threads_;
  std::vector<std::jthread> workers;
  for (int i = 0; i < threads_; ++i) workers.emplace_back([this, &finished] { work(finished); });
  for (;;) {
    std::this_thread::sleep_for(kTickPeriod);
    double done = 0;
    int count = 0;
    {
      const std::lock_guard lock(mutex_);
      if (working_ == 0) break;
      done = share();
      count = static_cast<int>(std::count_if(
          results_.begin(), results_.end(), [](const auto& result) { return result.has_value(); }));
    }
    if (!tick(done, count)) stop_.request_stop();
  }
  workers.clear();
  if (failure_) std::rethrow_exception(failure_);
}

std::vector<CertifiedTrial> TrialPool::finished() const {
  std::vector<CertifiedTrial> done;
  for (const auto& result : results_)
    if (result) done.push_back(*result);
  return done;
}

}  // namespace numgeom::cli

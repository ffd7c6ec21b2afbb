#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "numgeom/shadow/certify.hpp"

namespace numgeom::cli {

/// Certifies trials on several threads. Results do not depend on how many: each trial runs on one.
class TrialPool {
 public:
  /// Called from the calling thread with the share of the work done and the number of finished
  /// trials; returning false stops the pool.
  using Tick = std::function<bool(double share, int finished)>;
  /// Called once a trial that was run is finished, one call at a time.
  using Finished = std::function<void(const CertifiedTrial&)>;

  TrialPool(const std::vector<Trial>& trials, const std::vector<Precision>& precisions,
            const CertifyOptions& options, int threads);

  /// Takes a known result for trial `index` instead of running it.
  void skip(std::size_t index, CertifiedTrial result);
  /// Runs what is not known yet. Throws what a trial or `finished` threw, after all threads ended.
  void run(const Tick& tick, const Finished& finished);

  [[nodiscard]] bool interrupted() const { return stop_.stop_requested(); }
  /// Finished trials in the order of the trials.
  [[nodiscard]] std::vector<CertifiedTrial> finished() const;

 private:
  void work(const Finished& finished);
  [[nodiscard]] std::optional<std::size_t> next();
  void run_one(std::size_t index, const Finished& finished);
  [[nodiscard]] double share() const;

  const std::vector<Trial>& trials_;
  const std::vector<Precision>& precisions_;
  CertifyOptions options_;
  int threads_;
  std::stop_source stop_;
  mutable std::mutex mutex_;  ///< guards what follows
  std::size_t next_ = 0;
  int working_ = 0;
  std::vector<std::optional<CertifiedTrial>> results_;
  std::vector<double> progress_;
  std::exception_ptr failure_;
};

}  // namespace numgeom::cli

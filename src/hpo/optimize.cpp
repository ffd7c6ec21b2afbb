#include "numgeom/hpo/optimize.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "numgeom/error.hpp"
#include "numgeom/estimate/estimated_run.hpp"
#include "numgeom/hpo/design.hpp"

namespace numgeom {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

constexpr milliseconds kShortestWait{2};
constexpr milliseconds kLongestWait{100};

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

/// A worker of this host whose process is no more.
bool is_dead(const std::string& worker, const std::string& host) {
  if (!worker.starts_with(host + ":")) return false;
  const std::string_view process = std::string_view(worker).substr(host.size() + 1);
  pid_t id = 0;
  const auto [end, error] = std::from_chars(process.data(), process.data() + process.size(), id);
  if (error != std::errc() || end != process.data() + process.size() || id <= 0) return false;
  return kill(id, 0) != 0 && errno == ESRCH;
}

/// Extends the lease of a claim from a thread of its own as long as it lives.
class Heartbeat {
 public:
  Heartbeat(std::filesystem::path file, Claim claim, double lease_seconds)
      : thread_([this, file = std::move(file), claim = std::move(claim), lease_seconds] {
          beat(file, claim, lease_seconds);
        }) {}
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;
  ~Heartbeat() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    wake_.notify_all();
  }

 private:
  void beat(const std::filesystem::path& file, const Claim& claim, double lease_seconds) {
    constexpr double kShare = 1.0 / 3;
    std::unique_lock lock(mutex_);
    const auto pause = duration<double>(lease_seconds * kShare);
    while (!wake_.wait_for(lock, pause, [this] { return ended_; })) {
      try {
        // Opened anew: most trials end before their first heartbeat.
        if (!Storage(file, Storage::Mode::kExisting).heartbeat(claim, lease_seconds)) return;
      } catch (const Error&) {
        // The storage may be back for the next beat; if not, `finish` says what is wrong.
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;
  std::jthread thread_;
};

const NativeRun& with_phi(const NativeRun& run, Outcome& outcome) {
  for (const auto& [name, estimate] : run.estimates) outcome.attributes[name] = estimate.value;
  return run;
}

void add_certification(const Certification& found, const CertifiedError& error, Effort effort,
                       const std::string& fingerprint, Outcome& outcome) {
  outcome.attributes["delta_lower"] = error.lower;
  outcome.attributes["delta_upper"] = error.upper;
  outcome.attributes["enclosure_lower"] = found.loss.lower_string();
  outcome.attributes["enclosure_upper"] = found.loss.upper_string();
  outcome.attributes["certified_for"] = fingerprint;
  outcome.attributes["certified_how"] = effort == Effort::kFull ? "full" : "coarse";
  outcome.attributes["certified_reason"] = found.reason;
  outcome.attributes["rung"] =
      fmt::format("{} {} {}", found.rung.way_name(), found.rung.arithmetic_name(), found.rung.bits);
  outcome.attributes["certify_seconds"] = found.seconds;
}

template <class T>
std::optional<T> attribute(const StoredTrial& trial, const char* name) {
  const auto found = trial.attributes.find(name);
  if (found == trial.attributes.end()) return std::nullopt;
  const T* value = std::get_if<T>(&found->second);
  if (value == nullptr) return std::nullopt;
  return *value;
}

/// The number in a decimal string, rounded outward; nothing where it is none.
std::optional<BigFloat> bound_of(const std::optional<std::string>& text, mpfr_rnd_t direction) {
  constexpr int kBits = 256;
  if (!text) return std::nullopt;
  BigFloat result(std::max(kBits, static_cast<int>(4 * text->size())));
  char* end = nullptr;
  mpfr_strtofr(result.get(), text->c_str(), &end, 10, direction);
  if (end == text->c_str() || *end != '\0' || result.is_nan()) return std::nullopt;
  return result;
}

/// What was certified before, for the same study, data and version.
void restore(const StoredTrial& stored, const CertifyOptions& certify,
             const std::string& fingerprint, RaceTrial& one) {
  if (attribute<std::string>(stored, "certified_for") != fingerprint) return;
  const auto lower = bound_of(attribute<std::string>(stored, "enclosure_lower"), MPFR_RNDD);
  const auto upper = bound_of(attribute<std::string>(stored, "enclosure_upper"), MPFR_RNDU);
  const auto how = attribute<std::string>(stored, "certified_how");
  if (!lower || !upper || !how) return;
  one.certification.loss = {*lower, *upper};
  one.error = certified_error(one.native.loss, one.certification.loss);
  one.effort = *how == "full" ? Effort::kFull : Effort::kCoarse;
  one.certification.reason = attribute<std::string>(stored, "certified_reason").value_or("");
  // Certified is what the enclosure shows, whatever was written beside it.
  const Goal goal{
      certify.width, certify.tightness, {{one.native.loss, unit_roundoff(one.native.precision)}}};
  const bool shown = one.effort == Effort::kFull ? goal.reached(one.certification.loss)
                                                 : one.certification.loss.is_bounded();
  if (shown) {
    one.certification.status = CertificationStatus::kCertified;
    one.certification.reason.clear();
  } else if (one.certification.reason.empty()) {
    one.certification.reason = goal.shortfall(one.certification.loss);
  }
}

}  // namespace

Outcome evaluate(const LoadedStudy& study, const Assignment& assignment, DeltaSource delta,
                 const std::stop_token& stop) {
  const Trial trial = study.trial(assignment);
  const TrialInputs inputs = draw_inputs(*trial.problem, trial.seed);
  const Precision precision = study.study().precisions.front();
  Outcome outcome;
  const NativeRun run = with_phi(run_native_with_phi(trial, inputs, precision), outcome);
  outcome.loss = run.loss;
  outcome.attributes["precision"] = to_string(precision);
  outcome.attributes["seconds"] = run.seconds;
  outcome.attributes["errors"] = static_cast<std::int64_t>(run.errors.lower);
  if (run.diverged()) return outcome;
  if (delta == DeltaSource::kPhi) {
    const auto phi = run.estimates.find("phi");
    if (phi != run.estimates.end() && std::isfinite(phi->second.value))
      outcome.delta = phi->second.value;
    return outcome;
  }
  const CertifyOptions& certify = study.study().certify;
  const Certification found = climb_ladder(
      trial, inputs, {certify.width, certify.tightness, {{run.loss, unit_roundoff(precision)}}},
      certify.max_bits, stop);
  const CertifiedError error = certified_error(run.loss, found.loss);
  add_certification(found, error, Effort::kFull, study.fingerprint(), outcome);
  if (std::isfinite(error.upper)) outcome.delta = error.upper;
  return outcome;
}

std::string worker_name() { return fmt::format("{}:{}", host_name(), getpid()); }

void release_dead_workers(Storage& storage, int study) {
  const std::string host = host_name();
  for (const StoredTrial& trial : storage.trials(study)) {
    if (trial.evaluation.state != Evaluation::State::kRunning || !is_dead(trial.worker, host))
      continue;
    storage.release({study, trial.number, trial.attempt, {}, {}});
  }
}

void work(const std::filesystem::path& storage_file, const StoredStudy& stored,
          const LoadedStudy& study, const WorkOptions& options, const std::stop_token& stop,
          const std::function<void(const Claim&, const Outcome&)>& told) {
  Storage storage(storage_file, Storage::Mode::kExisting);
  const std::string worker = options.worker.empty() ? worker_name() : options.worker;
  const Search& search = study.study().search;
  const bool endless = search.method != SearchMethod::kList && search.method != SearchMethod::kGrid;
  const int budget = options.trials > 0 ? options.trials
                     : endless          ? search.trials
                                        : std::numeric_limits<int>::max();
  const auto sampler = make_sampler(study.study().space, search);
  milliseconds wait = kShortestWait;
  while (!stop.stop_requested()) {
    const ClaimAnswer answer =
        storage.claim(stored.id, worker, options.lease_seconds, budget,
                      [&sampler](const History& history) { return sampler->suggest(history); });
    if (answer.state == ClaimAnswer::State::kExhausted) return;
    if (answer.state == ClaimAnswer::State::kBusy) {
      std::this_thread::sleep_for(wait);
      wait = std::min(2 * wait, kLongestWait);
      release_dead_workers(storage, stored.id);
      continue;
    }
    wait = kShortestWait;
    try {
      const Heartbeat heartbeat(storage_file, answer.claim, options.lease_seconds);
      Outcome outcome = evaluate(study, answer.claim.assignment, options.delta, stop);
      if (!answer.claim.note.empty()) outcome.attributes["note"] = answer.claim.note;
      if (storage.finish(answer.claim, outcome) && told) told(answer.claim, outcome);
    } catch (const Interrupted&) {
      storage.release(answer.claim);
      return;
    } catch (const Error&) {
      storage.release(answer.claim);
      throw;
    }
  }
}

RaceEntry race_entry(const std::vector<StoredTrial>& trials, const LoadedStudy& study) {
  RaceEntry entry;
  const std::string fingerprint = study.fingerprint();
  for (const StoredTrial& stored : trials) {
    if (stored.evaluation.state != Evaluation::State::kDone) continue;
    RaceTrial one;
    one.trial = study.trial(stored.evaluation.assignment);
    one.native.precision = study.study().precisions.front();
    one.native.loss = stored.evaluation.loss;
    if (const auto phi = attribute<double>(stored, "phi")) one.native.estimates["phi"] = {*phi, 0};
    restore(stored, study.study().certify, fingerprint, one);
    entry.trials.push_back(std::move(one));
    entry.numbers.push_back(stored.number);
  }
  return entry;
}

Outcome race_annotation(const RaceTrial& trial, const std::string& fingerprint) {
  Outcome additions;
  add_certification(trial.certification, trial.error, trial.effort, fingerprint, additions);
  return additions;
}

}  // namespace numgeom

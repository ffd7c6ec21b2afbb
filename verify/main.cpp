#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <future>
#include <random>
#include <thread>

#include "training.hpp"

namespace {

using namespace verify;

enum ExitCode { kAccepted, kRejected, kNothingDecided };
constexpr long kFirstBits = 128, kMostBits = 1 << 16, kSpareBits = 32;

struct Options {
  std::string certificate;
  std::string level = "claims";
  std::string inputs;
  std::size_t trials = 2;
  unsigned long seed = 0;
  unsigned threads = 0;
  bool quiet = false;
};

/// Trains a trial again, with more and more bits, until the ball of its loss lies inside the
/// claimed enclosure or apart from it; how many bits that took.
long check_trial(const Certificate& certificate, const Trial& trial, const std::string& inputs,
                 const std::atomic<bool>& stop) {
  const Experiment experiment = read_experiment(certificate, trial, inputs);
  const auto steps = static_cast<long>(experiment.batches.size());
  for (long bits = kFirstBits; bits <= kMostBits;) {
    const Run run = train(certificate, trial, experiment, bits, stop);
    if (stop) return 0;
    const auto inside = run.loss ? is_inside(*run.loss, trial.enclosure) : std::nullopt;
    if (inside == true) return bits;
    require(inside != false, "the exact loss lies outside of the enclosure");
    // As many bits a step as it has taken so far; what reaches over an end has to be narrower.
    bits =
        kSpareBits + (run.loss ? 2 * bits : std::min(4 * bits, bits * steps / run.steps * 9 / 8));
  }
  throw Unsupported("not decided with " + std::to_string(kMostBits) + " bits");
}

/// Trains the named trials again, some at a time.
void check_trials(const Certificate& certificate, const std::vector<std::size_t>& trials,
                  const Options& options) {
  std::atomic<std::size_t> next = 0;
  std::atomic<std::size_t> finished = 0;
  std::atomic<bool> stop = false;
  const auto start = std::chrono::steady_clock::now();
  const auto check = [&](std::size_t i) {
    const std::string name = "trial " + std::to_string(i) + ": ";
    try {
      const long bits = check_trial(certificate, certificate.trials[i], options.inputs, stop);
      const std::chrono::duration<double> gone = std::chrono::steady_clock::now() - start;
      const auto done = static_cast<double>(++finished);
      if (!options.quiet && bits > 0)
        std::fprintf(stderr, "%sshown with %ld bits; %.0f of %zu, %.0f s gone, about %.0f s left\n",
                     name.c_str(), bits, done, trials.size(), gone.count(),
                     gone.count() / done * (static_cast<double>(trials.size()) - done));
    } catch (const std::runtime_error& error) {
      stop = true;
      if (dynamic_cast<const Unsupported*>(&error) != nullptr)
        throw Unsupported(name + error.what());
      throw Refusal(name + error.what());
    }
  };
  std::vector<std::future<void>> workers;
  const std::size_t count =
      options.threads > 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  for (std::size_t t = 0; t < std::min(count, trials.size()); ++t)
    workers.push_back(std::async(std::launch::async, [&] {
      for (std::size_t k = next++; k < trials.size() && !stop; k = next++) check(trials[k]);
      flint_cleanup();
    }));
  std::string gap;
  for (auto& worker : workers) {  // what is refused comes before what could not be decided
    try {
      worker.get();
    } catch (const Unsupported& unsupported) {
      gap = unsupported.what();
    }
  }
  if (!gap.empty()) throw Unsupported(gap);
}

/// Some trials, or all, whose enclosures have an end: of the others nothing is claimed.
std::vector<std::size_t> chosen_trials(const Certificate& certificate, const Options& options,
                                       bool all) {
  std::vector<std::size_t> bounded;
  for (std::size_t i = 0; i < certificate.trials.size(); ++i)
    if (certificate.trials[i].enclosure.lower || certificate.trials[i].enclosure.upper)
      bounded.push_back(i);
  if (all) return bounded;
  std::vector<std::size_t> some;
  std::sample(bounded.begin(), bounded.end(), std::back_inserter(some),
              options.level == "claims" ? 0 : options.trials, std::mt19937_64(options.seed));
  return some;
}

/// What a certificate says must not speak to the terminal.
std::string printable(std::string text) {
  for (char& c : text)
    if (c < 0x20 || c > 0x7e) c = '?';
  return text;
}

void print_report(const Certificate& certificate, const std::vector<std::size_t>& trained,
                  bool all) {
  std::string list = trained.empty() ? "no trial" : "trials";
  for (const std::size_t i : trained) list += " " + std::to_string(i);
  std::printf("accepted: %zu trials, %zu pairs; certified: width <= %.3g, errors known to %.6g\n",
              certificate.trials.size(), certificate.pairs.size(), certificate.asked_width.get_d(),
              certificate.asked_tightness.get_d());
  std::printf("follows from the enclosures: errors, pairs, order, sets, flips\n");
  std::printf("trained again, the exact loss inside its enclosure: %s\n", list.c_str());
  std::printf(
      "not checked: that the study text, its seed and the configurations for people give these\n"
      "  inputs and hyperparameters; chains beyond their recurrence; native losses, made by %s\n",
      printable(certificate.build).c_str());
  std::printf("weakest link: %s\n",
              all ? "native losses, where errors are concerned; else Arb and this machine"
                  : "enclosures of trials that were not trained again");
}

int check(Options options) {
  std::filesystem::path inputs = options.certificate;
  inputs.extension() == ".json" ? inputs.replace_extension(".inputs") : inputs += ".inputs";
  if (options.inputs.empty()) options.inputs = inputs.string();
  const Certificate certificate = Certificate::parse(read_file(options.certificate));
  check_claims(certificate);
  const bool all = options.level == "full";
  const auto trained = chosen_trials(certificate, options, all);
  check_trials(certificate, trained, options);
  print_report(certificate, trained, all);
  return kAccepted;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Checks what 'numgeom certify --certificate' wrote, by other code and Arb's balls.");
  app.add_option("certificate", options.certificate, "The certificate, a JSON file")->required();
  app.add_option("--level", options.level,
                 "claims (default): every claim follows from the enclosures, in exact arithmetic\n"
                 "sample: that, and some trials are trained again\n"
                 "full: that, and all trials are trained again")
      ->check(CLI::IsMember({"claims", "sample", "full"}));
  app.add_option("--trials", options.trials, "Sample size (2)")->check(CLI::PositiveNumber);
  app.add_option("--seed", options.seed, "Which ones (0)");
  app.add_option("--inputs", options.inputs, "Directory of the inputs (.inputs in place of .json)");
  app.add_option("--threads", options.threads, "Trials at a time")->check(CLI::Range(0, 1024));
  app.add_flag("--quiet", options.quiet, "No progress on stderr");
  app.footer(
      "Exit code 0: accepted; 1: rejected, with the reason; 2: wrong usage, a file that cannot be\n"
      "read, or a trial with something that this program has no code for.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kAccepted : kNothingDecided;
  }
  try {
    return check(options);
  } catch (const Refusal& refusal) {
    std::printf("rejected: %s\n", printable(refusal.what()).c_str());
    return kRejected;
  } catch (const Unsupported& gap) {
    std::printf("not checked: %s\n", printable(gap.what()).c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "numgeom-verify: %s: %s\n", options.certificate.c_str(), error.what());
  }
  return kNothingDecided;
}

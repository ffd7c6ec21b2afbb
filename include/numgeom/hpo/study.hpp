#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "numgeom/data/load.hpp"
#include "numgeom/hpo/network_template.hpp"
#include "numgeom/hpo/search.hpp"
#include "numgeom/hpo/space.hpp"
#include "numgeom/shadow/certify.hpp"

namespace numgeom {

/// A study file, read and checked: what to train, on what, which configurations, how to certify.
///
/// Hyperparameters named as a training option (lr, weight_decay, l1, clip_norm, momentum, beta1,
/// beta2, decay, epsilon, epochs, batch, warmup_steps, initialization, optimizer, schedule) set it;
/// any other one must be mentioned by the network (`$name`), a condition or a constraint.
struct Study {
  std::filesystem::path file;
  std::string text;       ///< of the file
  bool external = false;  ///< without [problem]: somebody else trains
  DataOptions data;
  NetworkTemplate network;
  Loss loss;
  TrainingOptions training;
  Configuration configuration;            ///< what the space does not tune
  std::filesystem::path initial_weights;  ///< an NPZ file; empty where they are drawn
  std::uint64_t seed = 0;
  std::vector<Precision> precisions{Precision::kFp32};
  Space space = default_space();
  Search search;
  CertifyOptions certify;
  /// `LINE: TABLE.KEY` of network and loss, and of the initial weights by the name of their file,
  /// which follows: what messages start with that only the data bring to light.
  std::map<std::string, std::string> places = {};

  /// lr from 1e-3 to 1 on a logarithmic scale, no weight decay.
  static Space default_space();
};

/// Reads a study from a TOML file (the keys are listed in README.md).
///
/// Throws `Error` with one line `FILE:LINE: KEY: what was expected` for a file that cannot be read,
/// broken TOML, an unknown or missing key, a wrong type and a value out of range.
[[nodiscard]] Study read_study(const std::filesystem::path& file);
/// The same from a text; `file` is where relative paths start and what messages name.
[[nodiscard]] Study parse_study(const std::string& text, const std::filesystem::path& file);

/// A study with its data: makes trials, which live no longer than it does.
class LoadedStudy {
 public:
  /// Throws `Error` as `load_problem_data`, and where the network does not fit the data, with the
  /// study's file in front; also for an external study.
  explicit LoadedStudy(Study study);

  [[nodiscard]] const Study& study() const { return study_; }
  [[nodiscard]] const Split& data() const { return *data_; }
  /// Null where they are drawn.
  [[nodiscard]] const Weights* initial_weights() const { return initial_weights_.get(); }
  /// SHA-256 of all that trials take from other files: features and labels of both parts, initial
  /// weights; computed once. Thread-safe.
  [[nodiscard]] std::string data_hash() const;
  /// SHA-256 of all that decides the exact losses and their enclosures: the study's text, the data,
  /// and this version's way of computing them. What was certified for another one proves nothing.
  [[nodiscard]] std::string fingerprint() const;
  /// Throws `Error` where the assignment does not make a problem. Thread-safe.
  [[nodiscard]] Trial trial(const Assignment& assignment) const;
  /// The trials of a method that looks at no loss, in order. Throws `Error` for other methods.
  [[nodiscard]] std::vector<Trial> trials() const;

 private:
  /// Made for the data.
  [[nodiscard]] Network network_for(const Assignment& assignment) const;

  Study study_;
  std::shared_ptr<const Split> data_;
  std::shared_ptr<const Weights> initial_weights_;
  mutable std::mutex mutex_;  ///< guards what follows
  mutable std::string data_hash_;
  /// By what tells problems apart.
  mutable std::map<std::string, std::unique_ptr<const Problem>> problems_;
};

}  // namespace numgeom

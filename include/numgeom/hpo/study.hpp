#pragma once

#include <filesystem>
#include <vector>

#include "numgeom/data/load.hpp"
#include "numgeom/hpo/space.hpp"
#include "numgeom/shadow/certify.hpp"

namespace numgeom {

/// A study file, read and checked: what to train, on what, which configurations, how to certify.
struct Study {
  std::filesystem::path file;
  DataOptions data;
  Network network;
  TrainingOptions training;
  std::uint64_t seed = 0;
  std::vector<Precision> precisions{Precision::kFp32};
  Space space;
  Search search;
  CertifyOptions certify;
};

/// Reads a study from a TOML file (the keys are listed in README.md).
///
/// Throws `Error` with one line `FILE:LINE: KEY: what was expected` for a file that cannot be read,
/// broken TOML, an unknown or missing key, a wrong type and a value out of range.
[[nodiscard]] Study read_study(const std::filesystem::path& file);

/// Loads the study's data and puts the problem together. Throws `Error` as `load_problem_data` and
/// `Problem::validate`, with the study's file in front.
[[nodiscard]] Problem load_problem(const Study& study);

/// The study's trials in order.
[[nodiscard]] std::vector<Trial> make_trials(const Study& study, const Problem& problem);

}  // namespace numgeom

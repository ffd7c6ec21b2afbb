#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "json.hpp"

namespace verify {

/// lower ≤ the exact loss ≤ upper; none: unbounded on that side.
struct Enclosure {
  std::optional<Rational> lower;
  std::optional<Rational> upper;

  [[nodiscard]] bool is_bounded() const { return lower && upper; }
};

/// A native run: its loss, none where it diverged, and bounds on |loss − exact loss|, none for ∞.
struct Native {
  std::string precision;
  std::optional<Rational> loss;
  std::optional<Rational> error_lower;
  std::optional<Rational> error_upper;
};

/// ρ_{t+1} = Λ_t ρ_t + d_t, step by step: how far the exact parameters can be from the points that
/// the run went through, in the norm that the run used.
struct Chain {
  std::vector<Rational> radius;  ///< ρ_1, …, ρ_T
  std::vector<Rational> lipschitz;
  std::vector<Rational> defect;
};

struct Trial {
  std::vector<std::string> network;
  std::string optimizer;
  std::string schedule;
  std::map<std::string, Rational> hyperparameters;  ///< lr, weight_decay, …
  std::map<std::string, std::string> inputs;  ///< rates, batch_indices, batch_offsets: SHA-256
  std::vector<std::string> parameters;
  std::vector<std::string> masks;  ///< one a dropout layer
  std::vector<Native> native;
  Enclosure enclosure;
  bool certified = false;
  std::string way;
  std::optional<Chain> chain;
};

/// Is the exact loss of `first` less than that of `second`?
struct Pair {
  long first = 0;
  long second = 0;
  std::string less;  ///< certified, refuted or undecided
};

struct NativeRanking {
  std::string precision;
  std::vector<long> indistinguishable;
  std::vector<std::pair<long, long>> flips;  ///< natively better, exactly better
};

struct Certificate {
  long features = 0;
  long classes = 0;
  std::string loss;
  Rational label_smoothing;
  /// SHA-256 of NPY files: train_x, train_y, validation_x, validation_y.
  std::map<std::string, std::string> data;
  Rational asked_width;
  Rational asked_tightness;
  std::string build;
  std::vector<Trial> trials;
  std::vector<long> order;
  bool total = false;
  std::vector<Pair> pairs;
  std::vector<NativeRanking> native;

  /// From the bytes of a certificate. Throws `Refusal`: a digest that is not that of the text,
  /// anything that is not of the form in docs/certificates.md.
  static Certificate parse(const std::string& bytes);
};

/// Checks in exact arithmetic that all claims follow from the enclosures: the width asked for, the
/// errors of the native losses, every chain, all pairs, the order, indistinguishable sets and
/// flips. Throws `Refusal` at the first one that does not.
void check_claims(const Certificate& certificate);

/// SHA-256 as 64 hexadecimal digits.
std::string sha256(std::string_view bytes);

}  // namespace verify

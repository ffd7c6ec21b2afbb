#pragma once

#include <string>
#include <vector>

#include "numgeom/shadow/predict.hpp"

namespace numgeom {

/// What is asked of a certification and where it stops.
struct CertifyOptions {
  double width = 1e-9;       ///< asked width of the enclosure of the loss
  double tightness = 1.001;  ///< asked δ⁺/δ⁻ for every native run
  int max_bits = 8192;       ///< the ladder stops here with "undecided"

  /// Throws `Error` naming the option and its value when one is out of range.
  void validate() const;
};

/// Whether the asked enclosure was reached. Starts as undecided: forgetting to run certifies
/// nothing.
enum class CertificationStatus { kUndecided, kCertified };

/// A rung that the ladder considered as its first, and what it expected of it. Nothing here is a
/// bound.
struct Candidate {
  Rung rung;
  double bits_lost = 0;    ///< predicted
  double sign_bits = 0;    ///< predicted: what deciding every sign takes
  bool predicted = false;  ///< false where nothing could be predicted: a start from which to climb
  double seconds = 0;      ///< expected, see `expected_seconds`
};

/// An enclosure of the exact run's loss, and the way to it.
struct Certification {
  CertificationStatus status = CertificationStatus::kUndecided;
  std::string reason = "certification was not run";  ///< empty when certified
  Enclosure loss;
  ErrorCount errors;
  Rung rung;                          ///< the one that gave `loss`
  int predicted_bits = 0;             ///< of the first rung
  double expected_width = 0;          ///< what the ladder aimed for at first
  std::vector<Candidate> candidates;  ///< one a way; the cheapest was taken
  std::vector<ShadowRun> attempts;
  double seconds = 0;

  [[nodiscard]] bool certified() const { return status == CertificationStatus::kCertified; }
};

/// A trial with its native runs, the enclosure of its exact loss and the certified errors.
struct CertifiedTrial {
  Trial trial;
  std::vector<NativeRun> native;
  std::vector<CertifiedError> certified_errors;  ///< one a native run
  Certification certification;
};

/// Climbs the ladder until the goal is reached: cheap passes in doubles predict the bits that each
/// way loses, the cheapest rung that should do is run, and each next one aims for what was missing.
/// Where signs stay open on the stepwise way, the direct way goes on.
///
/// Inclusion: `loss` contains L*(θ) whatever the status; certified means that the goal was reached.
/// Returns undecided with a reason at `max_bits`. Throws `Interrupted`.
[[nodiscard]] Certification climb_ladder(const Trial& trial, const TrialInputs& inputs,
                                         const Goal& goal, int max_bits,
                                         const std::stop_token& stop = {},
                                         const Progress& progress = {});

/// How native runs are made: plainly, or with estimators watching.
using NativeRunner = std::function<NativeRun(const Trial&, const TrialInputs&, Precision)>;

/// Trains the trial natively in every precision, then encloses the exact run's loss so well that
/// every native error is certified to `options.tightness`.
[[nodiscard]] CertifiedTrial certify(const Trial& trial, const std::vector<Precision>& precisions,
                                     const CertifyOptions& options = {},
                                     const NativeRunner& runner = run_native,
                                     std::stop_token stop = {}, const Progress& progress = {});

}  // namespace numgeom

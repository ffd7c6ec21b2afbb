#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "numgeom/arithmetic/magnitude.hpp"
#include "numgeom/shadow/goal.hpp"
#include "numgeom/train/native_run.hpp"

namespace numgeom {

/// One way of enclosing a training run: how it is carried through the steps, in which arithmetic,
/// with how many bits.
struct Rung {
  enum class Way { kDirect, kStepwise };
  enum class Kind { kInterval, kBall };
  Way way = Way::kDirect;
  Kind kind = Kind::kInterval;
  int bits = 53;

  /// The interval rung for up to 53 bits, else balls with as many bits as their limbs hold.
  static Rung for_bits(int bits, Way way = Way::kDirect);
  [[nodiscard]] std::string way_name() const;
  [[nodiscard]] std::string arithmetic_name() const;
  friend bool operator==(const Rung&, const Rung&) = default;
};

/// Called now and then with the share of the work that is done, 0 to 1.
using Progress = std::function<void(double)>;

/// Thrown when a stop was requested; nothing was decided.
class Interrupted : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return "interrupted"; }
};

/// log₂ of a bound on ‖w̃ − w*‖₂, all parameters together, after so many steps.
struct RadiusAfter {
  int steps = 0;
  double log2 = 0;
};

/// ρ_{t+1} = Λ_tρ_t + d_t, a step of the stepwise way; in the norm of the coordinates in force.
struct ChainLink {
  Magnitude radius;     ///< ρ_{t+1}
  Magnitude lipschitz;  ///< Λ_t, with a change of coordinates; 0 where ρ_t = 0
  Magnitude defect;     ///< d_t
};

/// What one rung found: an enclosure of the exact run's validation loss and classification errors.
struct ShadowRun {
  Rung rung;
  Enclosure loss;        ///< the whole line where the rung was given up
  ErrorCount errors;     ///< of the validation rows
  double bits_lost = 0;  ///< stepwise: Σ log₂ max(1, Λ_t)
  std::string open;      ///< why the rung was given up; empty where it was not
  double seconds = 0;
  std::vector<RadiusAfter> radii = {};  ///< of the parameters in the course of the run: a sample
  std::vector<ChainLink> chain = {};    ///< of all steps; none of a direct run
};

/// Runs the trial once in the rung's arithmetic, in the rung's way. Direct: the enclosure of the
/// parameters after step t goes into step t+1. Stepwise: see `train_stepwise`.
///
/// Inclusion: the loss of the exact run lies in `loss` (proofs/inclusion.md, proofs/stepwise.md). A
/// direct run whose batch loss is wider than 2^20 is given up: no later step can make it narrow
/// again. Throws: `Interrupted`.
[[nodiscard]] ShadowRun run_shadow(const Trial& trial, const TrialInputs& inputs, const Rung& rung,
                                   std::stop_token stop = {}, const Progress& progress = {});

}  // namespace numgeom

#pragma once

#include <deque>

#include "numgeom/arithmetic/magnitude.hpp"
#include "numgeom/train/optimizer.hpp"

namespace numgeom {

/// Where the eigenvalues of the Hessian of ∇L + ωw lie, for every parameter of a ball.
struct HessianRange {
  double lower = 0;
  double upper = 0;
};

/// One step of an optimiser without memory or with a velocity v, for the slope h = ∇L(w) + ωw:
///
///     v' = μv + h,   w' = w − η(a·v + b·h),   (a, b) = (0, 1), (μ, 1), (μ², 1 + μ)
///
/// for SGD (μ = 0, v is of no account), momentum and Nesterov's momentum.
struct StepMap {
  enum class Kind { kPlain, kMomentum, kNesterov };
  Kind kind = Kind::kPlain;
  double rate = 0;      ///< η
  double momentum = 0;  ///< μ

  /// Whether an optimiser is one of these.
  [[nodiscard]] static bool is_known(Optimizer optimizer);
  /// At the rate `rate`. Throws `Error` for other optimisers.
  [[nodiscard]] static StepMap of(Optimizer optimizer, const Configuration& configuration,
                                  double rate);
};

/// Coordinates of weights and velocity in which the norm of a step map is small:
///
///     u = w − κv,   q = s·v
///
/// Any κ and any s > 0 are right; the exact values of the doubles count. s = 0 (with κ = 0) leaves
/// the velocity out, for maps without one.
struct StepCoordinates {
  double kappa = 0;
  double scale = 0;
};

/// Λ: an upper bound on ‖∂G‖₂ in the coordinates (u, q), for Hessians with eigenvalues in `range`.
///
///     Λ = max ‖M(h)‖₂ over the ends h of the range,
///     M(h) = T·[1 − ηbh, −ηa; h, μ]·T⁻¹,   T = [1, −κ; 0, s]
///
/// Plain steps: max |1 − ηh|. ∞ where the range has no bounds. Source: proofs/stepwise.md,
/// theorem 2.
[[nodiscard]] Magnitude step_lipschitz(const StepMap& map, const StepCoordinates& coordinates,
                                       const HessianRange& range);

/// An upper bound on the norm of the change from one pair of coordinates to another.
[[nodiscard]] Magnitude change_norm(const StepCoordinates& from, const StepCoordinates& to);

/// An upper bound on ‖w‖₂/‖(u, q)‖₂.
[[nodiscard]] Magnitude reach_of_weights(const StepCoordinates& coordinates);

/// An upper bound on ‖(u, q)‖₂ for ‖w‖₂ ≤ `weights` and ‖v‖₂ ≤ `velocity`.
[[nodiscard]] Magnitude norm_in(const StepCoordinates& coordinates, const Magnitude& weights,
                                const Magnitude& velocity);

/// Follows the Hessians of a run and moves the coordinates where that pays: where the last steps
/// would have lost more bits than the change costs. What it says is a proposal, never a bound.
class CoordinateChoice {
 public:
  explicit CoordinateChoice(const StepMap& map) : map_(map) {}

  /// Those in force, for a step at the rate of `map`.
  [[nodiscard]] StepCoordinates at(const StepMap& map) const;
  /// Takes the range of a step into account.
  void see(const StepMap& map, const HessianRange& range);

 private:
  /// A point of a grid: κ = η·a/(1 − μ)·place/kPlaces, s = η·kRatio^power.
  struct Cell {
    int place = 0;
    int power = 5;
  };

  [[nodiscard]] StepCoordinates of(const Cell& cell) const;
  [[nodiscard]] double bits(const Cell& cell) const;
  bool move();

  StepMap map_;
  Cell cell_;
  std::deque<HessianRange> seen_;  ///< times the rate
};

/// A ball around a computed point that the exact run lies in: in the coordinates in force,
/// ‖(u, q) − (ũ, q̃)‖₂ ≤ ρ, from step to step ρ ← Λρ + d. Source: proofs/stepwise.md, theorem 1.
class Tube {
 public:
  /// ρ = 0 in coordinates for this map.
  explicit Tube(const StepMap& map) : choice_(map), coordinates_(choice_.at(map)) {}

  [[nodiscard]] const Magnitude& radius() const { return rho_; }
  [[nodiscard]] const StepCoordinates& coordinates() const { return coordinates_; }
  /// An upper bound on ‖w − w̃‖₂.
  [[nodiscard]] Magnitude reach() const { return reach_of_weights(coordinates_) * rho_; }

  /// Whether the upper end of the range is of no account beside the lower one.
  [[nodiscard]] bool is_enough(const StepMap& map, const HessianRange& range) const;

  /// A step with the eigenvalues of all Hessians within `reach()` in `range`: in new coordinates
  /// where these are better, ρ ← Λρ. Returns Λ, times the norm of the change of coordinates.
  Magnitude advance(const StepMap& map, const HessianRange& range);

  /// d for what the computed weights and velocity after the step are off, and ρ ← ρ + d.
  Magnitude widen(const Magnitude& weights, const Magnitude& velocity);

 private:
  CoordinateChoice choice_;
  StepCoordinates coordinates_;
  Magnitude rho_;
};

}  // namespace numgeom

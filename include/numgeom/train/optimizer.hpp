#pragma once

#include <string>
#include <vector>

#include "numgeom/arithmetic/concept.hpp"

namespace numgeom {

/// With g the gradient (clipped, then with λ₁·sign(w) added) and h = g + ωw:
///
///     sgd       w ← w − ηh
///     momentum  b ← μb + h,                  w ← w − ηb
///     nesterov  b ← μb + h,                  w ← w − η(h + μb)
///     adam      m ← β₁m + (1−β₁)h, v ← β₂v + (1−β₂)h²,
///               w ← w − η·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε)
///     adamw     as adam with g in place of h, and w ← w − ηω·w beside it
///     rmsprop   v ← αv + (1−α)h²,            w ← w − ηh/(√v + ε)
///
/// State starts at zero; t counts from 1. These are the updates of PyTorch's optimisers of the same
/// names (dampening 0).
enum class Optimizer { kSgd, kMomentum, kNesterov, kAdam, kAdamW, kRmsprop };

[[nodiscard]] std::string to_string(Optimizer optimizer);
/// Throws `Error` listing the names above.
[[nodiscard]] Optimizer parse_optimizer(const std::string& name);

/// How the learning rate changes from step to step, as a factor of η:
///
///     constant  1
///     step      factor^⌊epoch/period⌋
///     cosine    ½(1 + cos(πt/T))
///     linear    1 − t/T
///
/// with t and T counted from the end of the warm-up, in whose step s the factor is (s+1)/`warmup`.
/// The rate of a step is a double, and that double is an exact input of the trial.
struct Schedule {
  enum class Kind { kConstant, kStep, kCosine, kLinear };
  Kind kind = Kind::kConstant;
  int warmup = 0;       ///< steps
  int period = 1;       ///< epochs
  double factor = 0.1;  ///< of `step`

  /// The rate of each step. Throws `Error` where one is infinite.
  [[nodiscard]] std::vector<double> rates(double lr, int steps, int steps_per_epoch) const;
  friend bool operator==(const Schedule&, const Schedule&) = default;
};

[[nodiscard]] std::string to_string(Schedule::Kind kind);
/// Throws `Error` listing the names above.
[[nodiscard]] Schedule::Kind parse_schedule(const std::string& name);

/// θ: one value per hyperparameter, IEEE doubles taken as exact reals.
struct Configuration {
  double lr = 0.01;         ///< η
  double weight_decay = 0;  ///< ω
  double l1 = 0;            ///< λ₁
  double clip_norm = 0;  ///< gradients g become g·min(1, c/(‖g‖₂ + 10⁻⁶)); 0: no clipping
  double momentum = 0.9;  ///< μ
  double beta1 = 0.9;
  double beta2 = 0.999;
  double decay = 0.99;  ///< α of rmsprop
  double epsilon = 1e-8;

  /// Throws `Error` naming the hyperparameter and its value where one is out of range.
  void validate() const;
  friend bool operator==(const Configuration&, const Configuration&) = default;
};

/// What an optimiser remembers.
template <Arithmetic A>
struct OptimizerState {
  std::vector<typename A::Matrix> first;   ///< b, or m
  std::vector<typename A::Matrix> second;  ///< v
  int updates = 0;
};

/// Gradient descent with weight decay: w ← w − η·(g + ωw).
template <Arithmetic A>
void descend(const A& arithmetic, const Configuration& configuration,
             const std::vector<typename A::Matrix>& gradients,
             std::vector<typename A::Matrix>& parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i)
    arithmetic.descend(configuration.lr, configuration.weight_decay, gradients[i], parameters[i]);
}

/// One update of all parameters at the rate η = `lr`; what is left in `gradients` is of no use.
///
/// Inclusion: in an enclosing arithmetic, of the exact update for all members of gradients, state
/// and parameters.
template <Arithmetic A>
void update(const A& a, Optimizer optimizer, const Configuration& c, double lr,
            std::vector<typename A::Matrix>& gradients, OptimizerState<A>& state,
            std::vector<typename A::Matrix>& parameters) {
  if (c.clip_norm > 0) gradients = a.clipped(std::move(gradients), c.clip_norm);
  const int t = ++state.updates;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    auto& w = parameters[i];
    auto& g = gradients[i];
    if (c.l1 > 0) g = a.add_signs(c.l1, w, g);
    if (optimizer == Optimizer::kSgd) {
      a.descend(lr, c.weight_decay, g, w);
      continue;
    }
    const bool decoupled = optimizer == Optimizer::kAdamW;
    if (c.weight_decay > 0 && !decoupled) g = a.axpy(c.weight_decay, w, g);
    auto& m = state.first[i];
    auto& v = state.second[i];
    switch (optimizer) {
      case Optimizer::kMomentum:
      case Optimizer::kNesterov:
        m = a.axpy(c.momentum, m, g);
        a.descend(lr, 0, optimizer == Optimizer::kMomentum ? m : a.axpy(c.momentum, m, g), w);
        break;
      case Optimizer::kRmsprop:
        v = a.blend_squares(c.decay, v, g);
        a.descend(lr, 0, a.root_quotient(1.0, g, v, 1.0, c.epsilon), w);
        break;
      default:
        m = a.blend(c.beta1, m, g);
        v = a.blend_squares(c.beta2, v, g);
        a.descend(lr, decoupled ? c.weight_decay : 0,
                  a.root_quotient(1 / (1 - pow(Constant(c.beta1), t)), m, v,
                                  1 / sqrt(1 - pow(Constant(c.beta2), t)), c.epsilon),
                  w);
    }
  }
}

}  // namespace numgeom

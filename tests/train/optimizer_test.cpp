#include "numgeom/train/optimizer.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "numgeom/arithmetic/ball_arithmetic.hpp"
#include "numgeom/arithmetic/interval_arithmetic.hpp"
#include "numgeom/arithmetic/native.hpp"

using namespace numgeom;

namespace {

constexpr int kBits = 400;
constexpr int kUpdates = 4;

/// One weight, by the formulas of `Optimizer`, with 400 bits.
class Reference {
 public:
  Reference(Optimizer optimizer, const Configuration& c) : optimizer_(optimizer), c_(c) {}

  void update(double gradient, Ball& w) {
    ++t_;
    Ball g(gradient, kBits);
    if (c_.clip_norm > 0)
      g *= min(Ball(1.0, kBits), Ball(c_.clip_norm, kBits) / (abs(g) + Ball(1e-6)));
    g += Ball(c_.l1, kBits) * Ball(mpfr_sgn(w.midpoint().get()));
    const Ball h = g + Ball(c_.weight_decay, kBits) * w;
    const Ball lr(c_.lr, kBits);
    switch (optimizer_) {
      case Optimizer::kSgd:
        w -= lr * h;
        break;
      case Optimizer::kMomentum:
      case Optimizer::kNesterov:
        m_ = Ball(c_.momentum, kBits) * m_ + h;
        w -= lr * (optimizer_ == Optimizer::kMomentum ? m_ : h + Ball(c_.momentum, kBits) * m_);
        break;
      case Optimizer::kRmsprop:
        v_ = blend(c_.decay, v_, sqr(h));
        w -= lr * h / (sqrt(v_) + Ball(c_.epsilon));
        break;
      case Optimizer::kAdam:
        adam(h, lr, w);
        break;
      case Optimizer::kAdamW: {
        const Ball decayed = lr * Ball(c_.weight_decay, kBits) * w;
        adam(g, lr, w);
        w -= decayed;
        break;
      }
    }
  }

 private:
  static Ball blend(double beta, const Ball& x, const Ball& y) {
    return Ball(beta, kBits) * x + (Ball(1.0, kBits) - Ball(beta, kBits)) * y;
  }
  static Ball correction(double beta, int t) {
    return Ball(1.0, kBits) - pow(Ball(beta, kBits), t);
  }
  void adam(const Ball& g, const Ball& lr, Ball& w) {
    m_ = blend(c_.beta1, m_, g);
    v_ = blend(c_.beta2, v_, sqr(g));
    const Ball root = sqrt(v_ / correction(c_.beta2, t_));
    w -= lr * (m_ / correction(c_.beta1, t_)) / (root + Ball(c_.epsilon));
  }

  Optimizer optimizer_;
  Configuration c_;
  Ball m_{0.0, kBits};
  Ball v_{0.0, kBits};
  int t_ = 0;
};

/// The weight after every update, one matrix of one entry.
template <class A>
std::vector<typename A::Matrix> updated(const A& a, Optimizer optimizer, const Configuration& c,
                                        const std::vector<float>& gradients) {
  std::vector<typename A::Matrix> w{a.embed(ExactMatrix::Constant(1, 1, 0.75F))};
  OptimizerState<A> state;
  state.first = state.second = {a.embed(ExactMatrix::Zero(1, 1))};
  std::vector<typename A::Matrix> history;
  for (const float gradient : gradients) {
    std::vector<typename A::Matrix> g{a.embed(ExactMatrix::Constant(1, 1, gradient))};
    update(a, optimizer, c, c.lr, g, state, w);
    history.push_back(w[0]);
  }
  return history;
}

}  // namespace

TEST_CASE("every optimiser follows its formula, step by step") {
  const auto optimizer = GENERATE(Optimizer::kSgd, Optimizer::kMomentum, Optimizer::kNesterov,
                                  Optimizer::kAdam, Optimizer::kAdamW, Optimizer::kRmsprop);
  const bool all = GENERATE(false, true);
  INFO(to_string(optimizer) << (all ? " with decay, clipping and l1" : ""));
  Configuration c;
  c.lr = 0.1;
  if (all) {
    c.weight_decay = 0.05;
    c.clip_norm = 0.5;
    c.l1 = 0.01;
  }
  const std::vector<float> gradients{0.3F, -1.25F, 0, 2.5F};
  const BallArithmetic ball(BigFloatMidpoints(128));
  const IntervalArithmetic interval;
  const auto balls = updated(ball, optimizer, c, gradients);
  const auto intervals = updated(interval, optimizer, c, gradients);
  const auto doubles = updated(Native<double>(), optimizer, c, gradients);
  Reference reference(optimizer, c);
  Ball w(0.75, kBits);
  for (std::size_t t = 0; t < kUpdates; ++t) {
    reference.update(gradients[t], w);
    const Ball enclosed = ball.at(balls[t], 0, 0);
    CHECK(enclosed.contains(w.midpoint()));
    CHECK(enclosed.radius() <= Magnitude::power_of_two(-110));
    CHECK(interval.at(intervals[t], 0, 0).contains(w.midpoint()));
    CHECK(intervals[t].radii(0, 0) <= Magnitude::power_of_two(-40));
    CHECK(doubles[t](0, 0) == Approx(w.midpoint().to_double()).epsilon(1e-12));
  }
}

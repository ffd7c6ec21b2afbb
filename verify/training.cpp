#include "training.hpp"

#include <algorithm>

namespace verify {
namespace {

/// Beyond 2^this radius of a bias the run is given up.
constexpr long kHopeless = -4;

/// x where z > 0, slope·x where z ≤ 0, both where that is open.
Ball gated(const Ball& z, const Ball& x, double slope) {
  if (z.is_positive()) return x;
  Ball scaled = slope == 0 ? Ball() : Ball(slope) * x;
  return z.is_nonpositive() ? scaled : hull(x, scaled);
}

Ball activation(const Layer& layer, const Ball& z) {
  if (layer.kind == "tanh") return tanh(z);
  if (layer.kind == "sigmoid") return Ball(1) / (Ball(1) + exp(Ball() - z));
  return gated(z, z, layer.number);
}

/// delta·f′(z), y = f(z).
Ball through_activation(const Layer& layer, const Ball& z, const Ball& y, const Ball& delta) {
  if (layer.kind == "tanh") return (Ball(1) - y * y) * delta;
  if (layer.kind == "sigmoid") return (y - y * y) * delta;
  return gated(z, delta, layer.number);
}

/// Within a rounding of the last bit.
Ball enclosed(const Rational& x) {
  Ball result;
  fmpq_t fraction;
  fmpq_init(fraction);
  fmpq_set_mpq(fraction, x.get_mpq_t());
  arb_set_fmpq(result.get(), fraction, Ball::bits);
  fmpq_clear(fraction);
  return result;
}

Matrix rows_of(const Array& x, const std::vector<long>& rows) {
  Matrix result(static_cast<long>(rows.size()), x.columns);
  for (long i = 0; i < result.rows; ++i)
    for (long j = 0; j < result.columns; ++j)
      result(i, j) = x.at(rows[static_cast<std::size_t>(i)], j);
  return result;
}

class Training {
 public:
  Training(const Experiment& experiment, const Trial& trial, const Certificate& certificate)
      : experiment_(experiment), trial_(trial), smoothing_(enclosed(certificate.label_smoothing)) {
    for (const Array& array : experiment.parameters) {
      Matrix matrix(array.rows, array.columns);
      std::copy(array.values.begin(), array.values.end(), matrix.entries.begin());
      first_.emplace_back(matrix.rows, matrix.columns);
      second_.emplace_back(matrix.rows, matrix.columns);
      parameters_.push_back(std::move(matrix));
    }
  }

  void step(std::size_t t) {
    const std::vector<long>& rows = experiment_.batches[t];
    const std::vector<Matrix> outputs = forward(rows_of(experiment_.train_x, rows), true);
    const std::vector<Matrix> gradients = backward(outputs, residuals(outputs.back(), rows));
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      update(Ball(experiment_.rates.values[t]), t + 1, gradients[i], i);
    masked_ += static_cast<long>(rows.size());
  }

  [[nodiscard]] bool is_hopeless() const {
    const auto is_open = [](const Ball& x) {
      return mag_cmp_2exp_si(arb_radref(x.get()), kHopeless) > 0 || arb_is_finite(x.get()) == 0;
    };
    const std::vector<Ball>& bias = parameters_.back().entries;
    return std::any_of(bias.begin(), bias.end(), is_open);
  }

  /// The mean over the validation rows of log Σ e^(o_k) − Σ q_k o_k.
  Ball loss() {
    const long count = experiment_.validation_y.rows;
    Ball total;
    for (long i = 0; i < count; ++i) {
      const std::vector<Matrix> outputs = forward(rows_of(experiment_.validation_x, {i}), false);
      const Matrix& o = outputs.back();
      const Softmax softmax(o, 0);
      total += log(softmax.sum) + softmax.shift;
      for (long k = 0; k < o.columns; ++k)
        total -= target(experiment_.validation_y, i, k, o.columns) * o(0, k);
    }
    return total / Ball(static_cast<double>(count));
  }

 private:
  /// e^(o_k − c) and their sum, c the greatest midpoint: an exact number, which cancels.
  struct Softmax {
    Softmax(const Matrix& o, long row) {
      for (long k = 0; k < o.columns; ++k)
        if (k == 0 || arf_cmp(arb_midref(o(row, k).get()), arb_midref(shift.get())) > 0)
          shift = Ball(arb_midref(o(row, k).get()));
      for (long k = 0; k < o.columns; ++k) {
        terms.push_back(exp(o(row, k) - shift));
        sum += terms.back();
      }
    }
    Ball shift, sum;
    std::vector<Ball> terms;
  };

  /// q_k = (1 − ε)·[k is the label] + ε/classes.
  [[nodiscard]] Ball target(const Array& labels, long row, long k, long classes) const {
    const Ball share = smoothing_ / Ball(static_cast<double>(classes));
    return labels.at(row) == static_cast<double>(k) ? Ball(1) - smoothing_ + share : share;
  }

  /// Derivatives of the batch's mean loss by the outputs: (p_k − q_k)/batch.
  [[nodiscard]] Matrix residuals(const Matrix& o, const std::vector<long>& rows) const {
    Matrix result(o.rows, o.columns);
    for (long i = 0; i < o.rows; ++i) {
      const Softmax softmax(o, i);
      for (long k = 0; k < o.columns; ++k)
        result(i, k) =
            (softmax.terms[static_cast<std::size_t>(k)] / softmax.sum -
             target(experiment_.train_y, rows[static_cast<std::size_t>(i)], k, o.columns)) /
            Ball(static_cast<double>(o.rows));
    }
    return result;
  }

  /// Entries that are kept, divided by the probability of keeping one.
  [[nodiscard]] Matrix dropped(const Layer& layer, Matrix x, std::size_t mask) const {
    const Array& bits = experiment_.masks[mask];
    const Ball kept = Ball(1) - Ball(layer.number);
    for (long i = 0; i < x.rows; ++i)
      for (long j = 0; j < x.columns; ++j) {
        const auto byte = static_cast<unsigned>(bits.at(masked_ + i, j / 8));
        x(i, j) = (byte >> (j % 8) & 1U) != 0 ? x(i, j) / kept : Ball();
      }
    return x;
  }

  /// The input and what every layer gives.
  std::vector<Matrix> forward(Matrix input, bool with_dropout) {
    std::vector<Matrix> outputs;
    outputs.push_back(std::move(input));
    std::size_t parameter = 0;
    std::size_t mask = 0;
    for (const Layer& layer : experiment_.layers) {
      Matrix x = outputs.back();
      if (layer.kind == "dense") {
        x = product(x, parameters_[parameter]);
        const Matrix biases = product(Matrix(x.rows, 1, Ball(1)), parameters_[parameter + 1]);
        for (std::size_t k = 0; k < x.entries.size(); ++k) x.entries[k] += biases.entries[k];
        parameter += 2;
      } else if (layer.kind != "dropout") {
        for (Ball& entry : x.entries) entry = activation(layer, entry);
      } else if (with_dropout) {
        x = dropped(layer, std::move(x), mask++);
      }
      outputs.push_back(std::move(x));
    }
    return outputs;
  }

  /// Derivatives by every parameter from those by the outputs; none below the first parameters.
  std::vector<Matrix> backward(const std::vector<Matrix>& outputs, Matrix delta) {
    std::vector<Matrix> gradients(parameters_.size());
    std::size_t parameter = parameters_.size();
    std::size_t mask = experiment_.masks.size();
    for (std::size_t l = experiment_.layers.size(); l-- > 0 && parameter > 0;) {
      const Layer& layer = experiment_.layers[l];
      const Matrix& x = outputs[l];
      if (layer.kind == "dense") {
        parameter -= 2;
        gradients[parameter] = product(x.transposed(), delta);
        gradients[parameter + 1] = product(Matrix(1, delta.rows, Ball(1)), delta);
        if (parameter > 0) delta = product(delta, parameters_[parameter].transposed());
      } else if (layer.kind == "dropout") {
        delta = dropped(layer, std::move(delta), --mask);
      } else {
        for (std::size_t k = 0; k < delta.entries.size(); ++k)
          delta.entries[k] =
              through_activation(layer, x.entries[k], outputs[l + 1].entries[k], delta.entries[k]);
      }
    }
    return gradients;
  }

  /// The optimisers' updates (docs/layers.md), entry by entry; η the rate, t counted from 1.
  void update(const Ball& eta, std::size_t t, const Matrix& gradient, std::size_t i) {
    const auto value = [&](const char* name) { return enclosed(trial_.hyperparameters.at(name)); };
    const std::string& optimizer = trial_.optimizer;
    const bool is_rmsprop = optimizer == "rmsprop";
    const Ball omega = value("weight_decay"), mu = value("momentum"), epsilon = value("epsilon");
    const Ball beta1 = value("beta1"), beta2 = value(is_rmsprop ? "decay" : "beta2");
    const Ball scale1 = Ball(1) / (Ball(1) - power(beta1, t));
    const Ball scale2 = is_rmsprop ? Ball(1) : Ball(1) / (Ball(1) - power(beta2, t));
    const bool decoupled = optimizer == "adamw";
    for (std::size_t k = 0; k < gradient.entries.size(); ++k) {
      Ball& w = parameters_[i].entries[k];
      Ball& m = first_[i].entries[k];
      Ball& v = second_[i].entries[k];
      Ball g = gradient.entries[k];
      if (!decoupled) g += omega * w;
      if (optimizer == "momentum" || optimizer == "nesterov") {
        m = mu * m + g;
        g = optimizer == "momentum" ? m : g + mu * m;
      } else if (optimizer != "sgd") {
        v = beta2 * v + (Ball(1) - beta2) * (g * g);
        if (!is_rmsprop) {
          m = beta1 * m + (Ball(1) - beta1) * g;
          g = scale1 * m;
        }
        g /= sqrt(scale2 * v) + epsilon;
        if (decoupled) g += omega * w;
      }
      w -= eta * g;
    }
  }

  const Experiment& experiment_;
  const Trial& trial_;
  Ball smoothing_;
  std::vector<Matrix> parameters_;
  std::vector<Matrix> first_;   ///< b, or m
  std::vector<Matrix> second_;  ///< v
  long masked_ = 0;             ///< rows of masks that were used
};

}  // namespace

Run train(const Certificate& certificate, const Trial& trial, const Experiment& experiment,
          long bits, const std::atomic<bool>& stop) {
  Ball::bits = bits;
  Training training(experiment, trial, certificate);
  Run run;
  for (std::size_t t = 0; t < experiment.batches.size(); ++t) {
    training.step(t);
    ++run.steps;
    if (stop || training.is_hopeless()) return run;
  }
  run.loss = training.loss();
  return run;
}

std::optional<bool> is_inside(const Ball& loss, const Enclosure& enclosure) {
  const Ball low = enclosure.lower ? enclosed(*enclosure.lower) : loss;
  const Ball high = enclosure.upper ? enclosed(*enclosure.upper) : loss;
  if (arb_lt(loss.get(), low.get()) != 0 || arb_lt(high.get(), loss.get()) != 0) return false;
  const bool above = !enclosure.lower || arb_le(low.get(), loss.get()) != 0;
  const bool below = !enclosure.upper || arb_le(loss.get(), high.get()) != 0;
  return arb_is_finite(loss.get()) != 0 && above && below ? std::optional(true) : std::nullopt;
}

}  // namespace verify

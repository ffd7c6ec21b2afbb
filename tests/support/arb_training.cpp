#include "support/arb_training.hpp"

#include <arb.h>

#include <vector>

#include "numgeom/error.hpp"

namespace numgeom::test {
namespace {

class Number {
 public:
  Number() { arb_init(x_); }
  explicit Number(double x) : Number() { arb_set_d(x_, x); }
  Number(const Number& other) : Number() { arb_set(x_, other.x_); }
  Number(Number&& other) noexcept : Number() { arb_swap(x_, other.x_); }
  Number& operator=(Number other) noexcept {
    arb_swap(x_, other.x_);
    return *this;
  }
  ~Number() { arb_clear(x_); }
  arb_ptr get() { return x_; }
  [[nodiscard]] arb_srcptr get() const { return x_; }

 private:
  arb_t x_;
};

using Row = std::vector<Number>;
using Rows = std::vector<Row>;

struct Dense {
  Rows weights;  // inputs × units
  Row bias;
};

class Training {
 public:
  Training(const Problem& problem, const TrialInputs& inputs, const Configuration& configuration,
           int bits)
      : problem_(problem),
        inputs_(inputs),
        rate_(configuration.lr),
        decay_(configuration.weight_decay),
        bits_(bits) {
    for (std::size_t i = 0; i < inputs.parameters.size(); i += 2)
      layers_.push_back({rows_of(inputs.parameters[i]), rows_of(inputs.parameters[i + 1])[0]});
  }

  Number run() {
    for (const Indices& batch : inputs_.batches) step(batch);
    const Rows features = rows_of(problem_.data->validation.features);
    Number total;
    for (std::size_t i = 0; i < features.size(); ++i) {
      const Row logits = forward(features[i]).back();
      Number loss = log_of_sum(logits);
      const auto label = static_cast<std::size_t>(problem_.data->validation.labels[i]);
      arb_sub(loss.get(), loss.get(), logits[label].get(), bits_);
      arb_add(total.get(), total.get(), loss.get(), bits_);
    }
    arb_div_ui(total.get(), total.get(), features.size(), bits_);
    return total;
  }

 private:
  static Rows rows_of(const ExactMatrix& x) {
    Rows rows(static_cast<std::size_t>(x.rows()));
    for (Eigen::Index i = 0; i < x.rows(); ++i)
      for (Eigen::Index j = 0; j < x.cols(); ++j)
        rows[static_cast<std::size_t>(i)].emplace_back(x(i, j));
    return rows;
  }

  Number log_of_sum(const Row& logits) const {
    Number sum;
    Number term;
    for (const Number& logit : logits) {
      arb_exp(term.get(), logit.get(), bits_);
      arb_add(sum.get(), sum.get(), term.get(), bits_);
    }
    arb_log(sum.get(), sum.get(), bits_);
    return sum;
  }

  /// The input and the outputs of all layers.
  Rows forward(const Row& sample) const {
    Rows outputs{sample};
    std::size_t next = 0;
    for (const Layer& layer : problem_.network.layers) {
      const Row& input = outputs.back();
      Row output;
      if (layer.kind == Layer::Kind::kDense) {
        const Dense& dense = layers_[next++];
        output = dense.bias;
        for (std::size_t k = 0; k < input.size(); ++k)
          for (std::size_t h = 0; h < output.size(); ++h)
            arb_addmul(output[h].get(), input[k].get(), dense.weights[k][h].get(), bits_);
      } else {
        for (const Number& z : input)
          output.push_back(layer.kind == Layer::Kind::kTanh ? tangent(z) : gated(z, z));
      }
      outputs.push_back(std::move(output));
    }
    return outputs;
  }

  Number tangent(const Number& z) const {
    Number t;
    arb_tanh(t.get(), z.get(), bits_);
    return t;
  }

  /// x where z > 0, zero where z ≤ 0, both where that is open.
  Number gated(const Number& z, const Number& x) const {
    if (arb_is_positive(z.get()) != 0) return x;
    Number result;
    if (arb_is_nonpositive(z.get()) == 0) arb_union(result.get(), x.get(), result.get(), bits_);
    return result;
  }

  /// Derivatives of one sample's loss by its logits.
  Row residuals(const Row& logits, int label) const {
    Number sum;
    Row p(logits.size());
    for (std::size_t k = 0; k < p.size(); ++k) {
      arb_exp(p[k].get(), logits[k].get(), bits_);
      arb_add(sum.get(), sum.get(), p[k].get(), bits_);
    }
    for (Number& x : p) arb_div(x.get(), x.get(), sum.get(), bits_);
    Number& target = p[static_cast<std::size_t>(label)];
    arb_sub_ui(target.get(), target.get(), 1, bits_);
    return p;
  }

  void add_gradient(const Row& sample, int label, std::vector<Dense>& gradient) const {
    const Rows outputs = forward(sample);
    Row delta = residuals(outputs.back(), label);
    std::size_t next = layers_.size();
    for (std::size_t l = problem_.network.layers.size(); l-- > 0;) {
      const Row& input = outputs[l];
      switch (problem_.network.layers[l].kind) {
        case Layer::Kind::kDense: {
          --next;
          Row before(input.size());
          for (std::size_t h = 0; h < delta.size(); ++h) {
            for (std::size_t k = 0; k < input.size(); ++k) {
              arb_addmul(gradient[next].weights[k][h].get(), input[k].get(), delta[h].get(), bits_);
              arb_addmul(before[k].get(), layers_[next].weights[k][h].get(), delta[h].get(), bits_);
            }
            Number& bias = gradient[next].bias[h];
            arb_add(bias.get(), bias.get(), delta[h].get(), bits_);
          }
          delta = std::move(before);
          break;
        }
        case Layer::Kind::kRelu:
          for (std::size_t k = 0; k < delta.size(); ++k) delta[k] = gated(input[k], delta[k]);
          break;
        case Layer::Kind::kTanh:
          for (std::size_t k = 0; k < delta.size(); ++k) {
            Number slope;
            arb_sqr(slope.get(), outputs[l + 1][k].get(), bits_);
            arb_sub_ui(slope.get(), slope.get(), 1, bits_);
            arb_neg(slope.get(), slope.get());
            arb_mul(delta[k].get(), delta[k].get(), slope.get(), bits_);
          }
          break;
        default:
          throw Error("the reference has dense layers, ReLU and tanh only");
      }
    }
  }

  void step(const Indices& batch) {
    std::vector<Dense> gradient;
    for (const Dense& layer : layers_)
      gradient.push_back(
          {Rows(layer.weights.size(), Row(layer.bias.size())), Row(layer.bias.size())});
    for (const int row : batch) {
      const Rows sample = rows_of(problem_.data->train.features.row(row));
      add_gradient(sample[0], problem_.data->train.labels[static_cast<std::size_t>(row)], gradient);
    }
    for (std::size_t m = 0; m < layers_.size(); ++m) {
      for (std::size_t k = 0; k < layers_[m].weights.size(); ++k)
        descend(layers_[m].weights[k], gradient[m].weights[k], batch.size());
      descend(layers_[m].bias, gradient[m].bias, batch.size());
    }
  }

  void descend(Row& parameters, const Row& gradient, std::size_t batch) const {
    Number slope;
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      arb_div_ui(slope.get(), gradient[k].get(), batch, bits_);
      arb_addmul(slope.get(), decay_.get(), parameters[k].get(), bits_);
      arb_submul(parameters[k].get(), rate_.get(), slope.get(), bits_);
    }
  }

  const Problem& problem_;
  const TrialInputs& inputs_;
  Number rate_;
  Number decay_;
  int bits_;
  std::vector<Dense> layers_;
};

}  // namespace

Enclosure arb_loss(const Problem& problem, const TrialInputs& inputs,
                   const Configuration& configuration, int bits) {
  const Number loss = Training(problem, inputs, configuration, bits).run();
  if (arb_is_finite(loss.get()) == 0) return {};
  BigFloat lower(bits);
  BigFloat upper(bits);
  arb_get_interval_mpfr(lower.get(), upper.get(), loss.get());
  return {std::move(lower), std::move(upper)};
}

}  // namespace numgeom::test

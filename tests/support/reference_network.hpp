#pragma once

#include <cmath>
#include <vector>

#include "numgeom/arithmetic/matrix.hpp"
#include "numgeom/error.hpp"
#include "numgeom/train/network.hpp"

namespace numgeom::test {

using Real = long double;

/// A number and its derivative in one direction.
struct Dual {
  Real value = 0;
  Real slope = 0;

  Dual() = default;
  Dual(Real x, Real dx = 0) : value(x), slope(dx) {}  // NOLINT(google-explicit-constructor)

  friend Dual operator+(const Dual& a, const Dual& b) {
    return {a.value + b.value, a.slope + b.slope};
  }
  friend Dual operator-(const Dual& a, const Dual& b) {
    return {a.value - b.value, a.slope - b.slope};
  }
  friend Dual operator*(const Dual& a, const Dual& b) {
    return {a.value * b.value, a.slope * b.value + a.value * b.slope};
  }
  friend Dual operator/(const Dual& a, const Dual& b) {
    const Real quotient = a.value / b.value;
    return {quotient, (a.slope - quotient * b.slope) / b.value};
  }
};

inline Dual exp(const Dual& x) {
  const Real e = std::exp(x.value);
  return {e, e * x.slope};
}
inline Dual tanh(const Dual& x) {
  const Real t = std::tanh(x.value);
  return {t, (1 - t * t) * x.slope};
}

/// What `StepEnclosure` encloses, at one point.
struct ReferencePass {
  std::vector<Matrix<Real>> inputs, weights, slopes, curvatures;
  Matrix<Real> residuals;
};

/// Softmax cross-entropy of a network on one batch: derivatives of first and second order by all
/// parameters in one vector, from plain loops over samples in extended precision.
class ReferenceNetwork {
 public:
  ReferenceNetwork(const Network& network, Matrix<Real> batch, std::vector<int> labels)
      : network_(network),
        shapes_(network.dense_shapes(static_cast<int>(batch.cols()))),
        batch_(std::move(batch)),
        labels_(std::move(labels)) {}

  [[nodiscard]] std::vector<Real> gradient(const std::vector<Real>& point) const {
    std::vector<Real> result;
    for (const Dual& x : duals(point, point.size())) result.push_back(x.value);
    return result;
  }

  [[nodiscard]] Matrix<Real> hessian(const std::vector<Real>& point) const {
    const auto n = static_cast<Eigen::Index>(point.size());
    Matrix<Real> result(n, n);
    for (Eigen::Index j = 0; j < n; ++j) {
      const std::vector<Dual> column = duals(point, static_cast<std::size_t>(j));
      for (Eigen::Index i = 0; i < n; ++i) result(i, j) = column[static_cast<std::size_t>(i)].slope;
    }
    return result;
  }

  /// JᵀSJ: J the Jacobian of the logits, S the Hessian of the loss by them.
  [[nodiscard]] Matrix<Real> gauss_newton(const std::vector<Real>& point) const {
    const auto n = static_cast<Eigen::Index>(point.size());
    Matrix<Real> sum = Matrix<Real>::Zero(n, n);
    for (Eigen::Index i = 0; i < batch_.rows(); ++i) {
      const Eigen::Index classes = network_.outputs();
      Matrix<Real> jacobian(classes, n);
      Matrix<Real> p(classes, 1);
      for (Eigen::Index j = 0; j < n; ++j) {
        const std::vector<Dual> logits =
            forward(parameters(point, static_cast<std::size_t>(j)), i).back();
        for (Eigen::Index k = 0; k < classes; ++k) {
          jacobian(k, j) = logits[static_cast<std::size_t>(k)].slope;
          p(k, 0) = softmax(logits)[static_cast<std::size_t>(k)].value;
        }
      }
      Matrix<Real> s = -(p * p.transpose());
      s.diagonal() += p;
      sum += jacobian.transpose() * s * jacobian;
    }
    return sum / static_cast<Real>(batch_.rows());
  }

  /// By dense layer: its inputs with a column of ones, its weights, and φ′ and φ″ behind it.
  [[nodiscard]] ReferencePass pass(const std::vector<Real>& point) const {
    const std::vector<Dual> w = parameters(point, point.size());
    ReferencePass result;
    std::size_t at = 0;
    const std::vector<Eigen::Index> windows = positions(w);
    for (std::size_t m = 0; m < shapes_.size(); ++m) {
      const DenseShape& shape = shapes_[m];
      const Eigen::Index rows = batch_.rows() * windows[m];
      result.inputs.emplace_back(rows, shape.inputs + 1);
      result.weights.emplace_back(shape.inputs, shape.units);
      for (Real& x : result.weights.back().reshaped<Eigen::RowMajor>()) x = w[at++].value;
      at += static_cast<std::size_t>(shape.units);
      result.slopes.emplace_back(Matrix<Real>::Ones(rows, shape.units));
      result.curvatures.emplace_back(Matrix<Real>::Zero(rows, shape.units));
    }
    result.residuals.resize(batch_.rows(), network_.outputs());
    for (Eigen::Index i = 0; i < batch_.rows(); ++i) fill(result, w, i);
    return result;
  }

 private:
  using Vector = std::vector<Dual>;

  static Vector softmax(const Vector& logits) {
    Real greatest = logits[0].value;
    for (const Dual& x : logits) greatest = std::max(greatest, x.value);
    Vector p;
    Dual sum;
    for (const Dual& x : logits) {
      p.push_back(exp(x - Dual(greatest)));
      sum = sum + p.back();
    }
    for (Dual& x : p) x = x / sum;
    return p;
  }

  /// The parameters with the slope 1 in the given place, or none beyond the end.
  static Vector parameters(const std::vector<Real>& point, std::size_t direction) {
    Vector result(point.begin(), point.end());
    if (direction < result.size()) result[direction].slope = 1;
    return result;
  }

  /// The outputs of all layers for one sample; [0] is the sample.
  [[nodiscard]] std::vector<Vector> forward(const Vector& w, Eigen::Index sample) const {
    std::vector<Vector> outputs(1);
    for (Eigen::Index j = 0; j < batch_.cols(); ++j) outputs[0].emplace_back(batch_(sample, j));
    std::size_t at = 0;
    for (const Layer& layer : network_.layers) {
      const Vector& input = outputs.back();
      Vector output;
      switch (layer.kind) {
        case Layer::Kind::kDense: {
          const std::size_t inputs = inputs_at(at);
          const auto units = static_cast<std::size_t>(layer.units);
          for (std::size_t row = 0; row < input.size(); row += inputs)
            for (std::size_t h = 0; h < units; ++h) {
              Dual sum = w[at + inputs * units + h];
              for (std::size_t k = 0; k < inputs; ++k)
                sum = sum + input[row + k] * w[at + k * units + h];
              output.push_back(sum);
            }
          at += (inputs + 1) * units;
          break;
        }
        case Layer::Kind::kGather:
          output = gathered(layer.places->forward, input);
          break;
        case Layer::Kind::kDivide:
          for (const Dual& x : input) output.push_back(x / Dual(layer.divisor));
          break;
        default:
          for (const Dual& x : input)
            output.push_back(layer.kind == Layer::Kind::kTanh ? tanh(x) : x.value > 0 ? x : Dual());
      }
      outputs.push_back(std::move(output));
    }
    return outputs;
  }

  static Vector gathered(const Gather& gather, const Vector& sample) {
    Vector result(static_cast<std::size_t>(gather.out_rows * gather.out_cols));
    for (const std::vector<int>& sources : gather.sources)
      for (std::size_t k = 0; k < result.size(); ++k)
        if (sources[k] >= 0) result[k] = result[k] + sample[static_cast<std::size_t>(sources[k])];
    return result;
  }
  static Vector scattered(const Gather& gather, const Vector& delta) {
    Vector result(static_cast<std::size_t>(gather.in_rows * gather.in_cols));
    for (const std::vector<int>& sources : gather.sources)
      for (std::size_t k = 0; k < delta.size(); ++k) {
        if (sources[k] < 0) continue;
        Dual& to = result[static_cast<std::size_t>(sources[k])];
        to = to + delta[k];
      }
    return result;
  }

  /// Inputs of the dense operation whose parameters start at this place.
  [[nodiscard]] std::size_t inputs_at(std::size_t at) const {
    std::size_t start = 0;
    for (const DenseShape& shape : shapes_) {
      if (start == at) return static_cast<std::size_t>(shape.inputs);
      start += static_cast<std::size_t>((shape.inputs + 1) * shape.units);
    }
    throw Error("no dense operation has its parameters there");
  }

  /// Rows of a sample that each dense operation sees.
  [[nodiscard]] std::vector<Eigen::Index> positions(const Vector& w) const {
    const std::vector<Vector> outputs = forward(w, 0);
    std::vector<Eigen::Index> result;
    for (std::size_t l = 0; l < network_.layers.size(); ++l)
      if (network_.layers[l].kind == Layer::Kind::kDense)
        result.push_back(static_cast<Eigen::Index>(outputs[l].size()) /
                         shapes_[result.size()].inputs);
    return result;
  }

  /// The gradient of the mean loss; slopes are its derivative in the direction.
  [[nodiscard]] Vector duals(const std::vector<Real>& point, std::size_t direction) const {
    const Vector w = parameters(point, direction);
    Vector gradient(w.size());
    for (Eigen::Index i = 0; i < batch_.rows(); ++i) add_gradient(w, i, gradient);
    const Dual share(1 / static_cast<Real>(batch_.rows()));
    for (Dual& x : gradient) x = x * share;
    return gradient;
  }

  void add_gradient(const Vector& w, Eigen::Index sample, Vector& gradient) const {
    const std::vector<Vector> outputs = forward(w, sample);
    Vector delta = softmax(outputs.back());
    Dual& target = delta[static_cast<std::size_t>(labels_[static_cast<std::size_t>(sample)])];
    target = target - Dual(1);
    std::size_t end = w.size();
    std::size_t dense = shapes_.size();
    for (std::size_t l = network_.layers.size(); l-- > 0;) {
      const Layer& layer = network_.layers[l];
      const Vector& input = outputs[l];
      if (layer.kind == Layer::Kind::kGather) {
        delta = scattered(layer.places->forward, delta);
        continue;
      }
      if (layer.kind == Layer::Kind::kDivide) {
        for (Dual& x : delta) x = x / Dual(layer.divisor);
        continue;
      }
      if (layer.kind == Layer::Kind::kDense) {
        const auto units = static_cast<std::size_t>(layer.units);
        const auto inputs = static_cast<std::size_t>(shapes_[--dense].inputs);
        const std::size_t at = end - (inputs + 1) * units;
        Vector next(input.size());
        for (std::size_t row = 0; row * inputs < input.size(); ++row)
          for (std::size_t h = 0; h < units; ++h) {
            const Dual& slope = delta[row * units + h];
            for (std::size_t k = 0; k < inputs; ++k) {
              Dual& by_weight = gradient[at + k * units + h];
              by_weight = by_weight + input[row * inputs + k] * slope;
              Dual& by_input = next[row * inputs + k];
              by_input = by_input + w[at + k * units + h] * slope;
            }
            Dual& by_bias = gradient[at + inputs * units + h];
            by_bias = by_bias + slope;
          }
        end = at;
        delta = std::move(next);
        continue;
      }
      const bool smooth = network_.layers[l].kind == Layer::Kind::kTanh;
      for (std::size_t k = 0; k < delta.size(); ++k) {
        if (smooth)
          delta[k] = delta[k] * (Dual(1) - outputs[l + 1][k] * outputs[l + 1][k]);
        else if (!(input[k].value > 0))
          delta[k] = Dual();
      }
    }
  }

  void fill(ReferencePass& result, const Vector& w, Eigen::Index sample) const {
    const std::vector<Vector> outputs = forward(w, sample);
    std::size_t dense = 0;
    for (std::size_t l = 0; l < network_.layers.size(); ++l) {
      const Vector& input = outputs[l];
      for (std::size_t k = 0; k < input.size(); ++k) {
        const Real x = input[k].value;
        switch (network_.layers[l].kind) {
          case Layer::Kind::kDense:
            entry(result.inputs[dense], sample, k, shapes_[dense].inputs) = x;
            break;
          case Layer::Kind::kRelu:
            entry(result.slopes[dense - 1], sample, k, shapes_[dense - 1].units) = x > 0 ? 1 : 0;
            break;
          case Layer::Kind::kTanh: {
            const Real y = outputs[l + 1][k].value;
            const int units = shapes_[dense - 1].units;
            entry(result.slopes[dense - 1], sample, k, units) = 1 - y * y;
            entry(result.curvatures[dense - 1], sample, k, units) = -2 * y * (1 - y * y);
            break;
          }
          default:
            break;
        }
      }
      if (network_.layers[l].kind == Layer::Kind::kDense) {
        result.inputs[dense].rightCols(1).setOnes();
        ++dense;
      }
    }
    const Vector p = softmax(outputs.back());
    for (std::size_t k = 0; k < p.size(); ++k) {
      const bool target = static_cast<int>(k) == labels_[static_cast<std::size_t>(sample)];
      result.residuals(sample, static_cast<Eigen::Index>(k)) =
          (p[k].value - (target ? 1 : 0)) / static_cast<Real>(batch_.rows());
    }
  }

  /// The k-th entry of a sample in rows of `cols`; `x` may have a column more.
  Real& entry(Matrix<Real>& x, Eigen::Index sample, std::size_t k, int cols) const {
    const Eigen::Index rows = x.rows() / batch_.rows();
    const auto place = static_cast<Eigen::Index>(k);
    return x(sample * rows + place / cols, place % cols);
  }

  Network network_;
  std::vector<DenseShape> shapes_;
  Matrix<Real> batch_;
  std::vector<int> labels_;
};

}  // namespace numgeom::test

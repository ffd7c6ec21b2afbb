#pragma once

#include <string>
#include <vector>

namespace numgeom {

/// One layer of a feed-forward network.
struct Layer {
  enum class Kind { kDense, kRelu, kTanh };
  Kind kind = Kind::kDense;
  int units = 0;  ///< outputs of a dense layer; 0 for an activation
};

/// Where a dense layer's parameters stand and what shape they have.
struct DenseShape {
  int inputs = 0;
  int units = 0;
};

/// A feed-forward network: layers from the input to the logits.
///
/// A dense layer is y = x·W + b with W of shape inputs×units and b of shape 1×units; the parameters
/// are listed layer by layer, W before b.
struct Network {
  std::vector<Layer> layers;

  /// From descriptions such as {"dense 64", "relu", "dense 10"}.
  /// Throws `Error` naming the entry when one is not `dense UNITS`, `relu` or `tanh`, when there is
  /// none, or when the last is not dense.
  static Network parse(const std::vector<std::string>& descriptions);
  [[nodiscard]] std::vector<std::string> describe() const;

  /// The dense layers in order, for samples with `inputs` features.
  [[nodiscard]] std::vector<DenseShape> dense_shapes(int inputs) const;
  /// Outputs of the last layer.
  [[nodiscard]] int outputs() const;
};

}  // namespace numgeom

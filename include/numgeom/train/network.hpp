#pragma once

#include <memory>
#include <string>
#include <vector>

#include "numgeom/arithmetic/activation.hpp"
#include "numgeom/arithmetic/gather.hpp"
#include "numgeom/data/dataset.hpp"

namespace numgeom {

/// A linear map that moves entries, and its transpose for backpropagation.
struct Places {
  Gather forward;
  Gather backward;
};

/// One operation of a feed-forward network. Layers of a description become one or several of them:
/// a convolution is a gather (im2col), a dense operation on every window, and a gather back.
struct Layer {
  enum class Kind {
    kDense,       ///< x·W + b
    kRelu,        ///< max(0, x)
    kTanh,        ///<
    kActivation,  ///< `activation`
    kGather,      ///< entries in other places: `places`
    kDivide,      ///< x / `divisor`
    kLargest,     ///< the greatest of every `width` neighbours
    kDropout,     ///< x∘mask/(1−`rate`) in training, x in evaluation
    kAdd          ///< x + the output of operation `source` (0: the batch)
  };
  Kind kind = Kind::kDense;
  int units = 0;                ///< outputs of a dense operation
  bool is_convolution = false;  ///< a dense operation on windows
  Activation activation{};
  std::shared_ptr<const Places> places{};
  int divisor = 1;
  int width = 1;
  double rate = 0;
  std::size_t source = 0;
};

/// Where a dense operation's parameters stand and what shape they have.
struct DenseShape {
  int inputs = 0;
  int units = 0;
  bool is_convolution = false;
  int windows = 1;  ///< rows of a sample that it sees
};

/// A feed-forward network from the input to the outputs, by one description a layer:
///
///     dense N                                 y = x·W + b; images are flattened
///     conv KxKxC [stride S] [padding P]       cross-correlation, zeros around the image
///     max_pool K [stride S], average_pool K [stride S]    windows of K×K, stride K unless given
///     flatten                                 an image as a plain row
///     relu, leaky_relu SLOPE, tanh, sigmoid, softplus, gelu
///     dropout P                               each entry is dropped with probability P
///     residual N                              adds the input of the N layers before
///
/// Images are rows with the channels last: pixel (i, j), channel c at (i·width + j)·channels + c. A
/// convolution's weights are a (K·K·channels)×C matrix, windows row by row, channels last.
/// Parameters are listed layer by layer, weights before biases. Batch normalisation is not offered:
/// docs/layers.md says why.
struct Network {
  std::vector<std::string> descriptions;
  /// The operations in order. Empty where they depend on a shape that is not known yet.
  std::vector<Layer> layers;

  /// Checks every description. Throws `Error` naming the entry when one is none of the above, when
  /// there is none, or when the last is not dense.
  static Network parse(const std::vector<std::string>& descriptions);
  [[nodiscard]] const std::vector<std::string>& describe() const { return descriptions; }

  /// The network for samples of this shape: rows of `features` entries, which are images if `image`
  /// says so. Throws `Error` naming the layer and the shapes where they do not fit.
  [[nodiscard]] Network for_input(int features, const ImageShape& image) const;

  /// The dense operations in order, for samples with `features` entries.
  [[nodiscard]] std::vector<DenseShape> dense_shapes(int features) const;
  /// dense1.weight, dense1.bias, conv2.weight, …: numbered in the order of the layers that have
  /// any.
  [[nodiscard]] std::vector<std::string> parameter_names() const;
  /// Entries of a sample that each dropout layer sees, in order.
  [[nodiscard]] std::vector<int> dropout_widths(int features) const;
  /// Outputs of the last layer.
  [[nodiscard]] int outputs() const { return layers.empty() ? 0 : layers.back().units; }
};

}  // namespace numgeom

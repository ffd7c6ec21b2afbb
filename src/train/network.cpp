#include "numgeom/train/network.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr int kMostUnits = 1 << 20;
constexpr int kMostKernel = 1024;
constexpr int kMostSkipped = 1000;

constexpr std::string_view kExpected =
    "'dense UNITS', 'conv KxKxCHANNELS [stride S] [padding P]', 'max_pool K [stride S]', "
    "'average_pool K [stride S]', 'flatten', 'relu', 'leaky_relu SLOPE', 'tanh', 'sigmoid', "
    "'softplus', 'gelu', 'dropout P' or 'residual LAYERS'";

[[noreturn]] void refuse(const std::string& text, const std::string& why = {}) {
  throw Error(fmt::format("network: '{}' is not a layer{}; expected {}", text,
                          why.empty() ? "" : " (" + why + ")", kExpected));
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::optional<int> integer(std::string_view word, int least, int most) {
  int value = 0;
  const auto [stop, status] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (status != std::errc() || stop != word.data() + word.size() || value < least || value > most)
    return std::nullopt;
  return value;
}

std::optional<double> number(std::string_view word) {
  double value = 0;
  const auto [stop, status] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (status != std::errc() || stop != word.data() + word.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

/// A layer as it is written.
struct Written {
  enum class Kind { kOperation, kConvolution, kMaxPool, kAveragePool, kFlatten, kResidual };
  Kind kind = Kind::kOperation;
  Layer layer{};  ///< where one operation does it
  int kernel_rows = 0;
  int kernel_cols = 0;
  int channels = 0;
  int stride = 1;
  int padding = 0;
  int skipped = 0;
};

/// `stride S` and `padding P` after the first words.
void read_options(const std::string& text, const std::vector<std::string_view>& words,
                  std::size_t first, bool has_padding, Written& written) {
  for (std::size_t i = first; i < words.size(); i += 2) {
    const auto value = i + 1 < words.size()
                           ? integer(words[i + 1], words[i] == "padding" ? 0 : 1, kMostKernel)
                           : std::nullopt;
    if (words[i] == "stride" && value)
      written.stride = *value;
    else if (words[i] == "padding" && has_padding && value)
      written.padding = *value;
    else
      refuse(text);
  }
}

Written read_convolution(const std::string& text, const std::vector<std::string_view>& words) {
  Written written{Written::Kind::kConvolution};
  std::string_view shape = words[1];
  std::vector<int> sizes;
  for (const int most : {kMostKernel, kMostKernel, kMostUnits}) {
    const std::size_t end = std::min(shape.find('x'), shape.size());
    const auto size = integer(shape.substr(0, end), 1, most);
    if (!size) refuse(text);
    sizes.push_back(*size);
    shape.remove_prefix(std::min(end + 1, shape.size()));
  }
  if (!shape.empty()) refuse(text);
  written.kernel_rows = sizes[0];
  written.kernel_cols = sizes[1];
  written.channels = sizes[2];
  read_options(text, words, 2, true, written);
  return written;
}

Written read_pool(const std::string& text, const std::vector<std::string_view>& words) {
  Written written{words[0] == "max_pool" ? Written::Kind::kMaxPool : Written::Kind::kAveragePool};
  const auto size = integer(words[1], 1, kMostKernel);
  if (!size) refuse(text);
  written.kernel_rows = written.kernel_cols = written.stride = *size;
  read_options(text, words, 2, false, written);
  return written;
}

Written operation(Layer layer) { return {Written::Kind::kOperation, std::move(layer)}; }

Written activation(Activation::Kind kind, double slope = 0) {
  Layer layer{Layer::Kind::kActivation};
  layer.activation = {kind, slope};
  return operation(layer);
}

Written read_one_word(const std::string& text) {
  if (text == "relu") return operation({Layer::Kind::kRelu});
  if (text == "tanh") return operation({Layer::Kind::kTanh});
  if (text == "sigmoid") return activation(Activation::Kind::kSigmoid);
  if (text == "softplus") return activation(Activation::Kind::kSoftplus);
  if (text == "gelu") return activation(Activation::Kind::kGelu);
  if (text == "flatten") return {Written::Kind::kFlatten};
  refuse(text);
}

Written read_two_words(const std::string& text, std::string_view name, std::string_view value) {
  if (name == "dense") {
    const auto units = integer(value, 1, kMostUnits);
    if (!units) refuse(text, fmt::format("1 to {} units", kMostUnits));
    return operation({Layer::Kind::kDense, *units});
  }
  if (name == "dropout") {
    const auto rate = number(value);
    if (!rate || !(*rate >= 0 && *rate < 1)) refuse(text, "0 ≤ P < 1");
    Layer layer{Layer::Kind::kDropout};
    layer.rate = *rate;
    return operation(layer);
  }
  if (name == "leaky_relu") {
    const auto slope = number(value);
    if (!slope || !(*slope >= 0 && *slope <= 1)) refuse(text, "0 ≤ SLOPE ≤ 1");
    return activation(Activation::Kind::kLeakyRelu, *slope);
  }
  if (name == "residual") {
    const auto skipped = integer(value, 1, kMostSkipped);
    if (!skipped) refuse(text);
    Written written{Written::Kind::kResidual};
    written.skipped = *skipped;
    return written;
  }
  refuse(text);
}

Written read_layer(const std::string& text) {
  if (text.empty() || text.back() == ' ') refuse(text);
  const std::vector<std::string_view> words = words_of(text);
  if (words.size() == 1) return read_one_word(text);
  if (words[0] == "conv") return read_convolution(text, words);
  if (words[0] == "max_pool" || words[0] == "average_pool") return read_pool(text, words);
  if (words.size() != 2) refuse(text);
  return read_two_words(text, words[0], words[1]);
}

/// The shape of a sample on its way through the network.
struct Shape {
  int height = 1;
  int width = 1;
  int channels = 0;
  bool is_image = false;

  [[nodiscard]] int size() const { return height * width * channels; }
  [[nodiscard]] std::string text() const {
    return is_image ? fmt::format("{}×{}×{}", height, width, channels) : std::to_string(size());
  }
};

/// Source places of windows: one row a window, its entries row by row, channels last; or one list
/// of channels an entry of the window.
struct Windows {
  Shape input;
  Shape output;  ///< the channels are those of the input
  const Written& written;

  [[nodiscard]] int source(int i, int j, int k, int l, int channel) const {
    const int row = i * written.stride + k - written.padding;
    const int col = j * written.stride + l - written.padding;
    if (row < 0 || row >= input.height || col < 0 || col >= input.width) return -1;
    return (row * input.width + col) * input.channels + channel;
  }
  /// f(i, j) for every window.
  template <class Function>
  void for_windows(const Function& f) const {
    for (int i = 0; i < output.height; ++i)
      for (int j = 0; j < output.width; ++j) f(i, j);
  }

  /// im2col: a window a row.
  [[nodiscard]] Gather columns() const {
    const int entries = written.kernel_rows * written.kernel_cols * input.channels;
    Gather gather{1, input.size(), output.height * output.width, entries, {{}}};
    for_windows([&](int i, int j) {
      for (int k = 0; k < written.kernel_rows; ++k)
        for (int l = 0; l < written.kernel_cols; ++l)
          for (int c = 0; c < input.channels; ++c)
            gather.sources[0].push_back(source(i, j, k, l, c));
    });
    return gather;
  }
  /// The entries of each window and channel side by side.
  [[nodiscard]] Gather neighbours() const {
    const int entries = written.kernel_rows * written.kernel_cols;
    Gather gather{1, input.size(), 1, output.size() * entries, {{}}};
    for_windows([&](int i, int j) {
      for (int c = 0; c < input.channels; ++c)
        for (int k = 0; k < written.kernel_rows; ++k)
          for (int l = 0; l < written.kernel_cols; ++l)
            gather.sources[0].push_back(source(i, j, k, l, c));
    });
    return gather;
  }
  /// The sums over windows.
  [[nodiscard]] Gather sums() const {
    Gather gather{1, input.size(), 1, output.size(), {}};
    for (int k = 0; k < written.kernel_rows; ++k)
      for (int l = 0; l < written.kernel_cols; ++l) {
        gather.sources.emplace_back();
        for_windows([&](int i, int j) {
          for (int c = 0; c < input.channels; ++c)
            gather.sources.back().push_back(source(i, j, k, l, c));
        });
      }
    return gather;
  }
};

Layer gather_layer(Gather gather) {
  Layer layer{Layer::Kind::kGather};
  Gather transposed = gather.transposed();
  layer.places = std::make_shared<const Places>(Places{std::move(gather), std::move(transposed)});
  return layer;
}

/// Rows of channels, one a pixel, as one row a sample.
Gather as_rows(const Shape& shape) {
  const int pixels = shape.height * shape.width;
  Gather gather{pixels, shape.channels, 1, shape.size(), {{}}};
  for (int k = 0; k < shape.size(); ++k) gather.sources[0].push_back(k);
  return gather;
}

/// Turns written layers into operations, one after the other.
class Lowering {
 public:
  explicit Lowering(const Shape& input) : shape_(input), shapes_{input}, ends_{0} {}

  void add(const std::string& text, const Written& written) {
    text_ = text;
    switch (written.kind) {
      case Written::Kind::kOperation:
        layers_.push_back(written.layer);
        if (written.layer.kind == Layer::Kind::kDense) shape_ = {1, 1, written.layer.units};
        break;
      case Written::Kind::kConvolution:
        add_convolution(written);
        break;
      case Written::Kind::kMaxPool:
      case Written::Kind::kAveragePool:
        add_pool(written);
        break;
      case Written::Kind::kFlatten:
        shape_ = {1, 1, shape_.size()};
        break;
      case Written::Kind::kResidual:
        add_residual(written);
        break;
    }
    shapes_.push_back(shape_);
    ends_.push_back(layers_.size());
  }
  [[nodiscard]] std::vector<Layer> take() { return std::move(layers_); }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(fmt::format("network: '{}': {}", text_, why));
  }

  /// The windows of a kernel on the present shape.
  [[nodiscard]] Windows windows(const Written& written) const {
    if (!shape_.is_image)
      fail(fmt::format("images expected, not rows of {} entries", shape_.size()));
    const int rows = shape_.height + 2 * written.padding - written.kernel_rows;
    const int cols = shape_.width + 2 * written.padding - written.kernel_cols;
    if (rows < 0 || cols < 0)
      fail(fmt::format("a {}×{} window does not fit into {} with padding {}", written.kernel_rows,
                       written.kernel_cols, shape_.text(), written.padding));
    Shape output = shape_;
    output.height = rows / written.stride + 1;
    output.width = cols / written.stride + 1;
    return {shape_, output, written};
  }

  void add_convolution(const Written& written) {
    const Windows w = windows(written);
    layers_.push_back(gather_layer(w.columns()));
    Layer dense{Layer::Kind::kDense, written.channels};
    dense.is_convolution = true;
    layers_.push_back(dense);
    shape_ = w.output;
    shape_.channels = written.channels;
    layers_.push_back(gather_layer(as_rows(shape_)));
  }

  void add_pool(const Written& written) {
    const Windows w = windows(written);
    const int entries = written.kernel_rows * written.kernel_cols;
    if (written.kind == Written::Kind::kMaxPool) {
      layers_.push_back(gather_layer(w.neighbours()));
      Layer largest{Layer::Kind::kLargest};
      largest.width = entries;
      layers_.push_back(largest);
    } else {
      layers_.push_back(gather_layer(w.sums()));
      Layer divide{Layer::Kind::kDivide};
      divide.divisor = entries;
      layers_.push_back(divide);
    }
    shape_ = w.output;
  }

  void add_residual(const Written& written) {
    const auto skipped = static_cast<std::size_t>(written.skipped);
    if (skipped >= shapes_.size())
      fail(fmt::format("there are only {} layers before it", shapes_.size() - 1));
    const Shape& source = shapes_[shapes_.size() - 1 - skipped];
    if (source.size() != shape_.size())
      fail(fmt::format("the input of the {} layers before is {}, their output {}", skipped,
                       source.text(), shape_.text()));
    Layer sum{Layer::Kind::kAdd};
    sum.source = ends_[ends_.size() - 1 - skipped];
    layers_.push_back(sum);
  }

  std::string text_;
  Shape shape_;
  std::vector<Shape> shapes_;      ///< before the first layer, and after each
  std::vector<std::size_t> ends_;  ///< operations until then
  std::vector<Layer> layers_;
};

bool depends_on_shape(const Written& written) {
  return written.kind != Written::Kind::kOperation && written.kind != Written::Kind::kFlatten;
}

}  // namespace

Network Network::parse(const std::vector<std::string>& descriptions) {
  if (descriptions.empty()) throw Error("network: at least one layer expected");
  Network network{descriptions, {}};
  bool open = false;
  Lowering lowering({});
  for (const std::string& description : descriptions) {
    const Written written = read_layer(description);
    open = open || depends_on_shape(written);
    if (!open) lowering.add(description, written);
  }
  if (!descriptions.back().starts_with("dense "))
    throw Error(
        fmt::format("network: the last layer must be dense, not '{}'", descriptions.back()));
  if (!open) network.layers = lowering.take();
  return network;
}

Network Network::for_input(int features, const ImageShape& image) const {
  const bool is_image = image.is_image();
  Lowering lowering(is_image ? Shape{image.height, image.width, image.channels, true}
                             : Shape{1, 1, features});
  for (const std::string& description : descriptions)
    lowering.add(description, read_layer(description));
  return {descriptions, lowering.take()};
}

namespace {

/// Shapes of a sample on the way: f(operation, columns, rows that it sees).
template <class Function>
void follow_shapes(const std::vector<Layer>& layers, int features, const Function& f) {
  int width = features;
  int rows = 1;
  for (const Layer& layer : layers) {
    f(layer, width, rows);
    if (layer.kind == Layer::Kind::kDense) width = layer.units;
    if (layer.kind == Layer::Kind::kGather) {
      width = static_cast<int>(layer.places->forward.out_cols);
      rows = static_cast<int>(layer.places->forward.out_rows);
    }
    if (layer.kind == Layer::Kind::kLargest) width /= layer.width;
  }
}

}  // namespace

std::vector<DenseShape> Network::dense_shapes(int features) const {
  std::vector<DenseShape> shapes;
  follow_shapes(layers, features, [&](const Layer& layer, int width, int rows) {
    if (layer.kind == Layer::Kind::kDense)
      shapes.push_back({width, layer.units, layer.is_convolution, rows});
  });
  return shapes;
}

std::vector<std::string> Network::parameter_names() const {
  std::vector<std::string> names;
  for (const Layer& layer : layers) {
    if (layer.kind != Layer::Kind::kDense) continue;
    const std::string name =
        fmt::format("{}{}", layer.is_convolution ? "conv" : "dense", names.size() / 2 + 1);
    names.push_back(name + ".weight");
    names.push_back(name + ".bias");
  }
  return names;
}

std::vector<int> Network::dropout_widths(int features) const {
  std::vector<int> widths;
  follow_shapes(layers, features, [&](const Layer& layer, int width, int /*rows*/) {
    if (layer.kind == Layer::Kind::kDropout) widths.push_back(width);
  });
  return widths;
}

}  // namespace numgeom

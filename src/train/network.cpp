#include "numgeom/train/network.hpp"

#include <fmt/format.h>

#include <charconv>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr int kMostUnits = 1 << 20;

Layer parse_layer(const std::string& text) {
  constexpr std::string_view kDense = "dense ";
  if (text == "relu") return {Layer::Kind::kRelu, 0};
  if (text == "tanh") return {Layer::Kind::kTanh, 0};
  int units = 0;
  if (text.starts_with(kDense)) {
    const char* end = text.data() + text.size();
    const auto [stop, status] = std::from_chars(text.data() + kDense.size(), end, units);
    if (status == std::errc() && stop == end && units > 0 && units <= kMostUnits)
      return {Layer::Kind::kDense, units};
  }
  throw Error(
      fmt::format("network: '{}' is not a layer; expected 'dense UNITS' with 1 to {} units, "
                  "'relu' or 'tanh'",
                  text, kMostUnits));
}

}  // namespace

Network Network::parse(const std::vector<std::string>& descriptions) {
  if (descriptions.empty()) throw Error("network: at least one layer expected");
  Network network;
  for (const std::string& description : descriptions)
    network.layers.push_back(parse_layer(description));
  if (network.layers.back().kind != Layer::Kind::kDense)
    throw Error(
        fmt::format("network: the last layer must be dense, not '{}'", descriptions.back()));
  return network;
}

std::vector<std::string> Network::describe() const {
  std::vector<std::string> result;
  for (const Layer& layer : layers) {
    switch (layer.kind) {
      case Layer::Kind::kDense:
        result.push_back(fmt::format("dense {}", layer.units));
        break;
      case Layer::Kind::kRelu:
        result.emplace_back("relu");
        break;
      case Layer::Kind::kTanh:
        result.emplace_back("tanh");
        break;
    }
  }
  return result;
}

std::vector<DenseShape> Network::dense_shapes(int inputs) const {
  std::vector<DenseShape> shapes;
  for (const Layer& layer : layers) {
    if (layer.kind != Layer::Kind::kDense) continue;
    shapes.push_back({inputs, layer.units});
    inputs = layer.units;
  }
  return shapes;
}

int Network::outputs() const { return layers.back().units; }

}  // namespace numgeom

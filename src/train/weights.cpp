#include "numgeom/train/weights.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "numgeom/data/npz.hpp"
#include "numgeom/data/sha256.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

std::string in_file(const std::string& file, const std::string& name) {
  return fmt::format("{}: array '{}'", file, name);
}

std::string shape_text(Eigen::Index rows, Eigen::Index cols) {
  return fmt::format("{}×{}", rows, cols);
}

float exact_float(double value, const std::string& place, Eigen::Index row, Eigen::Index col) {
  const auto rounded = static_cast<float>(value);
  if (std::isfinite(value) && static_cast<double>(rounded) == value) return rounded;
  throw Error(
      fmt::format("{}: row {}, column {}: {} found, {} expected", place, row + 1, col + 1, value,
                  std::isfinite(value) ? "a number that float32 holds (round weights of fp64 first)"
                                       : "a finite number"));
}

double finite(double value, const std::string& place, Eigen::Index row, Eigen::Index col) {
  if (std::isfinite(value)) return value;
  throw Error(fmt::format("{}: row {}, column {}: {} found, a finite number expected", place,
                          row + 1, col + 1, value));
}

/// With `convert` for every entry.
template <class Scalar, class Convert>
Matrix<Scalar> to_matrix(const Array& array, const std::string& place, const Convert& convert) {
  const std::size_t dimensions = array.shape.size();
  if (dimensions != 1 && dimensions != 2)
    throw Error(fmt::format("{}: shape ({}) found, a matrix or a vector expected", place,
                            fmt::join(array.shape, ", ")));
  const Eigen::Index rows = dimensions == 2 ? array.shape[0] : 1;
  Matrix<Scalar> result(rows, array.shape.back());
  std::visit(
      [&](const auto& values) {
        std::size_t next = 0;
        for (Eigen::Index i = 0; i < result.rows(); ++i)
          for (Eigen::Index j = 0; j < result.cols(); ++j)
            result(i, j) = convert(static_cast<double>(values[next++]), place, i, j);
      },
      array.values);
  return result;
}

/// What a parameter belongs to: "dense1" of "dense1.weight".
std::string layer_of(const std::string& parameter) {
  return parameter.substr(0, parameter.rfind('.'));
}

template <class M>
std::vector<M> in_order_of(const Network& network, int features, const std::string& file,
                           const std::vector<std::pair<std::string, M>>& arrays) {
  const std::vector<std::string> names = network.parameter_names();
  for (const auto& [name, array] : arrays)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Error(
          fmt::format("{} found, the network has {}", in_file(file, name), fmt::join(names, ", ")));
  const std::vector<DenseShape> shapes = network.dense_shapes(features);
  std::vector<M> result;
  for (const std::string& name : names) {
    const auto found = std::find_if(arrays.begin(), arrays.end(),
                                    [&name](const auto& one) { return one.first == name; });
    if (found == arrays.end()) throw Error(in_file(file, name) + " is missing");
    const DenseShape& shape = shapes[result.size() / 2];
    const Eigen::Index rows = result.size() % 2 == 0 ? shape.inputs : 1;
    const M& array = found->second;
    if (array.rows() != rows || array.cols() != shape.units)
      throw Error(fmt::format("{}: shape {} found, {} expected for layer {} of the network {}",
                              in_file(file, name), shape_text(array.rows(), array.cols()),
                              shape_text(rows, shape.units), layer_of(name),
                              fmt::join(network.describe(), " – ")));
    result.push_back(array);
  }
  return result;
}

}  // namespace

std::vector<ExactMatrix> Weights::parameters_of(const Network& network, int features) const {
  return in_order_of(network, features, file, arrays);
}

Weights read_weights(const std::filesystem::path& file) {
  Weights weights{file.string(), {}, {}};
  std::string text;
  for (const auto& [name, array] : read_npz(file)) {
    const auto matrix = to_matrix<float>(array, in_file(weights.file, name), exact_float);
    text += fmt::format("{} {} {} ", name, matrix.rows(), matrix.cols());
    text.append(reinterpret_cast<const char*>(matrix.data()),
                sizeof(float) * static_cast<std::size_t>(matrix.size()));
    weights.arrays.emplace_back(name, matrix);
  }
  weights.hash = sha256(text);
  return weights;
}

std::vector<Matrix<double>> read_parameters(const std::filesystem::path& file,
                                            const Network& network, int features) {
  std::vector<std::pair<std::string, Matrix<double>>> arrays;
  for (const auto& [name, array] : read_npz(file))
    arrays.emplace_back(name, to_matrix<double>(array, in_file(file.string(), name), finite));
  return in_order_of(network, features, file.string(), arrays);
}

}  // namespace numgeom

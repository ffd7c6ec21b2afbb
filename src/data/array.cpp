#include "numgeom/data/array.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fp32.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

std::string text_of(const std::vector<std::int64_t>& shape) {
  return fmt::format("({})", fmt::join(shape, ", "));
}

void require_feature_shape(const Array& features) {
  const auto& shape = features.shape;
  if (shape.size() < 2 || shape.size() > 4)
    throw Error(
        fmt::format("{}: found shape {}, expected samples × features, samples × height × "
                    "width, or samples × height × width × channels",
                    features.name, text_of(shape)));
  if (*std::max_element(shape.begin(), shape.end()) > std::numeric_limits<int>::max())
    throw Error(fmt::format("{}: found shape {}, expected lengths below 2^31", features.name,
                            text_of(shape)));
  if (shape[0] == 0) throw Error(fmt::format("{}: found no rows, expected samples", features.name));
  if (std::find(shape.begin(), shape.end(), 0) != shape.end())
    throw Error(fmt::format("{}: found shape {}, expected at least one feature", features.name,
                            text_of(shape)));
}

void require_target_shape(const Array& targets, std::int64_t samples) {
  const auto& shape = targets.shape;
  if (shape.empty() || shape.size() > 2 || shape.back() == 0)
    throw Error(fmt::format("{}: found shape {}, expected targets for each sample, ({}) or ({}, K)",
                            targets.name, text_of(shape), samples, samples));
  if (shape[0] != samples)
    throw Error(fmt::format("{}: found targets for {} samples, expected {}", targets.name, shape[0],
                            samples));
}

void require_label_shape(const Array& labels, std::int64_t samples) {
  const auto& shape = labels.shape;
  const bool is_column = shape.size() == 1 || (shape.size() == 2 && shape[1] == 1);
  if (!is_column)
    throw Error(fmt::format("{}: found shape {}, expected one label a sample, ({})", labels.name,
                            text_of(shape), samples));
  if (shape[0] != samples)
    throw Error(fmt::format("{}: found {} labels, expected {}, one for each sample", labels.name,
                            shape[0], samples));
}

ImageShape image_shape(const std::vector<std::int64_t>& shape) {
  if (shape.size() < 3) return {};
  return {static_cast<int>(shape[1]), static_cast<int>(shape[2]),
          shape.size() == 4 ? static_cast<int>(shape[3]) : 1};
}

void require_finite(const Array& features, const Matrix<double>& matrix) {
  for (Eigen::Index i = 0; i < matrix.rows(); ++i)
    for (Eigen::Index j = 0; j < matrix.cols(); ++j)
      if (!std::isfinite(matrix(i, j)))
        throw Error(fmt::format("{}: row {}, column {}: found {}, expected a finite number",
                                features.name, i + 1, j + 1, matrix(i, j)));
}

template <class Value>
Matrix<Value> as_matrix(const std::vector<Value>& values, std::int64_t rows) {
  const auto columns = static_cast<Eigen::Index>(values.size()) / rows;
  return Eigen::Map<const Matrix<Value>>(values.data(), rows, columns);
}

int checked_label(const Array& labels, double value, std::size_t row) {
  if (std::trunc(value) != value || value < 0 || value > kMaxLabel)
    throw Error(fmt::format("{}: row {}: found label {}, expected an integer from 0 to {}",
                            labels.name, row + 1, value, kMaxLabel));
  return static_cast<int>(value);
}

Indices checked_labels(const Array& labels) {
  Indices checked;
  std::visit(
      [&](const auto& values) {
        for (const double value : values)
          checked.push_back(checked_label(labels, value, checked.size()));
      },
      labels.values);
  return checked;
}

Matrix<double> checked_targets(const Array& targets, std::int64_t samples) {
  require_target_shape(targets, samples);
  Matrix<double> matrix = std::visit(
      [&](const auto& values) -> Matrix<double> {
        return as_matrix(values, samples).template cast<double>();
      },
      targets.values);
  for (Eigen::Index i = 0; i < matrix.rows(); ++i)
    for (Eigen::Index j = 0; j < matrix.cols(); ++j)
      if (!fits_fp32(matrix(i, j)))
        throw Error(fmt::format(
            "{}: row {}, column {}: found target {}, expected a finite number in the range of fp32",
            targets.name, i + 1, j + 1, matrix(i, j)));
  return matrix;
}

/// All but what is to be learnt.
RawData unlabelled(const Array& features) {
  const std::int64_t samples = features.shape[0];
  RawData data;
  data.name = features.name;
  data.image = image_shape(features.shape);
  if (const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&features.values)) {
    data.features = as_matrix(*bytes, samples);
    data.levels = 256;
  } else {
    auto matrix = as_matrix(std::get<std::vector<double>>(features.values), samples);
    require_finite(features, matrix);
    data.features = std::move(matrix);
  }
  return data;
}

}  // namespace

RawData raw_data(const Array& features, const Array& labels) {
  require_feature_shape(features);
  require_label_shape(labels, features.shape[0]);
  Indices checked = checked_labels(labels);
  RawData data = unlabelled(features);
  data.labels = std::move(checked);
  data.classes = *std::max_element(data.labels.begin(), data.labels.end()) + 1;
  return data;
}

RawData regression_data(const Array& features, const Array& targets) {
  require_feature_shape(features);
  Matrix<double> checked = checked_targets(targets, features.shape[0]);
  RawData data = unlabelled(features);
  data.targets = std::move(checked);
  return data;
}

}  // namespace numgeom

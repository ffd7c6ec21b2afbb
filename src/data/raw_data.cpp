#include "numgeom/data/raw_data.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

template <class Scalar>
Matrix<Scalar> take_rows(const Matrix<Scalar>& from, const Indices& rows) {
  Matrix<Scalar> taken(static_cast<Eigen::Index>(rows.size()), from.cols());
  for (Eigen::Index i = 0; i < taken.rows(); ++i) taken.row(i) = from.row(rows[i]);
  return taken;
}

template <class Scalar>
Matrix<Scalar> stack(const Matrix<Scalar>& first, const Matrix<Scalar>& second) {
  Matrix<Scalar> both(first.rows() + second.rows(), first.cols());
  both.topRows(first.rows()) = first;
  both.bottomRows(second.rows()) = second;
  return both;
}

}  // namespace

int RawData::samples() const {
  return std::visit([](const auto& matrix) { return static_cast<int>(matrix.rows()); }, features);
}

int RawData::width() const {
  return std::visit([](const auto& matrix) { return static_cast<int>(matrix.cols()); }, features);
}

RawData select_rows(const RawData& data, const Indices& rows) {
  RawData selected{data.name, {}, {}, data.classes, data.image, data.levels};
  for (const int row : rows) {
    if (row < 0 || row >= data.samples())
      throw Error(
          fmt::format("{}: row number {} is not in 0 … {}", data.name, row, data.samples() - 1));
    selected.labels.push_back(data.labels[row]);
  }
  std::visit([&](const auto& matrix) { selected.features = take_rows(matrix, rows); },
             data.features);
  return selected;
}

RawData concatenate(const RawData& first, const RawData& second) {
  if (first.width() != second.width() || first.image != second.image)
    throw Error(fmt::format("{}: found {} features a sample, expected {} in the same layout as {}",
                            second.name, second.width(), first.width(), first.name));
  if (first.features.index() != second.features.index() || first.levels != second.levels)
    throw Error(
        fmt::format("{}: expected the type of number that {} has", second.name, first.name));
  RawData both{first.name,  {},          first.labels, std::max(first.classes, second.classes),
               first.image, first.levels};
  both.labels.insert(both.labels.end(), second.labels.begin(), second.labels.end());
  std::visit(
      [&](const auto& top) {
        using Features = std::decay_t<decltype(top)>;
        both.features = stack(top, std::get<Features>(second.features));
      },
      first.features);
  return both;
}

}  // namespace numgeom

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

/// A member of all parts, one below the other.
template <class Scalar, class Member>
Matrix<Scalar> stack(const std::vector<RawData>& parts, const Member& member) {
  Eigen::Index rows = 0;
  for (const RawData& part : parts) rows += member(part).rows();
  Matrix<Scalar> all(rows, member(parts.front()).cols());
  Eigen::Index row = 0;
  for (const RawData& part : parts) {
    const Matrix<Scalar>& piece = member(part);
    all.middleRows(row, piece.rows()) = piece;
    row += piece.rows();
  }
  return all;
}

void require_same_kind(const RawData& first, const RawData& other) {
  if (first.width() != other.width() || first.image != other.image)
    throw Error(fmt::format("{}: found {} features a sample, expected {} in the same layout as {}",
                            other.name, other.width(), first.width(), first.name));
  if (first.features.index() != other.features.index() || first.levels != other.levels)
    throw Error(fmt::format("{}: expected the type of number that {} has", other.name, first.name));
  if (first.targets.cols() != other.targets.cols())
    throw Error(fmt::format("{}: found {} targets a sample, expected {} as in {}", other.name,
                            other.targets.cols(), first.targets.cols(), first.name));
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
    if (!data.is_regression()) selected.labels.push_back(data.labels[row]);
  }
  std::visit([&](const auto& matrix) { selected.features = take_rows(matrix, rows); },
             data.features);
  if (data.is_regression()) selected.targets = take_rows(data.targets, rows);
  return selected;
}

RawData concatenate(const std::vector<RawData>& parts) {
  if (parts.empty()) throw Error("concatenate: found no data, expected at least one part");
  const RawData& first = parts.front();
  RawData all{first.name, {}, {}, 0, first.image, first.levels};
  for (const RawData& part : parts) {
    require_same_kind(first, part);
    all.labels.insert(all.labels.end(), part.labels.begin(), part.labels.end());
    all.classes = std::max(all.classes, part.classes);
  }
  std::visit(
      [&]<class Scalar>(const Matrix<Scalar>&) {
        all.features = stack<Scalar>(parts, [](const RawData& part) -> const Matrix<Scalar>& {
          return std::get<Matrix<Scalar>>(part.features);
        });
      },
      first.features);
  if (first.is_regression())
    all.targets = stack<double>(
        parts, [](const RawData& part) -> const Matrix<double>& { return part.targets; });
  return all;
}

}  // namespace numgeom

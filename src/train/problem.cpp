#include "numgeom/train/problem.hpp"

#include <fmt/format.h>

#include <cmath>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

void require_nonnegative(const char* name, double value) {
  if (!std::isfinite(value) || value < 0)
    throw Error(fmt::format("{}: a finite number ≥ 0 expected, not {}", name, value));
}

void require_positive(const char* name, int value) {
  if (value < 1) throw Error(fmt::format("{}: an integer ≥ 1 expected, not {}", name, value));
}

void require_labels(const char* part, const Dataset& data) {
  for (const int label : data.labels)
    if (label < 0 || label >= data.classes)
      throw Error(
          fmt::format("{}: labels from 0 to {} expected, not {}", part, data.classes - 1, label));
}

}  // namespace

void TrainingOptions::validate() const {
  require_positive("epochs", epochs);
  require_positive("batch", batch);
}

void Configuration::validate() const {
  require_nonnegative("lr", lr);
  require_nonnegative("weight_decay", weight_decay);
}

void Problem::validate() const {
  training.validate();
  if (!data) throw Error("data: a split expected, there is none");
  if (data->train.features.rows() == 0) throw Error("train: at least one row expected");
  if (data->validation.features.rows() == 0) throw Error("validation: at least one row expected");
  require_labels("train", data->train);
  require_labels("validation", data->validation);
  if (network.layers.empty()) throw Error("network: at least one layer expected");
  if (network.outputs() != data->train.classes)
    throw Error(fmt::format("network: the last layer has {} outputs, the data set has {} classes",
                            network.outputs(), data->train.classes));
}

}  // namespace numgeom

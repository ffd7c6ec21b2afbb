#include "numgeom/train/problem.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

void require_positive(const char* name, int value) {
  if (value < 1) throw Error(fmt::format("{}: an integer ≥ 1 expected, not {}", name, value));
}

void require_labels(const char* part, const Dataset& data) {
  for (const int label : data.labels)
    if (label < 0 || label >= data.classes)
      throw Error(
          fmt::format("{}: labels from 0 to {} expected, not {}", part, data.classes - 1, label));
}

void require_outputs(int outputs, int expected, const std::string& what) {
  if (outputs != expected)
    throw Error(
        fmt::format("network: the last layer has {} outputs, {} {}", outputs, what, expected));
}

/// The loss, the outputs and the data fit each other.
void require_fit(const Loss& loss, const Dataset& data, int outputs) {
  const auto targets = static_cast<int>(data.targets.cols());
  if (loss.needs_targets()) {
    if (targets == 0)
      throw Error(
          fmt::format("loss: {} needs real targets, the data have classes", to_string(loss.kind)));
    require_outputs(outputs, targets, "the targets of a row are");
    return;
  }
  if (targets > 0)
    throw Error(
        fmt::format("loss: {} needs classes, the data have real targets", to_string(loss.kind)));
  if (loss.kind == Loss::Kind::kBinaryCrossEntropy) {
    if (data.classes != 2)
      throw Error(fmt::format("loss: binary_cross_entropy needs 2 classes, the data have {}",
                              data.classes));
    require_outputs(outputs, 1, "binary_cross_entropy needs");
    return;
  }
  if (outputs != data.classes)
    throw Error(fmt::format("network: the last layer has {} outputs, the data set has {} classes",
                            outputs, data.classes));
}

}  // namespace

std::string to_string(Initialization initialization) {
  return initialization == Initialization::kHe ? "he" : "glorot";
}

Initialization parse_initialization(const std::string& name) {
  if (name == "he") return Initialization::kHe;
  if (name == "glorot") return Initialization::kGlorot;
  throw Error(fmt::format("'he' or 'glorot' expected, not '{}'", name));
}

std::string to_string(Loss::Kind kind) {
  switch (kind) {
    case Loss::Kind::kCrossEntropy:
      return "cross_entropy";
    case Loss::Kind::kBinaryCrossEntropy:
      return "binary_cross_entropy";
    case Loss::Kind::kSquaredError:
      return "squared_error";
    case Loss::Kind::kHuber:
      break;
  }
  return "huber";
}

Loss::Kind parse_loss(const std::string& name) {
  for (const Loss::Kind kind : {Loss::Kind::kCrossEntropy, Loss::Kind::kBinaryCrossEntropy,
                                Loss::Kind::kSquaredError, Loss::Kind::kHuber})
    if (to_string(kind) == name) return kind;
  throw Error(
      fmt::format("one of cross_entropy, binary_cross_entropy, squared_error, huber expected, not "
                  "'{}'",
                  name));
}

void Loss::validate() const {
  if (!(label_smoothing >= 0 && label_smoothing < 1))
    throw Error(
        fmt::format("label_smoothing: a number ≥ 0 and < 1 expected, not {}", label_smoothing));
  if (!(std::isfinite(huber_delta) && huber_delta > 0))
    throw Error(fmt::format("huber_delta: a finite number > 0 expected, not {}", huber_delta));
}

EntryLoss Loss::of_entries() const {
  if (kind == Kind::kBinaryCrossEntropy) return {EntryLoss::Kind::kBinaryCrossEntropy, 1};
  if (kind == Kind::kHuber) return {EntryLoss::Kind::kHuber, huber_delta};
  return {EntryLoss::Kind::kSquaredError, 1};
}

Targets Targets::of(const Dataset& data, const Loss& loss, const Indices& rows) {
  Targets result;
  if (loss.needs_targets()) {
    result.values = data.targets(rows, Eigen::all);
    return result;
  }
  result.labels.reserve(rows.size());
  for (const int row : rows) result.labels.push_back(data.labels[row]);
  if (loss.kind == Loss::Kind::kBinaryCrossEntropy) {
    result.values.resize(static_cast<Eigen::Index>(rows.size()), 1);
    for (std::size_t i = 0; i < rows.size(); ++i)
      result.values(static_cast<Eigen::Index>(i), 0) = static_cast<float>(result.labels[i]);
  }
  return result;
}

Targets Targets::of(const Dataset& data, const Loss& loss) {
  Indices rows(static_cast<std::size_t>(data.samples()));
  std::iota(rows.begin(), rows.end(), 0);
  return of(data, loss, rows);
}

Targets Targets::first(Eigen::Index rows) const {
  Targets result;
  if (!labels.empty()) result.labels.assign(labels.begin(), labels.begin() + rows);
  if (values.size() > 0) result.values = values.topRows(rows);
  return result;
}

void TrainingOptions::validate() const {
  require_positive("epochs", epochs);
  require_positive("batch", batch);
  require_positive("step_epochs", schedule.period);
  if (schedule.warmup < 0)
    throw Error(fmt::format("warmup_steps: an integer ≥ 0 expected, not {}", schedule.warmup));
  if (!(std::isfinite(schedule.factor) && schedule.factor >= 0))
    throw Error(fmt::format("step_factor: a finite number ≥ 0 expected, not {}", schedule.factor));
}

void Problem::validate() const {
  training.validate();
  if (!data) throw Error("data: a split expected, there is none");
  if (data->train.features.rows() == 0) throw Error("train: at least one row expected");
  if (data->validation.features.rows() == 0) throw Error("validation: at least one row expected");
  require_labels("train", data->train);
  require_labels("validation", data->validation);
  if (network.layers.empty())
    throw Error(network.descriptions.empty()
                    ? "network: at least one layer expected"
                    : "network: made for no shape of input; see Network::for_input");
  loss.validate();
  require_fit(loss, data->train, network.outputs());
  if (initial_weights)
    (void)initial_weights->parameters_of(network, static_cast<int>(data->train.features.cols()));
}

}  // namespace numgeom

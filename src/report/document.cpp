#include "document.hpp"

#include "train/build_info.hpp"

namespace numgeom {

OrderedJson configuration_json(const Trial& trial) {
  OrderedJson json = assignment_json(trial.assignment);
  json["lr"] = trial.configuration.lr;
  json["weight_decay"] = trial.configuration.weight_decay;
  return json;
}

OrderedJson problem_json(const LoadedStudy& loaded) {
  const Study& study = loaded.study();
  const Split& data = loaded.data();
  OrderedJson json = {{"dataset", study.data.dataset},
                      {"data", data.description},
                      {"train", data.train.samples()},
                      {"validation", data.validation.samples()},
                      {"features", data.train.features.cols()},
                      {"classes", data.train.classes},
                      {"network", study.network.describe()},
                      {"loss", to_string(study.loss.kind)},
                      {"optimizer", to_string(study.training.optimizer)},
                      {"initialization", to_string(study.training.initialization)},
                      {"epochs", study.training.epochs},
                      {"batch", study.training.batch}};
  if (const Weights* weights = loaded.initial_weights())
    json["initial_weights"] = {{"file", weights->file}, {"sha256", weights->hash}};
  return json;
}

OrderedJson build_json() {
  const BuildInfo info = build_info();
  return {{"version", info.version},
          {"compiler", info.compiler},
          {"flags", info.flags},
          {"simd", info.simd}};
}

}  // namespace numgeom

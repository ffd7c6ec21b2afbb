#include "numgeom/report/export.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>

#include "numgeom/data/file.hpp"
#include "numgeom/data/npy.hpp"
#include "numgeom/data/npz.hpp"
#include "numgeom/error.hpp"
#include "numgeom/train/inputs.hpp"

namespace numgeom {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::vector<std::int64_t> widen(const Indices& values) { return {values.begin(), values.end()}; }

void write_batches(const std::vector<Indices>& batches, const fs::path& directory) {
  std::vector<std::int64_t> indices;
  std::vector<std::int64_t> offsets{0};
  for (const Indices& batch : batches) {
    indices.insert(indices.end(), batch.begin(), batch.end());
    offsets.push_back(static_cast<std::int64_t>(indices.size()));
  }
  write_npy(directory / "batch_indices.npy", indices);
  write_npy(directory / "batch_offsets.npy", offsets);
}

/// One file a dropout layer, the masks of all steps one below the other.
void write_masks(const std::vector<std::vector<Mask>>& masks, const fs::path& directory) {
  if (masks.empty()) return;
  for (std::size_t layer = 0; layer < masks.front().size(); ++layer) {
    Eigen::Index rows = 0;
    for (const auto& step : masks) rows += step[layer].rows();
    ExactMatrix all(rows, masks.front()[layer].cols());
    rows = 0;
    for (const auto& step : masks) {
      all.middleRows(rows, step[layer].rows()) = step[layer].cast<float>();
      rows += step[layer].rows();
    }
    write_npy(directory / fmt::format("dropout{}.npy", layer + 1), all);
  }
}

void write_targets(const Dataset& data, const fs::path& file) {
  if (data.targets.size() > 0)
    write_npy(file, data.targets);
  else
    write_npy(file, widen(data.labels));
}

Json description_of(const Trial& trial, const std::vector<std::string>& parameters) {
  const Problem& problem = *trial.problem;
  const Configuration& c = trial.configuration;
  const TrainingOptions& t = problem.training;
  const ImageShape& image = problem.data->train.image;
  Json json = {{"schema_version", 2},
               {"network", problem.network.describe()},
               {"image", {image.height, image.width, image.channels}},
               {"loss", to_string(problem.loss.kind)},
               {"label_smoothing", problem.loss.label_smoothing},
               {"huber_delta", problem.loss.huber_delta},
               {"optimizer", to_string(t.optimizer)},
               {"schedule", to_string(t.schedule.kind)},
               {"configuration",
                {{"lr", c.lr},
                 {"weight_decay", c.weight_decay},
                 {"l1", c.l1},
                 {"clip_norm", c.clip_norm},
                 {"momentum", c.momentum},
                 {"beta1", c.beta1},
                 {"beta2", c.beta2},
                 {"decay", c.decay},
                 {"epsilon", c.epsilon}}},
               {"seed", trial.seed},
               {"epochs", t.epochs},
               {"batch", t.batch},
               {"data", problem.data->description},
               {"parameters", parameters}};
  if (const auto& weights = problem.initial_weights)
    json["initial_weights"] = {{"file", weights->file}, {"sha256", weights->hash}};
  return json;
}

void write_all(const Trial& trial, const fs::path& directory) {
  const Problem& problem = *trial.problem;
  const TrialInputs inputs = draw_inputs(problem, trial.seed);
  write_npy(directory / "train_x.npy", problem.data->train.features);
  write_targets(problem.data->train, directory / "train_y.npy");
  write_npy(directory / "validation_x.npy", problem.data->validation.features);
  write_targets(problem.data->validation, directory / "validation_y.npy");
  write_batches(inputs.batches, directory);
  write_masks(inputs.masks, directory);
  write_npy(directory / "learning_rates.npy",
            problem.training.schedule.rates(trial.configuration.lr,
                                            static_cast<int>(inputs.batches.size()),
                                            problem.steps_per_epoch()));
  const std::vector<std::string> names = problem.network.parameter_names();
  for (std::size_t i = 0; i < names.size(); ++i)
    write_npy(directory / (names[i] + ".npy"), inputs.parameters[i]);
  write_file(directory / "trial.json", description_of(trial, names).dump(2) + "\n");
}

}  // namespace

bool export_weights(const Trial& trial, const Precision& precision, const fs::path& file) {
  const auto parameters = train_natively(trial, draw_inputs(*trial.problem, trial.seed), precision);
  const bool finite = std::all_of(parameters.begin(), parameters.end(),
                                  [](const Matrix<double>& x) { return x.allFinite(); });
  if (!finite) return false;
  const std::vector<std::string> names = trial.problem->network.parameter_names();
  std::vector<std::pair<std::string, Matrix<double>>> doubles;
  std::vector<std::pair<std::string, ExactMatrix>> floats;
  for (std::size_t i = 0; i < names.size(); ++i) {
    doubles.emplace_back(names[i], parameters[i]);
    floats.emplace_back(names[i], parameters[i].cast<float>());
  }
  if (precision.format == FloatFormat::kFp64)
    write_npz_of_doubles(file, doubles);
  else
    write_npz(file, floats);
  return true;
}

void export_trial(const Trial& trial, const fs::path& directory) {
  std::error_code ignored;
  if (fs::exists(directory, ignored) &&
      (!fs::is_directory(directory, ignored) || !fs::is_empty(directory, ignored)))
    throw Error(fmt::format("{}: a new or empty directory expected", directory.string()));
  fs::path partial = directory;
  if (!partial.has_filename()) partial = partial.parent_path();
  partial += fmt::format(".partial-{}", getpid());  // of this process alone, for the rename
  try {
    fs::create_directories(partial.parent_path().empty() ? "." : partial.parent_path());
    if (!fs::create_directory(partial))
      throw Error(fmt::format("{}: a leftover of an earlier run; remove it", partial.string()));
  } catch (const fs::filesystem_error& error) {
    throw Error(
        fmt::format("{}: cannot be written: {}", directory.string(), error.code().message()));
  }
  try {
    write_all(trial, partial);
    fs::remove(directory, ignored);
    fs::rename(partial, directory);
  } catch (const fs::filesystem_error& error) {
    fs::remove_all(partial, ignored);
    throw Error(
        fmt::format("{}: cannot be written: {}", directory.string(), error.code().message()));
  } catch (...) {
    fs::remove_all(partial, ignored);
    throw;
  }
}

}  // namespace numgeom

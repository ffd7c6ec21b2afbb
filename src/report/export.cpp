#include "numgeom/report/export.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <system_error>

#include "numgeom/data/file.hpp"
#include "numgeom/data/npy.hpp"
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

/// Parameters are named after their dense layer: dense1.weight, dense1.bias, dense2.weight, …
std::vector<std::string> parameter_names(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i)
    names.push_back(fmt::format("dense{}.{}", i / 2 + 1, i % 2 == 0 ? "weight" : "bias"));
  return names;
}

void write_all(const Trial& trial, const fs::path& directory) {
  const Problem& problem = *trial.problem;
  const TrialInputs inputs = draw_inputs(problem, trial.seed);
  write_npy(directory / "train_x.npy", problem.data->train.features);
  write_npy(directory / "train_y.npy", widen(problem.data->train.labels));
  write_npy(directory / "validation_x.npy", problem.data->validation.features);
  write_npy(directory / "validation_y.npy", widen(problem.data->validation.labels));
  write_batches(inputs.batches, directory);
  const std::vector<std::string> names = parameter_names(inputs.parameters.size());
  for (std::size_t i = 0; i < names.size(); ++i)
    write_npy(directory / (names[i] + ".npy"), inputs.parameters[i]);
  const Json description = {
      {"schema_version", 1},
      {"network", problem.network.describe()},
      {"loss", "cross_entropy"},
      {"optimizer", "sgd"},
      {"update", "w <- w - lr * (gradient + weight_decay * w)"},
      {"configuration",
       {{"lr", trial.configuration.lr}, {"weight_decay", trial.configuration.weight_decay}}},
      {"seed", trial.seed},
      {"epochs", problem.training.epochs},
      {"batch", problem.training.batch},
      {"data", problem.data->description},
      {"parameters", names}};
  write_file(directory / "trial.json", description.dump(2) + "\n");
}

}  // namespace

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

#pragma once

#include <filesystem>

#include "numgeom/train/native_run.hpp"

namespace numgeom {

/// Writes the exact inputs of a trial, so that anyone can replay it.
///
/// `train_x.npy`, `validation_x.npy` (float32, samples×features), `train_y.npy`, `validation_y.npy`
/// (int64), `batch_indices.npy` (int64, all batches one after the other), `batch_offsets.npy`
/// (int64, steps+1), one float32 `.npy` a parameter (a dense layer is y = xW + b with W of shape
/// inputs×units) and `trial.json` (network, hyperparameters, the parameters in order).
/// The directory appears whole or not at all. Throws `Error` when it exists and is not empty, or
/// cannot be written.
void export_trial(const Trial& trial, const std::filesystem::path& directory);

/// Trains a trial natively and writes its weights as an NPZ file, one array a parameter by the
/// names in `trial.json`: float64 for fp64, else float32, which holds every other format's values.
/// They are what a study can start from (`training.initial_weights`).
///
/// False, and no file, where training diverged: weights are infinite or NaN. Throws `Error` as
/// `write_npz`.
[[nodiscard]] bool export_weights(const Trial& trial, const Precision& precision,
                                  const std::filesystem::path& file);

}  // namespace numgeom

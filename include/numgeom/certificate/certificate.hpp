#pragma once

#include <filesystem>
#include <vector>

#include "numgeom/hpo/study.hpp"
#include "numgeom/ranking/ranking.hpp"

namespace numgeom {

/// The directory of a certificate's inputs: its path with `.inputs` in place of `.json`.
[[nodiscard]] std::filesystem::path inputs_directory(const std::filesystem::path& certificate);

/// Writes the certificate of a study: what is claimed, what each claim rests on, and the exact
/// inputs of every trial, so that `numgeom-verify`, which has no code of this library, can check
/// it.
///
/// One JSON document (its form: docs/certificates.md): enclosures, errors and hyperparameters as
/// exact numbers m·2^e, the recurrence ρ_{t+1} = Λ_tρ_t + d_t of stepwise runs, the ranking, the
/// build, and a digest. Inputs are NPY files named by their SHA-256 in `inputs_directory(file)`;
/// files that are there already are left alone. Throws `Error` where something cannot be written;
/// the certificate is written last, whole or not at all.
void write_certificate(const std::filesystem::path& file, const LoadedStudy& study,
                       const std::vector<CertifiedTrial>& trials, const Ranking& ranking);

}  // namespace numgeom

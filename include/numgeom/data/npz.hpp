#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "numgeom/arithmetic/matrix.hpp"
#include "numgeom/data/array.hpp"

namespace numgeom {

/// The arrays of an NPZ file, the ZIP archives of NPY files that numpy.savez and
/// numpy.savez_compressed write, each with its name (NAME for the member NAME.npy), in the order of
/// the archive.
///
/// Throws Error naming the file, and the member where there is one, if the file cannot be read, is
/// no ZIP archive or is truncated, and if a member has a name twice, is no .npy, is encrypted, is
/// compressed otherwise than by deflate, states a size that its data cannot have, has another check
/// sum, or is refused by parse_npy. No more memory is taken than data arrive.
[[nodiscard]] std::vector<std::pair<std::string, Array>> read_npz(
    const std::filesystem::path& path);

/// Writes rows×columns float32 arrays, uncompressed, so that numpy.load gives them back by name.
///
/// Equal arrays make equal files. The file is written whole or not at all. Throws Error as
/// write_file, and if there is no array, or a name is empty or there twice.
void write_npz(const std::filesystem::path& path,
               const std::vector<std::pair<std::string, ExactMatrix>>& arrays);
/// The same for float64.
void write_npz_of_doubles(const std::filesystem::path& path,
                          const std::vector<std::pair<std::string, Matrix<double>>>& arrays);

}  // namespace numgeom

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "numgeom/arithmetic/matrix.hpp"
#include "numgeom/data/array.hpp"
#include "numgeom/data/file.hpp"

namespace numgeom {

/// The array in an NPY file (NumPy, format versions 1 to 3), in C order whatever the file's order.
///
/// Types: f4, f8, i4, i8 little-endian, u1. Throws Error naming the file and what was found for
/// every other type, a damaged header, a file shorter or longer than the shape says, and an i8
/// value that no double holds exactly.
[[nodiscard]] Array parse_npy(const File& file);

/// Reads and parses an NPY file. Throws Error as read_file and parse_npy.
[[nodiscard]] Array read_npy(const std::filesystem::path& path);

/// The bytes of an NPY file of a rows×columns float32 array.
[[nodiscard]] std::string npy_bytes(const ExactMatrix& matrix);
/// The same for float64, and for bytes.
[[nodiscard]] std::string npy_bytes(const Matrix<double>& matrix);
[[nodiscard]] std::string npy_bytes(const Mask& matrix);
/// One-dimensional int64 and float64.
[[nodiscard]] std::string npy_bytes(const std::vector<std::int64_t>& values);
[[nodiscard]] std::string npy_bytes(const std::vector<double>& values);

/// Writes a rows×columns float32 array, so that NumPy reads back the same values.
/// The file is written whole or not at all. Throws Error as write_file.
void write_npy(const std::filesystem::path& path, const ExactMatrix& matrix);

/// Writes a one-dimensional int64 array; as above.
void write_npy(const std::filesystem::path& path, const std::vector<std::int64_t>& values);
/// The same for doubles.
void write_npy(const std::filesystem::path& path, const std::vector<double>& values);

}  // namespace numgeom

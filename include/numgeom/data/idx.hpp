#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "numgeom/data/array.hpp"
#include "numgeom/data/file.hpp"

namespace numgeom {

/// The array in an IDX file, the format of MNIST.
///
/// Two zero bytes, a type (08 byte, 09 signed byte, 0b short, 0c int, 0d float, 0e double), the
/// number of dimensions, each dimension as a big-endian 32-bit number, the values in C order.
/// Throws Error naming the file and the byte offset if a header byte is not as above or the file
/// is shorter or longer than the header says. Given `rows` ≥ 0, what comes after that many entries
/// of the first dimension is left out.
[[nodiscard]] Array parse_idx(const File& file, std::optional<std::int64_t> rows = std::nullopt);

/// Reads and parses an IDX file, gzipped or not. Throws Error as read_file, gunzip and parse_idx.
[[nodiscard]] Array read_idx(const std::filesystem::path& path);

/// The data set in one pair of IDX files or in all pairs of a directory.
///
/// `path` is a directory, the prefix of a pair (`dir/train`), or its file of images. Pairs are
/// named PREFIX-images-idx3-ubyte and PREFIX-labels-idx1-ubyte (or `.idx` for `-idx`), with or
/// without
/// `.gz`. Of several pairs in a directory, `train` comes first and the others follow by name.
/// Throws Error if there is no pair, half a pair, or the two files do not fit each other.
[[nodiscard]] RawData read_idx_pairs(const std::filesystem::path& path);

/// Whether `path` is something read_idx_pairs can look at: a file, a directory, or a prefix of
/// files.
[[nodiscard]] bool names_idx_files(const std::filesystem::path& path);

}  // namespace numgeom

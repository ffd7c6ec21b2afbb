#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "numgeom/train/network.hpp"

namespace numgeom {

/// Weights that a file gives, fp32 values taken as exact.
struct Weights {
  std::string file;
  std::string hash;  ///< SHA-256 of names, shapes and values
  std::vector<std::pair<std::string, ExactMatrix>> arrays{};  ///< in the order of the file

  /// The parameters of a network for samples with `features` entries, in its order.
  ///
  /// Throws `Error` naming the file and the array where one is missing, none of the network's, or
  /// of another shape; both shapes and the layer are named.
  [[nodiscard]] std::vector<ExactMatrix> parameters_of(const Network& network, int features) const;
};

/// Reads an NPZ file: one array a parameter, by the names of `Network::parameter_names`; a vector
/// is taken as one row.
///
/// Throws `Error` as `read_npz`, and naming the file and the array for more than two dimensions and
/// for a value that is not finite or no fp32 number.
[[nodiscard]] Weights read_weights(const std::filesystem::path& file);

/// The parameters of a network for samples with `features` entries, from an NPZ file as above but
/// of any finite doubles: what has been learnt, not what training starts from.
///
/// Throws `Error` as `read_weights` and `Weights::parameters_of`.
[[nodiscard]] std::vector<Matrix<double>> read_parameters(const std::filesystem::path& file,
                                                          const Network& network, int features);

}  // namespace numgeom

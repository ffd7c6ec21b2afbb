#pragma once

#include <string>
#include <vector>

#include "numgeom/data/dataset.hpp"
#include "numgeom/data/preprocess.hpp"
#include "numgeom/data/raw_data.hpp"
#include "numgeom/data/split.hpp"
#include "numgeom/data/synthetic.hpp"

namespace numgeom {

/// Everything that decides the data of a problem.
struct DataOptions {
  /// A catalog name, or a path: .csv, .csv.gz, .npy, an IDX file, the prefix of a pair of IDX
  /// files, or a directory of such pairs.
  std::string dataset;
  /// File of labels for .npy and IDX, or of real targets if its type is floating-point; empty: see
  /// load_raw_data.
  std::string labels;
  std::string label_column;                 ///< column of labels for CSV; empty: the last
  std::vector<std::string> target_columns;  ///< columns of real targets for CSV, instead of labels
  SplitOptions split;
  Preprocessing preprocessing;
  /// For "synthetic"; `samples` is replaced by split.train + split.validation.
  SyntheticOptions synthetic;
  SyntheticRegressionOptions synthetic_regression;  ///< as above, for "synthetic_regression"
};

/// The data set `options.dataset` names, before splitting and preprocessing.
///
/// A catalog name wins over a path of the same name (write ./mnist for the path). Without
/// `labels`, x.npy goes with y.npy and train_x.npy with train_y.npy. Named images that the split
/// cannot reach need not be loaded.
/// Throws Error for what is neither, listing the known names, and as the loaders do.
[[nodiscard]] RawData load_raw_data(const DataOptions& options);

/// Load, split, preprocess. Throws Error as load_raw_data, make_split and preprocess.
[[nodiscard]] Split load_problem_data(const DataOptions& options);

}  // namespace numgeom

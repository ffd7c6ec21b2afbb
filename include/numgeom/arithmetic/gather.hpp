#pragma once

#include <Eigen/Core>
#include <vector>

namespace numgeom {

/// Where the entries of a matrix go, sample by sample: im2col, pooling windows, reshaping.
///
/// A sample is `in_rows` neighbouring rows of the operand, read row by row; it becomes `out_rows`
/// rows with `out_cols` columns. Entry k of a sample of the result (row by row) is
///
///     Σ_t sample[sources[t][k]],   an entry −1 stands for 0
///
/// with one term in most cases: then nothing is rounded.
struct Gather {
  Eigen::Index in_rows = 1;
  Eigen::Index in_cols = 0;
  Eigen::Index out_rows = 1;
  Eigen::Index out_cols = 0;
  std::vector<std::vector<int>> sources;  ///< one list of out_rows·out_cols places a term

  [[nodiscard]] Eigen::Index samples(Eigen::Index rows) const { return rows / in_rows; }
  [[nodiscard]] int terms() const { return static_cast<int>(sources.size()); }

  /// The transposed linear map: what backpropagation does with derivatives. It has as many terms as
  /// the most used entry of a sample has uses.
  [[nodiscard]] Gather transposed() const;
};

namespace detail {

/// f(row, col, row, col) of the result and of the operand for every entry that is not zero by the
/// map's word, in term `term` of `gather`, for an operand with `rows` rows.
template <class Function>
void for_gathered(const Gather& gather, int term, Eigen::Index rows, const Function& f) {
  const std::vector<int>& sources = gather.sources[static_cast<std::size_t>(term)];
  const Eigen::Index samples = gather.samples(rows);
  for (Eigen::Index s = 0; s < samples; ++s) {
    std::size_t k = 0;
    for (Eigen::Index i = 0; i < gather.out_rows; ++i)
      for (Eigen::Index j = 0; j < gather.out_cols; ++j, ++k) {
        const int source = sources[k];
        if (source < 0) continue;
        f(s * gather.out_rows + i, j, s * gather.in_rows + source / gather.in_cols,
          source % gather.in_cols);
      }
  }
}

/// One term of the sum for matrices stored row by row; `add` keeps what is there already.
template <class T>
void gather_entries(const Gather& gather, int term, Eigen::Index rows, const T* from, T* to,
                    bool add) {
  const std::vector<int>& sources = gather.sources[static_cast<std::size_t>(term)];
  const Eigen::Index samples = gather.samples(rows);
  const Eigen::Index in = gather.in_rows * gather.in_cols;
  const Eigen::Index out = gather.out_rows * gather.out_cols;
  for (Eigen::Index s = 0; s < samples; ++s, from += in, to += out)
    for (Eigen::Index k = 0; k < out; ++k) {
      const int source = sources[static_cast<std::size_t>(k)];
      if (add)
        to[k] += source < 0 ? T(0) : from[source];
      else
        to[k] = source < 0 ? T(0) : from[source];
    }
}

}  // namespace detail
}  // namespace numgeom

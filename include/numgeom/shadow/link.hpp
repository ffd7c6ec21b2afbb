#pragma once

#include <optional>
#include <vector>

#include "numgeom/arithmetic/norm_ball.hpp"
#include "numgeom/train/network.hpp"

namespace numgeom {

/// The linear map C ≥ 0 from the outputs behind the activation of one dense operation to the inputs
/// of the next, sample by sample: rows of channels as images, average pooling, im2col.
///
///     input(r, f) = Σ weight · output(row, unit),   over the terms of (r, f)
///
/// A sample of the operand is `rows_in` neighbouring rows with `units` columns, one of the result
/// `rows_out` rows with `inputs` columns. All terms of a column f have the same unit (they stay in
/// their channel). Without gathers on the way the map is the identity, and holds no terms.
class Link {
 public:
  /// One term; the weight is right up to `weight_error`, relatively.
  struct Term {
    int row;
    int unit;
    double weight;
  };

  Link() = default;
  /// Of gathers and divisions in this order, the first of them a gather. Throws `Error` where a
  /// column mixes units.
  explicit Link(const std::vector<Layer>& operations);

  [[nodiscard]] bool is_identity() const { return starts_.empty(); }
  /// The result has the rows and entries of the operand, whether or not terms say so.
  [[nodiscard]] bool keeps_entries() const;
  [[nodiscard]] Eigen::Index rows_in() const { return rows_in_; }
  [[nodiscard]] Eigen::Index rows_out() const { return rows_out_; }
  /// The columns of the result that belong to a unit.
  [[nodiscard]] std::vector<int> inputs_of(int unit) const;

  /// f(term) for every term of (row, input).
  template <class Function>
  void for_terms(Eigen::Index row, Eigen::Index input, const Function& f) const {
    const auto k = static_cast<std::size_t>(row * inputs_ + input);
    for (int t = starts_[k]; t < starts_[k + 1]; ++t) f(terms_[static_cast<std::size_t>(t)]);
  }

  /// An upper bound on ‖C‖₂ of one sample (and so of any number): the root of the greatest row sum
  /// times the greatest column sum.
  [[nodiscard]] const Magnitude& norm() const { return norm_; }
  /// What rounding adds, relatively to ‖C‖‖x‖, where a sum of products is computed in doubles.
  [[nodiscard]] Magnitude rounding() const;

  /// Cᵀ·x for all members.
  [[nodiscard]] NormBall backward(const NormBall& x) const;

 private:
  void bound_norm();

  Eigen::Index rows_in_ = 1;
  Eigen::Index units_ = 0;
  Eigen::Index rows_out_ = 1;
  Eigen::Index inputs_ = 0;
  std::vector<int> unit_of_;  ///< the unit of every column of the result; −1 where it is zero
  std::vector<int> starts_;   ///< of the terms of every entry of the result, row by row
  std::vector<Term> terms_;
  int most_terms_ = 1;  ///< of one entry, forward or backward
  int divisions_ = 0;
  Magnitude norm_{1.0};
};

/// The links between the dense operations of a network, [m] from operation m to m + 1.
///
/// Nothing where there is more on the way than reshaping, one ReLU or tanh, and then average pools
/// or im2col; or where an operation other than these linear ones stands before the first dense one;
/// or where a single row is not passed on entry by entry, as behind an image of one pixel that is
/// padded: `ResidualPart` and `GaussNewtonPart` take single rows to be.
[[nodiscard]] std::optional<std::vector<Link>> links_of(const Network& network);

}  // namespace numgeom

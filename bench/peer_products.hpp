#pragma once

#include <arb_mat.h>
#include <mpfi.h>

#include <utility>
#include <vector>

#include "products.hpp"

namespace numgeom::bench {

/// An Arb ball with value semantics.
class ArbBall {
 public:
  ArbBall() { arb_init(value_); }
  explicit ArbBall(const Ball& x) : ArbBall() { set(value_, x); }
  ArbBall(const ArbBall&) = delete;
  ArbBall& operator=(const ArbBall&) = delete;
  ~ArbBall() { arb_clear(value_); }

  [[nodiscard]] arb_srcptr get() const { return value_; }

  /// The midpoint exactly, the radius rounded up to 30 bits.
  static void set(arb_ptr target, const Ball& x) {
    arf_set_mpfr(arb_midref(target), x.midpoint().get());
    arf_t radius;
    arf_init(radius);
    arf_set_mpfr(radius, x.radius().to_big_float().get());
    arf_get_mag(arb_radref(target), radius);
    arf_clear(radius);
  }

 private:
  arb_t value_;
};

/// arb_mat_mul, which chooses among its algorithms by itself.
class ArbProduct {
 public:
  ArbProduct(const ProductOperands& operands, int bits) : bits_(bits) {
    init(left_, operands.left);
    init(right_, operands.right);
    arb_mat_init(product_, operands.left.rows, operands.right.cols);
  }
  ArbProduct(const ArbProduct&) = delete;
  ArbProduct& operator=(const ArbProduct&) = delete;
  ~ArbProduct() {
    arb_mat_clear(left_);
    arb_mat_clear(right_);
    arb_mat_clear(product_);
  }

  void run() { arb_mat_mul(product_, left_, right_, bits_); }
  [[nodiscard]] arb_srcptr entry(Eigen::Index i, Eigen::Index j) const {
    return arb_mat_entry(product_, i, j);
  }

 private:
  static void init(arb_mat_t matrix, const Operand& operand) {
    arb_mat_init(matrix, operand.rows, operand.cols);
    for (Eigen::Index i = 0; i < operand.rows; ++i)
      for (Eigen::Index j = 0; j < operand.cols; ++j)
        ArbBall::set(arb_mat_entry(matrix, i, j), operand(i, j));
  }

  arb_mat_t left_;
  arb_mat_t right_;
  arb_mat_t product_;
  int bits_;
};

/// Upper and lower bound of a ball with as many bits as it has, rounded outward.
inline std::pair<BigFloat, BigFloat> bounds_of(const Ball& x, int bits) {
  BigFloat lower(bits);
  BigFloat upper(bits);
  const BigFloat radius = x.radius().to_big_float();
  mpfr_sub(lower.get(), x.midpoint().get(), radius.get(), MPFR_RNDD);
  mpfr_add(upper.get(), x.midpoint().get(), radius.get(), MPFR_RNDU);
  return {std::move(lower), std::move(upper)};
}

/// A matrix of MPFI intervals, row by row.
class MpfiMatrix {
 public:
  MpfiMatrix(Eigen::Index rows, Eigen::Index cols, int bits)
      : cols_(cols), entries_(static_cast<std::size_t>(rows * cols)) {
    for (__mpfi_struct& entry : entries_) {
      mpfi_init2(&entry, bits);
      mpfi_set_ui(&entry, 0);
    }
  }
  /// The first `rows` rows of an operand.
  MpfiMatrix(const Operand& operand, Eigen::Index rows, int bits)
      : MpfiMatrix(rows, operand.cols, bits) {
    for (Eigen::Index i = 0; i < rows; ++i)
      for (Eigen::Index j = 0; j < operand.cols; ++j) {
        const auto [lower, upper] = bounds_of(operand(i, j), bits);
        mpfi_interv_fr(at(i, j), lower.get(), upper.get());
      }
  }
  MpfiMatrix(const MpfiMatrix&) = delete;
  MpfiMatrix& operator=(const MpfiMatrix&) = delete;
  ~MpfiMatrix() {
    for (__mpfi_struct& entry : entries_) mpfi_clear(&entry);
  }

  [[nodiscard]] mpfi_ptr at(Eigen::Index i, Eigen::Index j) {
    return &entries_[static_cast<std::size_t>(i * cols_ + j)];
  }

 private:
  Eigen::Index cols_;
  std::vector<__mpfi_struct> entries_;
};

/// Loops of mpfi_mul and mpfi_add over the first rows of a product.
class MpfiProduct {
 public:
  MpfiProduct(const ProductOperands& operands, Eigen::Index rows, int bits)
      : rows_(rows),
        terms_(operands.left.cols),
        cols_(operands.right.cols),
        left_(operands.left, rows, bits),
        right_(operands.right, terms_, bits),
        product_(rows, cols_, bits),
        term_(1, 1, bits) {}

  void run() {
    for (Eigen::Index i = 0; i < rows_; ++i) {
      for (Eigen::Index j = 0; j < cols_; ++j) mpfi_set_ui(product_.at(i, j), 0);
      for (Eigen::Index k = 0; k < terms_; ++k)
        for (Eigen::Index j = 0; j < cols_; ++j) {
          mpfi_mul(term_.at(0, 0), left_.at(i, k), right_.at(k, j));
          mpfi_add(product_.at(i, j), product_.at(i, j), term_.at(0, 0));
        }
    }
  }
  [[nodiscard]] double multiply_adds() const { return static_cast<double>(rows_ * terms_ * cols_); }

 private:
  Eigen::Index rows_;
  Eigen::Index terms_;
  Eigen::Index cols_;
  MpfiMatrix left_;
  MpfiMatrix right_;
  MpfiMatrix product_;
  MpfiMatrix term_;
};

}  // namespace numgeom::bench

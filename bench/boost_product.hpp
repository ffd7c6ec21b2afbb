#pragma once

#include <boost/multiprecision/mpfr.hpp>
#include <boost/numeric/interval/arith.hpp>
#include <boost/numeric/interval/arith2.hpp>
#include <boost/numeric/interval/checking.hpp>
#include <boost/numeric/interval/policies.hpp>
#include <boost/numeric/interval/utility.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "peer_products.hpp"

namespace numgeom::bench {

/// Rounding policy of Boost.Interval for Boost's MPFR numbers.
template <class Number>
struct MpfrRounding {
  using unprotected_rounding = MpfrRounding;
  using Operation = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t);

  Number add_down(const Number& a, const Number& b) { return rounded(mpfr_add, a, b, MPFR_RNDD); }
  Number add_up(const Number& a, const Number& b) { return rounded(mpfr_add, a, b, MPFR_RNDU); }
  Number mul_down(const Number& a, const Number& b) { return rounded(mpfr_mul, a, b, MPFR_RNDD); }
  Number mul_up(const Number& a, const Number& b) { return rounded(mpfr_mul, a, b, MPFR_RNDU); }

 private:
  static Number rounded(Operation operation, const Number& a, const Number& b, mpfr_rnd_t mode) {
    Number result;
    operation(result.backend().data(), a.backend().data(), b.backend().data(), mode);
    return result;
  }
};

/// Loops over Boost.Interval on Boost's MPFR numbers over the first rows of a product.
template <unsigned kDigits>
class BoostProduct {
 public:
  BoostProduct(const ProductOperands& operands, Eigen::Index rows)
      : rows_(rows),
        terms_(operands.left.cols),
        cols_(operands.right.cols),
        left_(intervals(operands.left, rows)),
        right_(intervals(operands.right, terms_)),
        product_(static_cast<std::size_t>(rows * cols_)) {}

  void operator()() {
    for (Eigen::Index i = 0; i < rows_; ++i) {
      Interval* sums = &product_[static_cast<std::size_t>(i * cols_)];
      std::fill(sums, sums + cols_, Interval());
      for (Eigen::Index k = 0; k < terms_; ++k) {
        const Interval& factor = left_[static_cast<std::size_t>(i * terms_ + k)];
        const Interval* row = &right_[static_cast<std::size_t>(k * cols_)];
        for (Eigen::Index j = 0; j < cols_; ++j) sums[j] += factor * row[j];
      }
    }
  }

 private:
  // Digits on the stack and no expression templates: the fastest numbers that Boost has here.
  using Number = boost::multiprecision::number<
      boost::multiprecision::mpfr_float_backend<kDigits, boost::multiprecision::allocate_stack>,
      boost::multiprecision::et_off>;
  using Interval = boost::numeric::interval<
      Number, boost::numeric::interval_lib::policies<
                  MpfrRounding<Number>, boost::numeric::interval_lib::checking_base<Number>>>;

  static std::vector<Interval> intervals(const Operand& operand, Eigen::Index rows) {
    std::vector<Interval> result;
    const int bits = static_cast<int>(mpfr_get_prec(Number().backend().data()));
    for (Eigen::Index i = 0; i < rows; ++i)
      for (Eigen::Index j = 0; j < operand.cols; ++j) {
        const auto [lower, upper] = bounds_of(operand(i, j), bits);
        result.emplace_back(Number(lower.get()), Number(upper.get()));
      }
    return result;
  }

  Eigen::Index rows_;
  Eigen::Index terms_;
  Eigen::Index cols_;
  std::vector<Interval> left_;
  std::vector<Interval> right_;
  std::vector<Interval> product_;
};

/// The loops for `bits` bits, or the next fewer that decimal digits give; nothing where they are
/// not compiled for that many.
inline std::function<void()> boost_product(const ProductOperands& operands, Eigen::Index rows,
                                           int bits) {
  // Copies share the matrices.
  const auto shared = [](auto product) -> std::function<void()> {
    return [product] { (*product)(); };
  };
  switch (bits) {
    case 128:
      return shared(std::make_shared<BoostProduct<38>>(operands, rows));
    case 256:
      return shared(std::make_shared<BoostProduct<76>>(operands, rows));
    case 512:
      return shared(std::make_shared<BoostProduct<153>>(operands, rows));
    case 1024:
      return shared(std::make_shared<BoostProduct<307>>(operands, rows));
    case 2048:
      return shared(std::make_shared<BoostProduct<616>>(operands, rows));
    default:
      return {};
  }
}

}  // namespace numgeom::bench

#pragma once

#include <arb_mat.h>

#include <utility>
#include <vector>

namespace verify {

/// A real number, enclosed: Arb's balls, rounded outward to `bits` bits of the thread that works.
class Ball {
 public:
  static inline thread_local long bits = 64;

  Ball(double x = 0) { arb_init(x_), arb_set_d(x_, x); }  // exact
  explicit Ball(arf_srcptr x) : Ball() { arb_set_arf(x_, x); }
  Ball(const Ball& other) : Ball() { arb_set(x_, other.x_); }
  Ball(Ball&& other) noexcept : Ball() { arb_swap(x_, other.x_); }
  Ball& operator=(const Ball& other) {
    arb_set(x_, other.x_);
    return *this;
  }
  Ball& operator=(Ball&& other) noexcept {
    arb_swap(x_, other.x_);
    return *this;
  }
  ~Ball() { arb_clear(x_); }

  [[nodiscard]] arb_ptr get() { return x_; }
  [[nodiscard]] arb_srcptr get() const { return x_; }

  Ball& operator+=(const Ball& b) { return arb_add(x_, x_, b.x_, bits), *this; }
  Ball& operator-=(const Ball& b) { return arb_sub(x_, x_, b.x_, bits), *this; }
  Ball& operator*=(const Ball& b) { return arb_mul(x_, x_, b.x_, bits), *this; }
  Ball& operator/=(const Ball& b) { return arb_div(x_, x_, b.x_, bits), *this; }
  friend Ball operator+(Ball a, const Ball& b) { return std::move(a += b); }
  friend Ball operator-(Ball a, const Ball& b) { return std::move(a -= b); }
  friend Ball operator*(Ball a, const Ball& b) { return std::move(a *= b); }
  friend Ball operator/(Ball a, const Ball& b) { return std::move(a /= b); }
  friend Ball exp(Ball a) { return arb_exp(a.x_, a.x_, bits), std::move(a); }
  friend Ball log(Ball a) { return arb_log(a.x_, a.x_, bits), std::move(a); }
  friend Ball tanh(Ball a) { return arb_tanh(a.x_, a.x_, bits), std::move(a); }
  /// Of an exact number that is known not to be negative.
  friend Ball sqrt(Ball a) { return arb_sqrtpos(a.x_, a.x_, bits), std::move(a); }
  friend Ball power(Ball a, unsigned long n) {
    return arb_pow_ui(a.x_, a.x_, n, bits), std::move(a);
  }
  friend Ball hull(Ball a, const Ball& b) {
    return arb_union(a.x_, a.x_, b.x_, bits), std::move(a);
  }
  [[nodiscard]] bool is_positive() const { return arb_is_positive(x_) != 0; }
  [[nodiscard]] bool is_nonpositive() const { return arb_is_nonpositive(x_) != 0; }

 private:
  arb_t x_;
};

/// A matrix of balls, row by row.
struct Matrix {
  long rows = 0;
  long columns = 0;
  std::vector<Ball> entries;

  Matrix() = default;
  Matrix(long r, long c, const Ball& x = Ball())
      : rows(r), columns(c), entries(static_cast<std::size_t>(r * c), x) {}
  Ball& operator()(long i, long j) { return entries[static_cast<std::size_t>(i * columns + j)]; }
  const Ball& operator()(long i, long j) const {
    return entries[static_cast<std::size_t>(i * columns + j)];
  }
  [[nodiscard]] Matrix transposed() const {
    Matrix result(columns, rows);
    for (long i = 0; i < rows; ++i)
      for (long j = 0; j < columns; ++j) result(j, i) = (*this)(i, j);
    return result;
  }
};

/// Arb's product of matrices.
inline Matrix product(const Matrix& a, const Matrix& b) {
  static_assert(sizeof(Ball) == sizeof(arb_struct), "entries lie as Arb's do");
  const auto as_arb = [](const Matrix& x, std::vector<arb_ptr>& rows) {
    for (long i = 0; i < x.rows; ++i) rows.push_back(const_cast<arb_ptr>(x(i, 0).get()));
    return arb_mat_struct{rows[0], x.rows, x.columns, rows.data()};
  };
  Matrix result(a.rows, b.columns);
  std::vector<arb_ptr> rows_of_a, rows_of_b, rows_of_result;
  const arb_mat_struct left = as_arb(a, rows_of_a);
  const arb_mat_struct right = as_arb(b, rows_of_b);
  arb_mat_struct both = as_arb(result, rows_of_result);
  arb_mat_mul(&both, &left, &right, Ball::bits);
  return result;
}

}  // namespace verify

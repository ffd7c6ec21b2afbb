#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <utility>

#include "numgeom/arithmetic/big_float.hpp"
#include "numgeom/arithmetic/magnitude.hpp"

namespace numgeom {

/// One limb of eight neighbouring entries of a row.
struct alignas(64) LimbLanes {
  std::uint64_t lane[8];
};

namespace detail {

/// Memory for limbs. What is freed is kept by the thread for the next matrix of about the same
/// size: the system clears the pages that it hands out, which takes longer than many an operation.
class LimbStorage {
 public:
  LimbStorage() = default;
  /// Not cleared.
  explicit LimbStorage(std::size_t size);
  LimbStorage(const LimbStorage& other);
  LimbStorage(LimbStorage&& other) noexcept { swap(other); }
  LimbStorage& operator=(LimbStorage other) noexcept {
    swap(other);
    return *this;
  }
  ~LimbStorage();

  void swap(LimbStorage& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  [[nodiscard]] LimbLanes* data() { return data_; }
  [[nodiscard]] const LimbLanes* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  void clear();

 private:
  LimbLanes* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace detail

/// A dense matrix of integers times one power of two, stored so that vector units use it as it is.
///
///     entry(i, j) = 2^exponent · (Σ_s d_s·2^(52s) − [d_{L−1} ≥ 2^51]·2^(52L)),   0 ≤ d_s < 2^52
///
/// that is two's complement with L limbs of 52 bits, least significant first. Eight neighbouring
/// entries of a row form a block; a block holds its L limbs one after the other, eight lanes each.
/// Lanes beyond the last column are zero. L ≥ 1; each matrix has its own L and exponent, so exact
/// inputs take as few limbs as they need.
class LimbMatrix {
 public:
  static constexpr int kLimbBits = 52;
  static constexpr Eigen::Index kLanes = 8;
  static constexpr std::uint64_t kLimbMask = (std::uint64_t{1} << kLimbBits) - 1;

  LimbMatrix() = default;
  /// Zeros.
  LimbMatrix(Eigen::Index rows, Eigen::Index cols, int limbs, std::int64_t exponent)
      : rows_(rows),
        cols_(cols),
        blocks_((cols + kLanes - 1) / kLanes),
        limbs_(limbs),
        exponent_(exponent),
        data_(static_cast<std::size_t>(rows * blocks_ * limbs)) {
    data_.clear();
  }

  /// Every limb of it is to be written, those of the lanes beyond the last column too.
  static LimbMatrix unwritten(Eigen::Index rows, Eigen::Index cols, int limbs,
                              std::int64_t exponent) {
    LimbMatrix result;
    result.reshape(rows, cols, limbs, exponent);
    return result;
  }

  /// Another matrix; its entries are to be written.
  void reshape(Eigen::Index rows, Eigen::Index cols, int limbs, std::int64_t exponent) {
    rows_ = rows;
    cols_ = cols;
    blocks_ = (cols + kLanes - 1) / kLanes;
    limbs_ = limbs;
    exponent_ = exponent;
    data_ = detail::LimbStorage();  // first, so that its memory can be taken again
    data_ = detail::LimbStorage(static_cast<std::size_t>(rows * blocks_ * limbs));
  }

  [[nodiscard]] Eigen::Index rows() const { return rows_; }
  [[nodiscard]] Eigen::Index cols() const { return cols_; }
  /// Blocks in a row.
  [[nodiscard]] Eigen::Index blocks() const { return blocks_; }
  [[nodiscard]] int limbs() const { return limbs_; }
  [[nodiscard]] std::int64_t exponent() const { return exponent_; }
  void scale_by_power_of_two(std::int64_t exponent) { exponent_ += exponent; }

  /// The limbs of a block, least significant first.
  [[nodiscard]] LimbLanes* block(Eigen::Index row, Eigen::Index block) {
    return data_.data() + (row * blocks_ + block) * limbs_;
  }
  [[nodiscard]] const LimbLanes* block(Eigen::Index row, Eigen::Index block) const {
    return data_.data() + (row * blocks_ + block) * limbs_;
  }
  [[nodiscard]] std::uint64_t limb(Eigen::Index row, Eigen::Index col, int s) const {
    return block(row, col / kLanes)[s].lane[col % kLanes];
  }
  [[nodiscard]] bool is_negative(Eigen::Index row, Eigen::Index col) const {
    return (limb(row, col, limbs_ - 1) >> (kLimbBits - 1)) != 0;
  }
  [[nodiscard]] bool is_zero(Eigen::Index row, Eigen::Index col) const;

  /// The least n with |integer| ≤ 2^n for every entry; 0 where all are zero.
  [[nodiscard]] int significant_bits() const;

  /// One entry, exactly.
  [[nodiscard]] BigFloat entry(Eigen::Index row, Eigen::Index col) const;
  /// The same, rounded to nearest with the precision of `to`.
  void read(Eigen::Index row, Eigen::Index col, BigFloat& to) const;
  /// Stores the nearest multiple of 2^exponent and returns a bound on what that changes. A value
  /// that does not fit becomes zero, and the bound takes it in.
  Magnitude set(Eigen::Index row, Eigen::Index col, const BigFloat& value);
  void set_zero(Eigen::Index row, Eigen::Index col);

 private:
  Eigen::Index rows_ = 0;
  Eigen::Index cols_ = 0;
  Eigen::Index blocks_ = 0;
  int limbs_ = 1;
  std::int64_t exponent_ = 0;
  detail::LimbStorage data_;
};

/// The least number of limbs that holds every integer |n| ≤ 2^bits.
constexpr int limbs_for_bits(int bits) { return (bits + 1) / LimbMatrix::kLimbBits + 1; }

}  // namespace numgeom

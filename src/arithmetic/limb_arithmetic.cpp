#include "numgeom/arithmetic/limb_arithmetic.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "limb_product.hpp"
#include "numgeom/arithmetic/environment.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr int kLimbBits = LimbMatrix::kLimbBits;
constexpr std::uint64_t kMask = LimbMatrix::kLimbMask;
constexpr Eigen::Index kLanes = LimbMatrix::kLanes;
/// Beyond the p bits: sign, rounding and the first place of sums.
constexpr int kSpareBits = 4;

int limbs_for(int bits) { return (bits + kSpareBits + kLimbBits - 1) / kLimbBits; }

template <class Function>
void for_lanes(const Function& f) {
  for (int l = 0; l < kLanes; ++l) f(l);
}

/// Digits of one block, read as if they went on for ever on both sides.
class EndlessDigits {
 public:
  EndlessDigits(const LimbLanes* block, int limbs) : block_(block), limbs_(limbs), sign_{} {
    for_lanes([&](int l) {
      sign_.lane[l] = (0 - (block[limbs - 1].lane[l] >> (kLimbBits - 1))) & kMask;
    });
  }
  const LimbLanes& operator[](std::int64_t s) const {
    if (s < 0) return kZero;
    return s < limbs_ ? block_[s] : sign_;
  }

 private:
  static constexpr LimbLanes kZero{};
  const LimbLanes* block_;
  int limbs_;
  LimbLanes sign_;
};

/// result = ⌊X·2^shift⌋ with `width` limbs; `dropped` gathers the bits that were cut off.
void shift_into(const LimbLanes* block, int limbs, std::int64_t shift, LimbLanes* result, int width,
                LimbLanes& dropped) {
  const EndlessDigits digits(block, limbs);
  const std::int64_t offset = -shift;
  const std::int64_t first =
      offset >= 0 ? offset / kLimbBits : -((-offset + kLimbBits - 1) / kLimbBits);
  const int low = static_cast<int>(offset - first * kLimbBits);
  for (int s = 0; s < width; ++s) {
    const LimbLanes& here = digits[first + s];
    const LimbLanes& above = digits[first + s + 1];
    for_lanes([&](int l) {
      result[s].lane[l] = ((here.lane[l] >> low) | (above.lane[l] << (kLimbBits - low))) & kMask;
    });
  }
  for (std::int64_t s = 0; s < std::min<std::int64_t>(first, limbs); ++s)
    for_lanes([&](int l) { dropped.lane[l] |= block[s].lane[l]; });
  const std::uint64_t cut = (std::uint64_t{1} << low) - 1;
  const LimbLanes& last = digits[first];
  for_lanes([&](int l) { dropped.lane[l] |= last.lane[l] & cut; });
}

/// sum ← sum + x, or − x, modulo 2^(52·width).
void add_digits(LimbLanes* sum, const LimbLanes* x, int width, bool subtract) {
  const std::uint64_t flip = subtract ? kMask : 0;
  LimbLanes carry;
  for_lanes([&](int l) { carry.lane[l] = subtract ? 1 : 0; });
  for (int s = 0; s < width; ++s)
    for_lanes([&](int l) {
      const std::uint64_t digit = sum[s].lane[l] + (x[s].lane[l] ^ flip) + carry.lane[l];
      sum[s].lane[l] = digit & kMask;
      carry.lane[l] = digit >> kLimbBits;
    });
}

/// result = X/2^52 to the nearest integer; `dropped` says where that is not exact.
void round_off_limb(const LimbLanes* x, int width, LimbLanes* result, LimbLanes& dropped) {
  constexpr std::uint64_t kHalf = std::uint64_t{1} << (kLimbBits - 1);
  LimbLanes carry;
  for_lanes([&](int l) {
    dropped.lane[l] = x[0].lane[l];
    carry.lane[l] = (x[0].lane[l] + kHalf) >> kLimbBits;
  });
  for (int s = 1; s < width; ++s)
    for_lanes([&](int l) {
      const std::uint64_t digit = x[s].lane[l] + carry.lane[l];
      result[s - 1].lane[l] = digit & kMask;
      carry.lane[l] = digit >> kLimbBits;
    });
}

/// Rounding errors of a matrix as it is filled, in units of its last place.
class ErrorUnits {
 public:
  ErrorUnits(Eigen::Index rows, Eigen::Index cols, std::int64_t exponent)
      : units_(Matrix<double>::Zero(rows, cols)), exponent_(exponent) {}

  /// `units` where a lane of the block has bits in `dropped`.
  void add(Eigen::Index row, Eigen::Index block, const LimbLanes& dropped, double units) {
    const Eigen::Index first = block * kLanes;
    const Eigen::Index count = std::min(kLanes, units_.cols() - first);
    double* entries = &units_(row, first);
    for (Eigen::Index l = 0; l < count; ++l) entries[l] += dropped.lane[l] != 0 ? units : 0;
  }
  [[nodiscard]] BoundMatrix bounds() const { return BoundMatrix(units_, exponent_); }

 private:
  Matrix<double> units_;
  std::int64_t exponent_;
};

/// The integers rounded to at most `limbs` limbs. Those that are not zero may be off by
/// `error` units of the new last place already; their lowest bit says that they are not zero.
RoundedMatrix<LimbMatrix> rounded(const LimbMatrix& exact, int limbs, double error = 0) {
  const int bits = exact.significant_bits();
  const int most_bits = limbs * kLimbBits - 2;
  if (bits <= most_bits && exact.limbs() <= limbs)
    return {exact, BoundMatrix(exact.rows(), exact.cols())};
  const int shift = std::max(0, bits - most_bits);
  const int width = std::min(limbs, limbs_for_bits(bits - shift));
  // Bits below the guard limb are cut off: less than 2^-52 of a unit.
  const double cut_units = 0x1p-52 + error;
  LimbMatrix result =
      LimbMatrix::unwritten(exact.rows(), exact.cols(), width, exact.exponent() + shift);
  ErrorUnits errors(exact.rows(), exact.cols(), result.exponent());
  std::vector<LimbLanes> guarded(width + 1);
  for (Eigen::Index i = 0; i < exact.rows(); ++i)
    for (Eigen::Index b = 0; b < exact.blocks(); ++b) {
      LimbLanes cut{};
      LimbLanes dropped;
      shift_into(exact.block(i, b), exact.limbs(), kLimbBits - shift, guarded.data(), width + 1,
                 cut);
      round_off_limb(guarded.data(), width + 1, result.block(i, b), dropped);
      errors.add(i, b, dropped, 0.5);
      errors.add(i, b, cut, cut_units);
    }
  return {std::move(result), errors.bounds()};
}

/// The integers rounded to multiples of 2^(52·dropped); at least one limb is left.
RoundedMatrix<LimbMatrix> without_low_limbs(const LimbMatrix& exact, int dropped_limbs) {
  const int width = exact.limbs() - dropped_limbs;
  LimbMatrix result =
      LimbMatrix::unwritten(exact.rows(), exact.cols(), width,
                            exact.exponent() + std::int64_t{dropped_limbs} * kLimbBits);
  ErrorUnits errors(exact.rows(), exact.cols(), result.exponent());
  for (Eigen::Index i = 0; i < exact.rows(); ++i)
    for (Eigen::Index b = 0; b < exact.blocks(); ++b) {
      const LimbLanes* digits = exact.block(i, b);
      LimbLanes dropped;
      LimbLanes cut{};
      for (int s = 0; s < dropped_limbs - 1; ++s)
        for_lanes([&](int l) { cut.lane[l] |= digits[s].lane[l]; });
      round_off_limb(digits + dropped_limbs - 1, width + 1, result.block(i, b), dropped);
      for_lanes([&](int l) { dropped.lane[l] |= cut.lane[l]; });
      errors.add(i, b, dropped, 0.5 + 0x1p-50);
    }
  return {std::move(result), errors.bounds()};
}

RoundedMatrix<LimbMatrix> rounded_product(const LimbMatrix& a, const LimbMatrix& b,
                                          Transposed transposed, const kernels::Kernels& kernels,
                                          int limbs) {
  thread_local LimbMatrix unrounded;
  const double error = upper_product(a, b, transposed, kernels, limbs, unrounded);
  return rounded(unrounded, limbs, error);
}

/// The same numbers with more limbs below.
LimbMatrix with_lower_limbs(const LimbMatrix& x, int limbs) {
  const int added = limbs - x.limbs();
  LimbMatrix result(x.rows(), x.cols(), limbs, x.exponent() - std::int64_t{added} * kLimbBits);
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index b = 0; b < x.blocks(); ++b)
      std::copy_n(x.block(i, b), x.limbs(), result.block(i, b) + added);
  return result;
}

/// A block of one operand of a sum.
struct Term {
  const LimbLanes* block;
  int limbs;
  std::int64_t exponent;
};

/// |x| ≤ 2^top for all entries, which are multiples of 2^least. Zeros are multiples of everything.
struct Extent {
  std::int64_t top;
  std::int64_t least;
};

bool is_all_zero(const LimbMatrix& x) {
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < x.cols(); ++j)
      if (!x.is_zero(i, j)) return false;
  return true;
}

/// Of factor·x ± y for |factor| ≤ 2^factor_bits, with x's exponent as given.
Extent extent_of_sum(const LimbMatrix& x, std::int64_t x_exponent, const LimbMatrix& y,
                     int factor_bits = 0) {
  const Extent of_x{x.significant_bits() + factor_bits + x_exponent, x_exponent};
  const Extent of_y{y.significant_bits() + y.exponent(), y.exponent()};
  if (is_all_zero(x)) return of_y;
  if (is_all_zero(y)) return of_x;
  return {std::max(of_x.top, of_y.top) + 1, std::min(of_x.least, of_y.least)};
}

/// x ± y, rounded once: with `limbs` limbs, or fewer where they hold the exact sums.
class Sum {
 public:
  /// `extent` is that of the sums.
  Sum(Eigen::Index rows, Eigen::Index cols, int limbs, const Extent& extent)
      : exponent_(std::max(extent.least, extent.top - (limbs * kLimbBits - 2))),
        result_(LimbMatrix::unwritten(
            rows, cols,
            std::min(limbs, limbs_for_bits(static_cast<int>(
                                std::max<std::int64_t>(extent.top - exponent_, 0)))),
            exponent_)),
        errors_(rows, cols, exponent_),
        width_(result_.limbs() + 1),
        left_(width_),
        right_(width_) {}

  void store(Eigen::Index row, Eigen::Index block, const Term& x, const Term& y, bool subtract_x) {
    LimbLanes cut{};
    LimbLanes dropped;
    shift_into(y.block, y.limbs, y.exponent - exponent_ + kLimbBits, left_.data(), width_, cut);
    shift_into(x.block, x.limbs, x.exponent - exponent_ + kLimbBits, right_.data(), width_, cut);
    add_digits(left_.data(), right_.data(), width_, subtract_x);
    round_off_limb(left_.data(), width_, result_.block(row, block), dropped);
    errors_.add(row, block, dropped, 0.5);
    errors_.add(row, block, cut, 0x1p-51);
  }
  RoundedMatrix<LimbMatrix> take() { return {std::move(result_), errors_.bounds()}; }

 private:
  std::int64_t exponent_;
  LimbMatrix result_;
  ErrorUnits errors_;
  int width_;
  std::vector<LimbLanes> left_;
  std::vector<LimbLanes> right_;
};

/// e with |entry| ≥ 2^e, from its leading limb; the least integer for 0 and −1.
std::int64_t lower_exponent(const LimbMatrix& x, Eigen::Index i, Eigen::Index j) {
  // All bits of a negative number flipped: |x| − 1.
  const std::uint64_t flip = x.is_negative(i, j) ? kMask : 0;
  for (int s = x.limbs() - 1; s >= 0; --s) {
    const std::uint64_t digit = x.limb(i, j, s) ^ flip;
    if (digit != 0) return x.exponent() + std::int64_t{s} * kLimbBits + std::bit_width(digit) - 1;
  }
  return std::numeric_limits<std::int64_t>::min();
}

/// The leading three limbs that the greatest entry reaches, as doubles.
class LeadingDigits {
 public:
  explicit LeadingDigits(const LimbMatrix& x)
      : x_(x), first_(std::max(0, (x.significant_bits() + kLimbBits - 1) / kLimbBits - kDigits)) {}

  /// The unit of the values: 2^exponent.
  [[nodiscard]] std::int64_t exponent() const {
    return x_.exponent() + std::int64_t{first_} * kLimbBits;
  }
  /// |entry| = value(1 + δ) + ε units, |δ| ≤ 2^-51, 0 ≤ ε ≤ slack().
  [[nodiscard]] double slack() const { return first_ == 0 ? 0 : 1; }
  void values(Eigen::Index row, Eigen::Index block, double* sizes, LimbLanes& nonzero,
              LimbLanes& sign) const {
    const LimbLanes* digits = x_.block(row, block);
    const int limbs = x_.limbs();
    for_lanes([&](int l) {
      sign.lane[l] = 0 - (digits[limbs - 1].lane[l] >> (kLimbBits - 1));
      sizes[l] = 0;
    });
    nonzero = {};
    const auto gather = [&](int begin, int end) {
      for (int s = begin; s < end; ++s)
        for_lanes([&](int l) { nonzero.lane[l] |= digits[s].lane[l]; });
    };
    // Memory is read faster without gaps.
    gather(limbs <= kFewLimbs ? 0 : first_, limbs);
    for (int s = std::min(limbs, first_ + kDigits) - 1; s >= first_; --s)
      for_lanes([&](int l) {
        const auto digit = static_cast<std::int64_t>((digits[s].lane[l] ^ sign.lane[l]) & kMask);
        sizes[l] = sizes[l] * 0x1p52 + static_cast<double>(digit);
      });
    // A flipped negative number is |x| − 1.
    if (first_ == 0) for_lanes([&](int l) { sizes[l] += static_cast<double>(sign.lane[l] & 1); });
    // Limbs are short of 64 bits: only zeros wrap.
    std::uint64_t wrapped = 0;
    for_lanes([&](int l) { wrapped |= nonzero.lane[l] - 1; });
    if ((wrapped >> 63) != 0) gather(0, first_);
  }

 private:
  static constexpr int kDigits = 3;
  static constexpr int kFewLimbs = 12;
  const LimbMatrix& x_;
  int first_;
};

/// |entry| of every lane of a block, with as many limbs; `sign` is all ones where it was negative.
void absolute(const LimbLanes* block, int limbs, LimbLanes* result, LimbLanes& sign) {
  LimbLanes carry;
  for_lanes([&](int l) {
    sign.lane[l] = 0 - (block[limbs - 1].lane[l] >> (kLimbBits - 1));
    carry.lane[l] = sign.lane[l] & 1;
  });
  for (int s = 0; s < limbs; ++s)
    for_lanes([&](int l) {
      const std::uint64_t digit = ((block[s].lane[l] ^ sign.lane[l]) & kMask) + carry.lane[l];
      result[s].lane[l] = digit & kMask;
      carry.lane[l] = digit >> kLimbBits;
    });
}

/// Negates the lanes where `sign` is all ones.
void negate_where(const LimbLanes& sign, LimbLanes* x, int limbs) {
  LimbLanes carry;
  for_lanes([&](int l) { carry.lane[l] = sign.lane[l] & 1; });
  for (int s = 0; s < limbs; ++s)
    for_lanes([&](int l) {
      const std::uint64_t digit = ((x[s].lane[l] ^ sign.lane[l]) & kMask) + carry.lane[l];
      x[s].lane[l] = digit & kMask;
      carry.lane[l] = digit >> kLimbBits;
    });
}

/// result = a·b lane by lane for nonnegative integers; a.size() + b.size() limbs.
void multiply_lanes(const std::vector<LimbLanes>& a, const std::vector<LimbLanes>& b,
                    LimbLanes* result) {
  using Wide = unsigned __int128;
  const std::size_t limbs = a.size() + b.size();
  for (int l = 0; l < kLanes; ++l) {
    Wide sum = 0;
    for (std::size_t s = 0; s < limbs; ++s) {
      // At most 2^8 products below 2^104, and what is carried: far below 2^128.
      const std::size_t first = s < b.size() ? 0 : s - b.size() + 1;
      for (std::size_t i = first; i <= std::min(s, a.size() - 1); ++i)
        sum += static_cast<Wide>(a[i].lane[l]) * b[s - i].lane[l];
      result[s].lane[l] = static_cast<std::uint64_t>(sum) & kMask;
      sum >>= kLimbBits;
    }
  }
}

/// Exact products of entries in the same place.
LimbMatrix entry_products(const LimbMatrix& x, const LimbMatrix& y, bool y_is_one_entry) {
  LimbMatrix result =
      LimbMatrix::unwritten(x.rows(), x.cols(), x.limbs() + y.limbs(), x.exponent() + y.exponent());
  std::vector<LimbLanes> left(x.limbs());
  std::vector<LimbLanes> right(y.limbs());
  LimbLanes left_sign;
  LimbLanes right_sign;
  if (y_is_one_entry) absolute(y.block(0, 0), y.limbs(), right.data(), right_sign);
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index b = 0; b < x.blocks(); ++b) {
      absolute(x.block(i, b), x.limbs(), left.data(), left_sign);
      if (!y_is_one_entry) absolute(y.block(i, b), y.limbs(), right.data(), right_sign);
      multiply_lanes(left, right, result.block(i, b));
      for_lanes([&](int l) { left_sign.lane[l] ^= right_sign.lane[l]; });
      negate_where(left_sign, result.block(i, b), result.limbs());
    }
  return result;
}

/// f(row, first column, lanes in use, sizes, nonzero, sign) for every block.
template <class Function>
void for_leading_digits(const LimbMatrix& x, const LeadingDigits& leading, const Function& f) {
  alignas(64) std::array<double, kLanes> sizes;
  LimbLanes nonzero;
  LimbLanes sign;
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index b = 0; b < x.blocks(); ++b) {
      leading.values(i, b, sizes.data(), nonzero, sign);
      f(i, b * kLanes, std::min(kLanes, x.cols() - b * kLanes), sizes, nonzero, sign);
    }
}

}  // namespace

LimbMidpoints::LimbMidpoints(int bits, LimbPath path)
    : limbs_(limbs_for(bits)), bits_(full_bits(bits)), path_(path) {
  require_ieee_environment();
  if (bits < kMinBits || bits > kMostBits)
    throw Error("ball arithmetic in limbs: 53 to 8192 bits expected, not " + std::to_string(bits));
  kernels_for(path);
}

int LimbMidpoints::full_bits(int bits) { return limbs_for(bits) * kLimbBits - kSpareBits; }

LimbMatrix LimbMidpoints::embed(const ExactMatrix& exact) {
  constexpr int kMantissaBits = 24;
  int greatest = 0;
  int least = 0;
  bool any = false;
  for (const float x : exact.reshaped()) {
    if (x == 0) continue;
    int exponent = 0;
    const float mantissa = std::frexp(x, &exponent);
    const auto integer = static_cast<std::int64_t>(std::ldexp(mantissa, kMantissaBits));
    const int last =
        exponent - kMantissaBits + std::countr_zero(static_cast<std::uint64_t>(integer));
    greatest = any ? std::max(greatest, exponent) : exponent;
    least = any ? std::min(least, last) : last;
    any = true;
  }
  LimbMatrix result(exact.rows(), exact.cols(), limbs_for_bits(greatest - least), least);
  for (Eigen::Index i = 0; i < exact.rows(); ++i)
    for (Eigen::Index j = 0; j < exact.cols(); ++j) {
      if (exact(i, j) == 0) continue;
      int exponent = 0;
      const float mantissa = std::frexp(exact(i, j), &exponent);
      const LimbLanes integer{{static_cast<std::uint64_t>(
                                   static_cast<std::int64_t>(std::ldexp(mantissa, kMantissaBits))) &
                               kMask}};
      std::array<LimbLanes, 8> digits{};
      LimbLanes dropped{};
      shift_into(&integer, 1, exponent - kMantissaBits - least, digits.data(), result.limbs(),
                 dropped);
      for (int s = 0; s < result.limbs(); ++s)
        result.block(i, j / kLanes)[s].lane[j % kLanes] = digits[s].lane[0];
    }
  return result;
}

Magnitude LimbMidpoints::assign(Matrix& x, Eigen::Index i, Eigen::Index j,
                                const Ball& value) const {
  Magnitude error = x.set(i, j, value.midpoint());
  if (!error.is_zero() && x.limbs() < limbs_) {
    // A matrix of few limbs has room for finer multiples; one more since its top limb may be empty.
    x = with_lower_limbs(x, limbs_ + 1);
    error = x.set(i, j, value.midpoint());
  }
  return value.radius() + error;
}

LimbMatrix LimbMidpoints::gather_rows(const Matrix& x, const Indices& rows) {
  LimbMatrix result = LimbMatrix::unwritten(static_cast<Eigen::Index>(rows.size()), x.cols(),
                                            x.limbs(), x.exponent());
  for (Eigen::Index i = 0; i < result.rows(); ++i)
    std::copy_n(x.block(rows[i], 0), x.blocks() * x.limbs(), result.block(i, 0));
  return result;
}

RoundedMatrix<LimbMatrix> LimbMidpoints::product(const Matrix& a, const Matrix& b) const {
  return rounded_product(a, b, Transposed::kNone, kernels_for(path_), limbs_);
}

RoundedMatrix<LimbMatrix> LimbMidpoints::product_tn(const Matrix& a, const Matrix& b) const {
  return rounded_product(a, b, Transposed::kLeft, kernels_for(path_), limbs_);
}

RoundedMatrix<LimbMatrix> LimbMidpoints::product_nt(const Matrix& a, const Matrix& b) const {
  return rounded_product(a, b, Transposed::kRight, kernels_for(path_), limbs_);
}

RoundedMatrix<LimbMatrix> LimbMidpoints::add_row(const Matrix& x, const Matrix& row) const {
  Sum sum(x.rows(), x.cols(), limbs_, extent_of_sum(x, x.exponent(), row));
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index b = 0; b < x.blocks(); ++b)
      sum.store(i, b, {row.block(0, b), row.limbs(), row.exponent()},
                {x.block(i, b), x.limbs(), x.exponent()}, false);
  return sum.take();
}

RoundedMatrix<LimbMatrix> LimbMidpoints::column_sums(const Matrix& x) const {
  const int more_bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(x.rows())));
  LimbMatrix sums(1, x.cols(), limbs_for_bits(x.significant_bits() + more_bits), x.exponent());
  std::vector<LimbLanes> extended(sums.limbs());
  LimbLanes dropped{};
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index b = 0; b < x.blocks(); ++b) {
      shift_into(x.block(i, b), x.limbs(), 0, extended.data(), sums.limbs(), dropped);
      add_digits(sums.block(0, b), extended.data(), sums.limbs(), false);
    }
  return rounded(sums, limbs_);
}

RoundedMatrix<LimbMatrix> LimbMidpoints::axpy(double alpha, const Matrix& x,
                                              const Matrix& y) const {
  if (alpha == 0) return rounded(y, limbs_);
  constexpr int kDoubleBits = 53;
  int exponent = 0;
  const double mantissa = std::frexp(std::abs(alpha), &exponent);
  const auto factor = static_cast<std::uint64_t>(std::ldexp(mantissa, kDoubleBits));
  const std::int64_t x_exponent = x.exponent() + exponent - kDoubleBits;
  const auto& kernels = kernels_for(path_);
  Sum sum(x.rows(), x.cols(), limbs_, extent_of_sum(x, x_exponent, y, kDoubleBits));
  std::vector<LimbLanes> scaled(x.limbs() + 2);
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index b = 0; b < x.blocks(); ++b) {
      kernels.scale(x.block(i, b)->lane, x.limbs(), factor, scaled.data()->lane);
      sum.store(i, b, {scaled.data(), x.limbs() + 2, x_exponent},
                {y.block(i, b), y.limbs(), y.exponent()}, alpha < 0);
    }
  return sum.take();
}

LimbMatrix LimbMidpoints::gather(const Matrix& x, const Gather& places, int term) {
  static constexpr std::uint64_t kZeros[LimbMatrix::kLanes] = {};
  const std::vector<int>& sources = places.sources[static_cast<std::size_t>(term)];
  const Eigen::Index samples = places.samples(x.rows());
  const int limbs = x.limbs();
  LimbMatrix result =
      LimbMatrix::unwritten(samples * places.out_rows, places.out_cols, limbs, x.exponent());
  // The first limb of each lane's source, and how far it is to the next.
  std::array<const std::uint64_t*, kLanes> from;
  std::array<std::size_t, kLanes> stride;
  for (Eigen::Index s = 0; s < samples; ++s)
    for (Eigen::Index i = 0; i < places.out_rows; ++i)
      for (Eigen::Index b = 0; b < result.blocks(); ++b) {
        for (Eigen::Index l = 0; l < kLanes; ++l) {
          const Eigen::Index j = b * kLanes + l;
          const int source = j < places.out_cols ? sources[i * places.out_cols + j] : -1;
          const Eigen::Index row = s * places.in_rows + source / places.in_cols;
          const Eigen::Index col = source % places.in_cols;
          from[l] = source < 0 ? kZeros : x.block(row, col / kLanes)->lane + col % kLanes;
          stride[l] = source < 0 ? 0 : kLanes;
        }
        LimbLanes* to = result.block(s * places.out_rows + i, b);
        for (int k = 0; k < limbs; ++k)
          for_lanes([&](int l) { to[k].lane[l] = from[l][k * stride[l]]; });
      }
  return result;
}

RoundedMatrix<LimbMatrix> LimbMidpoints::scale(const Ball& factor, const Matrix& x) const {
  // The factor as a matrix of one entry, repeated in all lanes; its last place is that of its bits.
  const BigFloat& c = factor.midpoint();
  if (c.is_zero()) return {zeros(x.rows(), x.cols()), BoundMatrix(x.rows(), x.cols())};
  const int bits = static_cast<int>(mpfr_min_prec(c.get()));
  LimbMatrix repeated(1, kLanes, limbs_for_bits(bits), mpfr_get_exp(c.get()) - bits);
  for (Eigen::Index l = 0; l < kLanes; ++l) repeated.set(0, l, c);
  return rounded(entry_products(x, repeated, true), limbs_);
}

RoundedMatrix<LimbMatrix> LimbMidpoints::square(const Matrix& x) const {
  return rounded(entry_products(x, x, false), limbs_);
}

RoundedMatrix<LimbMatrix> LimbMidpoints::root_quotient(const Ball& a, const Matrix& m,
                                                       const Matrix& v, const Ball& b,
                                                       double epsilon, const BoundMatrix& sizes,
                                                       const BoundMatrix& radii) const {
  constexpr int kGuardBits = 6;
  const Magnitude largest = sizes.largest();
  if (largest.is_zero() || !largest.is_finite()) return {zeros(m.rows(), m.cols()), sizes};
  const Magnitude idle = Magnitude::power_of_two(-kKeptBits) * radii.largest();
  const std::int64_t top = largest.exponent();
  std::int64_t last = top - (limbs_ * kLimbBits - 2);
  if (idle.is_finite() && !idle.is_zero()) last = std::clamp(idle.exponent(), last, top);
  const int result_bits = static_cast<int>(top - last);
  const int bits = std::min(bits_, result_bits + kGuardBits);
  LimbMatrix result(m.rows(), m.cols(), limbs_for_bits(result_bits), last);
  // Storing takes half a unit, unless it is exact or all is cut off.
  numgeom::Matrix<double> units = numgeom::Matrix<double>::Zero(m.rows(), m.cols());
  const Magnitude unit = Magnitude::power_of_two(last);
  BigFloat divisor(bits);
  BigFloat quotient(bits);
  for (Eigen::Index i = 0; i < m.rows(); ++i)
    for (Eigen::Index j = 0; j < m.cols(); ++j) {
      if (m.is_zero(i, j)) continue;
      mpfr_set_zero(divisor.get(), 1);
      if (!v.is_negative(i, j)) {
        v.read(i, j, divisor);
        mpfr_sqrt(divisor.get(), divisor.get(), MPFR_RNDN);
      }
      mpfr_mul(divisor.get(), divisor.get(), b.midpoint().get(), MPFR_RNDN);
      mpfr_add_d(divisor.get(), divisor.get(), epsilon, MPFR_RNDN);
      m.read(i, j, quotient);
      mpfr_mul(quotient.get(), quotient.get(), a.midpoint().get(), MPFR_RNDN);
      mpfr_div(quotient.get(), quotient.get(), divisor.get(), MPFR_RNDN);
      units(i, j) = divide_up(result.set(i, j, quotient), unit).to_double_up();
    }
  BoundMatrix stored(std::move(units), last);
  BoundMatrix error =
      scaled_sum(Magnitude::power_of_two(3 - bits), magnitudes(result) + stored, stored);
  return {std::move(result), std::move(error)};
}

BoundMatrix LimbMidpoints::magnitudes(const Matrix& x) {
  const LeadingDigits leading(x);
  numgeom::Matrix<double> sizes(x.rows(), x.cols());
  for_leading_digits(x, leading,
                     [&](Eigen::Index i, Eigen::Index j, Eigen::Index count, const auto& values,
                         const LimbLanes& nonzero, const LimbLanes&) {
                       for (Eigen::Index l = 0; l < count; ++l)
                         sizes(i, j + l) = nonzero.lane[l] == 0
                                               ? 0
                                               : (values[l] + leading.slack()) * (1 + 0x1p-50);
                     });
  return BoundMatrix(sizes, leading.exponent());
}

DoubleEnclosures LimbMidpoints::to_doubles(const Matrix& x) {
  const LeadingDigits leading(x);
  const std::int64_t exponent = leading.exponent();
  numgeom::Matrix<double> values(x.rows(), x.cols());
  numgeom::Matrix<double> errors(x.rows(), x.cols());
  for_leading_digits(x, leading,
                     [&](Eigen::Index i, Eigen::Index j, Eigen::Index count, const auto& sizes,
                         const LimbLanes& nonzero, const LimbLanes& sign) {
                       for (Eigen::Index l = 0; l < count; ++l) {
                         values(i, j + l) = sign.lane[l] == 0 ? sizes[l] : -sizes[l];
                         errors(i, j + l) =
                             nonzero.lane[l] == 0 ? 0 : sizes[l] * 0x1p-51 + leading.slack();
                       }
                     });
  // Doubles hold sizes from 2^0 to 2^156 here: the shift is exact unless the result leaves the
  // range.
  constexpr std::int64_t kSafe = 800;
  BoundMatrix bounds(errors, exponent);
  if (std::abs(exponent) <= kSafe) {
    values *= std::ldexp(1.0, static_cast<int>(exponent));
    return {std::move(values), std::move(bounds)};
  }
  // Too great or too small for doubles: zeros, and all is in the radii.
  values.setZero();
  return {std::move(values), magnitudes(x)};
}

void LimbMidpoints::normalise(Matrix& midpoints, BoundMatrix& radii) {
  drop_low_limbs(midpoints, radii);
  constexpr std::int64_t kLimit = std::int64_t{1} << 28;
  if (std::abs(midpoints.exponent()) <= kLimit) return;
  if (midpoints.exponent() < 0) {
    radii = radii + magnitudes(midpoints);
  } else {
    for (Eigen::Index i = 0; i < midpoints.rows(); ++i)
      for (Eigen::Index j = 0; j < midpoints.cols(); ++j)
        if (!midpoints.is_zero(i, j)) radii.set_unbounded(i, j);
  }
  midpoints = zeros(midpoints.rows(), midpoints.cols());
}

void LimbMidpoints::drop_low_limbs(Matrix& midpoints, BoundMatrix& radii) {
  const Magnitude largest = radii.largest();
  if (largest.is_zero() || !largest.is_finite() || midpoints.limbs() == 1) return;
  const std::int64_t idle_bits = largest.exponent() - kKeptBits - midpoints.exponent();
  const std::int64_t dropped_limbs =
      std::min<std::int64_t>(idle_bits / kLimbBits, midpoints.limbs() - 1);
  // Rounding up may take one bit more.
  if (dropped_limbs <= 0 || midpoints.significant_bits() > midpoints.limbs() * kLimbBits - 2)
    return;
  auto shorter = without_low_limbs(midpoints, static_cast<int>(dropped_limbs));
  midpoints = std::move(shorter.value);
  radii = radii + shorter.error;
}

int LimbMidpoints::compare_magnitude(const Matrix& x, Eigen::Index i, Eigen::Index j,
                                     const Magnitude& bound) {
  if (!bound.is_finite()) return -1;
  if (bound.is_zero()) return x.is_zero(i, j) ? 0 : 1;
  if (lower_exponent(x, i, j) >= bound.exponent()) return 1;  // |x| ≥ 2^exponent > bound
  return mpfr_cmpabs(x.entry(i, j).get(), bound.to_big_float().get());
}

Ball LimbMidpoints::enclosure(const Matrix& x, Eigen::Index i, Eigen::Index j,
                              const Magnitude& radius) const {
  if (!radius.is_finite()) return Ball::entire(bits_);
  BigFloat midpoint = x.entry(i, j);
  if (midpoint.bits() < bits_) mpfr_prec_round(midpoint.get(), bits_, MPFR_RNDN);
  return Ball(std::move(midpoint), radius);
}

RoundedMatrix<LimbMatrix> LimbMidpoints::from_midpoints(Eigen::Index rows, Eigen::Index cols,
                                                        const std::vector<Ball>& values) const {
  constexpr mpfr_exp_t kNone = std::numeric_limits<mpfr_exp_t>::min();
  mpfr_exp_t top = kNone;
  for (const Ball& value : values)
    if (!value.midpoint().is_zero() && value.midpoint().is_finite())
      top = std::max(top, mpfr_get_exp(value.midpoint().get()));
  LimbMatrix result(rows, cols, limbs_, top == kNone ? 0 : top - (limbs_ * kLimbBits - 2));
  std::vector<Magnitude> errors;
  errors.reserve(values.size());
  for (Eigen::Index i = 0; i < rows; ++i)
    for (Eigen::Index j = 0; j < cols; ++j)
      errors.push_back(result.set(i, j, values[static_cast<std::size_t>(i * cols + j)].midpoint()));
  return {std::move(result), BoundMatrix(rows, cols, errors)};
}

template class EnclosingArithmetic<LimbMidpoints>;

}  // namespace numgeom

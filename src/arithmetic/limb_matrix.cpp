#include "numgeom/arithmetic/limb_matrix.hpp"

#include <gmp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>
#include <vector>

namespace numgeom {
namespace {

constexpr std::uint64_t kMask = LimbMatrix::kLimbMask;
constexpr int kNails = 64 - LimbMatrix::kLimbBits;

/// The integer of an entry in sign and magnitude.
class Integer {
 public:
  Integer() { mpz_init(value_); }
  Integer(const Integer&) = delete;
  Integer& operator=(const Integer&) = delete;
  ~Integer() { mpz_clear(value_); }
  mpz_ptr get() { return value_; }

 private:
  mpz_t value_;
};

/// Two's complement of the digits in place.
void negate(std::vector<std::uint64_t>& digits) {
  std::uint64_t carry = 1;
  for (std::uint64_t& digit : digits) {
    const std::uint64_t sum = (~digit & kMask) + carry;
    digit = sum & kMask;
    carry = sum >> LimbMatrix::kLimbBits;
  }
}

/// Digits of 52 bits as words of 64.
void pack(const std::vector<std::uint64_t>& digits, std::vector<mp_limb_t>& words) {
  constexpr std::size_t kWordBits = 64;
  words.assign((digits.size() * LimbMatrix::kLimbBits + kWordBits - 1) / kWordBits, 0);
  std::size_t bit = 0;
  for (const std::uint64_t digit : digits) {
    const std::size_t word = bit / kWordBits;
    const std::size_t offset = bit % kWordBits;
    words[word] |= digit << offset;
    if (offset > kNails) words[word + 1] |= digit >> (kWordBits - offset);
    bit += LimbMatrix::kLimbBits;
  }
}

/// The digits of a nonnegative integer, `count` of them.
void unpack(mpz_srcptr integer, int count, std::vector<std::uint64_t>& digits) {
  constexpr std::size_t kWordBits = 64;
  const std::size_t size = mpz_size(integer);
  const mp_limb_t* words = mpz_limbs_read(integer);
  const auto word_at = [&](std::size_t i) { return i < size ? words[i] : 0; };
  digits.resize(count);
  std::size_t bit = 0;
  for (std::uint64_t& digit : digits) {
    const std::size_t offset = bit % kWordBits;
    digit = word_at(bit / kWordBits) >> offset;
    if (offset > kNails) digit |= word_at(bit / kWordBits + 1) << (kWordBits - offset);
    digit &= kMask;
    bit += LimbMatrix::kLimbBits;
  }
}

/// x·2^shift to the nearest integer, for x ≥ 0; whether that is exact.
bool shift_to_nearest(mpz_ptr x, std::int64_t shift) {
  if (shift >= 0) {
    mpz_mul_2exp(x, x, static_cast<mp_bitcnt_t>(shift));
    return true;
  }
  const auto dropped = static_cast<mp_bitcnt_t>(-shift);
  const bool exact = mpz_sgn(x) == 0 || mpz_scan1(x, 0) >= dropped;
  const bool up = mpz_tstbit(x, dropped - 1) != 0;
  mpz_tdiv_q_2exp(x, x, dropped);
  if (up) mpz_add_ui(x, x, 1);
  return exact;
}

std::uint64_t any_lane(const LimbLanes& x) {
  std::uint64_t any = 0;
  for (const std::uint64_t lane : x.lane) any |= lane;
  return any;
}

/// The freed memory of a thread.
class FreeList {
 public:
  FreeList() = default;
  FreeList(const FreeList&) = delete;
  FreeList& operator=(const FreeList&) = delete;
  ~FreeList() {
    for (const Block& block : blocks_) release(block.data);
  }

  /// A block for at least `size`, and not for very much more.
  LimbLanes* take(std::size_t size, std::size_t& capacity) {
    auto best = blocks_.end();
    for (auto it = blocks_.begin(); it != blocks_.end(); ++it)
      if (it->capacity >= size && it->capacity <= 2 * size + kSmall &&
          (best == blocks_.end() || it->capacity < best->capacity))
        best = it;
    if (best == blocks_.end()) {
      capacity = size;
      return static_cast<LimbLanes*>(
          ::operator new (size * sizeof(LimbLanes), std::align_val_t{alignof(LimbLanes)}));
    }
    capacity = best->capacity;
    return remove(best);
  }

  void give(LimbLanes* data, std::size_t capacity) noexcept {
    if (capacity > kMost) return release(data);
    // The oldest make room: sizes that are no longer in use.
    while (kept_ + capacity > kMost || blocks_.size() >= kMostBlocks)
      release(remove(blocks_.begin()));
    try {
      blocks_.push_back({data, capacity});
      kept_ += capacity;
    } catch (const std::bad_alloc&) {
      release(data);
    }
  }

 private:
  struct Block {
    LimbLanes* data;
    std::size_t capacity;
  };
  static constexpr std::size_t kSmall = 16;
  static constexpr std::size_t kMostBlocks = 64;
  static constexpr std::size_t kMost = (std::size_t{256} << 20) / sizeof(LimbLanes);

  LimbLanes* remove(std::vector<Block>::iterator block) {
    LimbLanes* data = block->data;
    kept_ -= block->capacity;
    blocks_.erase(block);
    return data;
  }
  static void release(LimbLanes* data) {
    ::operator delete (data, std::align_val_t{alignof(LimbLanes)});
  }

  std::vector<Block> blocks_;
  std::size_t kept_ = 0;
};

/// Null once the thread's own list is gone: matrices may outlive it.
thread_local FreeList* free_list = nullptr;
struct FreeListOwner {
  FreeList list;
  FreeListOwner() { free_list = &list; }
  FreeListOwner(const FreeListOwner&) = delete;
  FreeListOwner& operator=(const FreeListOwner&) = delete;
  ~FreeListOwner() { free_list = nullptr; }
};

FreeList* list_of_thread() {
  thread_local FreeListOwner owner;
  return free_list;
}

}  // namespace

namespace detail {

LimbStorage::LimbStorage(std::size_t size) : size_(size) {
  if (size == 0) return;
  if (FreeList* list = list_of_thread()) {
    data_ = list->take(size, capacity_);
  } else {
    FreeList none;
    data_ = none.take(size, capacity_);
  }
}

LimbStorage::LimbStorage(const LimbStorage& other) : LimbStorage(other.size_) {
  if (size_ > 0) std::memcpy(data_, other.data_, size_ * sizeof(LimbLanes));
}

LimbStorage::~LimbStorage() {
  if (data_ == nullptr) return;
  if (FreeList* list = list_of_thread())
    list->give(data_, capacity_);
  else
    ::operator delete (data_, std::align_val_t{alignof(LimbLanes)});
}

void LimbStorage::clear() {
  if (size_ > 0) std::memset(data_, 0, size_ * sizeof(LimbLanes));
}

}  // namespace detail

bool LimbMatrix::is_zero(Eigen::Index row, Eigen::Index col) const {
  for (int s = 0; s < limbs_; ++s)
    if (limb(row, col, s) != 0) return false;
  return true;
}

int LimbMatrix::significant_bits() const {
  for (int s = limbs_ - 1; s >= 0; --s) {
    LimbLanes any{};
    const LimbLanes* data = data_.data();
    for (std::size_t b = 0; b < data_.size(); b += limbs_) {
      const LimbLanes& top = data[b + limbs_ - 1];
      const LimbLanes& digit = data[b + s];
      for (int l = 0; l < kLanes; ++l) {
        // All bits of a negative number flipped: |x| − 1.
        const std::uint64_t sign = 0 - (top.lane[l] >> (kLimbBits - 1));
        any.lane[l] |= (digit.lane[l] ^ sign) & kLimbMask;
      }
    }
    const std::uint64_t bits = any_lane(any);
    if (bits != 0) return s * kLimbBits + static_cast<int>(std::bit_width(bits));
  }
  return 0;
}

BigFloat LimbMatrix::entry(Eigen::Index row, Eigen::Index col) const {
  BigFloat result(limbs_ * kLimbBits);
  read(row, col, result);
  return result;
}

void LimbMatrix::read(Eigen::Index row, Eigen::Index col, BigFloat& to) const {
  thread_local std::vector<std::uint64_t> digits;
  thread_local std::vector<mp_limb_t> words;
  digits.resize(limbs_);
  for (int s = 0; s < limbs_; ++s) digits[s] = limb(row, col, s);
  const bool negative = is_negative(row, col);
  if (negative) negate(digits);
  pack(digits, words);
  mpz_t integer;
  const auto count = static_cast<mp_size_t>(words.size());
  mpz_roinit_n(integer, words.data(), negative ? -count : count);
  mpfr_set_z_2exp(to.get(), integer, exponent_, MPFR_RNDN);
}

Magnitude LimbMatrix::set(Eigen::Index row, Eigen::Index col, const BigFloat& value) {
  set_zero(row, col);
  if (value.is_zero()) return {};
  const std::int64_t least = mpfr_get_exp(value.get()) - exponent_;
  const int most_bits = limbs_ * kLimbBits - 1;
  if (!value.is_finite() || least > most_bits || least < -1) return Magnitude::upper(value);
  thread_local Integer scratch;
  thread_local std::vector<std::uint64_t> digits;
  mpz_ptr integer = scratch.get();
  const std::int64_t shift = mpfr_get_z_2exp(integer, value.get()) - exponent_;
  const bool negative = mpz_sgn(integer) < 0;
  mpz_abs(integer, integer);
  const bool exact = shift_to_nearest(integer, shift);
  if (mpz_sizeinbase(integer, 2) > static_cast<std::size_t>(most_bits))
    return Magnitude::upper(value);
  unpack(integer, limbs_, digits);
  if (negative) negate(digits);
  for (int s = 0; s < limbs_; ++s) block(row, col / kLanes)[s].lane[col % kLanes] = digits[s];
  return exact ? Magnitude() : Magnitude::power_of_two(exponent_ - 1);
}

void LimbMatrix::set_zero(Eigen::Index row, Eigen::Index col) {
  for (int s = 0; s < limbs_; ++s) block(row, col / kLanes)[s].lane[col % kLanes] = 0;
}

}  // namespace numgeom

#include "limb_product.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <memory>
#include <new>
#include <string>

#include "numgeom/error.hpp"
#include "residue_basis.hpp"

namespace numgeom {
namespace {

using kernels::Kernels;
using kernels::kLanes;
using kernels::kLimbBits;
using kernels::kTileCols;
using kernels::kTileRows;

std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

const std::uint64_t* words(const LimbLanes* lanes) { return lanes->lane; }
std::uint64_t* words(LimbLanes* lanes) { return lanes->lane; }

/// A factor, and how many of its limbs say anything.
struct Factor {
  explicit Factor(const LimbMatrix& x)
      : matrix(x), bits(x.significant_bits()), limbs(std::min(x.limbs(), limbs_for_bits(bits))) {}

  const LimbMatrix& matrix;
  int bits;
  int limbs;
};

/// Beyond this the accumulators of `to_residues` and the tables of `from_residues` overflow: 501
/// limbs, fewer than 1024 primes.
constexpr int kMostProductBits = 26'000;

/// Limbs above the lowest err by less than 2^kErrorBits units.
constexpr int kErrorBits = 61;
/// What is left of that error after rounding is below 2^-kGuardBits units.
constexpr int kGuardBits = 40;

/// Memory that is written before it is read. It is kept for the next product, since the system
/// clears what it hands out anew, which takes longer than many a product.
class Buffer {
 public:
  std::uint64_t* at_least(std::size_t words) {
    if (size_ < words) {
      words_.reset();
      words_.reset(new (kAlignment) std::uint64_t[words]);
      size_ = words;
    }
    return words_.get();
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(std::uint64_t* words) const { operator delete[](words, kAlignment); }
  };
  std::unique_ptr<std::uint64_t[], Free> words_;
  std::size_t size_ = 0;
};

/// Of a thread.
struct Workspace {
  Buffer left;
  Buffer right;
  Buffer result;
};

/// Residues of one prime lie this much further from those of the next than they need, so that the
/// same place by all primes does not fall into one set of the cache.
constexpr std::size_t kSkew = 72;

struct Range {
  std::size_t begin;
  std::size_t end;
  [[nodiscard]] std::size_t size() const { return end - begin; }
};

/// The product by residues, in pieces of rows and terms that stay in the cache.
class ResidueProduct {
 public:
  /// Without the limbs below `first`.
  ResidueProduct(const Factor& a, const Factor& b, Transposed transposed, int bits, int first,
                 const Kernels& kernels)
      : a_(a),
        b_(b),
        a_by_columns_(transposed == Transposed::kLeft),
        b_by_columns_(transposed == Transposed::kRight),
        kernels_(kernels),
        basis_(ResidueBasis::of(kernels, bits)),
        first_(first),
        rows_(a_by_columns_ ? a.matrix.cols() : a.matrix.rows()),
        terms_(a_by_columns_ ? a.matrix.rows() : a.matrix.cols()),
        cols_(b_by_columns_ ? b.matrix.rows() : b.matrix.cols()) {}

  void run(LimbMatrix& result) {
    thread_local Workspace workspace;
    result.reshape(static_cast<Eigen::Index>(rows_), static_cast<Eigen::Index>(cols_),
                   basis_->limbs() - first_,
                   a_.matrix.exponent() + b_.matrix.exponent() + std::int64_t{first_} * kLimbBits);
    const std::size_t most_terms = std::min(round_up(terms_, kLanes), kTermsAtOnce);
    const std::size_t most_rows = rows_at_once(most_terms);
    const std::size_t primes = basis_->count();
    std::uint64_t* a_residues = workspace.left.at_least(primes * (most_rows * most_terms + kSkew));
    std::uint64_t* b_residues =
        workspace.right.at_least(primes * (most_terms * padded_cols() + kSkew));
    std::uint64_t* c_residues =
        workspace.result.at_least(primes * (most_rows * padded_cols() + kSkew));
    const bool in_one_go = terms_ <= kTermsAtOnce;
    for (std::size_t i = 0; i < rows_; i += most_rows) {
      const Range rows{i, std::min(i + most_rows, rows_)};
      for (std::size_t k = 0; k < terms_; k += kTermsAtOnce) {
        const Range terms{k, std::min(k + kTermsAtOnce, terms_)};
        load_left(rows, terms, a_residues);
        if (i == 0 || !in_one_go) load_right(terms, b_residues);
        multiply(rows, terms, a_residues, b_residues, c_residues, k > 0);
      }
      store(rows, c_residues, result);
    }
  }

 private:
  static constexpr std::size_t kTermsAtOnce = 256;
  static_assert(kTermsAtOnce <= kernels::kMostTerms && kTermsAtOnce % kLanes == 0);

  [[nodiscard]] std::size_t padded_cols() const { return round_up(cols_, kTileCols); }
  [[nodiscard]] std::size_t rows_at_once(std::size_t terms) const {
    constexpr std::size_t kCacheWords = 1 << 18;
    const std::size_t widest = std::max(terms, padded_cols());
    const std::size_t rows = kCacheWords / (basis_->count() * widest) / kLanes * kLanes;
    return std::min(std::max(rows, 4 * kLanes), round_up(rows_, kLanes));
  }

  /// Lanes that run along the terms fill up blocks; the residues of what lies beyond are zero.
  [[nodiscard]] std::size_t padded_terms(const Range& terms) const {
    return a_by_columns_ ? terms.size() : round_up(terms.size(), kLanes);
  }
  [[nodiscard]] std::size_t left_distance(const Range& rows, const Range& terms) const {
    return round_up(rows.size(), kLanes) * padded_terms(terms) + kSkew;
  }
  [[nodiscard]] std::size_t right_distance(const Range& terms) const {
    return padded_terms(terms) * padded_cols() + kSkew;
  }

  [[nodiscard]] std::size_t result_distance(const Range& rows) const {
    return round_up(rows.size(), kLanes) * padded_cols() + kSkew;
  }

  void convert(const Factor& x, std::size_t row, std::size_t block, std::uint64_t* target,
               kernels::LaneTarget where, std::size_t distance) const {
    kernels_.to_residues(
        words(x.matrix.block(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(block))),
        x.limbs, basis_->primes(), basis_->count(), target, where, distance);
  }

  /// Tiles of kTileRows rows: [tile][term][row].
  void load_left(const Range& rows, const Range& terms, std::uint64_t* target) const {
    const std::size_t padded = padded_terms(terms);
    const std::size_t distance = left_distance(rows, terms);
    if (a_by_columns_) {
      for (std::size_t k = terms.begin; k < terms.end; ++k)
        for (std::size_t i = rows.begin; i < rows.end; i += kLanes) {
          const std::size_t tile = (i - rows.begin) / kTileRows;
          convert(a_, k, i / kLanes, target + (tile * padded + k - terms.begin) * kTileRows,
                  {0, padded * kTileRows}, distance);
        }
      return;
    }
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      const std::size_t tile = (i - rows.begin) / kTileRows;
      std::uint64_t* row = target + tile * padded * kTileRows + (i - rows.begin) % kTileRows;
      for (std::size_t k = terms.begin; k < terms.end; k += kLanes)
        convert(a_, i, k / kLanes, row + (k - terms.begin) * kTileRows, {kTileRows, 0}, distance);
    }
  }

  /// Tiles of kTileCols columns: [tile][term][column].
  void load_right(const Range& terms, std::uint64_t* target) const {
    const std::size_t padded = padded_terms(terms);
    const std::size_t distance = right_distance(terms);
    const auto at = [&](std::size_t j, std::size_t k) {
      return target + (j / kTileCols * padded + k - terms.begin) * kTileCols + j % kTileCols;
    };
    if (b_by_columns_) {
      for (std::size_t j = 0; j < cols_; ++j)
        for (std::size_t k = terms.begin; k < terms.end; k += kLanes)
          convert(b_, j, k / kLanes, at(j, k), {kTileCols, 0}, distance);
      return;
    }
    for (std::size_t k = terms.begin; k < terms.end; ++k)
      for (std::size_t j = 0; j < cols_; j += kLanes)
        convert(b_, k, j / kLanes, at(j, k), {1, 0}, distance);
  }

  void multiply(const Range& rows, const Range& terms, const std::uint64_t* a,
                const std::uint64_t* b, std::uint64_t* c, bool accumulate) const {
    const std::size_t padded = padded_terms(terms);
    const std::size_t a_distance = left_distance(rows, terms);
    const std::size_t b_distance = right_distance(terms);
    const std::size_t c_distance = result_distance(rows);
    const std::size_t row_tiles = (rows.size() + kTileRows - 1) / kTileRows;
    for (int p = 0; p < basis_->count(); ++p)
      kernels_.multiply({a + p * a_distance, padded * kTileRows, row_tiles},
                        {b + p * b_distance, padded * kTileCols, padded_cols() / kTileCols}, padded,
                        c + p * c_distance, basis_->primes()[p], accumulate);
  }

  void store(const Range& rows, const std::uint64_t* c, LimbMatrix& result) const {
    const std::size_t distance = result_distance(rows);
    for (std::size_t i = rows.begin; i < rows.end; ++i)
      for (std::size_t j = 0; j < cols_; j += kLanes)
        kernels_.from_residues(c + (i - rows.begin) * padded_cols() + j, distance, basis_->primes(),
                               basis_->count(), basis_->modulus(), first_, basis_->limbs(),
                               words(result.block(static_cast<Eigen::Index>(i),
                                                  static_cast<Eigen::Index>(j / kLanes))));
    clear_padding(rows, result);
  }

  /// Lanes beyond the last column hold what the padding of the tiles gave.
  void clear_padding(const Range& rows, LimbMatrix& result) const {
    const std::size_t used = cols_ % kLanes;
    if (used == 0) return;
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      LimbLanes* block = result.block(static_cast<Eigen::Index>(i), result.blocks() - 1);
      for (int s = 0; s < result.limbs(); ++s)
        std::fill(block[s].lane + used, block[s].lane + kLanes, 0);
    }
  }

  const Factor& a_;
  const Factor& b_;
  bool a_by_columns_;
  bool b_by_columns_;
  const Kernels& kernels_;
  std::shared_ptr<const ResidueBasis> basis_;
  int first_;
  std::size_t rows_;
  std::size_t terms_;
  std::size_t cols_;
};

/// The product where the left operand has one limb: limb by limb, zeros of it skipped.
class ShortProduct {
 public:
  ShortProduct(const Factor& a, const Factor& b, bool transposed, int bits, const Kernels& kernels)
      : a_(a.matrix),
        b_(b.matrix),
        b_limbs_(b.limbs),
        chunks_((b.limbs + kernels::kMostDigits - 1) / kernels::kMostDigits),
        transposed_(transposed),
        kernels_(kernels),
        rows_(transposed ? a_.cols() : a_.rows()),
        terms_(transposed ? a_.rows() : a_.cols()),
        width_(limbs_for_bits(bits)),
        packed_(static_cast<std::size_t>(std::min(kTermsAtOnce, terms_) * b_limbs_)),
        sums_(static_cast<std::size_t>(std::min(kRowsAtOnce, rows_) * width_)) {}

  void run(LimbMatrix& result) {
    gather_factors();
    result.reshape(rows_, b_.cols(), width_, a_.exponent() + b_.exponent());
    for (Eigen::Index j = 0; j < b_.blocks(); ++j)
      for (Eigen::Index i = 0; i < rows_; i += kRowsAtOnce)
        multiply({i, std::min(i + kRowsAtOnce, rows_)}, j, result);
  }

 private:
  // What is in use lies in the cache: the sums of so many rows, the limbs of so many terms.
  static constexpr Eigen::Index kRowsAtOnce = 64;
  static constexpr Eigen::Index kTermsAtOnce = 64;
  static constexpr Eigen::Index kPiecesToCarry = kernels::kMostFactors / kTermsAtOnce;
  struct Rows {
    Eigen::Index begin;
    Eigen::Index end;
  };

  [[nodiscard]] Eigen::Index pieces() const { return (terms_ + kTermsAtOnce - 1) / kTermsAtOnce; }
  [[nodiscard]] int chunk_start(int chunk) const { return b_limbs_ * chunk / chunks_; }
  [[nodiscard]] std::int64_t* sums_of(Eigen::Index i) {
    return reinterpret_cast<std::int64_t*>(sums_.data() + i * width_);
  }

  /// The nonzero entries of a, piece by piece of the terms and row by row.
  void gather_factors() {
    for (Eigen::Index start = 0; start < terms_; start += kTermsAtOnce) {
      const Eigen::Index end = std::min(start + kTermsAtOnce, terms_);
      for (Eigen::Index i = 0; i < rows_; ++i) {
        starts_.push_back(factors_.size());
        for (Eigen::Index k = start; k < end; ++k) {
          const std::uint64_t factor = transposed_ ? a_.limb(k, i, 0) : a_.limb(i, k, 0);
          if (factor == 0) continue;
          constexpr int kNails = 64 - kLimbBits;
          factors_.push_back(static_cast<std::int64_t>(factor << kNails) >> kNails);
          terms_of_.push_back(static_cast<std::uint32_t>(k - start));
        }
      }
    }
    starts_.push_back(factors_.size());
  }

  /// Some rows of one column of blocks.
  void multiply(const Rows& rows, Eigen::Index j, LimbMatrix& result) {
    std::fill(sums_.begin(), sums_.end(), LimbLanes{});
    for (Eigen::Index piece = 0; piece < pieces(); ++piece) {
      pack(piece, j);
      accumulate(rows, piece);
      accumulate_signs(rows, piece);
      if ((piece + 1) % kPiecesToCarry == 0 || piece + 1 == pieces())
        for (Eigen::Index i = 0; i < rows.end - rows.begin; ++i) propagate(sums_of(i));
    }
    for (Eigen::Index i = rows.begin; i < rows.end; ++i)
      std::copy_n(sums_.data() + (i - rows.begin) * width_, width_, result.block(i, j));
  }

  /// The limbs of a piece's terms as they are used, [chunk of limbs][term][limb], and their signs.
  void pack(Eigen::Index piece, Eigen::Index j) {
    const Eigen::Index begin = piece * kTermsAtOnce;
    const Eigen::Index terms = std::min(kTermsAtOnce, terms_ - begin);
    for (Eigen::Index k = 0; k < terms; ++k)
      for (int chunk = 0; chunk < chunks_; ++chunk) {
        const int first = chunk_start(chunk);
        const int digits = chunk_start(chunk + 1) - first;
        std::copy_n(b_.block(begin + k, j) + first, digits,
                    packed_.data() + first * terms + k * digits);
      }
    for (Eigen::Index k = 0; k < terms; ++k) {
      const LimbLanes& top = b_.block(begin + k, j)[b_limbs_ - 1];
      for (std::size_t l = 0; l < kLanes; ++l)
        signs_[k].lane[l] = 0 - (top.lane[l] >> (kLimbBits - 1));
    }
  }

  /// f(factors, terms, their count, sums) for the rows with nonzero entries in a piece.
  template <class Function>
  void for_rows(const Rows& rows, Eigen::Index piece, const Function& f) {
    for (Eigen::Index i = rows.begin; i < rows.end; ++i) {
      const std::size_t begin = starts_[piece * rows_ + i];
      const std::size_t count = starts_[piece * rows_ + i + 1] - begin;
      if (count > 0)
        f(factors_.data() + begin, terms_of_.data() + begin, count, sums_of(i - rows.begin));
    }
  }

  void accumulate(const Rows& rows, Eigen::Index piece) {
    const Eigen::Index terms = std::min(kTermsAtOnce, terms_ - piece * kTermsAtOnce);
    for (int chunk = 0; chunk < chunks_; ++chunk) {
      const int first = chunk_start(chunk);
      const int digits = chunk_start(chunk + 1) - first;
      const std::uint64_t* packed = packed_[first * terms].lane;
      for_rows(rows, piece, [&](const auto* factors, const auto* of, auto count, auto* sums) {
        kernels_.accumulate(packed, digits * kLanes, first, digits, factors, of, count, sums,
                            width_);
      });
    }
  }

  /// A negative number is 2^(52·limbs) less than its limbs.
  void accumulate_signs(const Rows& rows, Eigen::Index piece) {
    if (b_limbs_ == width_) return;
    for_rows(rows, piece, [&](const auto* factors, const auto* of, auto count, auto* sums) {
      LimbLanes excess{};
      for (std::size_t k = 0; k < count; ++k) {
        const auto factor = static_cast<std::uint64_t>(factors[k]);
        const LimbLanes& mask = signs_[of[k]];
        for (std::size_t l = 0; l < kLanes; ++l) excess.lane[l] += factor & mask.lane[l];
      }
      for (std::size_t l = 0; l < kLanes; ++l)
        sums[b_limbs_ * kLanes + l] -= static_cast<std::int64_t>(excess.lane[l]);
    });
  }

  /// Carries up, limb by limb; what leaves the last limb is the sign.
  void propagate(std::int64_t* sums) const {
    std::int64_t carry[kLanes] = {};
    for (int s = 0; s < width_; ++s) {
      for (std::size_t l = 0; l < kLanes; ++l) {
        const std::int64_t sum = sums[s * kLanes + l] + carry[l];
        sums[s * kLanes + l] = sum & static_cast<std::int64_t>(LimbMatrix::kLimbMask);
        carry[l] = sum >> kLimbBits;
      }
    }
  }

  const LimbMatrix& a_;
  const LimbMatrix& b_;
  int b_limbs_;
  int chunks_;
  bool transposed_;
  const Kernels& kernels_;
  Eigen::Index rows_;
  Eigen::Index terms_;
  int width_;
  std::vector<std::size_t> starts_;
  std::vector<std::int64_t> factors_;
  std::vector<std::uint32_t> terms_of_;
  std::vector<LimbLanes> packed_;
  std::array<LimbLanes, kTermsAtOnce> signs_{};
  std::vector<LimbLanes> sums_;
};

/// The operands of a product, checked.
class Factors {
 public:
  Factors(const LimbMatrix& a, const LimbMatrix& b, Transposed transposed)
      : transposed_(transposed),
        rows_(transposed == Transposed::kLeft ? a.cols() : a.rows()),
        terms_(transposed == Transposed::kLeft ? a.rows() : a.cols()),
        cols_(transposed == Transposed::kRight ? b.rows() : b.cols()),
        a_(a),
        b_(b),
        bits_(a_.bits + b_.bits +
              static_cast<int>(std::bit_width(static_cast<std::uint64_t>(terms_)))) {
    if (terms_ != (transposed == Transposed::kRight ? b.cols() : b.rows()))
      throw Error("matrix product: the inner dimensions differ");
    if (bits_ > kMostProductBits)
      throw Error("matrix product: at most " + std::to_string(kMostProductBits) +
                  " bits expected, not " + std::to_string(bits_));
  }

  /// The lowest limb that rounding to `limbs` limbs can need.
  [[nodiscard]] int first_limb(const Kernels& kernels, int limbs) const {
    /// Sums are smaller than their bound, by so much at most or the work is done again.
    constexpr int kReserveBits = 40;
    if (is_short(kernels)) return 0;
    const int wanted = limbs * kLimbBits - 2 + kErrorBits + kGuardBits + kReserveBits;
    return std::max(0, (bits_ - wanted) / kLimbBits);
  }

  void multiply(const Kernels& kernels, int first, LimbMatrix& result) const {
    if (rows_ == 0 || cols_ == 0 || terms_ == 0)
      result = LimbMatrix(rows_, cols_, 1, 0);
    else if (is_short(kernels))
      ShortProduct(a_, b_, transposed_ == Transposed::kLeft, bits_, kernels).run(result);
    else
      ResidueProduct(a_, b_, transposed_, bits_, first, kernels).run(result);
  }

 private:
  [[nodiscard]] bool is_short(const Kernels& kernels) const {
    return a_.bits <= kernels.factor_bits && transposed_ != Transposed::kRight;
  }

  Transposed transposed_;
  Eigen::Index rows_;
  Eigen::Index terms_;
  Eigen::Index cols_;
  Factor a_;
  Factor b_;
  int bits_;
};

}  // namespace

bool is_available(LimbPath path) {
  switch (path) {
    case LimbPath::kBest:
    case LimbPath::kPortable:
      return true;
#ifdef __x86_64__
    case LimbPath::kAvx2:
      return __builtin_cpu_supports("avx2") != 0;
    case LimbPath::kIfma:
      return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
             __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512ifma") != 0;
#else
    default:
      break;
#endif
  }
  return false;
}

const kernels::Kernels& kernels_for(LimbPath path) {
  if (!is_available(path)) throw Error("ball arithmetic: this processor lacks the path asked for");
#ifdef __x86_64__
  const bool best = path == LimbPath::kBest;
  if (path == LimbPath::kIfma || (best && is_available(LimbPath::kIfma))) return kernels::kIfma;
  if (path == LimbPath::kAvx2 || (best && is_available(LimbPath::kAvx2))) return kernels::kAvx2;
#endif
  return kernels::kPortable;
}

std::string name_of(LimbPath path) { return kernels_for(path).name; }

void exact_product(const LimbMatrix& a, const LimbMatrix& b, Transposed transposed,
                   const kernels::Kernels& kernels, LimbMatrix& result) {
  const Factors factors(a, b, transposed);
  factors.multiply(kernels, 0, result);
}

double upper_product(const LimbMatrix& a, const LimbMatrix& b, Transposed transposed,
                     const kernels::Kernels& kernels, int limbs, LimbMatrix& result) {
  const Factors factors(a, b, transposed);
  const int first = factors.first_limb(kernels, limbs);
  factors.multiply(kernels, first, result);
  if (first == 0) return 0;
  if (result.significant_bits() >= limbs * kLimbBits - 2 + kErrorBits + kGuardBits)
    return std::ldexp(1.0, -kGuardBits);
  // The sums are so much smaller than their terms that the limbs left out are wanted.
  factors.multiply(kernels, 0, result);
  return 0;
}

}  // namespace numgeom

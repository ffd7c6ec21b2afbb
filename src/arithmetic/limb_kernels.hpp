#pragma once

#include <cstddef>
#include <cstdint>

/// Inner loops on limbs and residues. The header is plain C++ without the standard library's
/// templates, since the sources behind it are compiled for processors that the caller may not have.
///
/// Residues are taken modulo primes m < β/4 in words of one width: β = 2^52 (`kIfma`) or 2^32
/// (`kPortable`). Sums of products are reduced by two Montgomery steps, which leave a factor β^-2
/// that the constants of the next stage take back. What is called a residue lies in [0, m + 2^12]
/// and stands for its class. Bounds: proofs/limb_products.md.
namespace numgeom::kernels {

constexpr int kLimbBits = 52;
constexpr std::size_t kLanes = 8;
/// A tile of a product: rows of the left operand, columns of the right one.
constexpr std::size_t kTileRows = 4;
constexpr std::size_t kTileCols = 16;
/// Terms of a product of residues after which the sum must be reduced.
constexpr std::size_t kMostTerms = 2048;
/// Terms of `accumulate` after which carries must be propagated.
constexpr std::size_t kMostFactors = 256;
/// Limbs that `accumulate` takes at once.
constexpr int kMostDigits = 10;

/// The constants of one prime m; the greatest modulus M is a product of primes.
struct PrimeConstants {
  std::uint64_t prime;
  std::uint64_t negative_inverse;  ///< −1/m mod β
  double reciprocal;               ///< 1/m, nearly
  const std::uint64_t* powers;     ///< [t] 2^(digit_bits·t)·β² mod m
  const std::uint64_t* negative;   ///< [L] −2^(52·L)·β² mod m
  std::uint64_t crt_factor;        ///< (M/m)^-1·β⁴ mod m
  const std::uint64_t* cofactor;   ///< the digits of M/m
};

/// Where the residues of eight lanes go: lane l to target[l·stride]; where stride is 0, in two runs
/// of four that are `second` apart.
struct LaneTarget {
  std::size_t stride;
  std::size_t second;
};

/// Residues of a matrix in tiles: `tile_stride` residues from one tile to the next.
struct Tiles {
  const void* data;
  std::size_t tile_stride;
  std::size_t tiles;
};

struct Kernels {
  const char* name;
  int prime_bits;  ///< primes lie below 2^prime_bits
  int digit_bits;  ///< of the digits that residues are computed from and back to: 52 or 26
  int word_bits;   ///< log₂ β
  std::size_t residue_bytes;

  /// Residues of one block of eight integers by `count` primes, `distance` residues apart from
  /// prime to prime.
  void (*to_residues)(const std::uint64_t* block, int limbs, const PrimeConstants* primes,
                      int count, void* target, LaneTarget where, std::size_t distance);
  /// c = a·b by one prime, `terms` ≤ kMostTerms; a in tiles of kTileRows rows ([k][row]), b in
  /// tiles of kTileCols columns ([k][column]), c row by row. Adds to c where `accumulate`.
  void (*multiply)(Tiles a, Tiles b, std::size_t terms, void* c, const PrimeConstants& prime,
                   bool accumulate);
  /// A block of eight integers X in (−M/4, M/4) from their residues; `limbs` limbs hold M. Where
  /// `first` > 0 the block gets the limbs from there on only, of an integer within 2^61 of
  /// X/2^(52·first): zero where X is zero, and odd otherwise.
  void (*from_residues)(const void* residues, std::size_t distance, const PrimeConstants* primes,
                        int count, const std::uint64_t* modulus, int first, int limbs,
                        std::uint64_t* block);
  /// Factors of `accumulate` are at most 2^factor_bits in size.
  int factor_bits;
  /// sums += Σ_t factors[t]·(limbs `first` to first + digits − 1 of a block), the block's limbs as
  /// they are, without its sign; that of the last limb to the one above only if `width` has it. The
  /// limbs of term t lie at b + terms[t]·stride. digits ≤ kMostDigits, count ≤ kMostFactors.
  void (*accumulate)(const std::uint64_t* b, std::size_t stride, int first, int digits,
                     const std::int64_t* factors, const std::uint32_t* terms, std::size_t count,
                     std::int64_t* sums, int width);
  /// factor·block, 0 ≤ factor < 2^53, as limbs + 2 limbs.
  void (*scale)(const std::uint64_t* block, int limbs, std::uint64_t factor, std::uint64_t* result);
};

/// For every processor: 27-bit primes, 32×32-bit products that compilers vectorise.
extern const Kernels kPortable;
/// The same for AVX2.
extern const Kernels kAvx2;
/// For AVX-512 with IFMA: 50-bit primes, 52×52-bit products.
extern const Kernels kIfma;

}  // namespace numgeom::kernels

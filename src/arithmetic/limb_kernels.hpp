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
  /// A block of eight integers in (−M/4, M/4) from their residues; `limbs` limbs hold M.
  void (*from_residues)(const void* residues, std::size_t distance, const PrimeConstants* primes,
                        int count, const std::uint64_t* modulus, int limbs, std::uint64_t* block);
  /// Σ_t factors[t]·(the block at b + rows[t]·row_stride) is added to `width` limbs of
  /// accumulators; count ≤ kMostFactors. Factors are two's complement with 52 bits, the blocks
  /// sign-extended. Null where it would not be faster than residues.
  void (*accumulate)(const std::uint64_t* b, std::size_t row_stride, int limbs,
                     const std::uint64_t* factors, const std::uint32_t* rows, std::size_t count,
                     std::int64_t* accumulators, int width);
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

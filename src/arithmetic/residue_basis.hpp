#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "limb_kernels.hpp"

namespace numgeom {

/// Primes, and the constants that turn integers into residues and back.
///
/// The modulus M, the product of the primes, is at least 2^(bits+3), so that every integer |n| ≤
/// 2^bits is found again: |n|/M ≤ 1/8. Source: proofs/limb_products.md, lemma 2.
class ResidueBasis {
 public:
  /// The basis with the fewest primes for integers up to 2^bits. Made once and kept; thread-safe.
  static std::shared_ptr<const ResidueBasis> of(const kernels::Kernels& kernels, int bits);

  ResidueBasis(const kernels::Kernels& kernels, int count);

  [[nodiscard]] int count() const { return static_cast<int>(primes_.size()); }
  [[nodiscard]] const kernels::PrimeConstants* primes() const { return primes_.data(); }
  /// The digits of M.
  [[nodiscard]] const std::uint64_t* modulus() const { return modulus_.data(); }
  /// Limbs that hold M.
  [[nodiscard]] int limbs() const { return limbs_; }
  /// The greatest `bits` that it is good for.
  [[nodiscard]] int bits() const { return bits_; }

 private:
  std::vector<kernels::PrimeConstants> primes_;
  std::vector<std::uint64_t> tables_;
  std::vector<std::uint64_t> modulus_;
  int limbs_ = 0;
  int bits_ = 0;
};

}  // namespace numgeom

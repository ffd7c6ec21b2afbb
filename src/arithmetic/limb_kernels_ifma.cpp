// Compiled for AVX-512 IFMA whatever the flags: nothing here may run before the processor was
// asked, so no header of the standard library with inline functions comes after the pragmas.
#include "limb_kernels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512ifma"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512ifma")
// g++ 12 warns of its own intrinsics.
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace numgeom::kernels {
namespace {

using Lanes = __m512i;

inline Lanes load(const std::uint64_t* p) { return _mm512_loadu_si512(p); }
inline void store(std::uint64_t* p, Lanes x) { _mm512_storeu_si512(p, x); }
inline Lanes all(std::uint64_t x) { return _mm512_set1_epi64(static_cast<long long>(x)); }
inline Lanes mask52() { return all((std::uint64_t{1} << kLimbBits) - 1); }
inline Lanes low(Lanes sum, Lanes a, Lanes b) { return _mm512_madd52lo_epu64(sum, a, b); }
inline Lanes high(Lanes sum, Lanes a, Lanes b) { return _mm512_madd52hi_epu64(sum, a, b); }
inline Lanes zero() { return _mm512_setzero_si512(); }

struct Modulus {
  explicit Modulus(const PrimeConstants& prime)
      : value(all(prime.prime)), negative_inverse(all(prime.negative_inverse)) {}
  Lanes value;
  Lanes negative_inverse;
};

/// (h·2^52 + l)/2^52 modulo m for l < 2^52, h < 2^63.
inline Lanes montgomery(Lanes h, Lanes l, const Modulus& m) {
  const Lanes q = low(zero(), l, m.negative_inverse);
  const Lanes r = high(h, q, m.value);
  return _mm512_mask_add_epi64(r, _mm512_test_epi64_mask(l, l), r, all(1));
}

/// (hi·2^52 + lo)·2^-104 modulo m, for lo < 2^64 and hi < 2^62.
inline Lanes reduce(Lanes lo, Lanes hi, const Modulus& m) {
  const Lanes h = _mm512_add_epi64(hi, _mm512_srli_epi64(lo, kLimbBits));
  const Lanes once = montgomery(h, _mm512_and_si512(lo, mask52()), m);
  return montgomery(_mm512_srli_epi64(once, kLimbBits), _mm512_and_si512(once, mask52()), m);
}

inline void scatter(std::uint64_t* target, LaneTarget where, Lanes x) {
  if (where.stride == 1) {
    store(target, x);
  } else if (where.stride == 0) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(target), _mm512_castsi512_si256(x));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(target + where.second),
                        _mm512_extracti64x4_epi64(x, 1));
  } else {
    alignas(64) std::uint64_t lanes[kLanes];
    _mm512_store_si512(lanes, x);
    for (std::size_t l = 0; l < kLanes; ++l) target[l * where.stride] = lanes[l];
  }
}

/// A short integer is its own residue, or m more.
void short_to_residues(Lanes x, const PrimeConstants* primes, int count, std::uint64_t* target,
                       LaneTarget where, std::size_t distance) {
  const __mmask8 negative = _mm512_test_epi64_mask(x, all(std::uint64_t{1} << (kLimbBits - 1)));
  const Lanes wrap = all(std::uint64_t{1} << kLimbBits);
  for (int i = 0; i < count; ++i, target += distance) {
    const Lanes shift = _mm512_sub_epi64(all(primes[i].prime), wrap);
    scatter(target, where, _mm512_mask_add_epi64(x, negative, x, shift));
  }
}

template <int N>
void group_to_residues(const std::uint64_t* block, int limbs, __mmask8 negative,
                       const PrimeConstants* primes, std::uint64_t* target, LaneTarget where,
                       std::size_t distance) {
  Lanes lo[N];
  Lanes hi[N];
  for (int i = 0; i < N; ++i) {
    lo[i] = _mm512_maskz_mov_epi64(negative, all(primes[i].negative[limbs]));
    hi[i] = zero();
  }
  for (int s = 0; s < limbs; ++s) {
    const Lanes digit = load(block + s * kLanes);
    for (int i = 0; i < N; ++i) {
      const Lanes power = all(primes[i].powers[s]);
      lo[i] = low(lo[i], digit, power);
      hi[i] = high(hi[i], digit, power);
    }
  }
  for (int i = 0; i < N; ++i)
    scatter(target + i * distance, where, reduce(lo[i], hi[i], Modulus(primes[i])));
}

void to_residues(const std::uint64_t* block, int limbs, const PrimeConstants* primes, int count,
                 void* target, LaneTarget where, std::size_t distance) {
  auto* out = static_cast<std::uint64_t*>(target);
  const Lanes top = load(block + (limbs - 1) * kLanes);
  if (limbs == 1) {
    // Shorter than the least prime by far, or the general way.
    const Lanes offset =
        _mm512_and_si512(_mm512_add_epi64(top, all(std::uint64_t{1} << 48)), mask52());
    if (_mm512_cmplt_epu64_mask(offset, all(std::uint64_t{1} << 49)) == 0xff)
      return short_to_residues(top, primes, count, out, where, distance);
  }
  const __mmask8 negative = _mm512_test_epi64_mask(top, all(std::uint64_t{1} << (kLimbBits - 1)));
  int i = 0;
  for (; i + 6 <= count; i += 6)
    group_to_residues<6>(block, limbs, negative, primes + i, out + i * distance, where, distance);
  for (; i + 2 <= count; i += 2)
    group_to_residues<2>(block, limbs, negative, primes + i, out + i * distance, where, distance);
  for (; i < count; ++i)
    group_to_residues<1>(block, limbs, negative, primes + i, out + i * distance, where, distance);
}

void multiply_tile(const std::uint64_t* a, const std::uint64_t* b, std::size_t terms,
                   std::uint64_t* c, std::size_t c_stride, const Modulus& m, bool accumulate) {
  Lanes lo[kTileRows][2];
  Lanes hi[kTileRows][2];
  for (std::size_t i = 0; i < kTileRows; ++i)
    for (std::size_t j = 0; j < 2; ++j) lo[i][j] = hi[i][j] = zero();
  for (std::size_t k = 0; k < terms; ++k) {
    const Lanes left = load(b + k * kTileCols);
    const Lanes right = load(b + k * kTileCols + kLanes);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kTileRows; ++i) {
      const Lanes factor = all(a[k * kTileRows + i]);
      lo[i][0] = low(lo[i][0], factor, left);
      hi[i][0] = high(hi[i][0], factor, left);
      lo[i][1] = low(lo[i][1], factor, right);
      hi[i][1] = high(hi[i][1], factor, right);
    }
  }
  for (std::size_t i = 0; i < kTileRows; ++i) {
    for (std::size_t j = 0; j < 2; ++j) {
      std::uint64_t* entry = c + i * c_stride + j * kLanes;
      Lanes sum = reduce(lo[i][j], hi[i][j], m);
      if (accumulate) {
        sum = _mm512_add_epi64(sum, load(entry));
        sum = _mm512_min_epu64(sum, _mm512_sub_epi64(sum, m.value));
        sum = _mm512_min_epu64(sum, _mm512_sub_epi64(sum, m.value));
      }
      store(entry, sum);
    }
  }
}

void multiply(Tiles a, Tiles b, std::size_t terms, void* c, const PrimeConstants& prime,
              bool accumulate) {
  const auto* left = static_cast<const std::uint64_t*>(a.data);
  const auto* right = static_cast<const std::uint64_t*>(b.data);
  auto* out = static_cast<std::uint64_t*>(c);
  const std::size_t c_stride = b.tiles * kTileCols;
  const Modulus m(prime);
  for (std::size_t j = 0; j < b.tiles; ++j)
    for (std::size_t i = 0; i < a.tiles; ++i)
      multiply_tile(left + i * a.tile_stride, right + j * b.tile_stride, terms,
                    out + i * kTileRows * c_stride + j * kTileCols, c_stride, m, accumulate);
}

constexpr int kChunk = 8;

/// Σ_i y_i·(digits of M/m_i) for the digits [s, s + N).
template <int N>
void combine(const std::uint64_t* y, const PrimeConstants* primes, int count, int s, Lanes* sums) {
  Lanes lo[N];
  Lanes hi[N];
  for (int t = 0; t < N; ++t) lo[t] = hi[t] = zero();
  for (int i = 0; i < count; ++i) {
    const Lanes factor = load(y + i * kLanes);
    const std::uint64_t* digits = primes[i].cofactor + s;
#pragma GCC unroll 8
    for (int t = 0; t < N; ++t) {
      const Lanes digit = all(digits[t]);
      lo[t] = low(lo[t], factor, digit);
      hi[t] = high(hi[t], factor, digit);
    }
  }
  for (int t = 0; t < N; ++t) {
    sums[t] = _mm512_add_epi64(sums[t], lo[t]);
    sums[t + 1] = _mm512_add_epi64(sums[t + 1], hi[t]);
  }
}

void from_residues(const void* residues, std::size_t distance, const PrimeConstants* primes,
                   int count, const std::uint64_t* modulus, int first, int limbs,
                   std::uint64_t* block) {
  constexpr int kMostPrimes = 1024;
  alignas(64) std::uint64_t y[kMostPrimes * kLanes];
  Lanes sums[kMostPrimes + 2];
  __m512d quotient = _mm512_setzero_pd();
  Lanes any = zero();
  const auto* r = static_cast<const std::uint64_t*>(residues);
  for (int i = 0; i < count; ++i) {
    const Lanes residue = load(r + i * distance);
    const Lanes factor = all(primes[i].crt_factor);
    const Modulus m(primes[i]);
    Lanes yi = reduce(low(zero(), residue, factor), high(zero(), residue, factor), m);
    // Below m, so that zero has the residues zero.
    yi = _mm512_min_epu64(yi, _mm512_sub_epi64(yi, m.value));
    any = _mm512_or_si512(any, yi);
    store(y + i * kLanes, yi);
    quotient = _mm512_add_pd(
        quotient, _mm512_mul_pd(_mm512_cvtepu64_pd(yi), _mm512_set1_pd(primes[i].reciprocal)));
  }
  // Within ¼ and a little of an integer.
  const Lanes q = _mm512_cvtpd_epu64(quotient);
  for (int s = first; s <= limbs; ++s) sums[s] = zero();
  int s = first;
  for (; s + kChunk <= limbs; s += kChunk) combine<kChunk>(y, primes, count, s, sums + s);
  for (; s + 2 <= limbs; s += 2) combine<2>(y, primes, count, s, sums + s);
  for (; s < limbs; ++s) combine<1>(y, primes, count, s, sums + s);

  Lanes carry = zero();
  Lanes from_below = zero();
  for (s = first; s < limbs; ++s) {
    const Lanes digit = all(modulus[s]);
    Lanes sum = _mm512_add_epi64(sums[s], carry);
    sum = _mm512_sub_epi64(sum, low(from_below, q, digit));
    from_below = high(zero(), q, digit);
    store(block + (s - first) * kLanes, _mm512_and_si512(sum, mask52()));
    carry = _mm512_srai_epi64(sum, kLimbBits);
  }
  if (first == 0) return;
  const __mmask8 nonzero = _mm512_test_epi64_mask(any, any);
  const Lanes last = load(block);
  store(block, _mm512_mask_or_epi64(last, nonzero, last, all(1)));
}

/// N digits; `left` limbs are left of the sums.
template <int N>
void accumulate_digits(const std::uint64_t* b, std::size_t stride, const std::int64_t* factors,
                       const std::uint32_t* terms, std::size_t count, std::uint64_t* sums,
                       int left) {
  Lanes lo[N];
  Lanes hi[N];
  for (int t = 0; t < N; ++t) lo[t] = hi[t] = zero();
  for (std::size_t k = 0; k < count; ++k) {
    const std::uint64_t* digits = b + terms[k] * stride;
    // Its low 52 bits are what counts.
    const Lanes factor = _mm512_set1_epi64(factors[k]);
#pragma GCC unroll 12
    for (int t = 0; t < N; ++t) {
      const Lanes digit = load(digits + t * kLanes);
      lo[t] = low(lo[t], factor, digit);
      hi[t] = high(hi[t], factor, digit);
    }
    if (factors[k] < 0)
      for (int t = 0; t < N; ++t) hi[t] = _mm512_sub_epi64(hi[t], load(digits + t * kLanes));
  }
  for (int t = 0; t < N; ++t) {
    store(sums + t * kLanes, _mm512_add_epi64(load(sums + t * kLanes), lo[t]));
    if (t + 1 < left)
      store(sums + (t + 1) * kLanes, _mm512_add_epi64(load(sums + (t + 1) * kLanes), hi[t]));
  }
}

void accumulate(const std::uint64_t* b, std::size_t stride, int first, int digits,
                const std::int64_t* factors, const std::uint32_t* terms, std::size_t count,
                std::int64_t* sums, int width) {
  static constexpr decltype(&accumulate_digits<1>) kByLength[kMostDigits] = {
      accumulate_digits<1>, accumulate_digits<2>, accumulate_digits<3>, accumulate_digits<4>,
      accumulate_digits<5>, accumulate_digits<6>, accumulate_digits<7>, accumulate_digits<8>,
      accumulate_digits<9>, accumulate_digits<10>};
  auto* from = reinterpret_cast<std::uint64_t*>(sums) + first * static_cast<int>(kLanes);
  kByLength[digits - 1](b, stride, factors, terms, count, from, width - first);
}

void scale(const std::uint64_t* block, int limbs, std::uint64_t factor, std::uint64_t* result) {
  constexpr int kSplit = 26;
  const Lanes small = all(factor & ((std::uint64_t{1} << kSplit) - 1));
  const Lanes great = all(factor >> kSplit);
  // factor = small + great·2^26: what the second part gives is shifted by half a limb.
  Lanes carry = zero();
  Lanes from_small = zero();
  Lanes from_great = zero();
  Lanes great_low = zero();
  const Lanes half = all((std::uint64_t{1} << kSplit) - 1);
  const Lanes top = load(block + (limbs - 1) * kLanes);
  const Lanes extension =
      _mm512_and_si512(_mm512_srai_epi64(_mm512_slli_epi64(top, 64 - kLimbBits), 63), mask52());
  for (int s = 0; s < limbs + 2; ++s) {
    const Lanes digit = s < limbs ? load(block + s * kLanes) : extension;
    const Lanes product = low(from_great, great, digit);
    from_great = high(zero(), great, digit);
    const Lanes shifted = _mm512_slli_epi64(_mm512_and_si512(product, half), kSplit);
    Lanes sum = low(from_small, small, digit);
    from_small = high(zero(), small, digit);
    sum = _mm512_add_epi64(_mm512_add_epi64(sum, shifted), _mm512_add_epi64(great_low, carry));
    great_low = _mm512_srli_epi64(product, kSplit);
    store(result + s * kLanes, _mm512_and_si512(sum, mask52()));
    carry = _mm512_srli_epi64(sum, kLimbBits);
  }
}

}  // namespace

const Kernels kIfma{"ifma",      50,       kLimbBits,     kLimbBits,     sizeof(std::uint64_t),
                    to_residues, multiply, from_residues, kLimbBits - 2, accumulate,
                    scale};

}  // namespace numgeom::kernels

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif  // __x86_64__

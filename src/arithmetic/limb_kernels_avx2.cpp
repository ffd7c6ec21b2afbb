// Compiled for AVX2 whatever the flags: nothing here may run before the processor was asked, so no
// header of the standard library with inline functions comes after the pragmas.
#include "limb_kernels.hpp"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,no-avx512f"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,no-avx512f")
#endif

#define NUMGEOM_KERNELS kAvx2
#define NUMGEOM_KERNELS_NAME "avx2"
using Int8 = int __attribute__((vector_size(32)));
#define NUMGEOM_MUL32(a, b) (Word4)(__builtin_ia32_pmuludq256((Int8)(a), (Int8)(b)))
#define NUMGEOM_SIGNED_MUL32(a, b) (Word4)(__builtin_ia32_pmuldq256((Int8)(a), (Int8)(b)))
#include "limb_kernels_words.inc"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif  // __x86_64__

// For every processor: what the compiler makes of plain products.
#include "limb_kernels.hpp"

#define NUMGEOM_KERNELS kPortable
#define NUMGEOM_KERNELS_NAME "portable"
#define NUMGEOM_MUL32(a, b) (((a)&kWordMask) * ((b)&kWordMask))
#define NUMGEOM_SIGNED_MUL32(a, b) ((a) * (b))
#include "limb_kernels_words.inc"

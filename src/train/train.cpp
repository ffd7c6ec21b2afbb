#include "numgeom/train/train.hpp"

namespace numgeom {

NUMGEOM_TRAINING(, Native<float>, float);
NUMGEOM_TRAINING(, Native<double>, double);
NUMGEOM_TRAINING(, NarrowFloat, float);

}  // namespace numgeom

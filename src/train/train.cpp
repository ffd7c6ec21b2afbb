#include "numgeom/train/train.hpp"

namespace numgeom {

template void forward(const Native<float>&, const Network&, const std::vector<Matrix<float>>&,
                      std::vector<Matrix<float>>&);
template void forward(const Native<double>&, const Network&, const std::vector<Matrix<double>>&,
                      std::vector<Matrix<double>>&);
template void forward_backward(const Native<float>&, const Network&,
                               const std::vector<Matrix<float>>&, const Indices&,
                               Passes<Native<float>>&);
template void forward_backward(const Native<double>&, const Network&,
                               const std::vector<Matrix<double>>&, const Indices&,
                               Passes<Native<double>>&);
template TrainingResult<Native<float>> train(const Native<float>&, const Problem&,
                                             const TrialInputs&, const Configuration&,
                                             TrainingObserver<Native<float>>&);
template TrainingResult<Native<double>> train(const Native<double>&, const Problem&,
                                              const TrialInputs&, const Configuration&,
                                              TrainingObserver<Native<double>>&);

}  // namespace numgeom

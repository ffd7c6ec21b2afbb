#include "numgeom/train/train.hpp"

namespace numgeom {

template std::vector<Matrix<float>> forward(const Native<float>&, const Network&,
                                            const std::vector<Matrix<float>>&,
                                            const Matrix<float>&);
template std::vector<Matrix<double>> forward(const Native<double>&, const Network&,
                                             const std::vector<Matrix<double>>&,
                                             const Matrix<double>&);
template Passes<Native<float>> forward_backward(const Native<float>&, const Network&,
                                                const std::vector<Matrix<float>>&,
                                                const Matrix<float>&, const Indices&);
template Passes<Native<double>> forward_backward(const Native<double>&, const Network&,
                                                 const std::vector<Matrix<double>>&,
                                                 const Matrix<double>&, const Indices&);
template TrainingResult<Native<float>> train(const Native<float>&, const Problem&,
                                             const TrialInputs&, const Configuration&,
                                             TrainingObserver<Native<float>>&);
template TrainingResult<Native<double>> train(const Native<double>&, const Problem&,
                                              const TrialInputs&, const Configuration&,
                                              TrainingObserver<Native<double>>&);

}  // namespace numgeom

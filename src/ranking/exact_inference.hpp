#pragma once

#include <functional>
#include <vector>

#include "numgeom/ranking/stability_score.hpp"

namespace numgeom {

/// Called when a part of the samples is done; throws `Interrupted` to stop.
using Tick = std::function<void()>;

/// Exact inference of a model on the validation samples of a problem, enclosed as narrowly as it
/// was asked to be so far.
class ExactInference {
 public:
  /// Samples that go through the network together.
  static constexpr int kPart = 32;

  /// Problem and parameters must outlive this. The latter fit the network and are finite.
  ExactInference(const Problem& problem, const std::vector<Matrix<double>>& parameters, int threads,
                 Tick tick);

  /// Runs the named samples with at least `bits` bits; those that had as many stay as they are.
  void refine(const Indices& rows, int bits);
  void refine_all(int bits);

  [[nodiscard]] const std::vector<ExactSample>& samples() const { return samples_; }
  /// Of the mean of the samples' losses.
  [[nodiscard]] Enclosure loss() const;
  /// Σ|w·∂L/∂w| over all parameters, ReLU′(0) = 0.
  [[nodiscard]] Enclosure sensitivity(int bits) const;

 private:
  template <class A>
  std::vector<ExactSample> infer(const A& arithmetic,
                                 const std::vector<typename A::Matrix>& weights,
                                 const Indices& rows) const;
  template <class A>
  ExactSample decide(const A& arithmetic, const typename A::Matrix& output, int row) const;
  template <class A>
  void decide_label(const std::vector<typename A::Scalar>& outputs, ExactSample& sample) const;
  template <class A>
  std::vector<typename A::Matrix> gradients(const A& arithmetic,
                                            const std::vector<typename A::Matrix>& weights,
                                            const Indices& rows) const;

  const Problem& problem_;
  const std::vector<Matrix<double>>& parameters_;
  int threads_;
  Tick tick_;
  std::vector<int> first_same_;  ///< the first output with the same weights, for every output
  std::vector<ExactSample> samples_;
};

}  // namespace numgeom

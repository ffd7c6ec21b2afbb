#include "numgeom/ranking/stability_score.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "exact_inference.hpp"
#include "numgeom/arithmetic/rounding.hpp"
#include "numgeom/error.hpp"
#include "numgeom/train/train.hpp"
#include "numgeom/train/with_native_arithmetic.hpp"

namespace numgeom {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kDoubleBits = 53;
constexpr int kFirstBallBits = 100;
/// Errors below this share of a rounding of the loss are as good as none: the two agree.
constexpr double kNegligible = 0x1p-64;
/// A kink that is hit exactly keeps its hull at any precision; gradients of all samples are dear.
constexpr int kMostGradientBits = 800;

/// Doubles, then balls with twice the bits each time, the last with the most.
std::vector<int> ladder(int max_bits) {
  std::vector<int> bits{kDoubleBits};
  for (int next = kFirstBallBits; next < max_bits; next *= 2) bits.push_back(next);
  if (max_bits > kDoubleBits) bits.push_back(max_bits);
  return bits;
}

// Native inference.

/// The weights as a precision stores them.
template <NativeArithmetic A>
typename A::Matrix store(const A& arithmetic, const Matrix<double>& weights) {
  if constexpr (std::same_as<typename A::Scalar, double>)
    return weights;
  else
    return arithmetic.embed(weights.template cast<float>());
}

template <class Row>
int native_label(const Loss& loss, const Row& outputs) {
  if (loss.needs_targets() || !outputs.allFinite()) return -1;
  if (loss.kind == Loss::Kind::kBinaryCrossEntropy) return outputs(0) > 0 ? 1 : 0;
  Eigen::Index best = 0;
  outputs.maxCoeff(&best);
  return static_cast<int>(best);
}

/// What a precision computes, and the weights that it computes with.
struct NativeInference {
  PrecisionScore score;
  std::vector<Matrix<double>> stored;
};

NativeInference infer_natively(const Problem& problem,
                               const std::vector<Matrix<double>>& parameters,
                               const Precision& precision, std::uint64_t seed) {
  return with_native_arithmetic(precision, seed, [&](const auto& arithmetic) {
    using A = std::remove_cvref_t<decltype(arithmetic)>;
    const Dataset& data = problem.data->validation;
    NativeInference result;
    result.score.precision = precision;
    std::vector<typename A::Matrix> weights;
    for (const Matrix<double>& parameter : parameters) {
      weights.push_back(store(arithmetic, parameter));
      result.stored.push_back(weights.back().template cast<double>());
    }
    const typename A::Matrix outputs =
        outputs_of(arithmetic, problem.network, weights, data.features, problem.training.batch);
    typename A::Matrix gradient;
    result.score.loss =
        evaluate(arithmetic, problem.loss, outputs, Targets::of(data, problem.loss), gradient);
    for (int i = 0; i < data.samples(); ++i) {
      const typename A::Matrix row = outputs.row(i);
      SampleScore sample;
      sample.loss =
          evaluate(arithmetic, problem.loss, row, Targets::of(data, problem.loss, {i}), gradient);
      sample.label = native_label(problem.loss, row.row(0));
      result.score.samples.push_back(std::move(sample));
    }
    return result;
  });
}

// What is known well enough.

bool is_known(double computed, const Enclosure& exact, double tightness, double negligible) {
  if (!std::isfinite(computed)) return true;
  const CertifiedError error = certified_error(computed, exact);
  return error.tightness() <= tightness || error.upper <= negligible;
}

/// Of a quantity that is not computed natively: its size is what matters.
bool is_known(const Enclosure& exact, double tightness, double negligible = 0) {
  return is_known(0.0, exact, tightness, negligible);
}

/// a − b.
Enclosure difference(const Enclosure& a, const Enclosure& b) {
  if (!a.is_bounded() || !b.is_bounded()) return {};
  const auto subtract = [](const BigFloat& x, const BigFloat& y, mpfr_rnd_t direction) {
    BigFloat result(std::max(x.bits(), y.bits()));
    mpfr_sub(result.get(), x.get(), y.get(), direction);
    return result;
  };
  return {subtract(a.lower, b.upper, MPFR_RNDD), subtract(a.upper, b.lower, MPFR_RNDU)};
}

/// a / |b| for a ≥ 0; unbounded unless b has one sign.
Enclosure quotient(const Enclosure& a, const Enclosure& b) {
  if (!a.is_bounded() || !b.is_bounded()) return {};
  const bool positive = mpfr_sgn(b.lower.get()) > 0;
  if (!positive && mpfr_sgn(b.upper.get()) >= 0) return {};
  const auto divide = [](const BigFloat& x, const BigFloat& y, mpfr_rnd_t direction) {
    BigFloat size = y;
    mpfr_abs(size.get(), size.get(), MPFR_RNDN);
    BigFloat result(std::max(x.bits(), y.bits()));
    mpfr_div(result.get(), x.get(), size.get(), direction);
    return result;
  };
  return {divide(a.lower, positive ? b.upper : b.lower, MPFR_RNDD),
          divide(a.upper, positive ? b.lower : b.upper, MPFR_RNDU)};
}

/// A lower bound on |x| over the members.
double least_size(const Enclosure& x) {
  if (mpfr_sgn(x.lower.get()) > 0) return x.lower.to_double_down();
  return mpfr_sgn(x.upper.get()) < 0 ? -x.upper.to_double_up() : 0;
}

double negligible_error(const Precision& precision, const Enclosure& loss) {
  return kNegligible * unit_roundoff(precision) * least_size(loss);
}

/// −log₁₀ x, rounded down.
double digits_of(double x) {
  if (x == 0) return kInfinity;
  if (!(x < 1)) return 0;
  BigFloat result = BigFloat::exact(x);
  mpfr_log10(result.get(), result.get(), MPFR_RNDU);
  return -result.to_double_up();
}

bool same_values(const std::vector<Matrix<double>>& a, const std::vector<Matrix<double>>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

bool all_finite(const std::vector<Matrix<double>>& parameters) {
  return std::all_of(parameters.begin(), parameters.end(),
                     [](const Matrix<double>& x) { return x.allFinite(); });
}

void require_fit(const Problem& problem, const std::vector<Matrix<double>>& parameters) {
  const auto features = static_cast<int>(problem.data->validation.features.cols());
  const std::vector<DenseShape> shapes = problem.network.dense_shapes(features);
  const std::vector<std::string> names = problem.network.parameter_names();
  if (parameters.size() != names.size())
    throw Error(fmt::format("parameters: {} matrices found, {} expected for this network",
                            parameters.size(), names.size()));
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const Matrix<double>& x = parameters[k];
    const Eigen::Index rows = k % 2 == 0 ? shapes[k / 2].inputs : 1;
    if (x.rows() != rows || x.cols() != shapes[k / 2].units)
      throw Error(fmt::format("{}: shape {}×{} found, {}×{} expected", names[k], x.rows(), x.cols(),
                              rows, shapes[k / 2].units));
    if (!x.allFinite())
      throw Error(
          fmt::format("{}: an infinite or NaN weight found, finite numbers expected", names[k]));
  }
}

/// The search for one model's score.
class Scorer {
 public:
  Scorer(const Problem& problem, const std::vector<Matrix<double>>& parameters,
         const std::vector<Precision>& precisions, const ScoreOptions& options,
         const std::stop_token& stop, const Progress& progress)
      : problem_(problem),
        options_(options),
        stop_(stop),
        progress_(progress),
        parameters_(parameters),
        exact_(problem, parameters_, options.threads, [this] { tick(); }) {
    for (const Precision& precision : precisions)
      native_.push_back(infer_natively(problem, parameters, precision, options.seed));
    plan_progress();
  }

  StabilityScore run() {
    result_.open.clear();
    result_.has_labels = !problem_.loss.needs_targets();
    refine_samples();
    for (NativeInference& native : native_) find_weight_error(native);
    find_condition();
    conclude();
    return std::move(result_);
  }

 private:
  void refine_samples() {
    for (const int bits : ladder(options_.max_bits)) {
      const Indices open = open_samples();
      if (open.empty()) return;
      exact_.refine(open, bits);
    }
  }

  /// The rows that need more bits; all where the mean loss does.
  [[nodiscard]] Indices open_samples() const {
    const Enclosure loss = exact_.loss();
    const bool mean_is_open =
        !is_known(loss, options_.tightness) ||
        std::any_of(native_.begin(), native_.end(),
                    [&](const NativeInference& one) { return !mean_is_known(one.score, loss); });
    Indices open;
    for (int i = 0; i < problem_.data->validation.samples(); ++i)
      if (mean_is_open || !sample_is_known(i, loss)) open.push_back(i);
    return open;
  }

  [[nodiscard]] bool mean_is_known(const PrecisionScore& native, const Enclosure& loss) const {
    return is_known(native.loss, loss, options_.tightness,
                    negligible_error(native.precision, loss));
  }
  [[nodiscard]] bool error_is_known(const PrecisionScore& native, int row,
                                    const Enclosure& loss) const {
    const auto i = static_cast<std::size_t>(row);
    return is_known(native.samples[i].loss, exact_.samples()[i].loss, options_.tightness,
                    negligible_error(native.precision, loss));
  }
  [[nodiscard]] bool sample_is_known(int row, const Enclosure& loss) const {
    if (result_.has_labels && exact_.samples()[static_cast<std::size_t>(row)].label < 0)
      return false;
    return std::all_of(native_.begin(), native_.end(), [&](const NativeInference& one) {
      return error_is_known(one.score, row, loss);
    });
  }

  void find_weight_error(NativeInference& native) {
    PrecisionScore& score = native.score;
    if (same_values(native.stored, parameters_)) {
      score.weight_error = {BigFloat(), BigFloat()};
      return;
    }
    score.weight_rounding =
        all_finite(native.stored) ? WeightRounding::kRounded : WeightRounding::kOverflow;
    if (score.weight_rounding == WeightRounding::kOverflow) return;
    const NativeInference* known = scored_with(native.stored, &native);
    score.weight_error = known != nullptr ? known->score.weight_error : weight_error(native);
    if (!weight_error_is_known(score.precision, score.weight_error))
      add_open(score, "the loss error of rounding the weights is", score.weight_error);
  }

  [[nodiscard]] bool weight_error_is_known(const Precision& precision,
                                           const Enclosure& error) const {
    return is_known(error, options_.tightness, negligible_error(precision, exact_.loss()));
  }

  /// An earlier precision that stores the same numbers.
  [[nodiscard]] const NativeInference* scored_with(const std::vector<Matrix<double>>& stored,
                                                   const NativeInference* end) const {
    const auto found = std::find_if(native_.data(), end, [&stored](const NativeInference& other) {
      return same_values(other.stored, stored);
    });
    return found == end ? nullptr : found;
  }

  Enclosure weight_error(const NativeInference& native) {
    ExactInference rounded(problem_, native.stored, options_.threads, [this] { tick(); });
    Enclosure error;
    for (const int bits : ladder(options_.max_bits)) {
      rounded.refine_all(bits);
      exact_.refine_all(bits);
      error = difference(rounded.loss(), exact_.loss());
      if (weight_error_is_known(native.score.precision, error)) break;
    }
    return error;
  }

  void find_condition() {
    const Enclosure loss = exact_.loss();
    for (const int bits : ladder(std::min(options_.max_bits, kMostGradientBits))) {
      result_.condition = quotient(exact_.sensitivity(bits), loss);
      if (is_known(result_.condition, options_.tightness)) return;
    }
    result_.open.push_back(loss.is_bounded() && least_size(loss) > 0
                               ? fmt::format("the condition number is known to a factor of {:.6g}",
                                             certified_error(0, result_.condition).tightness())
                               : "the condition number: the exact loss may be zero");
  }

  void conclude() {
    result_.loss = exact_.loss();
    result_.samples = exact_.samples();
    for (const ExactSample& sample : result_.samples)
      result_.bits = std::max(result_.bits, sample.bits);
    for (NativeInference& native : native_) {
      conclude(native.score);
      result_.native.push_back(std::move(native.score));
    }
  }

  void conclude(PrecisionScore& score) {
    score.error = certified_error(score.loss, result_.loss);
    if (!mean_is_known(score, result_.loss))
      result_.open.push_back(fmt::format("{}: the error of the loss is known to a factor of {:.6g}",
                                         to_string(score.precision), score.error.tightness()));
    int errors = 0;
    int labels = 0;
    for (std::size_t i = 0; i < score.samples.size(); ++i) {
      SampleScore& sample = score.samples[i];
      sample.error = certified_error(sample.loss, result_.samples[i].loss);
      if (!error_is_known(score, static_cast<int>(i), result_.loss)) ++errors;
      if (!result_.has_labels) continue;
      sample.same_label = compare_labels(sample.label, result_.samples[i]);
      if (sample.label >= 0 && sample.same_label.undecided()) ++labels;
    }
    if (errors > 0) add_open(score, errors, "errors of samples");
    if (labels > 0) add_open(score, labels, "labels");
    score.digits = certified_digits(score.samples, result_.loss);
    if (!std::isfinite(score.loss)) score.digits = 0;
  }

  static Verdict compare_labels(int native, const ExactSample& exact) {
    if (native < 0) return {Verdict::State::kUndecided, "the native outputs are not finite"};
    if (exact.label < 0) return {Verdict::State::kUndecided, exact.open};
    if (native == exact.label) return {Verdict::State::kCertified, "the labels are the same"};
    return {Verdict::State::kRefuted,
            fmt::format("label {} natively, {} exactly", native, exact.label)};
  }

  void add_open(const PrecisionScore& score, int count, const char* what) {
    result_.open.push_back(
        fmt::format("{}: {} {} are open", to_string(score.precision), count, what));
  }
  void add_open(const PrecisionScore& score, const char* what, const Enclosure& x) {
    result_.open.push_back(fmt::format("{}: {} known to a factor of {:.6g}",
                                       to_string(score.precision), what,
                                       certified_error(0, x).tightness()));
  }

  /// Passes over the samples that are expected.
  void plan_progress() {
    const auto rounded = std::count_if(
        native_.begin(), native_.end(),
        [&](const NativeInference& one) { return !same_values(one.stored, parameters_); });
    const double parts =
        std::ceil(static_cast<double>(problem_.data->validation.samples()) / ExactInference::kPart);
    expected_ticks_ = (3 + static_cast<double>(rounded)) * parts;
  }
  void tick() {
    if (stop_.stop_requested()) throw Interrupted();
    if (progress_) progress_(std::min(0.99, ++ticks_ / expected_ticks_));
  }

  const Problem& problem_;
  const ScoreOptions& options_;
  const std::stop_token& stop_;
  const Progress& progress_;
  const std::vector<Matrix<double>>& parameters_;
  ExactInference exact_;
  std::vector<NativeInference> native_;
  StabilityScore result_;
  double ticks_ = 0;
  double expected_ticks_ = 1;
};

}  // namespace

void ScoreOptions::validate() const {
  if (!(std::isfinite(tightness) && tightness > 1))
    throw Error(fmt::format("tightness: a finite number > 1 expected, not {}", tightness));
  if (max_bits < kDoubleBits || max_bits > (1 << 20))
    throw Error(fmt::format("max_bits: an integer from {} to {} expected, not {}", kDoubleBits,
                            1 << 20, max_bits));
  if (threads < 1) throw Error(fmt::format("threads: an integer ≥ 1 expected, not {}", threads));
}

bool PrecisionScore::diverged() const {
  return !std::isfinite(loss) ||
         std::any_of(samples.begin(), samples.end(),
                     [](const SampleScore& sample) { return !std::isfinite(sample.loss); });
}

int PrecisionScore::labels(Verdict::State state) const {
  return static_cast<int>(std::count_if(
      samples.begin(), samples.end(),
      [state](const SampleScore& sample) { return sample.same_label.state == state; }));
}

double certified_digits(const std::vector<SampleScore>& samples, const Enclosure& mean_loss) {
  double errors = 0;
  for (const SampleScore& sample : samples) errors = rounding::add_up(errors, sample.error.upper);
  if (errors == 0) return kInfinity;
  const double losses =
      rounding::mul_down(static_cast<double>(samples.size()), least_size(mean_loss));
  if (!(losses > 0) || !std::isfinite(errors)) return 0;
  return digits_of(rounding::div_up(errors, losses));
}

StabilityScore score_stability(const Problem& problem,
                               const std::vector<Matrix<double>>& parameters,
                               const std::vector<Precision>& precisions,
                               const ScoreOptions& options, const std::stop_token& stop,
                               const Progress& progress) {
  problem.validate();
  options.validate();
  require_fit(problem, parameters);
  const auto start = std::chrono::steady_clock::now();
  StabilityScore result = Scorer(problem, parameters, precisions, options, stop, progress).run();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace numgeom

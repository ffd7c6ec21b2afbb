#include "numgeom/ranking/stability_score.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>

#include "numgeom/arithmetic/ball_arithmetic.hpp"
#include "numgeom/error.hpp"
#include "numgeom/train/train.hpp"
#include "support/problems.hpp"

using namespace numgeom;

namespace {

using Parameters = std::vector<Matrix<double>>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kBits = 2000;

// Plain loops on MPFR's numbers, which have nothing in common with the arithmetics.

using Function = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);
using Operation = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t);

BigFloat apply(Function f, const BigFloat& x) {
  BigFloat result(kBits);
  f(result.get(), x.get(), MPFR_RNDN);
  return result;
}
BigFloat apply(Operation f, const BigFloat& x, const BigFloat& y) {
  BigFloat result(kBits);
  f(result.get(), x.get(), y.get(), MPFR_RNDN);
  return result;
}
BigFloat real(double x) { return BigFloat::exact(x, kBits); }
bool less(const BigFloat& x, const BigFloat& y) { return mpfr_less_p(x.get(), y.get()) != 0; }

using Row = std::vector<BigFloat>;
using Rows = std::vector<Row>;

/// Parameters as numbers that a derivative can be taken by.
std::vector<Rows> reals(const Parameters& parameters) {
  std::vector<Rows> result;
  for (const auto& x : parameters) {
    Rows rows;
    for (Eigen::Index i = 0; i < x.rows(); ++i) {
      Row row;
      for (Eigen::Index j = 0; j < x.cols(); ++j) row.push_back(real(x(i, j)));
      rows.push_back(std::move(row));
    }
    result.push_back(std::move(rows));
  }
  return result;
}

Row dense(const Row& x, const Rows& weights, const Rows& bias) {
  Row y = bias[0];
  for (std::size_t k = 0; k < y.size(); ++k)
    for (std::size_t i = 0; i < x.size(); ++i)
      y[k] = apply(mpfr_add, y[k], apply(mpfr_mul, x[i], weights[i][k]));
  return y;
}

/// Of dense layers with ReLU or tanh between them.
Row reference_outputs(const Problem& problem, const std::vector<Rows>& parameters, int sample) {
  Row x;
  for (Eigen::Index j = 0; j < problem.data->validation.features.cols(); ++j)
    x.push_back(real(problem.data->validation.features(sample, j)));
  std::size_t next = 0;
  for (const Layer& layer : problem.network.layers) {
    if (layer.kind == Layer::Kind::kDense) {
      x = dense(x, parameters[next], parameters[next + 1]);
      next += 2;
    }
    for (BigFloat& one : x) {
      if (layer.kind == Layer::Kind::kTanh) one = apply(mpfr_tanh, one);
      if (layer.kind == Layer::Kind::kRelu && mpfr_sgn(one.get()) < 0) one = real(0);
    }
  }
  return x;
}

BigFloat entry_loss(const Loss& loss, const BigFloat& o, const BigFloat& t) {
  if (loss.kind == Loss::Kind::kBinaryCrossEntropy)
    return apply(mpfr_sub, apply(mpfr_log1p, apply(mpfr_exp, o)), apply(mpfr_mul, t, o));
  const BigFloat e = apply(mpfr_abs, apply(mpfr_sub, o, t));
  const BigFloat square = apply(mpfr_mul, e, e);
  if (loss.kind == Loss::Kind::kSquaredError) return square;
  const BigFloat delta = real(loss.huber_delta);
  if (!less(delta, e)) return apply(mpfr_div, square, real(2));
  return apply(mpfr_mul, delta, apply(mpfr_sub, e, real(loss.huber_delta / 2)));
}

BigFloat reference_loss(const Problem& problem, const Row& outputs, int sample) {
  const Dataset& data = problem.data->validation;
  if (problem.loss.kind == Loss::Kind::kCrossEntropy) {
    BigFloat sum = real(0);
    for (const BigFloat& o : outputs) sum = apply(mpfr_add, sum, apply(mpfr_exp, o));
    return apply(mpfr_sub, apply(mpfr_log, sum), outputs[data.labels[sample]]);
  }
  BigFloat sum = real(0);
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const double target = problem.loss.needs_targets()
                              ? double{data.targets(sample, static_cast<Eigen::Index>(k))}
                              : (data.labels[sample] == 1 ? 1.0 : 0.0);
    sum = apply(mpfr_add, sum, entry_loss(problem.loss, outputs[k], real(target)));
  }
  return apply(mpfr_div, sum, real(static_cast<double>(outputs.size())));
}

int reference_label(const Problem& problem, const Row& outputs) {
  if (problem.loss.kind == Loss::Kind::kBinaryCrossEntropy)
    return mpfr_sgn(outputs[0].get()) > 0 ? 1 : 0;
  std::size_t best = 0;
  for (std::size_t k = 1; k < outputs.size(); ++k)
    if (less(outputs[best], outputs[k])) best = k;
  return static_cast<int>(best);
}

BigFloat reference_mean(const Problem& problem, const std::vector<Rows>& parameters) {
  const int samples = problem.data->validation.samples();
  BigFloat sum = real(0);
  for (int i = 0; i < samples; ++i)
    sum =
        apply(mpfr_add, sum, reference_loss(problem, reference_outputs(problem, parameters, i), i));
  return apply(mpfr_div, sum, real(samples));
}

/// δ⁻ ≤ |computed − exact| ≤ δ⁺.
bool holds(const CertifiedError& error, double computed, const BigFloat& exact) {
  const BigFloat size = apply(mpfr_abs, apply(mpfr_sub, real(computed), exact));
  return !less(size, real(error.lower)) &&
         (!std::isfinite(error.upper) || !less(real(error.upper), size));
}

Parameters trained(const Problem& problem, Precision precision, double lr = 0.1) {
  Trial trial;
  trial.problem = &problem;
  trial.configuration.lr = lr;
  return train_natively(trial, draw_inputs(problem, 3), precision);
}

/// Some precision of every kind.
std::vector<Precision> precisions() {
  std::vector<Precision> result;
  for (const char* name : {"fp64", "fp32", "tf32", "fp16", "bf16", "fp16-mixed", "bf16-mixed",
                           "bf16-stochastic", "fp32-kahan", "bf16-pairwise"})
    result.push_back(parse_precision(name));
  return result;
}

Problem problem_for(Loss::Kind kind, const std::vector<std::string>& layers) {
  DataOptions options;
  const bool regression = Loss{kind}.needs_targets();
  options.dataset = regression ? "synthetic_regression" : "synthetic";
  options.split = {.train = 60, .validation = 70, .shuffle_seed = {}};
  options.synthetic.features = 6;
  options.synthetic.informative = 4;
  options.synthetic.classes = kind == Loss::Kind::kBinaryCrossEntropy ? 2 : 3;
  options.synthetic_regression.features = 6;
  options.synthetic_regression.informative = 4;
  options.synthetic_regression.outputs = 2;
  Problem problem;
  problem.data = std::make_shared<const Split>(load_problem_data(options));
  problem.network = Network::parse(layers).for_input(6, {});
  problem.training.epochs = 3;
  problem.training.batch = 16;
  problem.loss.kind = kind;
  return problem;
}

Problem classification(const std::vector<std::string>& layers = {"dense 8", "relu", "dense 3"}) {
  return problem_for(Loss::Kind::kCrossEntropy, layers);
}

void check_bounds(const Problem& problem, const Parameters& parameters,
                  const StabilityScore& score) {
  const auto weights = reals(parameters);
  const BigFloat mean = reference_mean(problem, weights);
  CHECK(score.loss.contains(mean));
  for (const PrecisionScore& native : score.native) {
    INFO(to_string(native.precision));
    CHECK(holds(native.error, native.loss, mean));
    CHECK(native.error.tightness() <= 1.001);
    CHECK(native.digits > 0);
  }
  for (int i = 0; i < problem.data->validation.samples(); ++i) {
    const Row outputs = reference_outputs(problem, weights, i);
    const BigFloat loss = reference_loss(problem, outputs, i);
    const auto& exact = score.samples[static_cast<std::size_t>(i)];
    CHECK(exact.loss.contains(loss));
    if (score.has_labels) CHECK(exact.label == reference_label(problem, outputs));
    for (const PrecisionScore& native : score.native) {
      INFO(to_string(native.precision) << ", sample " << i);
      const SampleScore& sample = native.samples[static_cast<std::size_t>(i)];
      CHECK(holds(sample.error, sample.loss, loss));
      CHECK((sample.error.tightness() <= 1.001 || sample.error.upper < 1e-24));
      if (!score.has_labels) continue;
      CHECK(sample.same_label.certified() == (sample.label == exact.label));
      CHECK(sample.same_label.refuted() == (sample.label != exact.label));
    }
  }
}

/// Zero but for the first feature, which every output sees with its own weight.
Parameters first_feature(const std::vector<double>& weights) {
  Parameters result{Matrix<double>::Zero(6, static_cast<Eigen::Index>(weights.size())),
                    Matrix<double>::Zero(1, static_cast<Eigen::Index>(weights.size()))};
  for (std::size_t k = 0; k < weights.size(); ++k)
    result[0](0, static_cast<Eigen::Index>(k)) = weights[k];
  return result;
}

}  // namespace

TEST_CASE("a score that was not computed proves nothing") {
  const StabilityScore score;
  CHECK_FALSE(score.certified());
  CHECK_FALSE(score.loss.is_bounded());
  CHECK_FALSE(score.condition.is_bounded());
  const PrecisionScore native;
  CHECK(native.error.lower == 0);
  CHECK(native.error.upper == kInfinity);
  CHECK_FALSE(native.weight_error.is_bounded());
  CHECK(native.digits == 0);
  CHECK(SampleScore{}.same_label.undecided());
  CHECK(ExactSample{}.label < 0);
}

TEST_CASE("native errors and labels are what 2000 bits say, for every loss and precision") {
  struct Case {
    Loss::Kind loss;
    std::vector<std::string> layers;
    const char* trained_in;
  };
  const auto& [loss, layers, trained_in] = GENERATE(
      Case{Loss::Kind::kCrossEntropy, {"dense 8", "relu", "dense 3"}, "fp32"},
      Case{Loss::Kind::kCrossEntropy, {"dense 5", "tanh", "dense 5", "relu", "dense 3"}, "fp64"},
      Case{Loss::Kind::kBinaryCrossEntropy, {"dense 8", "relu", "dense 1"}, "fp32"},
      Case{Loss::Kind::kSquaredError, {"dense 8", "relu", "dense 2"}, "bf16"},
      Case{Loss::Kind::kHuber, {"dense 8", "relu", "dense 2"}, "fp32"});
  const Problem problem = problem_for(loss, layers);
  const Parameters parameters = trained(problem, parse_precision(trained_in), 0.01);
  const StabilityScore score = score_stability(problem, parameters, precisions());
  REQUIRE(score.certified());
  check_bounds(problem, parameters, score);
}

TEST_CASE("layers of images are enclosed as 2000-bit balls say") {
  Problem problem = classification();
  auto split = std::make_shared<Split>(*problem.data);
  for (Dataset* data : {&split->train, &split->validation}) {
    data->features = Matrix<float>(data->features.replicate(1, 6));  // 6×6 pixels
    data->image = {6, 6, 1};
  }
  problem.data = split;
  problem.network = Network::parse({"conv 3x3x2 padding 1", "relu", "max_pool 2", "flatten",
                                    "dense 4", "gelu", "dense 3"})
                        .for_input(36, {6, 6, 1});
  const Parameters parameters = trained(problem, Precision::kFp32, 0.05);
  const StabilityScore score =
      score_stability(problem, parameters, {Precision::kFp32, parse_precision("bf16")});
  REQUIRE(score.certified());
  const BallArithmetic wide(BigFloatMidpoints{kBits});
  std::vector<BallArithmetic::Matrix> weights;
  for (const auto& x : parameters) weights.push_back(wide.embed(x.cast<float>()));
  const Dataset& data = problem.data->validation;
  const auto outputs = outputs_of(wide, problem.network, weights, data.features, 16);
  BallArithmetic::Matrix gradient;
  const Ball loss =
      evaluate(wide, problem.loss, outputs, Targets::of(data, problem.loss), gradient);
  CHECK(score.loss.contains(loss.midpoint()));
  for (const PrecisionScore& native : score.native)
    CHECK(holds(native.error, native.loss, loss.midpoint()));
}

TEST_CASE("equal windows of a constant image are known to be ties, with weights of fp64 too") {
  Problem problem = classification();
  auto split = std::make_shared<Split>(*problem.data);
  for (Dataset* data : {&split->train, &split->validation}) {
    data->features = data->features.col(0).replicate(1, 36).eval();
    data->image = {6, 6, 1};
  }
  problem.data = split;
  problem.network =
      Network::parse({"conv 3x3x2", "max_pool 2", "flatten", "dense 3"}).for_input(36, {6, 6, 1});
  for (const Precision& precision : {Precision::kFp32, Precision::kFp64}) {
    const StabilityScore score =
        score_stability(problem, trained(problem, precision, 0.01), {precision});
    CHECK(score.certified());
    CHECK(certified_error(0, score.condition).tightness() <= 1.001);
  }
}

TEST_CASE("the native loss is that of training") {
  const Problem problem = classification();
  Trial trial;
  trial.problem = &problem;
  trial.configuration.lr = 0.1;
  const TrialInputs inputs = draw_inputs(problem, 3);
  for (const char* name : {"fp64", "fp32", "tf32", "bf16", "fp16-mixed", "fp32-sequential"}) {
    const Precision precision = parse_precision(name);
    const NativeRun run = run_native(trial, inputs, precision);
    const StabilityScore score =
        score_stability(problem, train_natively(trial, inputs, precision), {precision});
    CHECK(score.native[0].loss == run.loss);
    CHECK(score.native[0].weight_rounding == WeightRounding::kNone);
    CHECK(score.native[0].weight_error.width() == 0);
    int wrong = 0;
    for (std::size_t i = 0; i < score.samples.size(); ++i)
      wrong += score.native[0].samples[i].label != problem.data->validation.labels[i];
    CHECK(wrong == run.errors.lower);
  }
}

TEST_CASE("rounding the weights changes the exact loss by what 2000 bits say") {
  const Problem problem = classification();
  const Parameters parameters = trained(problem, Precision::kFp64);
  const StabilityScore score = score_stability(problem, parameters, precisions());
  REQUIRE(score.certified());
  const BigFloat loss = reference_mean(problem, reals(parameters));
  for (const PrecisionScore& native : score.native) {
    if (native.precision.stochastic) continue;
    INFO(to_string(native.precision));
    const FloatFormat format = native.precision.format;
    const bool doubles = format == FloatFormat::kFp64;
    CHECK(native.weight_rounding == (doubles ? WeightRounding::kNone : WeightRounding::kRounded));
    Parameters stored = parameters;
    for (auto& x : stored)
      if (!doubles)
        x = x.unaryExpr([&](double w) -> double {
          const bool narrow = is_storage(format) && !native.precision.mixed;
          return round_to_nearest(narrow ? format : FloatFormat::kFp32, static_cast<float>(w));
        });
    const BigFloat change = apply(mpfr_sub, reference_mean(problem, reals(stored)), loss);
    CHECK(native.weight_error.contains(change));
    const CertifiedError size = certified_error(0, native.weight_error);
    CHECK(size.tightness() <= 1.001);
  }
}

TEST_CASE("a wide loss and a narrow one have a difference as wide as both") {
  // Great terms that cancel in the first output; fp16 stores the first weights as zeros.
  const Problem problem = classification({"dense 2", "dense 2", "dense 2", "dense 3"});
  Parameters parameters = trained(problem, Precision::kFp32);
  for (auto& x : parameters) x.setZero();
  parameters[0].row(0).setConstant(1e-8);
  parameters[2].diagonal().setConstant(6e4);
  parameters[4].diagonal().setConstant(6e4);
  parameters[6].col(0) << 6e4, -6e4;
  const StabilityScore score =
      score_stability(problem, parameters, {parse_precision("fp16")}, {.max_bits = 53});
  const Enclosure& change = score.native[0].weight_error;
  CHECK(change.contains(real(0)));
  CHECK(change.is_bounded());
  CHECK(change.width() > 1e-12);
}

TEST_CASE("the condition number is what divided differences with 2000 bits say") {
  const Problem problem = classification();
  const Parameters parameters = trained(problem, Precision::kFp32);
  const StabilityScore score = score_stability(problem, parameters, {Precision::kFp32});
  auto weights = reals(parameters);
  const BigFloat step = apply(mpfr_exp2, real(-600));
  BigFloat sum = real(0);
  for (Rows& rows : weights)
    for (Row& row : rows)
      for (BigFloat& w : row) {
        const BigFloat kept = w;
        w = apply(mpfr_add, kept, step);
        const BigFloat above = reference_mean(problem, weights);
        w = apply(mpfr_sub, kept, step);
        const BigFloat below = reference_mean(problem, weights);
        w = kept;
        const BigFloat slope =
            apply(mpfr_div, apply(mpfr_sub, above, below), apply(mpfr_mul, step, real(2)));
        sum = apply(mpfr_add, sum, apply(mpfr_abs, apply(mpfr_mul, kept, slope)));
      }
  CHECK(score.condition.contains(apply(mpfr_div, sum, reference_mean(problem, weights))));
  CHECK(certified_error(0, score.condition).tightness() <= 1.001);
}

TEST_CASE("labels that rounding flips are refuted") {
  const Problem problem = classification({"dense 3"});
  // bf16 stores 1 + 2^-12 as 1: a tie, and the first of equal outputs has the label.
  const StabilityScore score = score_stability(problem, first_feature({1, 1 + 0x1p-12, 0}),
                                               {parse_precision("bf16"), Precision::kFp32});
  REQUIRE(score.certified());
  int positive = 0;
  for (int i = 0; i < problem.data->validation.samples(); ++i) {
    const bool flips = problem.data->validation.features(i, 0) > 0;
    const auto row = static_cast<std::size_t>(i);
    CHECK(score.samples[row].label == (flips ? 1 : 2));
    CHECK(score.native[0].samples[row].same_label.refuted() == flips);
    CHECK(score.native[1].samples[row].same_label.certified());
    positive += flips;
  }
  REQUIRE(positive > 0);
  CHECK(score.native[0].labels(Verdict::State::kRefuted) == positive);
  CHECK(score.native[0].labels(Verdict::State::kCertified) ==
        problem.data->validation.samples() - positive);
}

TEST_CASE("ties") {
  const ScoreOptions options{.max_bits = 256};
  SECTION("of exact zeros are known") {
    const StabilityScore score =
        score_stability(classification({"dense 3"}), first_feature({0, 0, 0}), {Precision::kFp32});
    for (const ExactSample& sample : score.samples) CHECK(sample.label == 0);
    CHECK(score.native[0].labels(Verdict::State::kCertified) ==
          static_cast<int>(score.samples.size()));
  }
  SECTION("of outputs with the same weights are known") {
    const Problem problem = classification({"dense 4", "tanh", "dense 3"});
    Parameters parameters = trained(problem, Precision::kFp32);
    parameters[2].col(2) = parameters[2].col(1);
    parameters[3] << -100, 0.25, 0.25;
    const StabilityScore score = score_stability(problem, parameters, {Precision::kFp32}, options);
    for (const ExactSample& sample : score.samples) CHECK(sample.label == 1);
  }
  SECTION("but not where biases differ") {
    const Problem problem = classification({"dense 4", "tanh", "dense 3"});
    Parameters parameters = trained(problem, Precision::kFp32);
    parameters[2].col(2) = parameters[2].col(1);
    parameters[3] << -100, 0.25, 0.25 + 0x1p-52;
    const StabilityScore score = score_stability(problem, parameters, {Precision::kFp32}, options);
    for (const ExactSample& sample : score.samples) CHECK(sample.label == 2);
  }
  SECTION("that no precision decides stay undecided with the outputs named") {
    const Problem problem = classification({"dense 2", "tanh", "dense 3"});
    Parameters parameters = trained(problem, Precision::kFp32);
    parameters[0].col(1) = parameters[0].col(0);  // two units that are always equal
    parameters[1](0, 1) = parameters[1](0, 0);
    parameters[2] << 0, 0, 0.1F, 0, 0.1F, 0;
    parameters[3] << 0, 100, 100;
    const StabilityScore score = score_stability(problem, parameters, {Precision::kFp32}, options);
    CHECK_FALSE(score.certified());
    CHECK(score.bits == 256);
    for (std::size_t i = 0; i < score.samples.size(); ++i) {
      CHECK(score.samples[i].label == -1);
      CHECK(score.samples[i].open == "outputs 1 and 2 are not told apart at 256 bits");
      CHECK(score.native[0].samples[i].same_label.undecided());
    }
    CHECK(score.open.back() == "fp32: 70 labels are open");
  }
}

TEST_CASE("a run that overflows natively has a name, and the exact loss is finite") {
  const Problem problem = classification({"dense 3"});
  const StabilityScore score =
      score_stability(problem, first_feature({1e5, -1e5, 0}),
                      {parse_precision("fp16"), parse_precision("fp16-mixed"), Precision::kFp32});
  REQUIRE(score.certified());
  CHECK(score.loss.is_bounded());
  CHECK(score.native[0].diverged());
  CHECK(score.native[0].weight_rounding == WeightRounding::kOverflow);
  CHECK_FALSE(score.native[0].weight_error.is_bounded());
  CHECK(score.native[0].digits == 0);
  CHECK(score.native[0].error.upper == kInfinity);
  CHECK(score.native[0].samples[0].label == -1);
  CHECK(score.native[0].labels(Verdict::State::kUndecided) == 70);
  CHECK(score.native[1].weight_rounding == WeightRounding::kNone);
  CHECK_FALSE(score.native[2].diverged());
  CHECK(score.native[2].digits > 5);
}

TEST_CASE("losses far below every native number are known well enough") {
  // Natively 0 where the exact loss is e^-100000, beside infinite losses in fp16.
  const Problem problem = classification({"dense 3"});
  const StabilityScore score = score_stability(problem, first_feature({6e4, -6e4, 0}),
                                               {parse_precision("fp16"), Precision::kFp32});
  CHECK(score.certified());
  CHECK(score.bits < 400);
}

TEST_CASE("what cannot be scored is refused") {
  const Problem problem = classification();
  const Parameters parameters = trained(problem, Precision::kFp32);
  const auto message = [&](const Parameters& wrong, const ScoreOptions& options = {}) {
    try {
      (void)score_stability(problem, wrong, {Precision::kFp32}, options);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  Parameters wrong = parameters;
  wrong[2] = Matrix<double>::Zero(3, 8);
  CHECK(message(wrong) == "dense2.weight: shape 3×8 found, 8×3 expected");
  wrong = parameters;
  wrong.pop_back();
  CHECK(message(wrong) == "parameters: 3 matrices found, 4 expected for this network");
  for (const double bad : {kInfinity, std::nan("")}) {
    wrong = parameters;
    wrong[1](0, 2) = bad;
    CHECK(message(wrong) ==
          "dense1.bias: an infinite or NaN weight found, finite numbers expected");
  }
  CHECK(message(parameters, {.tightness = 1}) == "tightness: a finite number > 1 expected, not 1");
  CHECK(message(parameters, {.max_bits = 52}) ==
        "max_bits: an integer from 53 to 1048576 expected, not 52");
  CHECK(message(parameters, {.threads = 0}) == "threads: an integer ≥ 1 expected, not 0");
}

TEST_CASE("threads change nothing, and a stop is heard") {
  const Problem problem = classification();
  const Parameters parameters = trained(problem, Precision::kFp64);
  const auto run = [&](int threads) {
    return score_stability(problem, parameters, precisions(), {.threads = threads});
  };
  const StabilityScore one = run(1);
  const StabilityScore three = run(3);
  CHECK(one.condition.lower_string() == three.condition.lower_string());
  CHECK(one.condition.upper_string() == three.condition.upper_string());
  for (std::size_t i = 0; i < one.samples.size(); ++i) {
    CHECK(one.samples[i].bits == three.samples[i].bits);
    CHECK(one.samples[i].loss.lower_string() == three.samples[i].loss.lower_string());
  }
  for (std::size_t k = 0; k < one.native.size(); ++k)
    CHECK(one.native[k].digits == three.native[k].digits);

  std::stop_source stop;
  double greatest = 0;
  const Progress progress = [&](double share) {
    CHECK(share >= greatest);
    greatest = share;
    stop.request_stop();
  };
  CHECK_THROWS_AS(score_stability(problem, parameters, precisions(), {.threads = 2},
                                  stop.get_token(), progress),
                  Interrupted);
  CHECK(greatest > 0);
}

TEST_CASE("digits are rounded down, zero for diverged runs, infinite for none wrong") {
  const auto digits = [](const std::vector<double>& errors, double mean) {
    std::vector<SampleScore> samples(errors.size());
    for (std::size_t i = 0; i < errors.size(); ++i) samples[i].error = {errors[i] / 2, errors[i]};
    return certified_digits(samples, {BigFloat::exact(mean), BigFloat::exact(2 * mean)});
  };
  CHECK(digits({0, 0}, 1) == kInfinity);
  CHECK(digits({0, 0}, 0) == kInfinity);
  CHECK(digits({0, kInfinity}, 1) == 0);
  CHECK(digits({0.5, 0.25}, 0) == 0);
  CHECK(digits({1, 2}, 0.5) == 0);  // wrong by more than the losses
  CHECK(digits({0.5, 0.25, 0.25}, 1) == Approx(std::log10(3.0)));
  for (const double error : {0.3, 1e-3, 1e-7, 3e-12, 7e-300}) {
    const double found = digits({error}, 1);
    BigFloat exact(kBits);
    mpfr_log10(exact.get(), real(error).get(), MPFR_RNDN);
    mpfr_neg(exact.get(), exact.get(), MPFR_RNDN);
    CHECK_FALSE(less(exact, real(found)));
    CHECK(exact.to_double() - found < 1e-13 * found);
  }
}

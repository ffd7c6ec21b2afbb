#include "certificate.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

namespace verify {
namespace {

constexpr long kMostTrials = 100000;
constexpr long kMostSize = 100000000;

const std::initializer_list<std::string_view> kHyperparameters = {
    "lr", "weight_decay", "l1", "clip_norm", "momentum", "beta1", "beta2", "decay", "epsilon"};

std::vector<std::string> strings(const Field& field) {
  return field.map([](const Field& item) { return item.string(); });
}

std::vector<std::string> hashes(const Field& field) {
  return field.map([](const Field& item) { return item.hash(); });
}

std::vector<long> indices(const Field& field, long count) {
  return field.map([&](const Field& item) { return item.integer(0, count - 1); });
}

std::vector<Rational> bounds(const Field& field) {
  return field.map([](const Field& item) { return item.nonnegative(); });
}

/// None for one of the words; a number otherwise.
std::optional<Rational> number_or(const Field& field, std::initializer_list<const char*> words) {
  const bool is_word = std::find(words.begin(), words.end(), field.string()) != words.end();
  return is_word ? std::nullopt : std::optional(field.number());
}

Native read_native(const Field& field) {
  field.with_keys({"precision", "loss", "error"});
  const Field error = field.at("error").with_keys({"lower", "upper"});
  return {field.at("precision").string(), number_or(field.at("loss"), {"inf", "-inf", "nan"}),
          number_or(error.at("lower"), {"inf"}), number_or(error.at("upper"), {"inf"})};
}

Chain read_chain(const Field& field) {
  field.with_keys({"radius", "lipschitz", "defect"});
  return {bounds(field.at("radius")), bounds(field.at("lipschitz")), bounds(field.at("defect"))};
}

TrialInputs read_inputs(const Field& field) {
  field.with_keys({"rates", "batch_indices", "batch_offsets", "parameters", "masks"});
  return {field.at("rates").hash(), field.at("batch_indices").hash(),
          field.at("batch_offsets").hash(), hashes(field.at("parameters")),
          hashes(field.at("masks"))};
}

Trial read_trial(const Field& field) {
  field.with_keys({"configuration", "seed", "network", "optimizer", "schedule", "hyperparameters",
                   "inputs", "native", "enclosure", "chain"});
  for (const auto& [name, value] : field.at("configuration").members()) (void)value.string();
  (void)field.at("seed").string();
  Trial trial;
  trial.network = strings(field.at("network"));
  trial.optimizer = field.at("optimizer").string();
  trial.schedule = field.at("schedule").string();
  field.at("hyperparameters").with_keys(kHyperparameters);
  for (const auto& [name, value] : field.at("hyperparameters").members())
    trial.hyperparameters[name] = value.nonnegative();
  trial.inputs = read_inputs(field.at("inputs"));
  for (const Field& run : field.at("native").items()) trial.native.push_back(read_native(run));
  const Field enclosure =
      field.at("enclosure")
          .with_keys({"lower", "upper", "status", "reason", "way", "arithmetic", "bits"});
  trial.enclosure = {number_or(enclosure.at("lower"), {"-inf"}),
                     number_or(enclosure.at("upper"), {"inf"})};
  (void)enclosure.at("status").one_of({"certified", "undecided"});
  (void)enclosure.at("way").one_of({"direct", "stepwise"});
  (void)enclosure.at("arithmetic").one_of({"interval", "ball"});
  (void)enclosure.at("reason").string();
  (void)enclosure.at("bits").integer(1, kMostSize);
  trial.certified = enclosure.at("status").string() == "certified";
  trial.way = enclosure.at("way").string();
  if (!field.at("chain").is_null()) trial.chain = read_chain(field.at("chain"));
  return trial;
}

Pair read_pair(const Field& field, long count) {
  field.with_keys({"first", "second", "less"});
  return {field.at("first").integer(0, count - 1), field.at("second").integer(0, count - 1),
          field.at("less").one_of({"certified", "refuted", "undecided"})};
}

NativeRanking read_native_ranking(const Field& field, long count) {
  field.with_keys({"precision", "indistinguishable", "flips"});
  NativeRanking ranking{
      field.at("precision").string(), indices(field.at("indistinguishable"), count), {}};
  for (const Field& flip : field.at("flips").items()) {
    flip.with_keys({"native_better", "exact_better"});
    ranking.flips.emplace_back(flip.at("native_better").integer(0, count - 1),
                               flip.at("exact_better").integer(0, count - 1));
  }
  return ranking;
}

void read_problem(const Field& field, Certificate& certificate) {
  field.with_keys({"description", "image", "features", "classes", "loss", "label_smoothing",
                   "huber_delta", "train_x", "train_y", "validation_x", "validation_y"});
  (void)field.at("description").string();
  (void)field.at("huber_delta").number();
  (void)indices(field.at("image"), kMostSize);
  certificate.features = field.at("features").integer(1, kMostSize);
  certificate.classes = field.at("classes").integer(0, kMostSize);
  certificate.loss = field.at("loss").string();
  certificate.label_smoothing = field.at("label_smoothing").number();
  for (const char* name : {"train_x", "train_y", "validation_x", "validation_y"})
    certificate.data[name] = field.at(name).hash();
}

void read_ranking(const Field& field, Certificate& certificate) {
  const auto count = static_cast<long>(certificate.trials.size());
  field.with_keys({"order", "total", "pairs", "native"});
  certificate.order = indices(field.at("order"), count);
  certificate.total = field.at("total").boolean();
  for (const Field& pair : field.at("pairs").items())
    certificate.pairs.push_back(read_pair(pair, count));
  for (const Field& native : field.at("native").items())
    certificate.native.push_back(read_native_ranking(native, count));
}

/// What each kind of claim rests on: a certificate that rests on something else is another kind.
void check_foundations(const Field& field) {
  field.with_keys({"direct", "stepwise", "errors", "order", "indistinguishable"});
  (void)field.at("direct").one_of({"theorem 1: inclusion"});
  (void)field.at("stepwise").one_of({"theorem 3: error recurrence"});
  (void)field.at("errors").one_of({"distance to the enclosure"});
  (void)field.at("order").one_of({"theorem 2: certified order"});
  (void)field.at("indistinguishable").one_of({"theorem 4: indistinguishable set"});
}

/// The text before the line with its own digest, which is the last one.
void check_digest(const std::string& bytes) {
  const std::string start = "\n\"sha256\": \"";
  const std::size_t at = bytes.rfind(start);
  require(at != std::string::npos, "sha256: the last line expected, the digest of all before");
  const std::string digest = sha256(std::string_view(bytes).substr(0, at));
  require(bytes.substr(at) == start + digest + "\"\n}\n",
          "sha256: the text before it has the digest " + digest);
}

}  // namespace

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  std::string text;
  for (const unsigned char byte : digest)
    for (const int nibble : {byte >> 4, byte & 15}) text += "0123456789abcdef"[nibble];
  return text;
}

Certificate Certificate::parse(const std::string& bytes) {
  const Json json = parse_json(bytes);
  const Field root(json, "");
  root.with_keys({"format", "version", "program", "study", "problem", "asked", "trials", "ranking",
                  "rests_on", "sha256"});
  (void)root.at("format").one_of({"numgeom-certificate"});
  (void)root.at("version").integer(1, 1);
  check_digest(bytes);
  (void)root.at("study").string();
  Certificate certificate;
  root.at("program").with_keys({"version", "compiler", "flags", "simd"});
  for (const auto& [name, value] : root.at("program").members())
    certificate.build += (certificate.build.empty() ? "" : ", ") + value.string();
  read_problem(root.at("problem"), certificate);
  const Field asked = root.at("asked").with_keys({"width", "tightness"});
  certificate.asked_width = asked.at("width").number();
  certificate.asked_tightness = asked.at("tightness").number();
  const auto trials = root.at("trials").items();
  if (trials.empty() || trials.size() > kMostTrials)
    root.at("trials").refuse("1 to " + std::to_string(kMostTrials) + " trials expected");
  for (const Field& trial : trials) certificate.trials.push_back(read_trial(trial));
  read_ranking(root.at("ranking"), certificate);
  check_foundations(root.at("rests_on"));
  return certificate;
}

}  // namespace verify

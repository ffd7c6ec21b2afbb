#include "certificate.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

namespace verify {
namespace {

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
  const Field inputs = field.at("inputs").with_keys(
      {"rates", "batch_indices", "batch_offsets", "parameters", "masks"});
  for (const char* name : {"rates", "batch_indices", "batch_offsets"})
    trial.inputs[name] = inputs.at(name).hash();
  trial.parameters = hashes(inputs.at("parameters"));
  trial.masks = hashes(inputs.at("masks"));
  trial.native = field.at("native").map(read_native);
  const Field enclosure =
      field.at("enclosure")
          .with_keys({"lower", "upper", "status", "reason", "way", "arithmetic", "bits"});
  trial.enclosure = {number_or(enclosure.at("lower"), {"-inf"}),
                     number_or(enclosure.at("upper"), {"inf"})};
  (void)enclosure.at("arithmetic").one_of({"interval", "ball"});
  (void)enclosure.at("reason").string();
  (void)enclosure.at("bits").integer(1, kMostSize);
  trial.certified = enclosure.at("status").one_of({"certified", "undecided"}) == "certified";
  trial.way = enclosure.at("way").one_of({"direct", "stepwise"});
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
  const auto flip = [&](const Field& one) {
    one.with_keys({"native_better", "exact_better"});
    return std::pair(one.at("native_better").integer(0, count - 1),
                     one.at("exact_better").integer(0, count - 1));
  };
  return {field.at("precision").string(), indices(field.at("indistinguishable"), count),
          field.at("flips").map(flip)};
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
  certificate.pairs =
      field.at("pairs").map([&](const Field& one) { return read_pair(one, count); });
  certificate.native =
      field.at("native").map([&](const Field& one) { return read_native_ranking(one, count); });
}

/// What each kind of claim rests on: a certificate that rests on something else is another kind.
void check_foundations(const Field& field) {
  const std::map<const char*, const char*> theorems = {
      {"direct", "theorem 1: inclusion"},
      {"stepwise", "theorem 3: error recurrence"},
      {"errors", "distance to the enclosure"},
      {"order", "theorem 2: certified order"},
      {"indistinguishable", "theorem 4: indistinguishable set"}};
  for (const auto& [claim, theorem] : theorems) (void)field.at(claim).one_of({theorem});
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
  certificate.trials = root.at("trials").map(read_trial);
  require(!certificate.trials.empty(), "trials: one or more expected");
  read_ranking(root.at("ranking"), certificate);
  check_foundations(root.at("rests_on"));
  return certificate;
}

}  // namespace verify

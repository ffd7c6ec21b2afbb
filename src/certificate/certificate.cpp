#include "numgeom/certificate/certificate.hpp"

#include <fmt/format.h>

#include <set>

#include "exact_text.hpp"
#include "numgeom/data/file.hpp"
#include "numgeom/data/npy.hpp"
#include "numgeom/data/sha256.hpp"
#include "numgeom/error.hpp"
#include "numgeom/train/inputs.hpp"
#include "train/assignment_json.hpp"
#include "train/build_info.hpp"

namespace numgeom {
namespace {

namespace fs = std::filesystem;
using Json = OrderedJson;

constexpr int kVersionOfForm = 1;

/// The files beside a certificate, each named by the hash of its bytes.
class InputStore {
 public:
  explicit InputStore(fs::path directory) : directory_(std::move(directory)) {
    std::error_code failed;
    fs::create_directories(directory_, failed);
    if (failed) throw Error(fmt::format("{}: {}", directory_.string(), failed.message()));
  }

  /// The hash by which the array is found.
  std::string add(const std::string& npy) {
    std::string hash = sha256(npy);
    if (!known_.insert(hash).second) return hash;
    const fs::path file = directory_ / (hash + ".npy");
    std::error_code ignored;
    if (!fs::exists(file, ignored) || sha256(read_file(file).bytes) != hash) write_file(file, npy);
    return hash;
  }

 private:
  fs::path directory_;
  std::set<std::string> known_;
};

std::string labels_npy(const Indices& labels) {
  return npy_bytes(std::vector<std::int64_t>(labels.begin(), labels.end()));
}

std::string targets_npy(const Dataset& data) {
  return data.is_regression() ? npy_bytes(data.targets) : labels_npy(data.labels);
}

/// One dropout layer's masks of all steps, one below the other; eight entries a byte, the first one
/// its lowest bit.
std::string masks_npy(const std::vector<std::vector<Mask>>& masks, std::size_t layer) {
  Eigen::Index rows = 0;
  for (const auto& step : masks) rows += step[layer].rows();
  Mask packed = Mask::Zero(rows, (masks.front()[layer].cols() + 7) / 8);
  rows = 0;
  for (const auto& step : masks)
    for (Eigen::Index i = 0; i < step[layer].rows(); ++i, ++rows)
      for (Eigen::Index j = 0; j < step[layer].cols(); ++j)
        if (step[layer](i, j) != 0)
          packed(rows, j / 8) = static_cast<unsigned char>(packed(rows, j / 8) | 1 << (j % 8));
  return npy_bytes(packed);
}

Json problem_json(const LoadedStudy& loaded, InputStore& store) {
  const Split& data = loaded.data();
  const Loss& loss = loaded.study().loss;
  const ImageShape& image = data.train.image;
  return {{"description", data.description},
          {"image", {image.height, image.width, image.channels}},
          {"features", data.train.features.cols()},
          {"classes", data.train.classes},
          {"loss", to_string(loss.kind)},
          {"label_smoothing", exact_text(loss.label_smoothing)},
          {"huber_delta", exact_text(loss.huber_delta)},
          {"train_x", store.add(npy_bytes(data.train.features))},
          {"train_y", store.add(targets_npy(data.train))},
          {"validation_x", store.add(npy_bytes(data.validation.features))},
          {"validation_y", store.add(targets_npy(data.validation))}};
}

Json inputs_json(const Trial& trial, InputStore& store) {
  const Problem& problem = *trial.problem;
  const TrialInputs inputs = draw_inputs(problem, trial.seed);
  std::vector<std::int64_t> indices;
  std::vector<std::int64_t> offsets{0};
  for (const Indices& batch : inputs.batches) {
    indices.insert(indices.end(), batch.begin(), batch.end());
    offsets.push_back(static_cast<std::int64_t>(indices.size()));
  }
  Json parameters = Json::array();
  for (const ExactMatrix& parameter : inputs.parameters)
    parameters.push_back(store.add(npy_bytes(parameter)));
  Json masks = Json::array();
  if (!inputs.masks.empty())
    for (std::size_t layer = 0; layer < inputs.masks.front().size(); ++layer)
      masks.push_back(store.add(masks_npy(inputs.masks, layer)));
  const auto steps = static_cast<int>(inputs.batches.size());
  return {{"rates", store.add(npy_bytes(problem.training.schedule.rates(
                        trial.configuration.lr, steps, problem.steps_per_epoch())))},
          {"batch_indices", store.add(npy_bytes(indices))},
          {"batch_offsets", store.add(npy_bytes(offsets))},
          {"parameters", parameters},
          {"masks", masks}};
}

Json hyperparameters_json(const Configuration& c) {
  return {{"lr", exact_text(c.lr)},
          {"weight_decay", exact_text(c.weight_decay)},
          {"l1", exact_text(c.l1)},
          {"clip_norm", exact_text(c.clip_norm)},
          {"momentum", exact_text(c.momentum)},
          {"beta1", exact_text(c.beta1)},
          {"beta2", exact_text(c.beta2)},
          {"decay", exact_text(c.decay)},
          {"epsilon", exact_text(c.epsilon)}};
}

Json native_json(const CertifiedTrial& trial) {
  Json json = Json::array();
  for (std::size_t i = 0; i < trial.native.size(); ++i)
    json.push_back({{"precision", to_string(trial.native[i].precision)},
                    {"loss", exact_text(trial.native[i].loss)},
                    {"error",
                     {{"lower", exact_text(trial.certified_errors[i].lower)},
                      {"upper", exact_text(trial.certified_errors[i].upper)}}}});
  return json;
}

/// Of the run that gave the enclosure; null unless it went the stepwise way.
Json chain_json(const Certification& certification) {
  Json radius = Json::array();
  Json lipschitz = Json::array();
  Json defect = Json::array();
  const ShadowRun* found = nullptr;
  for (const ShadowRun& run : certification.attempts)
    if (run.rung == certification.rung) found = &run;
  if (found == nullptr || found->rung.way != Rung::Way::kStepwise) return nullptr;
  for (const ChainLink& link : found->chain) {
    radius.push_back(exact_text(link.radius));
    lipschitz.push_back(exact_text(link.lipschitz));
    defect.push_back(exact_text(link.defect));
  }
  return {{"radius", radius}, {"lipschitz", lipschitz}, {"defect", defect}};
}

Json trial_json(const CertifiedTrial& result, InputStore& store) {
  const Trial& trial = result.trial;
  const Certification& found = result.certification;
  Json configuration = Json::object();
  for (const auto& [name, value] : trial.assignment) configuration[name] = to_string(value);
  return {{"configuration", configuration},
          {"seed", std::to_string(trial.seed)},
          {"network", trial.problem->network.describe()},
          {"optimizer", to_string(trial.problem->training.optimizer)},
          {"schedule", trial.problem->training.schedule == Schedule{}
                           ? to_string(Schedule::Kind::kConstant)
                           : to_string(trial.problem->training.schedule.kind) + " or warm-up"},
          {"hyperparameters", hyperparameters_json(trial.configuration)},
          {"inputs", inputs_json(trial, store)},
          {"native", native_json(result)},
          {"enclosure",
           {{"lower", exact_text(found.loss.lower)},
            {"upper", exact_text(found.loss.upper)},
            {"status", found.certified() ? "certified" : "undecided"},
            {"reason", found.reason},
            {"way", found.rung.way_name()},
            {"arithmetic", found.rung.arithmetic_name()},
            {"bits", found.rung.bits}}},
          {"chain", chain_json(found)}};
}

Json ranking_json(const Ranking& ranking) {
  Json pairs = Json::array();
  for (const PairVerdict& pair : ranking.pairs)
    pairs.push_back(
        {{"first", pair.first}, {"second", pair.second}, {"less", to_string(pair.less.state)}});
  Json native = Json::array();
  for (const NativeRanking& one : ranking.native) {
    Json flips = Json::array();
    for (const Flip& flip : one.flips)
      flips.push_back({{"native_better", flip.native_better}, {"exact_better", flip.exact_better}});
    native.push_back({{"precision", to_string(one.precision)},
                      {"indistinguishable", one.indistinguishable},
                      {"flips", flips}});
  }
  return {{"order", ranking.order},
          {"total", ranking.is_total()},
          {"pairs", pairs},
          {"native", native}};
}

Json foundations_json() {
  return {{"direct", "theorem 1: inclusion"},
          {"stepwise", "theorem 3: error recurrence"},
          {"errors", "distance to the enclosure"},
          {"order", "theorem 2: certified order"},
          {"indistinguishable", "theorem 4: indistinguishable set"}};
}

}  // namespace

fs::path inputs_directory(const fs::path& certificate) {
  fs::path directory = certificate;
  return directory.replace_extension(certificate.extension() == ".json"
                                         ? ".inputs"
                                         : certificate.extension().string() + ".inputs");
}

void write_certificate(const fs::path& file, const LoadedStudy& study,
                       const std::vector<CertifiedTrial>& trials, const Ranking& ranking) {
  InputStore store(inputs_directory(file));
  const BuildInfo build = build_info();
  const CertifyOptions& asked = study.study().certify;
  std::string text = "{\n";
  const auto add = [&](const char* key, const Json& value) {
    text += fmt::format("\"{}\": {},\n", key, value.dump());
  };
  add("format", "numgeom-certificate");
  add("version", kVersionOfForm);
  add("program", {{"version", build.version},
                  {"compiler", build.compiler},
                  {"flags", build.flags},
                  {"simd", build.simd}});
  add("study", study.study().text);
  add("problem", problem_json(study, store));
  add("asked", {{"width", exact_text(asked.width)}, {"tightness", exact_text(asked.tightness)}});
  text += "\"trials\": [\n";
  for (std::size_t i = 0; i < trials.size(); ++i)
    text += trial_json(trials[i], store).dump() + (i + 1 < trials.size() ? ",\n" : "\n");
  text += "],\n";
  add("ranking", ranking_json(ranking));
  text += "\"rests_on\": " + foundations_json().dump() + ",";
  write_file(file, text + "\n\"sha256\": \"" + sha256(text) + "\"\n}\n");
}

}  // namespace numgeom

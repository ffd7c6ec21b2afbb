#include "numgeom/report/json.hpp"

#include <cmath>

#include "build_info.hpp"
#include "problem_json.hpp"

namespace numgeom {

using Json = OrderedJson;

Json problem_json(const LoadedStudy& loaded) {
  const Study& study = loaded.study();
  const Split& data = loaded.data();
  Json json = {{"dataset", study.data.dataset},
               {"data", data.description},
               {"train", data.train.samples()},
               {"validation", data.validation.samples()},
               {"features", data.train.features.cols()},
               {"classes", data.train.classes},
               {"network", study.network.describe()},
               {"loss", to_string(study.loss.kind)},
               {"optimizer", to_string(study.training.optimizer)},
               {"initialization", to_string(study.training.initialization)},
               {"epochs", study.training.epochs},
               {"batch", study.training.batch}};
  if (const Weights* weights = loaded.initial_weights())
    json["initial_weights"] = {{"file", weights->file}, {"sha256", weights->hash}};
  return json;
}

Json build_json() {
  const BuildInfo info = build_info();
  return {{"version", info.version},
          {"compiler", info.compiler},
          {"flags", info.flags},
          {"simd", info.simd}};
}

namespace {

constexpr int kSchemaVersion = 1;

Json configuration_json(const Trial& trial) {
  Json json = assignment_json(trial.assignment);
  json["lr"] = trial.configuration.lr;
  json["weight_decay"] = trial.configuration.weight_decay;
  return json;
}

Json native_json(const NativeRun& run, const CertifiedError& error) {
  Json estimates = Json::object();
  Json tightnesses = Json::object();
  Json seconds = Json::object();
  for (const auto& [name, estimate] : run.estimates) {
    const Tightness ratio = tightness(estimate.value, error);
    estimates[name] = number_json(estimate.value);
    tightnesses[name] = {{"lower", number_json(ratio.lower)}, {"upper", number_json(ratio.upper)}};
    seconds[name] = estimate.seconds;
  }
  return {{"precision", to_string(run.precision)},
          {"loss", number_json(run.loss)},
          {"errors", run.errors.lower},
          {"status", run.diverged() ? "diverged" : "ok"},
          {"certified_error",
           {{"lower", number_json(error.lower)}, {"upper", number_json(error.upper)}}},
          {"estimates", estimates},
          {"tightness", tightnesses},
          {"seconds", run.seconds},
          {"estimate_seconds", {{"seconds", seconds}}}};
}

Json enclosure_json(const Certification& certification) {
  Json json = {{"lower", certification.loss.lower_string()},
               {"upper", certification.loss.upper_string()},
               {"width", number_json(certification.loss.width())},
               {"status", certification.certified() ? "certified" : "undecided"}};
  if (!certification.certified()) json["reason"] = certification.reason;
  json["rung"] = {{"way", certification.rung.way_name()},
                  {"arithmetic", certification.rung.arithmetic_name()},
                  {"bits", certification.rung.bits}};
  json["predicted_bits"] = certification.predicted_bits;
  json["attempts"] = certification.attempts.size();
  json["errors"] = {{"lower", certification.errors.lower}, {"upper", certification.errors.upper}};
  json["seconds"] = certification.seconds;
  return json;
}

Json trial_json(const CertifiedTrial& result) {
  Json native = Json::array();
  for (std::size_t run = 0; run < result.native.size(); ++run)
    native.push_back(native_json(result.native[run], result.certified_errors[run]));
  return {{"configuration", configuration_json(result.trial)},
          {"seed", result.trial.seed},
          {"native", native},
          {"enclosure", enclosure_json(result.certification)}};
}

Json native_ranking_json(const NativeRanking& native) {
  Json flips = Json::array();
  for (const Flip& flip : native.flips)
    flips.push_back({{"native_better", flip.native_better}, {"exact_better", flip.exact_better}});
  return {{"precision", to_string(native.precision)},
          {"indistinguishable", native.indistinguishable},
          {"flips", flips}};
}

Json ranking_json(const Ranking& ranking) {
  Json pairs = Json::array();
  for (const PairVerdict& pair : ranking.pairs)
    pairs.push_back({{"first", pair.first},
                     {"second", pair.second},
                     {"less", to_string(pair.less.state)},
                     {"reason", pair.less.reason}});
  Json native = Json::array();
  for (const NativeRanking& one : ranking.native) native.push_back(native_ranking_json(one));
  return {{"order", ranking.order},
          {"total", ranking.is_total()},
          {"pairs", pairs},
          {"native", native}};
}

Json scores_json(const std::vector<CertifiedTrial>& trials) {
  Json json = Json::array();
  for (const auto& [precision, by_name] : score_estimators(trials))
    for (const auto& [name, score] : by_name)
      json.push_back({{"precision", to_string(precision)},
                      {"estimator", name},
                      {"trials", score.trials},
                      {"covered", score.covered},
                      {"median_overestimation", number_json(score.median_overestimation)},
                      {"high_overestimation", number_json(score.high_overestimation)}});
  return json;
}

}  // namespace

std::string certify_json(const LoadedStudy& study, const std::vector<CertifiedTrial>& trials,
                         const Ranking& ranking) {
  Json results = Json::array();
  for (const CertifiedTrial& trial : trials) results.push_back(trial_json(trial));
  const Json document = {{"schema_version", kSchemaVersion},
                         {"problem", problem_json(study)},
                         {"build", build_json()},
                         {"certify",
                          {{"width", study.study().certify.width},
                           {"tightness", study.study().certify.tightness},
                           {"max_bits", study.study().certify.max_bits}}},
                         {"trials", results},
                         {"ranking", ranking_json(ranking)},
                         {"estimators", scores_json(trials)}};
  return document.dump(2) + "\n";
}

}  // namespace numgeom

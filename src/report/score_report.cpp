#include "numgeom/report/score_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "document.hpp"
#include "text_table.hpp"
#include "train/assignment_json.hpp"

namespace numgeom {
namespace {

using Json = OrderedJson;

constexpr int kDisplayPlaces = 13;
constexpr std::size_t kDisplayedSamples = 10;

std::string name_of(const ScoredModel& model) {
  if (!model.weights.empty()) return model.weights;
  return fmt::format("{} trial {} ({})", model.study, model.trial,
                     model.trained_in ? to_string(*model.trained_in) : "");
}

// Text.

std::string short_number(double x) { return fmt::format("{:.3g}", x); }

/// A quantity whose enclosure is narrower than what is shown of it.
std::string rough(const Enclosure& x) {
  return x.is_bounded() ? short_number(x.midpoint()) : "open";
}

std::string weight_error_text(const PrecisionScore& score) {
  switch (score.weight_rounding) {
    case WeightRounding::kNone:
      return "none";
    case WeightRounding::kOverflow:
      return "overflow";
    case WeightRounding::kRounded:
      break;
  }
  return rough(score.weight_error);
}

std::string native_loss_text(const PrecisionScore& score) {
  return score.diverged() ? "diverged" : fmt::format("{:.8g}", score.loss);
}

std::vector<std::string> line(const ScoredModel& model, const PrecisionScore& native) {
  const StabilityScore& score = *model.score;
  std::vector<std::string> cells{name_of(model),
                                 to_string(native.precision),
                                 native_loss_text(native),
                                 score.loss.digits(kDisplayPlaces),
                                 short_number(native.error.upper),
                                 fmt::format("{:.2f}", std::floor(native.digits * 100) / 100)};
  for (const auto state :
       {Verdict::State::kCertified, Verdict::State::kRefuted, Verdict::State::kUndecided})
    cells.push_back(score.has_labels ? std::to_string(native.labels(state)) : "-");
  cells.push_back(weight_error_text(native));
  cells.push_back(rough(score.condition));
  return cells;
}

std::string table_of(const std::vector<ScoredModel>& models) {
  TextTable table({"model", "precision", "native loss", "exact loss", "error", "digits",
                   "same labels", "flips", "undecided", "weight rounding", "condition"});
  for (const ScoredModel& model : models) {
    if (!model.score) {
      std::vector<std::string> cells(11, "-");
      cells[0] = name_of(model);
      cells[1] = to_string(*model.trained_in);
      cells[2] = "diverged";
      table.add(std::move(cells));
      continue;
    }
    for (const PrecisionScore& native : model.score->native) table.add(line(model, native));
  }
  return table.text();
}

std::string flips_text(const ScoredModel& model, const PrecisionScore& native) {
  std::string text;
  std::size_t shown = 0;
  for (std::size_t i = 0; i < native.samples.size(); ++i) {
    const Verdict& verdict = native.samples[i].same_label;
    if (!verdict.refuted() || shown++ >= kDisplayedSamples) continue;
    text += fmt::format("flip: {}, {}: sample {}: {}\n", name_of(model),
                        to_string(native.precision), i, verdict.reason);
  }
  if (shown > kDisplayedSamples)
    text += fmt::format("flip: {}, {}: and {} more; the JSON has all\n", name_of(model),
                        to_string(native.precision), shown - kDisplayedSamples);
  return text;
}

std::string notes_of(const ScoredModel& model) {
  if (!model.score)
    return fmt::format("{}: training diverged: its weights are infinite or NaN\n", name_of(model));
  std::string text;
  for (const PrecisionScore& native : model.score->native) text += flips_text(model, native);
  for (const std::string& reason : model.score->open)
    text += fmt::format("undecided: {}: {}\n", name_of(model), reason);
  return text;
}

// JSON.

Json bounds_json(const Enclosure& x) {
  return {{"lower", x.lower_string()}, {"upper", x.upper_string()}};
}

Json error_json(const CertifiedError& error) {
  return {{"lower", number_json(error.lower)}, {"upper", number_json(error.upper)}};
}

Json label_json(int label) { return label < 0 ? Json(nullptr) : Json(label); }

std::string name_of(WeightRounding rounding) {
  switch (rounding) {
    case WeightRounding::kNone:
      return "none";
    case WeightRounding::kOverflow:
      return "overflow";
    case WeightRounding::kRounded:
      break;
  }
  return "rounded";
}

Json labels_json(const PrecisionScore& native) {
  const int certified = native.labels(Verdict::State::kCertified);
  return {{"certified", certified},
          {"flipped", native.labels(Verdict::State::kRefuted)},
          {"undecided", native.labels(Verdict::State::kUndecided)},
          {"share", certified / static_cast<double>(native.samples.size())}};
}

/// Samples whose labels are in this state.
Json samples_in(const StabilityScore& score, const PrecisionScore& native, Verdict::State state) {
  Json json = Json::array();
  for (std::size_t i = 0; i < native.samples.size() && score.has_labels; ++i) {
    const SampleScore& sample = native.samples[i];
    if (sample.same_label.state != state) continue;
    json.push_back({{"sample", i},
                    {"native", label_json(sample.label)},
                    {"exact", label_json(score.samples[i].label)},
                    {"reason", sample.same_label.reason}});
  }
  return json;
}

Json native_samples_json(const StabilityScore& score, const PrecisionScore& native) {
  Json json = Json::array();
  for (const SampleScore& sample : native.samples) {
    Json one = {{"loss", number_json(sample.loss)}, {"certified_error", error_json(sample.error)}};
    if (score.has_labels) {
      one["label"] = label_json(sample.label);
      one["same_label"] = to_string(sample.same_label.state);
    }
    json.push_back(std::move(one));
  }
  return json;
}

Json native_json(const StabilityScore& score, const PrecisionScore& native, bool samples) {
  Json json = {{"precision", to_string(native.precision)},
               {"status", native.diverged() ? "diverged" : "ok"},
               {"loss", number_json(native.loss)},
               {"certified_error", error_json(native.error)},
               {"digits", number_json(native.digits)},
               {"labels", score.has_labels ? labels_json(native) : Json(nullptr)},
               {"flips", samples_in(score, native, Verdict::State::kRefuted)},
               {"undecided", samples_in(score, native, Verdict::State::kUndecided)},
               {"weights", name_of(native.weight_rounding)},
               {"weight_error", bounds_json(native.weight_error)}};
  if (samples) json["samples"] = native_samples_json(score, native);
  return json;
}

Json exact_samples_json(const StabilityScore& score) {
  Json json = Json::array();
  for (const ExactSample& sample : score.samples) {
    Json one = {{"loss", bounds_json(sample.loss)}, {"bits", sample.bits}};
    if (score.has_labels) one["label"] = label_json(sample.label);
    json.push_back(std::move(one));
  }
  return json;
}

Json problem_json(const Problem& problem) {
  const Dataset& data = problem.data->validation;
  return {{"data", problem.data->description},     {"samples", data.samples()},
          {"features", data.features.cols()},      {"classes", data.classes},
          {"network", problem.network.describe()}, {"loss", to_string(problem.loss.kind)}};
}

Json model_json(const ScoredModel& model, bool samples) {
  Json json = {{"name", name_of(model)},
               {"study", model.study},
               {"trial", model.trial},
               {"problem", problem_json(*model.problem)}};
  if (!model.weights.empty()) json["weights"] = model.weights;
  if (model.trained_in) json["trained_in"] = to_string(*model.trained_in);
  if (!model.score) {
    json["status"] = "diverged";
    return json;
  }
  const StabilityScore& score = *model.score;
  json["status"] = score.certified() ? "certified" : "undecided";
  json["open"] = score.open;
  json["loss"] = bounds_json(score.loss);
  json["loss"]["width"] = number_json(score.loss.width());
  json["condition"] = bounds_json(score.condition);
  json["bits"] = score.bits;
  json["native"] = Json::array();
  for (const PrecisionScore& native : score.native)
    json["native"].push_back(native_json(score, native, samples));
  if (samples) json["samples"] = exact_samples_json(score);
  json["seconds"] = score.seconds;
  return json;
}

}  // namespace

std::string score_text(const std::vector<ScoredModel>& models) {
  if (models.empty()) return "no model was scored\n";
  std::string text = table_of(models);
  std::string notes;
  for (const ScoredModel& model : models) notes += notes_of(model);
  return notes.empty() ? text : text + "\n" + notes;
}

std::string score_json(const std::vector<ScoredModel>& models, const ScoreOptions& options,
                       bool samples) {
  Json scored = Json::array();
  for (const ScoredModel& model : models) scored.push_back(model_json(model, samples));
  const Json document = {
      {"schema_version", kSchemaVersion},
      {"build", build_json()},
      {"score", {{"tightness", options.tightness}, {"max_bits", options.max_bits}}},
      {"models", scored}};
  return document.dump(2) + "\n";
}

}  // namespace numgeom

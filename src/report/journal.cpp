#include "numgeom/report/journal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "numgeom/data/sha256.hpp"
#include "numgeom/error.hpp"
#include "numgeom/version.hpp"
#include "train/assignment_json.hpp"
#include "train/build_info.hpp"

namespace numgeom {
namespace {

using Json = nlohmann::json;

/// How every line begins: keys are sorted.
constexpr std::string_view kLineStart = R"({"fingerprint":")";

/// Whether `text` may be a line that was cut off.
bool begins_line(std::string_view text) {
  const std::size_t common = std::min(text.size(), kLineStart.size());
  return text.substr(0, common) == kLineStart.substr(0, common);
}

std::string fingerprint_of(const LoadedStudy& loaded) {
  const Study& study = loaded.study();
  std::vector<std::string> precisions;
  for (const Precision precision : study.precisions) precisions.push_back(to_string(precision));
  const TrainingOptions& t = study.training;
  const Configuration& c = study.configuration;
  const BuildInfo build = build_info();
  const Json all = {
      {"build", {build.version, kResultRevision, build.compiler, build.flags, build.simd}},
      {"data", loaded.data_hash()},
      {"network", study.network.describe()},
      {"loss", {to_string(study.loss.kind), study.loss.label_smoothing, study.loss.huber_delta}},
      {"training",
       {t.epochs, t.batch, to_string(t.initialization), to_string(t.optimizer),
        to_string(t.schedule.kind), t.schedule.warmup, t.schedule.period, t.schedule.factor}},
      {"configuration",
       {c.lr, c.weight_decay, c.l1, c.clip_norm, c.momentum, c.beta1, c.beta2, c.decay, c.epsilon}},
      {"precisions", precisions},
      {"certify", {study.certify.width, study.certify.tightness, study.certify.max_bits}}};
  return sha256(all.dump());
}

std::string exact_text(const BigFloat& x) {
  char* text = nullptr;
  if (mpfr_asprintf(&text, "%Ra", x.get()) < 0) throw std::bad_alloc();
  std::string result = text;
  mpfr_free_str(text);
  return result;
}

/// Throws unless the text is a number that `bits` bits hold exactly.
BigFloat exact_number(const std::string& text, int bits) {
  if (bits < BigFloat::kMinBits || bits > (1 << 24)) throw Error("precision out of range");
  BigFloat result(bits);
  char* end = nullptr;
  const int ternary = mpfr_strtofr(result.get(), text.c_str(), &end, 0, MPFR_RNDN);
  if (ternary != 0 || end == text.c_str() || *end != '\0' || result.is_nan())
    throw Error("not an exact number: " + text);
  return result;
}

/// Infinite and NaN losses are results too; JSON has no numbers for them.
Json number(double x) { return fmt::format("{}", x); }
double to_number(const Json& json) {
  const auto& text = json.get_ref<const std::string&>();
  double x = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (status != std::errc() || end != text.data() + text.size())
    throw Error("not a number: " + text);
  return x;
}

Json enclosure_json(const Enclosure& x) {
  return {exact_text(x.lower), x.lower.bits(), exact_text(x.upper), x.upper.bits()};
}

Enclosure to_enclosure(const Json& json) {
  return {exact_number(json.at(0), json.at(1)), exact_number(json.at(2), json.at(3))};
}

Json rung_json(const Rung& rung) {
  return {static_cast<int>(rung.way), static_cast<int>(rung.kind), rung.bits};
}
Rung to_rung(const Json& json) {
  const int way = json.at(0);
  const int kind = json.at(1);
  if ((way != 0 && way != 1) || (kind != 0 && kind != 1)) throw Error("unknown rung");
  return {static_cast<Rung::Way>(way), static_cast<Rung::Kind>(kind), json.at(2)};
}

Json native_json(const NativeRun& run) {
  Json estimates = Json::object();
  for (const auto& [name, one] : run.estimates)
    estimates[name] = {number(one.value), number(one.seconds)};
  return {{"precision", to_string(run.precision)},
          {"loss", number(run.loss)},
          {"errors", run.errors.lower},
          {"seconds", number(run.seconds)},
          {"estimates", estimates}};
}

NativeRun to_native(const Json& json) {
  const Eigen::Index errors = json.at("errors");
  NativeRun run{parse_precision(json.at("precision")),
                to_number(json.at("loss")),
                {errors, errors},
                to_number(json.at("seconds")),
                {}};
  for (const auto& [name, one] : json.at("estimates").items())
    run.estimates[name] = {to_number(one.at(0)), to_number(one.at(1))};
  return run;
}

Json radii_json(const std::vector<RadiusAfter>& radii) {
  Json json = Json::array();
  for (const RadiusAfter& radius : radii) json.push_back({radius.steps, number(radius.log2)});
  return json;
}
std::vector<RadiusAfter> to_radii(const Json& json) {
  std::vector<RadiusAfter> radii;
  for (const Json& radius : json) radii.push_back({radius.at(0), to_number(radius.at(1))});
  return radii;
}

Json chain_json(const std::vector<ChainLink>& chain) {
  Json json = Json::array();
  for (const ChainLink& link : chain) {
    json.push_back(Json::array());
    for (const Magnitude& x : {link.radius, link.lipschitz, link.defect})
      json.back().push_back({x.mantissa(), x.exponent()});
  }
  return json;
}
std::vector<ChainLink> to_chain(const Json& json) {
  const auto magnitude = [](const Json& x) { return Magnitude(x.at(0).get<double>(), x.at(1)); };
  std::vector<ChainLink> chain;
  for (const Json& link : json)
    chain.push_back({magnitude(link.at(0)), magnitude(link.at(1)), magnitude(link.at(2))});
  return chain;
}

Json trial_json(const CertifiedTrial& result) {
  Json native = Json::array();
  for (const NativeRun& run : result.native) native.push_back(native_json(run));
  Json attempts = Json::array();
  const Certification& found = result.certification;
  for (const ShadowRun& run : found.attempts)
    attempts.push_back({rung_json(run.rung), enclosure_json(run.loss), run.errors.lower,
                        run.errors.upper, number(run.bits_lost), run.open, number(run.seconds),
                        radii_json(run.radii), chain_json(run.chain)});
  Json candidates = Json::array();
  for (const Candidate& one : found.candidates)
    candidates.push_back({rung_json(one.rung), number(one.bits_lost), number(one.sign_bits),
                          one.predicted, number(one.seconds)});
  return {{"assignment", assignment_json(result.trial.assignment).dump()},  // keys stay in order
          {"seed", result.trial.seed},
          {"native", native},
          {"certified", found.certified()},
          {"reason", found.reason},
          {"loss", enclosure_json(found.loss)},
          {"errors", {found.errors.lower, found.errors.upper}},
          {"rung", rung_json(found.rung)},
          {"predicted_bits", found.predicted_bits},
          {"expected_width", number(found.expected_width)},
          {"candidates", candidates},
          {"attempts", attempts},
          {"seconds", number(found.seconds)}};
}

CertifiedTrial to_trial(const Json& json) {
  CertifiedTrial result;
  result.trial.assignment =
      assignment_from_json(OrderedJson::parse(json.at("assignment").get<std::string>()));
  result.trial.seed = json.at("seed");
  Certification& found = result.certification;
  if (json.at("certified").get<bool>()) found.status = CertificationStatus::kCertified;
  found.reason = json.at("reason");
  found.loss = to_enclosure(json.at("loss"));
  found.errors = {json.at("errors").at(0), json.at("errors").at(1)};
  found.rung = to_rung(json.at("rung"));
  found.predicted_bits = json.at("predicted_bits");
  found.expected_width = to_number(json.at("expected_width"));
  for (const Json& one : json.at("candidates"))
    found.candidates.push_back({to_rung(one.at(0)), to_number(one.at(1)), to_number(one.at(2)),
                                one.at(3), to_number(one.at(4))});
  for (const Json& run : json.at("attempts"))
    found.attempts.push_back({to_rung(run.at(0)),
                              to_enclosure(run.at(1)),
                              {run.at(2), run.at(3)},
                              to_number(run.at(4)),
                              run.at(5),
                              to_number(run.at(6)),
                              to_radii(run.at(7)),
                              to_chain(run.at(8))});
  found.seconds = to_number(json.at("seconds"));
  for (const Json& run : json.at("native")) {
    result.native.push_back(to_native(run));
    result.certified_errors.push_back(certified_error(result.native.back().loss, found.loss));
  }
  return result;
}

/// A kept trial is certified only if its enclosure still shows it.
void require_goal(const CertifiedTrial& trial, const CertifyOptions& options) {
  if (!trial.certification.certified()) return;
  Goal goal{options.width, options.tightness, {}};
  for (const NativeRun& run : trial.native)
    goal.computed.push_back({run.loss, unit_roundoff(run.precision)});
  if (!goal.reached(trial.certification.loss)) throw Error("certified without an enclosure");
}

}  // namespace

Journal::Journal(std::filesystem::path file, const LoadedStudy& study)
    : file_(std::move(file)), fingerprint_(fingerprint_of(study)), options_(study.study().certify) {
  try {
    load();
  } catch (const std::filesystem::filesystem_error& error) {
    throw Error(fmt::format("{}: {}", file_.string(), error.code().message()));
  }
  const std::ofstream writable(file_, std::ios::app);
  if (!writable) throw Error(fmt::format("{}: the journal cannot be written", file_.string()));
}

void Journal::load() {
  if (!std::filesystem::exists(file_)) return;
  if (!std::filesystem::is_regular_file(file_))
    throw Error(fmt::format("{}: a journal is a regular file, this is not", file_.string()));
  std::ifstream stream(file_);
  if (!stream) throw Error(fmt::format("{}: the journal cannot be read", file_.string()));
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  const std::size_t whole = text.find_last_of('\n') + 1;  // npos + 1 = 0: not one whole line
  std::istringstream lines(text.substr(0, whole));
  int number = 1;
  for (std::string line; std::getline(lines, line); ++number) load_line(line, number);
  if (whole == text.size()) return;
  if (!begins_line(std::string_view(text).substr(whole))) fail_at(number);
  std::filesystem::resize_file(file_, whole);
}

void Journal::load_line(const std::string& line, int number) {
  try {
    const Json json = Json::parse(line);
    if (json.at("sha256") != sha256(json.at("trial").dump())) fail_at(number);
    if (json.at("fingerprint") != fingerprint_) return;
    known_.push_back(to_trial(json.at("trial")));
    require_goal(known_.back(), options_);
  } catch (const std::exception&) {
    fail_at(number);
  }
}

void Journal::fail_at(int line) const {
  throw Error(fmt::format("{}:{}: not a line of a journal; move the file away to start afresh",
                          file_.string(), line));
}

std::optional<CertifiedTrial> Journal::find(const Trial& trial) const {
  for (const CertifiedTrial& one : known_) {
    if (!(one.trial.assignment == trial.assignment) || one.trial.seed != trial.seed) continue;
    CertifiedTrial result = one;
    result.trial = trial;
    return result;
  }
  return std::nullopt;
}

void Journal::append(const CertifiedTrial& trial) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(file_, ignored);
  std::ofstream stream(file_, std::ios::app);
  const Json content = trial_json(trial);
  stream << Json{{"fingerprint", fingerprint_},
                 {"sha256", sha256(content.dump())},
                 {"trial", content}}
                .dump()
         << '\n';
  stream.close();
  if (stream) return;
  std::filesystem::resize_file(file_, size, ignored);  // no half a line for the next to go on from
  throw Error(fmt::format("{}: the journal cannot be written", file_.string()));
}

}  // namespace numgeom

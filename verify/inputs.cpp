#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include "training.hpp"

namespace verify {
namespace {

template <class Element>
std::vector<double> elements(const std::string& bytes, std::size_t start) {
  std::vector<double> values((bytes.size() - start) / sizeof(Element));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Element element;
    std::memcpy(&element, bytes.data() + start + i * sizeof(Element), sizeof(Element));
    values[i] = static_cast<double>(element);
    // Whole numbers beyond 2^53 would not be themselves as doubles; no index is as great.
    require(
        std::isfinite(values[i]) && (!std::is_integral_v<Element> || std::abs(values[i]) < 0x1p53),
        "finite elements, whole ones below 2^53, expected");
  }
  return values;
}

Array read_array(const std::string& directory, const std::string& hash, const std::string& type) {
  const std::string path = directory + "/" + hash + ".npy";
  try {
    const std::string bytes = read_file(path);
    require(sha256(bytes) == hash, "has another hash than its name");
    return parse_npy(bytes, type);
  } catch (const std::runtime_error& error) {
    throw Refusal(path + ": " + error.what());
  }
}

/// The slope of a leaky ReLU or the rate of dropout.
double parse_rate(const std::string& kind, const std::string& text) {
  double x = 0;
  const auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), x);
  require(status == std::errc() && stop == text.data() + text.size() && x >= 0 &&
              (x < 1 || (kind == "leaky_relu" && x == 1)),
          "network: " + kind + " " + text + ": a number from 0 to 1 expected");
  return x;
}

std::vector<Layer> parse_network(const std::vector<std::string>& descriptions, long inputs) {
  static const std::regex kForm(
      R"((relu|tanh|sigmoid)|(dense) ([1-9]\d{0,6})|(leaky_relu|dropout) ([-+.\deE]{1,40}))");
  std::vector<Layer> layers;
  for (const std::string& text : descriptions) {
    std::smatch match;
    if (!std::regex_match(text, match, kForm))
      throw Unsupported("the layer '" + text + "' is not known here");
    Layer layer{text.substr(0, text.find(' ')), inputs, inputs, 0};
    if (match[2].matched) layer.outputs = std::stol(match[3]);
    if (match[4].matched) layer.number = parse_rate(match[4], match[5]);
    inputs = layer.outputs;
    layers.push_back(layer);
  }
  require(!layers.empty() && layers.back().kind == "dense", "network: a dense last layer expected");
  return layers;
}

/// Whole numbers from 0 to below `end`.
void require_indices(const Array& array, long end, const std::string& what) {
  for (const double x : array.values)
    require(x >= 0 && x < static_cast<double>(end) && x == std::floor(x), what + " expected");
}

std::vector<std::vector<long>> cut_batches(const Array& indices, const Array& offsets) {
  std::vector<std::vector<long>> batches;
  require(offsets.rows > 1 && offsets.at(0) == 0 &&
              offsets.at(offsets.rows - 1) == static_cast<double>(indices.rows),
          "batch_offsets: from 0 to the number of indices expected");
  for (long t = 0; t + 1 < offsets.rows; ++t) {
    require(offsets.at(t) < offsets.at(t + 1), "batch_offsets: ascending numbers expected");
    batches.emplace_back();
    for (double i = offsets.at(t); i < offsets.at(t + 1); ++i)
      batches.back().push_back(static_cast<long>(indices.at(static_cast<long>(i))));
  }
  return batches;
}

/// As many arrays as the network takes, each of the shape that it takes.
void check_shapes(const Experiment& experiment, long rows_of_masks) {
  std::size_t parameter = 0;
  std::size_t mask = 0;
  const auto fits = [](const std::vector<Array>& arrays, std::size_t i, long rows, long columns) {
    return i < arrays.size() && arrays[i].rows == rows && arrays[i].columns == columns;
  };
  for (const Layer& layer : experiment.layers) {
    if (layer.kind == "dense") {
      require(fits(experiment.parameters, parameter, layer.inputs, layer.outputs) &&
                  fits(experiment.parameters, parameter + 1, 1, layer.outputs),
              "parameters: the shapes of the network expected");
      parameter += 2;
    } else if (layer.kind == "dropout") {
      require(fits(experiment.masks, mask++, rows_of_masks, (layer.inputs + 7) / 8),
              "masks: a row a sample and step, a bit an entry expected");
    }
  }
  require(parameter == experiment.parameters.size() && mask == experiment.masks.size(),
          "inputs: as many parameters and masks as the network has expected");
}

void require_known(const std::string& what, std::initializer_list<const char*> names) {
  if (std::find(names.begin(), names.end(), what) == names.end())
    throw Unsupported("'" + what + "' is not known here");
}

}  // namespace

Array parse_npy(const std::string& bytes, const std::string& type) {
  constexpr std::size_t kPreamble = 10;
  require(bytes.size() >= kPreamble && bytes.starts_with(std::string("\x93NUMPY\x01\x00", 8)),
          "an NPY file of version 1 expected");
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(bytes[i] & 0xff); };
  const std::size_t start = kPreamble + byte(8) + 256 * byte(9);
  static const std::regex kHeader(
      R"(\{'descr': '(<f4|<f8|<i8|\|u1)', 'fortran_order': False, 'shape': \(([1-9]\d{0,8}),(?: ([1-9]\d{0,8}))?\), \} *\n)");
  std::smatch match;
  const std::string header = bytes.substr(kPreamble, std::min<std::size_t>(start - kPreamble, 512));
  require(start <= bytes.size() && std::regex_match(header, match, kHeader) && match[1] == type,
          "an array of " + type + " with one or two dimensions in C order expected");
  Array array{std::stol(match[2]), match[3].matched ? std::stol(match[3]) : 1, {}};
  if (type == "<f4") array.values = elements<float>(bytes, start);
  if (type == "<f8") array.values = elements<double>(bytes, start);
  if (type == "<i8") array.values = elements<std::int64_t>(bytes, start);
  if (type == "|u1") array.values = elements<std::uint8_t>(bytes, start);
  require(array.rows * array.columns == static_cast<long>(array.values.size()) &&
              (array.columns == 1 || type == "<f4" || type == "|u1"),
          "as many elements as the shape says, and one dimension but for features, parameters and "
          "masks, expected");
  return array;
}

std::string read_file(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) throw std::runtime_error("no file");
  std::ifstream stream(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  if (!stream) throw std::runtime_error("cannot be read");
  return bytes;
}

Experiment read_experiment(const Certificate& certificate, const Trial& trial,
                           const std::string& directory) {
  require_known(certificate.loss, {"cross_entropy"});
  require_known(trial.optimizer, {"sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop"});
  if (trial.hyperparameters.at("l1") != 0 || trial.hyperparameters.at("clip_norm") != 0)
    throw Unsupported("l1 and clip_norm are not known here");
  for (const char* name : {"momentum", "beta1", "beta2", "decay"})
    require(trial.hyperparameters.at(name) < 1, std::string(name) + ": a number below 1 expected");
  require(certificate.label_smoothing < 1, "label_smoothing: a number below 1 expected");
  const auto read = [&](const std::string& hash, const char* type) {
    return read_array(directory, hash, type);
  };
  Experiment experiment;
  experiment.layers = parse_network(trial.network, certificate.features);
  experiment.train_x = read(certificate.data.at("train_x"), "<f4");
  experiment.train_y = read(certificate.data.at("train_y"), "<i8");
  experiment.validation_x = read(certificate.data.at("validation_x"), "<f4");
  experiment.validation_y = read(certificate.data.at("validation_y"), "<i8");
  experiment.rates = read(trial.inputs.at("rates"), "<f8");
  require(experiment.layers.back().outputs == certificate.classes,
          "network: an output a class expected");
  for (const auto& [x, y] : {std::pair(&experiment.train_x, &experiment.train_y),
                             std::pair(&experiment.validation_x, &experiment.validation_y)}) {
    require(x->columns == certificate.features && x->rows == y->rows,
            "data: rows of features, and a label each, expected");
    require_indices(*y, certificate.classes, "labels: classes");
  }
  const Array indices = read(trial.inputs.at("batch_indices"), "<i8");
  require_indices(indices, experiment.train_x.rows, "batch_indices: rows of the training set");
  const Array offsets = read(trial.inputs.at("batch_offsets"), "<i8");
  require_indices(offsets, indices.rows + 1, "batch_offsets: places in the indices");
  experiment.batches = cut_batches(indices, offsets);
  for (const std::string& hash : trial.parameters)
    experiment.parameters.push_back(read(hash, "<f4"));
  for (const std::string& hash : trial.masks) experiment.masks.push_back(read(hash, "|u1"));
  check_shapes(experiment, indices.rows);
  require(experiment.rates.rows == static_cast<long>(experiment.batches.size()),
          "rates: one a step expected");
  require(!trial.chain || trial.chain->radius.size() == experiment.batches.size(),
          "chain: a radius a step expected");
  // Those of a schedule are taken as they are.
  for (const double rate : experiment.rates.values)
    require(trial.schedule != "constant" || Rational(rate) == trial.hyperparameters.at("lr"),
            "rates: the learning rate in every step expected");
  return experiment;
}

}  // namespace verify

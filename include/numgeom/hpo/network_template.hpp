#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "numgeom/train/assignment.hpp"
#include "numgeom/train/network.hpp"

namespace numgeom {

/// A network whose layers may depend on hyperparameters.
///
/// `$name` in a layer stands for the value of a hyperparameter, and a group of layers may be
/// repeated as often as one says: {"dense $width", "relu"} repeated `$depth` times.
class NetworkTemplate {
 public:
  /// One layer, or several that are repeated.
  struct Entry {
    std::string text;           ///< of a layer
    std::string repeat;         ///< how often: a number or `$name`; empty for a layer
    std::vector<Entry> layers;  ///< what is repeated
  };

  NetworkTemplate() = default;
  explicit NetworkTemplate(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  /// Layers alone.
  explicit NetworkTemplate(const std::vector<std::string>& layers);

  /// Throws `Error` that quotes the entry where a hyperparameter has no value or a layer cannot be
  /// read, and as `Network::parse`.
  [[nodiscard]] Network instantiate(const Assignment& assignment) const;
  /// The hyperparameters that it mentions.
  [[nodiscard]] std::vector<std::string> names() const;
  /// The entries as written, a group as `{layers} × count`.
  [[nodiscard]] std::vector<std::string> describe() const;

 private:
  std::vector<Entry> entries_;
};

}  // namespace numgeom

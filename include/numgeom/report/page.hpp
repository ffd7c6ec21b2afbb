#pragma once

#include <filesystem>
#include <string>

namespace numgeom {

struct PageOptions {
  bool live = false;  ///< the page loads itself again every few seconds
};

/// The JSON document that a source holds.
///
/// A source is a JSON document of `numgeom certify`, `optimize` or `map`, returned as it is, or a
/// file that `optimize --storage` wrote, whose study (`study`, empty: the only one) becomes the
/// document of `search_json` with three more members: `problem`, `build` and `space`, the tuned
/// hyperparameters {`name`, `low`, `high`, `scale` linear|log}. What was certified in it counts
/// where the study's data can be loaded and are those that it was certified for; else `note` says
/// why there is none.
/// Throws `Error` that names the file: it cannot be read, is neither JSON nor a storage, has no
/// such study.
[[nodiscard]] std::string report_document(const std::filesystem::path& source,
                                          const std::string& study = "");

/// A document as one HTML page that needs nothing else and asks no network for anything: facts,
/// pictures, a table of trials, pairwise verdicts. Losses and verdicts are those of the document.
///
/// Takes documents of `certify_json`, `search_json`, of `numgeom map`, and what `report_document`
/// returns. What the page gets is the document without indentation, with two changes:
/// `ranking.pairs` of a certification becomes `ranking.verdict_kinds` [{`less`, `reason`}] and
/// `ranking.verdicts`, one string for each trial i whose character j − i − 1 stands for the pair
/// (i, j): kind k is the character 0x23 + k, '!' is no verdict; and a search gets `acquisition`
/// (`acquisition_surface.hpp`) where there are enough trials.
/// Throws `Error`: not JSON, not one of these documents, an unknown `schema_version`.
[[nodiscard]] std::string report_page(const std::string& document, const PageOptions& options = {});

/// The pictures of a document, each as NAME.svg in a directory, which is made where it is missing.
/// They are drawn by Vega in `node`.
/// Throws `Error` as `report_page`, and where node is missing or a file cannot be written.
void write_figures(const std::string& document, const std::filesystem::path& directory);

}  // namespace numgeom

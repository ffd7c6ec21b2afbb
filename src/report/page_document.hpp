#pragma once

#include <string>

#include "train/assignment_json.hpp"

namespace numgeom {

/// A document as the page's scripts take it (`report_page` says how it differs from the public
/// one). Throws `Error` for anything else than a document that can be drawn.
[[nodiscard]] OrderedJson page_document(const std::string& document);

}  // namespace numgeom

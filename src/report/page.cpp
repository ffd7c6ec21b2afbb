#include "numgeom/report/page.hpp"

#include <fmt/format.h>

#include <map>

#include "assets.hpp"
#include "numgeom/error.hpp"
#include "page_document.hpp"

namespace numgeom {
namespace {

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

/// JSON that may stand in a script element: no "<", so neither "</script" nor "<!--".
std::string escaped_json(const OrderedJson& document) {
  std::string text = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  replace_all(text, "<", "\\u003c");
  return text;
}

/// A script that may stand in a script element, without the address of its source map.
std::string escaped_script(std::string_view script) {
  std::string text(script);
  replace_all(text, "</script", "<\\/script");
  replace_all(text, "<!--", "<\\!--");
  if (const auto at = text.find("\n//# sourceMappingURL="); at != std::string::npos)
    text.resize(at);
  return text;
}

std::string with_licence(const char* name, std::string_view script, std::string_view licence) {
  return fmt::format("/*! {}\n{}*/\n{}", name, licence, escaped_script(script));
}

/// A template with {{name}} replaced, in one pass: values may hold anything.
std::string filled(std::string_view page, const std::map<std::string_view, std::string>& values) {
  std::string result;
  while (true) {
    const std::size_t begin = page.find("{{");
    result += page.substr(0, begin);
    if (begin == std::string_view::npos) return result;
    const std::size_t end = page.find("}}", begin);
    result += values.at(page.substr(begin + 2, end - begin - 2));
    page.remove_prefix(end + 2);
  }
}

}  // namespace

std::string report_page(const std::string& document, const PageOptions& options) {
  return filled(
      assets::report_html(),
      {{"live", options.live ? "true" : "false"},
       {"css", std::string(assets::report_css())},
       {"document", escaped_json(page_document(document))},
       {"vega", with_licence("Vega", assets::vega(), assets::vega_licence())},
       {"vega_lite", with_licence("Vega-Lite", assets::vega_lite(), assets::vega_lite_licence())},
       {"vega_embed",
        with_licence("Vega-Embed", assets::vega_embed(), assets::vega_embed_licence())},
       {"figures_js", escaped_script(assets::figures_js())},
       {"report_js", escaped_script(assets::report_js())}});
}

}  // namespace numgeom

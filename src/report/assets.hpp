#pragma once

#include <string_view>

/// The files that reports are made of, embedded into the program byte by byte.
namespace numgeom::assets {

[[nodiscard]] std::string_view vega();
[[nodiscard]] std::string_view vega_licence();
[[nodiscard]] std::string_view vega_lite();
[[nodiscard]] std::string_view vega_lite_licence();
[[nodiscard]] std::string_view vega_embed();
[[nodiscard]] std::string_view vega_embed_licence();
[[nodiscard]] std::string_view report_html();
[[nodiscard]] std::string_view report_css();
[[nodiscard]] std::string_view report_js();
[[nodiscard]] std::string_view figures_js();
[[nodiscard]] std::string_view svg_js();

}  // namespace numgeom::assets

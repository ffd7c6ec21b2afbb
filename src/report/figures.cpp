#include <fmt/format.h>

#include "assets.hpp"
#include "data/subprocess.hpp"
#include "data/temporary_directory.hpp"
#include "numgeom/data/file.hpp"
#include "numgeom/error.hpp"
#include "numgeom/report/page.hpp"
#include "page_document.hpp"

namespace numgeom {
namespace {

namespace fs = std::filesystem;

void make_directory(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error || !fs::is_directory(directory))
    throw Error(fmt::format("{}: a directory expected{}", directory.string(),
                            error ? ": " + error.message() : ""));
}

/// What went wrong in node, as one line.
std::string last_line(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  return text.substr(text.find_last_of('\n') + 1);
}

}  // namespace

void write_figures(const std::string& document, const fs::path& directory) {
  const std::string drawn = page_document(document).dump();
  const TemporaryDirectory work(fs::temp_directory_path());
  write_file(work.path() / "vega.js", assets::vega());
  write_file(work.path() / "vega-lite.js", assets::vega_lite());
  write_file(work.path() / "figures.js", assets::figures_js());
  write_file(work.path() / "svg.js", assets::svg_js());
  write_file(work.path() / "document.json", drawn);
  const ProgramResult result = run_program({"node", "svg.js"}, work.path());
  if (!result.found)
    throw Error("node is not installed, which draws SVG; install it with 'apt-get install nodejs'");
  if (result.status != 0)
    throw Error(fmt::format("node could not draw the figures: {}", last_line(result.output)));
  make_directory(directory);
  for (const fs::path& figure : list_directory(work.path() / "figures"))
    write_file(directory / figure.filename(), read_file(figure).bytes);
}

}  // namespace numgeom

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "commands.hpp"
#include "interrupt.hpp"
#include "numgeom/data/file.hpp"
#include "numgeom/error.hpp"
#include "numgeom/report/page.hpp"
#include "output.hpp"

namespace numgeom::cli {
namespace {

namespace fs = std::filesystem;

struct ReportArguments {
  std::string source;
  std::string study;
  std::string out;
  std::string svg;
  bool follow = false;
};

/// The page of a document; where it cannot be made, the source is named.
std::string page_of(const ReportArguments& arguments, const std::string& document, bool live) {
  try {
    return report_page(document, {live});
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", arguments.source, error.what()));
  }
}

void write_report(const ReportArguments& arguments, bool live) {
  const std::string document = report_document(arguments.source, arguments.study);
  const std::string page = page_of(arguments, document, live);
  if (!arguments.out.empty()) write_file(arguments.out, page);
  if (!arguments.svg.empty()) write_figures(document, arguments.svg);
}

/// What changes when somebody writes to the source: sizes and times of the file and of its
/// write-ahead log.
std::string stamp_of(const std::string& source) {
  std::string stamp;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code error;
    const auto time = fs::last_write_time(source + suffix, error);
    const auto size = error ? 0 : fs::file_size(source + suffix, error);
    if (!error) stamp += fmt::format("{} {} ", time.time_since_epoch().count(), size);
  }
  return stamp;
}

/// Until Ctrl-C. A source that is half-written now is read again later.
void follow(const ReportArguments& arguments) {
  constexpr std::chrono::milliseconds kPause{500};
  std::string known = stamp_of(arguments.source);
  write_report(arguments, true);
  print_note(fmt::format("numgeom: {} follows {} until Ctrl-C\n", arguments.out, arguments.source));
  while (!InterruptGuard::requested()) {
    std::this_thread::sleep_for(kPause);
    const std::string now = stamp_of(arguments.source);
    if (now == known) continue;
    known = now;
    try {
      write_report(arguments, true);
    } catch (const Error& error) {
      print_note(fmt::format("numgeom: {}\n", error.what()));
    }
  }
}

void report(const ReportArguments& arguments) {
  if (arguments.out.empty() && (arguments.svg.empty() || arguments.follow))
    throw Error("report: -o FILE expected, the page to write; without --follow --svg DIR will do");
  if (arguments.follow) {
    const InterruptGuard guard;
    follow(arguments);
  }
  write_report(arguments, false);
}

}  // namespace

void add_report(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<ReportArguments>();
  CLI::App* command = app.add_subcommand(
      "report", "Make one HTML page, or SVG pictures, of what was certified or searched.");
  command
      ->add_option("source", arguments->source,
                   "JSON of certify, optimize or map, or a file of optimize --storage")
      ->required();
  command->add_option("-o,--out", arguments->out, "The page")->type_name("FILE.html");
  command->add_option("--svg", arguments->svg, "Write every picture as an SVG file (needs node)")
      ->type_name("DIR");
  command->add_option("--study", arguments->study, "Its name in a storage (default: the only one)")
      ->type_name("NAME");
  command->add_flag("--follow", arguments->follow,
                    "Write the page again whenever the source changes, until Ctrl-C");
  command->footer(
      "The page needs nothing but a browser: pictures with tooltips, zoom and export, a table of\n"
      "trials to sort and to filter, and the verdict on every pair. With --follow an open page\n"
      "loads itself again and keeps what its reader sorted, filtered and scrolled to.");
  command->callback([arguments, &exit_code] {
    report(*arguments);
    exit_code = kDone;
  });
}

}  // namespace numgeom::cli

#include "numgeom/report/page.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "numgeom/data/file.hpp"
#include "numgeom/error.hpp"

using namespace numgeom;
using Json = nlohmann::ordered_json;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

Json trial(double lr, double loss, const std::string& lower, const std::string& upper) {
  return {{"configuration", {{"lr", lr}}},
          {"seed", 0},
          {"native",
           {{{"precision", "fp32"},
             {"loss", loss},
             {"status", "ok"},
             {"certified_error", {{"lower", 1e-8}, {"upper", 2e-8}}},
             {"estimates", {{"phi", 3e-8}}}}}},
          {"enclosure", {{"lower", lower}, {"upper", upper}, {"status", "certified"}}}};
}

Json pair(int first, int second, const char* less) {
  return {
      {"first", first}, {"second", second}, {"less", less}, {"reason", std::string(less) + "!"}};
}

Json certification() {
  return {{"schema_version", 1},
          {"problem", {{"dataset", "mnist"}, {"network", {"dense 4"}}}},
          {"build", {{"version", "0"}}},
          {"trials",
           {trial(0.1, 0.5, "5.00e-01", "5.01e-01"), trial(0.2, 0.7, "7.00e-01", "7.01e-01"),
            trial(0.3, 0.7, "7.00e-01", "7.02e-01")}},
          {"ranking",
           {{"order", {0, 1, 2}},
            {"total", false},
            {"pairs", {pair(0, 1, "certified"), pair(0, 2, "certified"), pair(1, 2, "undecided")}},
            {"native",
             {{{"precision", "fp32"}, {"indistinguishable", {0}}, {"flips", Json::array()}}}}}},
          {"estimators", Json::array()}};
}

Json search(int trials) {
  Json list = Json::array();
  for (int i = 0; i < trials; ++i)
    list.push_back(
        {{"number", i},
         {"parameters", {{"lr", 0.01 * (i + 1)}, {"weight_decay", 0.001 * (7 * i % 5 + 1)}}},
         {"status", "ok"},
         {"loss", 1.0 / (i + 1)},
         {"delta", 1e-6}});
  return {{"schema_version", 1},
          {"study", "s"},
          {"trials", list},
          {"best", 0},
          {"trusted", 0},
          {"pareto_front", Json::array()},
          {"reliable_pairs", {{"with_best", 0}, {"reliable", 0}}}};
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

/// The document in a page, read as a browser does: to the end of its script element.
Json document_in(const std::string& page) {
  const std::string begin = "<script type=\"application/json\" id=\"document\">";
  const auto from = page.find(begin);
  REQUIRE(from != std::string::npos);
  const auto start = from + begin.size();
  return Json::parse(page.substr(start, page.find("</script", start) - start));
}

void check_refused(const Json& document, const std::string& part) {
  INFO(part);
  try {
    (void)report_page(document.dump());
    FAIL_CHECK("not refused");
  } catch (const Error& error) {
    CHECK_THAT(std::string(error.what()), Contains(part));
    CHECK(count(error.what(), "\n") == 0);
  }
}

/// A directory that goes when the test does.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("numgeom-page-" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
};

}  // namespace

TEST_CASE("a page holds its document, with pairs packed") {
  const Json found = document_in(report_page(certification().dump()));
  CHECK(found["kind"] == "certify");
  CHECK(found["trials"] == certification()["trials"]);
  CHECK_FALSE(found["ranking"].contains("pairs"));
  CHECK(found["ranking"]["verdict_kinds"] ==
        Json{{{"less", "certified"}, {"reason", "certified!"}},
             {{"less", "undecided"}, {"reason", "undecided!"}}});
  CHECK(found["ranking"]["verdicts"] == Json{"##", "$", ""});
}

TEST_CASE("a pair without a verdict stays without one") {
  Json document = certification();
  document["ranking"]["pairs"].erase(1);
  CHECK(document_in(report_page(document.dump()))["ranking"]["verdicts"] == Json{"#!", "$", ""});
}

TEST_CASE("what a document says cannot end its script") {
  const std::string plain = report_page(certification().dump());
  Json document = certification();
  const std::string evil = "</script><!--<script>alert(1)</script>{{css}}\xE2\x80\xA8";
  document["problem"]["dataset"] = evil;
  const std::string page = report_page(document.dump());
  CHECK(count(page, "</script") == count(plain, "</script"));
  CHECK(count(page, "<!--") == count(plain, "<!--"));
  CHECK(document_in(page)["problem"]["dataset"] == evil);
}

TEST_CASE("a page asks nobody for anything and holds the licences") {
  const std::string page = report_page(certification().dump());
  CHECK(count(page, "default-src 'none'") == 1);
  CHECK(count(page, "<script src") + count(page, "<link rel=\"stylesheet") +
            count(page, "sourceMappingURL") ==
        0);
  CHECK(count(page, "University of Washington Interactive Data Lab") >= 3);
  CHECK(page.size() < 1'500'000);
}

TEST_CASE("a live page says so") {
  CHECK(count(report_page(certification().dump(), {true}), "data-live=\"true\"") == 1);
  CHECK(count(report_page(certification().dump()), "data-live=\"false\"") == 1);
}

TEST_CASE("a search gets its acquisition where there are enough trials") {
  CHECK(document_in(report_page(search(8).dump())).contains("acquisition"));
  CHECK_FALSE(document_in(report_page(search(3).dump())).contains("acquisition"));
}

TEST_CASE("what is no document is refused with one line that says where") {
  Json document = certification();
  document["schema_version"] = 2;
  check_refused(document, "schema_version: 1 expected, not 2");
  document.erase("schema_version");
  check_refused(document, "no schema_version");
  check_refused(Json::array(), "a JSON document of numgeom certify, optimize or map expected");
  check_refused({{"schema_version", 1}}, "a JSON document of numgeom certify");
  check_refused({{"schema_version", 1}, {"kind", "dream"}}, "kind \"dream\"");
  document = certification();
  document["trials"][1]["enclosure"]["lower"] = 0.5;
  check_refused(document, "trials[1].enclosure.lower: a string expected");
  document = certification();
  document["trials"][0]["native"][0]["certified_error"].erase("upper");
  check_refused(document, "trials[0].native[0].certified_error.upper: the key is missing");
  document = certification();
  document["ranking"]["order"][0] = 3;
  check_refused(document, "ranking.order[0]: an integer from 0 to 2 expected");
  document = certification();
  document["ranking"]["pairs"][0]["first"] = 1;
  check_refused(document, "ranking.pairs[0]: first < second expected");
  document = certification();
  document["trials"] = "many";
  check_refused(document, "trials: an array expected");
  CHECK_THROWS_AS(report_page("{\"schema_version\": 1"), Error);
}

TEST_CASE("a source is read as it is, and one that cannot be read is named") {
  const Folder folder;
  const fs::path file = folder.path / "x.json";
  std::ofstream(file) << certification().dump();
  CHECK(report_document(file) == certification().dump());
  CHECK_THROWS_WITH(report_document(folder.path / "none.json"), Contains("none.json"));
}

TEST_CASE("figures are SVG files, those that apply") {
  const Folder folder;
  write_figures(certification().dump(), folder.path / "figures");
  std::vector<std::string> names;
  for (const fs::path& file : list_directory(folder.path / "figures")) {
    names.push_back(file.filename().string());
    CHECK_THAT(read_file(file).bytes, Catch::StartsWith("<svg"));
  }
  CHECK(names == std::vector<std::string>{"estimates.svg", "indistinguishable.svg", "ranks.svg",
                                          "uncertainty.svg"});
}

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "certification_run.hpp"
#include "commands.hpp"
#include "interrupt.hpp"
#include "numgeom/certificate/certificate.hpp"
#include "numgeom/data/file.hpp"
#include "numgeom/error.hpp"
#include "numgeom/report/explain.hpp"
#include "numgeom/report/json.hpp"
#include "numgeom/report/table.hpp"
#include "output.hpp"

namespace numgeom::cli {
namespace {

struct CertifyArguments {
  std::string study;
  JsonTarget json;
  std::string certificate;
  RunOptions run;
  bool explain = false;
};

int report(const CertifyArguments& arguments, const LoadedStudy& study, std::size_t total,
           const std::vector<CertifiedTrial>& trials, bool interrupted) {
  const Ranking ranking = rank(trials);
  const bool json_to_stdout = arguments.json.to_stdout();
  if (interrupted) {
    if (!json_to_stdout) print_result(certify_text(study.study(), trials, ranking));
    print_note(interrupted_note(trials.size(), total, arguments.run.journal));
    return kNotDone;
  }
  if (!arguments.certificate.empty())
    write_certificate(arguments.certificate, study, trials, ranking);
  if (!arguments.json.file.empty())
    write_file(arguments.json.file, certify_json(study, trials, ranking));
  print_result(json_to_stdout ? certify_json(study, trials, ranking)
                              : certify_text(study.study(), trials, ranking));
  if (arguments.explain)
    json_to_stdout ? print_note(explain_text(trials)) : print_result("\n" + explain_text(trials));
  const bool all = std::all_of(trials.begin(), trials.end(), [](const CertifiedTrial& trial) {
    return trial.certification.certified();
  });
  return all ? kDone : kNotDone;
}

int certify_study(const CertifyArguments& arguments) {
  arguments.json.require_writable();
  require_writable("--certificate", arguments.certificate);
  const LoadedStudy study(read_study(arguments.study));
  const std::vector<Trial> trials = study.trials();
  CertificationRun run(study, "certify", arguments.run);
  const InterruptGuard guard;
  if (!arguments.run.quiet)
    print_note(fmt::format("{}: {}, network {}\n", arguments.study, study.data().description,
                           fmt::join(study.study().network.describe(), " – ")));
  const auto finished = run.certify(trials);
  return report(arguments, study, trials.size(), finished, run.interrupted());
}

}  // namespace

void add_certify(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<CertifyArguments>();
  CLI::App* command = app.add_subcommand(
      "certify", "Train every configuration of a study natively and prove its exact loss.");
  command->add_option("study", arguments->study, "The study, a TOML file")->required();
  add_json_option(*command, arguments->json);
  command
      ->add_option(
          "--certificate", arguments->certificate,
          "Write what numgeom-verify checks: FILE, and the inputs into a directory beside it")
      ->type_name("FILE");
  command->add_flag(
      "--explain", arguments->explain,
      "Say for every trial why it was enclosed as it was: bits predicted and lost, time");
  add_certification_options(*command, arguments->run);
  command->footer(
      "Prints, for every configuration, the native losses, the certified digits of the exact "
      "loss,\n"
      "the certified error of each native loss, the estimate Φ, and the rung that certified; then\n"
      "the certified order. Exit code 1 if a trial stays undecided.");
  command->callback([arguments, &exit_code] { exit_code = certify_study(*arguments); });
}

}  // namespace numgeom::cli

// `tidegate import`: other autoscalers' manifests as ScaledModels in shadow mode, or as entries of a configuration.
#include <fmt/format.h>

#include "app/command.h"
#include "app/exit_status.h"
#include "app/whole_file.h"
#include "serve/import/import.h"

namespace tidegate {
namespace {

Result<std::vector<ImportedText>> texts_of(const std::vector<std::string>& paths) {
  std::vector<ImportedText> texts;
  for (const auto& path : paths) {
    auto text = whole_file(path);
    if (!text) return std::unexpected(text.error());
    texts.push_back({.filename = path == "-" ? "(stdin)" : path, .text = std::move(*text)});
  }
  return texts;
}

int import_what(const Arguments& given, Terminal& terminal) {
  const auto as = given.value("--as").value_or("resource");
  if (as != "resource" && as != "file") {
    terminal.complain(fmt::format("tidegate: --as wants resource or file, not '{}'", as));
    return exit_usage;
  }
  const auto prometheus = given.value("--prometheus");
  if (prometheus && !prometheus->starts_with("http://") && !prometheus->starts_with("https://")) {
    terminal.complain(
        fmt::format("tidegate: --prometheus wants an address such as http://prometheus:9090, not '{}'", *prometheus));
    return exit_usage;
  }
  const auto texts = texts_of(given.values("FILE"));
  if (!texts) return report(terminal, texts.error());
  const auto import =
      import_manifests(*texts, {.prometheus = prometheus}, as == "file" ? ImportForm::file : ImportForm::resource);
  for (const auto& note : import.notes) terminal.say(note);
  if (!import.errors.empty()) {
    const auto& errors = import.errors;
    terminal.complain(errors.ends_with('\n') ? errors.substr(0, errors.size() - 1) : errors);
    return exit_invalid_configuration;
  }
  terminal.data_raw(import.yaml);
  terminal.say(fmt::format("imported {} of {}; all in shadow mode", import.services.size(),
                           texts->size() == 1 ? (*texts)[0].filename : fmt::format("{} files", texts->size())));
  return exit_ok;
}

}  // namespace

extern const Command import_command;
const Command import_command{
    .name = "import",
    .group = CommandGroup::fit_in,
    .summary =
        "turn an HPA, ScaledObject, Knative Service or Ray Serve configuration into a ScaledModel in shadow mode",
    .examples = {"kubectl get hpa -A -o yaml | tidegate import - > scaledmodels.yaml",
                 "tidegate import hpa.yaml deployment.yaml --prometheus http://prometheus.monitoring:9090",
                 "tidegate import serve.yaml --as file > tidegate.yaml"},
    .options = {{.name = "--as",
                 .value = "FORM",
                 .help = "resource: ScaledModels (the default); file: the services of a tidegate.yaml"},
                {.name = "--prometheus",
                 .value = "URL",
                 .help = "the server that has the metrics which the manifests only name"}},
    .positionals = {{.name = "FILE", .help = "manifests; - reads stdin", .required = true, .repeats = true}},
    .run = import_what};

}  // namespace tidegate

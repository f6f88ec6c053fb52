// `tidegate export`: what other programs want of tidegate, on stdout, or as a folder with --out.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "app/command.h"
#include "app/command_reference.h"
#include "app/exit_status.h"
#include "app/whole_file.h"
#include "serve/config/schema.h"
#include "serve/manifests/alerts.h"
#include "serve/manifests/dashboard.h"
#include "serve/manifests/deploy_files.h"
#include "serve/manifests/permissions.h"
#include "serve/resource/resource_definition.h"

namespace tidegate {
namespace {

constexpr std::string_view known[] = {"schema",    "reference", "commands", "crds",  "rbac",
                                      "kustomize", "helm",      "grafana",  "alerts"};
constexpr std::string_view later[] = {"runbooks", "openapi"};

// A folder that is new or empty, so that nobody's files are written over.
Result<void> write_folder(const std::filesystem::path& folder, const std::vector<DeployFile>& files) {
  std::error_code failed;
  if (std::filesystem::exists(folder, failed) && !std::filesystem::is_empty(folder, failed))
    return fail(ErrorKind::failed, fmt::format("{} is there and not empty; name a new folder", folder.string()));
  for (const auto& file : files) {
    const auto path = folder / file.path;
    std::filesystem::create_directories(path.parent_path(), failed);
    std::ofstream stream(path, std::ios::binary);
    stream << file.text;
    if (failed || !stream.flush()) return fail(ErrorKind::failed, fmt::format("cannot write {}", path.string()));
  }
  return {};
}

int export_folder(const Arguments& given, Terminal& terminal, std::string_view source) {
  const auto folder = given.value("--out");
  if (!folder) {
    terminal.complain(
        fmt::format("tidegate: `export {}` writes a folder: name it with --out DIR", *given.value("WHAT")));
    return exit_usage;
  }
  const auto files = deploy_files_below(source);
  if (const auto written = write_folder(*folder, files); !written) return report(terminal, written.error());
  terminal.say(fmt::format("wrote {} files to {}", files.size(), *folder));
  return exit_ok;
}

Result<std::string> permissions(const Arguments& given) {
  const ServiceAccount account{.name_space = *given.value("--namespace"), .name = *given.value("--service-account")};
  const auto path = given.value("--config");
  if (!path) return operator_permissions(account);
  const auto text = whole_file(*path);
  if (!text) return std::unexpected(text.error());
  const auto services = permitted_services(*text, *path);
  if (!services) return std::unexpected(services.error());
  return named_permissions(*services, account);
}

int print(Terminal& terminal, const Result<std::string>& text) {
  if (!text) return report(terminal, text.error());
  terminal.data_raw(*text);
  return exit_ok;
}

int export_alerts(const Arguments& given, Terminal& terminal) {
  const auto form = given.value("--as").value_or("rules");
  if (form == "rules") return print(terminal, alert_rules());
  if (form == "prometheusrule") return print(terminal, prometheus_rule());
  terminal.complain(fmt::format("tidegate: alerts are written --as rules or prometheusrule, not '{}'", form));
  return exit_usage;
}

int export_what(const Arguments& given, Terminal& terminal) {
  const auto what = *given.value("WHAT");
  if (what == "schema") return print(terminal, json_schema());
  if (what == "reference") return print(terminal, configuration_reference());
  if (what == "commands") return print(terminal, command_reference());
  if (what == "crds") return print(terminal, resource_definition());
  if (what == "rbac") return print(terminal, permissions(given));
  if (what == "kustomize") return export_folder(given, terminal, "kustomize");
  if (what == "helm") return export_folder(given, terminal, "helm/tidegate");
  if (what == "grafana") return print(terminal, grafana_dashboard());
  if (what == "alerts") return export_alerts(given, terminal);
  const bool is_later = std::find(std::begin(later), std::end(later), what) != std::end(later);
  const auto those = fmt::format("{}", fmt::join(known, ", "));
  terminal.complain(is_later ? fmt::format("tidegate: the export `{}` is not in this build; what is: {}", what, those)
                             : fmt::format("tidegate: there is no export `{}`: known are {}", what, those));
  return exit_usage;
}

}  // namespace

extern const Command export_command;
const Command export_command{
    .name = "export",
    .group = CommandGroup::fit_in,
    .summary = "print or write what other programs want: schema, manifests, permissions, dashboard, alerts",
    .examples = {"tidegate export schema > tidegate.schema.json",
                 "tidegate export crds | kubectl apply --server-side -f -",
                 "tidegate export rbac --config scaledmodels.yaml", "tidegate export kustomize --out tidegate",
                 "tidegate export alerts --as prometheusrule"},
    .options =
        {{.name = "--out", .value = "DIR", .help = "kustomize, helm: the folder to write; new or empty"},
         {.name = "--config",
          .value = "FILE",
          .help = "rbac: a configuration or ScaledModels, for Roles by name; - reads stdin"},
         {.name = "--namespace", .value = "NAME", .help = "rbac: where the controller runs", .fallback = "tidegate"},
         {.name = "--service-account",
          .value = "NAME",
          .help = "rbac: whom the roles are given to",
          .fallback = "tidegate"},
         {.name = "--as", .value = "FORM", .help = "alerts: rules (a rule file, the default) or prometheusrule"}},
    .positionals = {{.name = "WHAT",
                     .help =
                         "schema: JSON Schema of the configuration; reference: its settings, commands: these pages, "
                         "as Markdown; crds: the resource definition of ScaledModel; rbac: permissions; kustomize, "
                         "helm: all manifests as a folder; grafana: a dashboard; alerts: Prometheus' rules",
                     .required = true}},
    .run = export_what};

}  // namespace tidegate

// The imported services as text that a person will read: the settings, and what to look at in comments.
#include <fmt/format.h>

#include <string>

#include "serve/config/quantities.h"
#include "serve/config/yaml_writer.h"
#include "serve/import/import.h"
#include "serve/import/policy_yaml.h"

namespace tidegate {
namespace {

void write_server(YamlWriter& yaml, const PrometheusServerSpec& server) {
  yaml.key("url").value(std::get<std::string>(server.url));
}

void write_signals(YamlWriter& yaml, const SignalsSpec& signals) {
  if (signals.preset || !signals.queries.empty()) {
    yaml.key("signals").map();
    if (signals.preset) yaml.key("vllm").map().end();
    if (!signals.queries.empty()) yaml.key("queries").list();
    for (const auto& query : signals.queries) {
      yaml.map().key("signal").value(to_text(query.signal));
      if (!query.name.empty()) yaml.key("name").value(query.name);
      yaml.key("query").value(query.query);
      if (query.when_empty) yaml.key("when_empty").value(*query.when_empty);
      yaml.key("prometheus").map();
      write_server(yaml, query.server);
      yaml.end().end();
    }
    if (!signals.queries.empty()) yaml.end();
    yaml.end();
  }
  if (!signals.traffic) return;
  yaml.key("traffic").map().key("prometheus").map();
  write_server(yaml, signals.traffic->server);
  yaml.key("arrivals").value(signals.traffic->arrivals).end().end();
}

void write_models(YamlWriter& yaml, const std::vector<std::string>& models) {
  yaml.key("match").map().key("model").list();
  for (const auto& model : models) yaml.value(model);
  yaml.end().end();
}

void write_target(YamlWriter& yaml, const ImportedService& service, ImportForm form) {
  const auto& target = *service.target;
  yaml.key("target").map().key("kubernetes").map();
  const bool is_apps = target.api_version == "apps/v1";
  if (is_apps && target.kind == "Deployment")
    yaml.key("deployment").value(target.name);
  else if (is_apps && target.kind == "StatefulSet")
    yaml.key("statefulset").value(target.name);
  else
    yaml.key("api_version").value(target.api_version).key("kind").value(target.kind).key("name").value(target.name);
  // A ScaledModel's targets are in its own namespace.
  if (form == ImportForm::file && !service.name_space.empty()) yaml.key("namespace").value(service.name_space);
  yaml.end().end();
}

void write_service(YamlWriter& yaml, const ImportedService& service, ImportForm form) {
  yaml.comment(fmt::format("Decides and reports, and writes nothing. Before `act`: delete the {}.", service.owner));
  yaml.key("mode").value("shadow");
  yaml.comment("Not in the manifest: the default. State what you promise.");
  yaml.key("slo").map().key("ttft_p99").value("2s").end();
  yaml.key("replicas").map().key("min").value(service.replicas_min.value());
  yaml.key("max").value(service.replicas_max.value()).end();
  if (!service.models.empty()) write_models(yaml, service.models);
  write_signals(yaml, service.signals);
  if (!service.schedule.empty()) {
    yaml.key("policy").list().map().key("slo").map().end().end();
    write_policy(yaml, SchedulePolicy{service.schedule});
    yaml.end().key("timezone").value(service.timezone);
  }
  if (service.peer) {
    yaml.key("compare_with").list();
    write_policy(yaml, *service.peer);
    yaml.end();
  }
  if (service.gpus > 0) yaml.key("gpus").value(service.gpus);
  if (service.gpu_share) yaml.key("gpu_share").value(*service.gpu_share);
  if (service.target) write_target(yaml, service, form);
}

void write_notes(YamlWriter& yaml, const ImportedService& service) {
  yaml.comment(fmt::format("Imported from {}.", service.origin));
  if (service.notes.empty()) return;
  yaml.comment("To look at:");
  for (const auto& note : service.notes) yaml.comment(fmt::format("- {}: {}", note.field, note.text));
}

}  // namespace

std::string imported_yaml(const std::vector<ImportedService>& services, ImportForm form) {
  std::string text;
  if (form == ImportForm::file) {
    YamlWriter yaml;
    yaml.map().key("services").list();
    for (const auto& service : services) {
      write_notes(yaml, service);
      yaml.map().key("name").value(service.name);
      write_service(yaml, service, form);
      yaml.end();
    }
    yaml.end().end();
    return yaml.take();
  }
  for (const auto& service : services) {
    YamlWriter yaml;
    write_notes(yaml, service);
    yaml.map().key("apiVersion").value("tidegate.dev/v1alpha1").key("kind").value("ScaledModel");
    yaml.key("metadata").map().key("name").value(service.name);
    if (!service.name_space.empty()) yaml.key("namespace").value(service.name_space);
    yaml.end().key("spec").map();
    write_service(yaml, service, form);
    yaml.end().end();
    text += (text.empty() ? "" : "---\n") + yaml.take();
  }
  return text;
}

}  // namespace tidegate

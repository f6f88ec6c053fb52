#include "serve/resource/scaled_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "serve/config/read_parts.h"
#include "serve/config/yaml_node.h"

namespace tidegate {
namespace {

// The path of the key or value that stands at a place; empty: nothing does. A map begins where its first key does, but
// is marked one character wide.
std::string path_at(const YamlNode& node, const TextSpan& at, const std::string& path) {
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const bool keyed = node.kind == YamlKind::map;
    const auto child = keyed ? fmt::format("{}{}{}", path, path.empty() ? "" : ".", node.keys[i].text)
                             : fmt::format("{}[{}]", path, i);
    if (keyed && node.keys[i].at == at) return child;
    if (auto found = path_at(node.items[i], at, child); !found.empty()) return found;
  }
  return node.at == at ? path : "";
}

const YamlNode* text_of(const YamlNode& map, std::string_view key) {
  const auto* found = map.find(key);
  return found && found->kind == YamlKind::scalar ? found : nullptr;
}

// The envelope: what the object is, and its name.
const YamlNode* read_envelope(const YamlNode& root, LoadedScaledModel& loaded) {
  auto& problems = loaded.diagnostics;
  if (root.kind != YamlKind::map) {
    problems.error("wrong_form", root.at, "a ScaledModel is a map", "begin with `apiVersion: tidegate.dev/v1alpha1`");
    return nullptr;
  }
  for (const auto& [key, wanted] : {std::pair{"apiVersion", resource_api_version}, std::pair{"kind", resource_kind}}) {
    const auto* found = text_of(root, key);
    if (!found || found->text != wanted)
      problems.error("wrong_kind", place_of(root, key), fmt::format("`{}` is not `{}`", key, wanted),
                     fmt::format("write `{}: {}`", key, wanted));
  }
  const auto* metadata = root.find("metadata");
  const auto* name = metadata ? text_of(*metadata, "name") : nullptr;
  if (!name)
    problems.error("missing", place_of(root, "metadata.name"), "a ScaledModel lacks `metadata.name`",
                   "it names the service");
  else
    loaded.name = name->text;
  if (const auto* space = metadata ? text_of(*metadata, "namespace") : nullptr) loaded.name_space = space->text;
  const auto* spec = root.find("spec");
  if (!spec || spec->kind != YamlKind::map)
    problems.error(spec ? "wrong_form" : "missing", place_of(root, "spec"), "`spec` is not a map of settings",
                   "write what a service of tidegate.yaml has, without its name");
  else if (const auto* named = spec->find("name"))
    problems.error("name_in_spec", named->at, "a ScaledModel is named by `metadata.name`", "remove `spec.name`");
  return problems.has_errors() ? nullptr : spec;
}

// The file that holds this service alone, so that everything which checks files checks ScaledModels.
YamlNode file_of(const YamlNode& spec, const YamlNode& name) {
  YamlNode service = spec;
  service.keys.insert(service.keys.begin(), {.text = "name", .at = name.at});
  service.items.insert(service.items.begin(), name);
  YamlNode services{.kind = YamlKind::list, .at = spec.at};
  services.items.push_back(std::move(service));
  YamlNode file{.kind = YamlKind::map, .at = spec.at};
  file.keys.push_back({.text = "services", .at = spec.at});
  file.items.push_back(std::move(services));
  return file;
}

void check_targets(const YamlNode& file, const ServiceSpec& service, Diagnostics& problems) {
  for (std::size_t j = 0; j < service.pools.size(); ++j) {
    const auto& target = service.pools[j].target;
    if (std::holds_alternative<ProcessTargetSpec>(target))
      problems.error("process_in_resource", place_of(file, pool_path(file, 0, j, "target")),
                     "nothing is run inside the operator, so a ScaledModel has no processes",
                     "write `target: {kubernetes: {...}}`");
    else if (std::holds_alternative<std::monostate>(target))
      problems.error("missing", place_of(file, pool_path(file, 0, j, "target")),
                     fmt::format("the pool `{}` has no target", service.pools[j].name),
                     "write `target: {kubernetes: {...}}`");
  }
}

void read_spec(const YamlNode& spec, const YamlNode& name, const Resolvers& resolvers, LoadedScaledModel& loaded) {
  auto& problems = loaded.diagnostics;
  const auto file = file_of(spec, name);
  FleetSpec fleet;
  fleet.services.push_back(read_service(
      file.items[0].items[0], {.resolvers = resolvers, .problems = problems, .envelope = Envelope::resource}));
  if (problems.has_errors()) return;
  check_targets(file, fleet.services[0], problems);
  if (problems.has_errors()) return;
  check_fleet(file, fleet, problems);
  advise_fleet(file, fleet, problems);
  if (!problems.has_errors()) loaded.service = std::move(fleet.services[0]);
}

}  // namespace

LoadedScaledModel load_scaled_model(const YamlNode& root, const Resolvers& resolvers) {
  LoadedScaledModel loaded;
  if (const auto* spec = read_envelope(root, loaded))
    read_spec(*spec, *root.find("metadata")->find("name"), resolvers, loaded);
  for (const auto& problem : loaded.diagnostics.sorted())
    loaded.problems.push_back({.severity = problem.severity,
                               .code = problem.code,
                               .path = path_at(root, problem.at, ""),
                               .message = problem.message,
                               .help = problem.help});
  return loaded;
}

LoadedScaledModel load_scaled_model(std::string_view text, const Resolvers& resolvers) {
  LoadedScaledModel unreadable;
  const auto root = parse_yaml(text, unreadable.diagnostics);
  if (root && !unreadable.diagnostics.has_errors()) return load_scaled_model(*root, resolvers);
  for (const auto& problem : unreadable.diagnostics.sorted())
    unreadable.problems.push_back({.code = problem.code, .path = "", .message = problem.message, .help = problem.help});
  return unreadable;
}

std::string field_line(const FieldProblem& problem) {
  return fmt::format("{}{}{}{}{}", problem.path, problem.path.empty() ? "" : ": ", problem.message,
                     problem.help.empty() ? "" : "; ", problem.help);
}

}  // namespace tidegate

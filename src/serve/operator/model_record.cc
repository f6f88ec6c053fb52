#include "serve/operator/model_record.h"

#include <fmt/format.h>

#include <algorithm>

#include "edge/kubernetes/rfc3339.h"
#include "serve/operator/model_steering.h"

namespace tidegate {
namespace {

constexpr std::size_t problems_shown = 3;

// Models that came and went leave their specs behind; beyond this many all are read anew.
constexpr std::size_t known_max = 20'000;

std::string refusal_of(const LoadedScaledModel& loaded) {
  std::string text;
  std::size_t errors = 0;
  for (const auto& problem : loaded.problems) {
    if (problem.severity != Severity::error) continue;
    if (++errors <= problems_shown) text += (text.empty() ? "" : "; ") + field_line(problem);
  }
  if (errors > problems_shown) text += fmt::format("; and {} more", errors - problems_shown);
  return text;
}

// Without status and the parts of metadata that say nothing of what is wanted: less to read. Items of a list need not
// say what kind they are.
std::string wanted_part(JsonView object, const ObjectKey& key) {
  const auto spec = field(object, {"spec"});
  return fmt::format(
      R"({{"apiVersion": "{}", "kind": "{}", "metadata": {{"name": "{}", "namespace": "{}"}}, "spec": {}}})",
      resource_api_version, resource_kind, key.name, key.space, spec ? simdjson::minify(*spec) : "null");
}

void name_service(ServiceSpec& service, const ObjectKey& key) {
  // Clients of a gateway ask for the model by the name its owner gave it.
  auto& match = service.match;
  if (match.models.empty() && !match.host && !match.path) match.models = {key.name};
  service.name = service_name(key);
  for (auto& pool : service.pools)
    if (auto* target = std::get_if<KubernetesTargetSpec>(&pool.target); target != nullptr && target->name_space.empty())
      target->name_space = key.space;
}

// Whoever may write a ScaledModel in one namespace must not scale what lies in another.
std::string foreign_workload(const ServiceSpec& service, const ObjectKey& key) {
  for (const auto& pool : service.pools)
    if (const auto* target = std::get_if<KubernetesTargetSpec>(&pool.target);
        target != nullptr && target->name_space != key.space)
      return fmt::format(
          "spec.pools[{}]: the workload lies in the namespace {}, and a ScaledModel scales those of its own; make the "
          "ScaledModel there",
          pool.name, target->name_space);
  return "";
}

}  // namespace

std::string service_name(const ObjectKey& key) { return fmt::format("{}.{}", key.name, key.space); }

std::optional<ObjectKey> model_of_service(const std::string& service) {
  const auto dot = service.rfind('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == service.size()) return std::nullopt;
  return ObjectKey{.space = service.substr(dot + 1), .name = service.substr(0, dot)};
}

ReadSpec read_spec_of(const std::string& object, const ObjectKey& key, const Resolvers& resolvers) {
  auto loaded = load_scaled_model(object, resolvers);
  if (!loaded.service) return {.service = std::nullopt, .refusal = refusal_of(loaded)};
  name_service(*loaded.service, key);
  if (auto foreign = foreign_workload(*loaded.service, key); !foreign.empty())
    return {.service = std::nullopt, .refusal = std::move(foreign)};
  return {.service = std::move(loaded.service), .refusal = ""};
}

std::optional<ModelRecord> ModelReader::read(JsonView object) {
  ModelRecord record{
      .key = {.space = std::string{text_field(object, {"metadata", "namespace"})},
              .name = std::string{text_field(object, {"metadata", "name"})}},
      .uid = std::string{text_field(object, {"metadata", "uid"})},
      .generation = integer_field(object, {"metadata", "generation"}).value_or(0),
      .created = parse_rfc3339(text_field(object, {"metadata", "creationTimestamp"})).value_or(Instant{})};
  if (record.key.name.empty()) return std::nullopt;
  if (known_.size() > known_max) known_.clear();
  auto& known = known_[record.key];
  if (!known.spec || known.uid != record.uid || known.generation != record.generation)
    known = {.uid = record.uid,
             .generation = record.generation,
             .spec = std::make_shared<const ReadSpec>(
                 read_spec_of(wanted_part(object, record.key), record.key, resolvers_))};
  record.spec = known.spec;
  read_steering(object, record);
  if (const auto status = field(object, {"status"}))
    if (const auto json = parse_json(simdjson::minify(*status))) record.status = parse_status(*json);
  return record;
}

}  // namespace tidegate

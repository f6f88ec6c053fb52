#include "serve/operator/model_secrets.h"

#include <fmt/format.h>

#include <vector>

#include "edge/kubernetes/base64.h"

namespace tidegate {
namespace {

const ResourceType secrets{.plural = "secrets", .kind = "Secret"};

// Everything in a spec that may be a reference.
std::vector<Value*> references_of(ServiceSpec& service) {
  std::vector<Value*> all;
  const auto add = [&](PrometheusServerSpec& server) {
    if (server.bearer_token && std::holds_alternative<SecretRef>(*server.bearer_token))
      all.push_back(&*server.bearer_token);
  };
  for (auto& query : service.signals.queries) add(query.server);
  if (service.signals.traffic) add(service.signals.traffic->server);
  return all;
}

}  // namespace

bool ModelSecrets::needs(const ServiceSpec& service) {
  ServiceSpec copy = service;
  return !references_of(copy).empty();
}

std::string ModelSecrets::resolve(ServiceSpec& service, const std::string& space) {
  std::string problem;
  for (Value* value : references_of(service)) {
    const auto reference = std::get<SecretRef>(*value);
    const auto& known = read({.space = space, .name = reference.secret});
    if (const auto text = known.texts.find(reference.key); text != known.texts.end()) {
      *value = text->second;
    } else if (!known.problem.empty()) {
      problem = known.problem;
    } else {
      problem = fmt::format("the Secret {}/{} has no key {}; add it, or name another", space, reference.secret,
                            reference.key);
    }
  }
  return problem;
}

const ModelSecrets::Known& ModelSecrets::read(const ObjectKey& secret) {
  const Instant now = clock_.now();
  auto& known = known_[secret];
  if (known.read != Instant{} && now - known.read < age_max) return known;
  known.read = now;
  const auto object = client_.get({.type = secrets, .key = secret});
  if (!object) {
    // The texts that were read before are used on: the API server may be away for a moment.
    known.problem = fmt::format(
        "the Secret {} cannot be read: {}; `kubectl get scaledmodels -A -o yaml | tidegate export rbac --config -` "
        "writes the permission",
        secret.text(), object.error().message);
    if (object.error().reason == ApiReason::not_found || object.error().reason == ApiReason::forbidden)
      known.texts.clear();
    return known;
  }
  known.problem.clear();
  known.texts.clear();
  if (const auto* data = field(*object, {"data"}); data != nullptr && data->is_object())
    for (const auto& [key, encoded] : data->items())
      if (encoded.is_string())
        if (auto text = decode_base64(encoded.get<std::string>())) known.texts.emplace(key, std::move(*text));
  return known;
}

}  // namespace tidegate

#include "edge/targets/cluster_deeds.h"

#include "edge/kubernetes/rfc3339.h"

namespace tidegate {
namespace {

bool may_write(const DeedOptions& options) { return !options.may_write || options.may_write(); }

ClusterAnswer refused() { return {.may_not_write = true}; }

ClusterAnswer read_scale(ApiClient& client, const ObjectRef& ref, const std::stop_token& stop) {
  auto scale = client.scale(ref, stop);
  if (!scale) return {.error = std::move(scale.error())};
  return {.scale = std::move(*scale)};
}

// The first problem; what is gone meanwhile needs no mark. False: we may not write any more.
bool mark(ApiClient& client, const ClusterWrite& write, const DeedOptions& options, const std::stop_token& stop,
          std::string& problem) {
  for (const auto& mark : write.marks) {
    if (!may_write(options)) return false;
    const Json cost = mark.deletion_cost ? Json(std::to_string(*mark.deletion_cost)) : Json(nullptr);
    const Json change{
        {"metadata", {{"uid", mark.uid}, {"annotations", {{"controller.kubernetes.io/pod-deletion-cost", cost}}}}}};
    const auto done = client.merge({resources::pods, mark.pod}, change, {.field_manager = options.field_manager}, stop);
    if (done) continue;
    const auto reason = done.error().reason;
    if (reason == ApiReason::not_found || reason == ApiReason::conflict) continue;
    problem = done.error().message;
    return true;
  }
  return true;
}

ClusterAnswer set_scale(ApiClient& client, const ObjectRef& ref, const ClusterWrite& write, const DeedOptions& options,
                        const std::stop_token& stop) {
  ClusterAnswer answer;
  if (!mark(client, write, options, stop, answer.marks_problem)) return refused();
  if (!may_write(options)) return refused();
  auto scale =
      client.set_scale(ref, write.replicas, write.resource_version, {.field_manager = options.field_manager}, stop);
  if (scale) {
    answer.scale = std::move(*scale);
    return answer;
  }
  answer.error = std::move(scale.error());
  if (answer.error->reason == ApiReason::conflict)
    if (auto now = client.scale(ref, stop)) answer.scale = std::move(*now);
  return answer;
}

// As `kubectl rollout restart` does.
ClusterAnswer restart(ApiClient& client, const ObjectRef& ref, const DeedOptions& options,
                      const std::stop_token& stop) {
  if (!may_write(options)) return refused();
  const Json annotations{{"kubectl.kubernetes.io/restartedAt", rfc3339(client.cluster().clock().now())}};
  const Json change{{"spec", {{"template", {{"metadata", {{"annotations", annotations}}}}}}}};
  const auto done = client.merge(ref, change, {.field_manager = options.field_manager}, stop);
  if (!done) return {.error = done.error()};
  return {};
}

}  // namespace

ClusterAnswer carry_out(ApiClient& client, const ResourceType& type, const ClusterWrite& write,
                        const DeedOptions& options, const std::stop_token& stop) {
  const ObjectRef ref{type, write.workload.key};
  switch (write.deed) {
    case ClusterDeed::read_scale:
      return read_scale(client, ref, stop);
    case ClusterDeed::set_scale:
      return set_scale(client, ref, write, options, stop);
    case ClusterDeed::restart:
      return restart(client, ref, options, stop);
  }
  return {};
}

}  // namespace tidegate

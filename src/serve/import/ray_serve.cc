// Ray Serve's configuration file, alone or inside a RayService.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "serve/config/yaml_node.h"
#include "serve/import/autoscalers.h"

namespace tidegate {
namespace {

constexpr std::int32_t auto_most = 100;  // num_replicas: auto

// "LLMServer:Chat" -> "llmserver-chat", as Kubernetes names things.
std::string kubernetes_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  name.resize(std::min<std::size_t>(name.size(), 52));
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? "service" : name;
}

RayServePolicy read_settings(ForeignMap& config) {
  RayServePolicy policy;
  for (const std::string_view key : {"target_num_ongoing_requests_per_replica", "target_ongoing_requests"})
    if (const auto target = config.number(key)) policy.target_ongoing_requests = *target;
  if (const auto time = config.seconds("look_back_period_s")) policy.look_back_period = *time;
  if (const auto delay = config.seconds("upscale_delay_s")) policy.upscale_delay = *delay;
  if (const auto delay = config.seconds("downscale_delay_s")) policy.downscale_delay = *delay;
  policy.downscale_to_zero_delay = config.seconds("downscale_to_zero_delay_s");
  // The older names first: the newer ones stand above them.
  if (const auto factor = config.number("smoothing_factor"))
    policy.upscaling_factor = policy.downscaling_factor = *factor;
  for (const std::string_view key : {"upscale_smoothing_factor", "upscaling_factor"})
    if (const auto factor = config.number(key)) policy.upscaling_factor = *factor;
  for (const std::string_view key : {"downscale_smoothing_factor", "downscaling_factor"})
    if (const auto factor = config.number(key)) policy.downscaling_factor = *factor;
  if (const auto interval = config.seconds("metrics_interval_s")) policy.metrics_interval = *interval;
  if (const auto word = config.text("aggregation_function")) {
    if (const auto known = from_text<RayAggregation>(*word))
      policy.aggregation_function = *known;
    else
      config.note("aggregation_function", fmt::format("`{}` is unknown; mean is used", *word));
  }
  config.leave_out("policy", "a policy of your own code is not carried over");
  config.leave_out("initial_replicas", "tidegate begins with the size that is there");
  return policy;
}

struct RayApplication {
  std::string name;
  std::string origin;
  const Manifest& manifest;
};

ImportedService read_deployment(ForeignMap& deployment, const RayApplication& application) {
  ImportedService service{.owner = "autoscaling_config"};
  const auto name = deployment.text("name").value_or("");
  service.origin = fmt::format("{} deployment {}", application.origin, name);
  service.name = kubernetes_name(application.name.empty() ? name : application.name + "-" + name);
  service.name_space = application.manifest.name_space;
  const bool is_auto = deployment.text("num_replicas").value_or("") == "auto";
  auto config = deployment.map("autoscaling_config");
  service.replicas_min = Replicas{std::max(0, config.integer("min_replicas").value_or(1))};
  service.replicas_max = Replicas{
      std::max({1, service.replicas_min.value(), config.integer("max_replicas").value_or(is_auto ? auto_most : 1)})};
  service.peer = read_settings(config);
  auto actor = deployment.map("ray_actor_options");
  if (const auto gpus = actor.number("num_gpus")) {
    service.gpus = static_cast<std::int32_t>(*gpus);
    if (*gpus > 0 && *gpus < 1)
      service.gpu_share = *gpus;
    else if (*gpus != service.gpus)
      actor.note("num_gpus", "no whole number: correct `gpus`");
  }
  actor.pass_over({"num_cpus", "memory", "resources", "runtime_env", "accelerator_type"});
  service.target = KubernetesTargetSpec{.name = service.name};
  deployment.note("name",
                  fmt::format("Ray Serve's replicas are actors, which no Kubernetes object counts: name in `target` "
                              "the Deployment that will serve this model (`{}` is written)",
                              service.name));
  deployment.pass_over({"max_ongoing_requests", "max_concurrent_queries", "user_config", "health_check_period_s",
                        "health_check_timeout_s", "graceful_shutdown_wait_loop_s", "graceful_shutdown_timeout_s",
                        "logging_config", "placement_group_bundles", "placement_group_strategy",
                        "max_replicas_per_node", "max_queued_requests", "request_router_config"});
  config.leave_out_rest("not a setting that is known");
  deployment.leave_out_rest("not a setting that is known");
  keep_one_without_traffic(config, "min_replicas", service);
  return service;
}

void read_deployments(ForeignMap& holder, const RayApplication& application, const ImportContext& context,
                      std::vector<ImportedService>& services) {
  for (auto& deployment : holder.maps("deployments")) {
    const auto* replicas = deployment.has("num_replicas") ? deployment.take("num_replicas") : nullptr;
    const bool is_auto = replicas && replicas->text == "auto";
    if (!deployment.has("autoscaling_config") && !is_auto) {
      deployment.note("", "has no autoscaling_config and stays as it is");
      continue;
    }
    const auto first_note = context.log.notes.size();
    auto service = read_deployment(deployment, application);
    service.notes.assign(context.log.notes.begin() + static_cast<std::ptrdiff_t>(first_note), context.log.notes.end());
    services.push_back(std::move(service));
  }
}

std::vector<ImportedService> read_configuration(const YamlNode& node, const std::string& path, const Manifest& manifest,
                                                const ImportContext& context) {
  std::vector<ImportedService> services;
  ForeignMap root(&node, path, context.log);
  const auto origin = manifest.kind == "RayService" ? fmt::format("RayService {}", manifest.name) : "Ray Serve";
  for (auto& application : root.maps("applications")) {
    const auto name = application.text("name").value_or("");
    read_deployments(application, {name, fmt::format("{} application {}", origin, name), manifest}, context, services);
  }
  // A configuration of one application, as it was before there were several.
  if (root.has("deployments")) read_deployments(root, {"", origin, manifest}, context, services);
  return services;
}

}  // namespace

bool is_ray_serve(const Manifest& manifest) {
  if (manifest.kind == "RayService") return manifest.api_version.starts_with("ray.io/");
  return manifest.kind.empty() && manifest.api_version.empty() &&
         (manifest.node.find("applications") ||
          (manifest.node.find("import_path") && manifest.node.find("deployments")));
}

std::vector<ImportedService> import_ray_serve(const Manifest& manifest, const ImportContext& context) {
  if (manifest.kind != "RayService") return read_configuration(manifest.node, "", manifest, context);
  ForeignMap root(&manifest.node, "", context.log);
  auto spec = root.map("spec");
  const auto text = spec.text("serveConfigV2");
  if (!text) {
    context.log.problems.error("missing", spec.is_given() ? spec.at() : manifest.node.at,
                               "the RayService lacks `spec.serveConfigV2`");
    return {};
  }
  // A text within the text: places inside it are its own, so that it is named instead.
  Diagnostics inner;
  const auto node = parse_yaml(*text, inner);
  if (!node || inner.has_errors()) {
    context.log.problems.error("yaml", manifest.node.find("spec")->find("serveConfigV2")->at,
                               fmt::format("`spec.serveConfigV2` is no YAML: {}", inner.sorted().front().message));
    return {};
  }
  return read_configuration(*node, "spec.serveConfigV2", manifest, context);
}

}  // namespace tidegate

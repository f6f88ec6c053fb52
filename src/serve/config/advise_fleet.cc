// Warnings: what is allowed and will disappoint. Each says what will happen, and what to change.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "serve/config/listen_address.h"
#include "serve/config/quantities.h"
#include "serve/config/read_parts.h"

namespace tidegate {
namespace {

// One service under advice, with the ways to its places.
struct Advised {
  const YamlNode& root;
  const ServiceSpec& service;
  std::size_t index = 0;
  Diagnostics& problems;

  [[nodiscard]] TextSpan place(std::string_view key) const {
    return place_of(root, fmt::format("services.{}.{}", index, key));
  }
  [[nodiscard]] TextSpan pool_place(std::size_t pool, std::string_view key) const {
    return place_of(root, pool_path(root, index, pool, key));
  }
  // The settings of a process stand in `target: {process: ...}` or directly in the pool.
  [[nodiscard]] TextSpan process_place(std::size_t pool, std::string_view key) const {
    const auto nested = pool_place(pool, fmt::format("target.process.{}", key));
    return nested == pool_place(pool, "no such key") ? pool_place(pool, key) : nested;
  }
  // Policy `n` of `policy:` or `compare_with:`, whichever form was used.
  [[nodiscard]] TextSpan policy_place(std::string_view list, std::size_t n, std::string_view key) const {
    const auto* node = root.find("services") ? root.find("services")->items[index].find(list) : nullptr;
    const bool listed = node && node->kind == YamlKind::list;
    return listed ? place(fmt::format("{}.{}.{}", list, n, key)) : place(fmt::format("{}.{}", list, key));
  }
};

// The shortest first guess of a cold start among the pools, where there is one.
std::optional<Duration> cold_start(const ServiceSpec& service) {
  std::optional<Duration> shortest;
  for (const auto& pool : service.pools)
    if (pool.startup && (!shortest || *pool.startup < *shortest)) shortest = pool.startup;
  return shortest;
}

void advise_hold(const Advised& at) {
  const auto& hold = at.service.hold;
  const auto start = cold_start(at.service);
  if (start && at.service.guardrails.replicas_min.value() == 0 && hold.max_age < *start)
    at.problems.warning("hold_shorter_than_cold_start", at.place("hold.max_age"),
                        fmt::format("requests wait at most {}, and a replica takes {} to start: at zero replicas the "
                                    "first requests will be refused",
                                    exact_text(hold.max_age), exact_text(*start)),
                        "raise `hold: {max_age: ...}`, or set `replicas: {min: 1}`");
  if (hold.heartbeat == Heartbeat::sse && hold.heartbeat_period >= hold.max_age)
    at.problems.warning("heartbeat_never_sent", at.place("hold.heartbeat"),
                        fmt::format("a heartbeat each {} is never sent within a wait of {}",
                                    exact_text(hold.heartbeat_period), exact_text(hold.max_age)),
                        "shorten `heartbeat_period`");
  if (hold.heartbeat == Heartbeat::none && at.place("hold.heartbeat_period") != at.place("hold"))
    at.problems.warning("heartbeat_off", at.place("hold.heartbeat_period"),
                        "`heartbeat_period` has no effect while `heartbeat` is none", "add `heartbeat: sse`");
}

bool is_ratio(Signal signal) {
  return signal == Signal::gpu_util || signal == Signal::gpu_memory || signal == Signal::kv_usage;
}

void advise_signal(const Advised& at, std::string_view list, std::size_t n, std::string_view policy, Signal signal,
                   double target, std::string_view target_key) {
  const auto place = at.policy_place(list, n, fmt::format("{}.{}", policy, target_key));
  if (is_ratio(signal) && target > 1)
    at.problems.warning("target_unreachable", place,
                        fmt::format("{} lies between 0 and 1, so the target {} is never reached and nothing scales up",
                                    to_text(signal), target),
                        target <= 100 ? fmt::format("write {}", target / 100) : "write a share, such as 0.8");
  if (signal == Signal::gpu_util)
    at.problems.warning("gpu_util_as_load", at.policy_place(list, n, fmt::format("{}.signal", policy)),
                        "gpu_util is near 1 with a single request running, so it does not measure load",
                        "use in_flight, queued or a latency");
}

void advise_window(const Advised& at, std::string_view list, std::size_t n, std::string_view key, Duration window) {
  const auto start = cold_start(at.service);
  if (!start || window >= *start) return;
  at.problems.warning("window_shorter_than_cold_start", at.policy_place(list, n, key),
                      fmt::format("replicas are given up after {} and take {} to start: this flaps", exact_text(window),
                                  exact_text(*start)),
                      fmt::format("raise it to {} or more", exact_text(*start)));
}

// Little's law: requests at once = rate * time in service; replicas = that / slots of one.
std::optional<double> peak_need(const ServiceSpec& service, double peak_rate) {
  const auto& hint = service.pools.front().capacity;
  auto time = hint.service;
  const auto slots = hint.slots;
  if (!time && hint.residence_base && slots)
    time = *hint.residence_base + from_seconds(seconds(hint.residence_slope.value_or(Duration{0})) * *slots);
  if (!time || !slots) return std::nullopt;
  return peak_rate * seconds(*time) / *slots;
}

void advise_policies(const Advised& at, std::string_view list, const std::vector<PolicySpec>& policies) {
  for (std::size_t n = 0; n < policies.size(); ++n) {
    if (const auto* target = std::get_if<TargetPolicy>(&policies[n])) {
      advise_signal(at, list, n, "target", target->signal, target->target, "target");
      if (list == "policy") advise_window(at, list, n, "target.hold_down", target->hold_down);
    } else if (const auto* hpa = std::get_if<HpaPolicy>(&policies[n])) {
      advise_signal(at, list, n, "hpa", hpa->signal, hpa->target_average, "target_average");
      for (std::size_t m = 0; m < hpa->metrics.size(); ++m)
        advise_signal(at, list, n, fmt::format("hpa.metrics.{}", m), hpa->metrics[m].signal, hpa->metrics[m].target,
                      "target");
      if (list == "policy") advise_window(at, list, n, "hpa.stabilize_down", hpa->stabilize_down);
    } else if (const auto* keda = std::get_if<KedaPolicy>(&policies[n])) {
      for (std::size_t t = 0; t < keda->triggers.size(); ++t)
        advise_signal(at, list, n, fmt::format("keda.triggers.{}", t), keda->triggers[t].signal,
                      keda->triggers[t].threshold, "threshold");
      if (list == "policy") advise_window(at, list, n, "keda.cooldown_period", keda->cooldown_period);
    } else if (const auto* ray_serve = std::get_if<RayServePolicy>(&policies[n])) {
      if (list == "policy") advise_window(at, list, n, "ray_serve.downscale_delay", ray_serve->downscale_delay);
    } else if (const auto* tracking = std::get_if<AwsTargetTrackingPolicy>(&policies[n])) {
      advise_signal(at, list, n, "aws_target_tracking", tracking->metric.signal, tracking->target_value,
                    "target_value");
    } else if (const auto* predictive = std::get_if<AwsPredictivePolicy>(&policies[n])) {
      advise_signal(at, list, n, "aws_predictive", predictive->tracking.metric.signal,
                    predictive->tracking.target_value, "target_value");
    } else if (const auto* step = std::get_if<AwsStepPolicy>(&policies[n])) {
      advise_signal(at, list, n, "aws_step", step->metric.signal, step->high_threshold, "high_threshold");
    } else if (const auto* gcp = std::get_if<GcpPolicy>(&policies[n])) {
      advise_signal(at, list, n, "gcp", gcp->metric.signal, gcp->utilization_target, "utilization_target");
    } else if (const auto* aibrix = std::get_if<AibrixPolicy>(&policies[n])) {
      advise_signal(at, list, n, "aibrix", aibrix->metric.signal, aibrix->target_value, "target_value");
    } else if (const auto* slo = std::get_if<SloPolicy>(&policies[n]); slo && slo->peak_rate) {
      const auto need = peak_need(at.service, *slo->peak_rate);
      const auto most = at.service.guardrails.replicas_max.value();
      if (need && std::ceil(*need) > most)
        at.problems.warning("max_below_peak", at.policy_place(list, n, "slo.peak_rate"),
                            fmt::format("{} requests a second need {} replicas, and `max` is {}", *slo->peak_rate,
                                        std::ceil(*need), most),
                            fmt::format("raise `replicas: {{max: {}}}`", std::ceil(*need)));
    } else if (const auto* schedule = std::get_if<SchedulePolicy>(&policies[n])) {
      for (std::size_t e = 0; e < schedule->entries.size(); ++e)
        if (schedule->entries[e].replicas_min > at.service.guardrails.replicas_max)
          at.problems.warning(
              "schedule_above_max", at.policy_place(list, n, fmt::format("schedule.entries.{}.min", e)),
              fmt::format("the window asks for {} replicas, and `max` is {}", schedule->entries[e].replicas_min.value(),
                          at.service.guardrails.replicas_max.value()),
              "raise `replicas: {max: ...}`");
    }
  }
}

void advise_compare(const Advised& at) {
  for (std::size_t n = 0; n < at.service.compare_with.size(); ++n)
    if (std::find(at.service.policies.begin(), at.service.policies.end(), at.service.compare_with[n]) !=
        at.service.policies.end())
      at.problems.warning("compared_with_itself", at.place(fmt::format("compare_with.{}", n)),
                          fmt::format("`{}` is the policy that acts; it will always agree with itself",
                                      policy_name(at.service.compare_with[n])),
                          "name another policy");
}

void advise_slo(const Advised& at) {
  for (const auto& objective : at.service.slo.objectives) {
    if (objective.kind != LatencyKind::latency) continue;
    for (const auto& pool : at.service.pools) {
      const auto alone = pool.capacity.residence_base ? pool.capacity.residence_base : pool.capacity.service;
      if (!alone || objective.bound >= *alone) continue;
      at.problems.warning(
          "slo_below_single_request", at.place("slo." + objective.name()),
          fmt::format("one request alone takes about {} in the pool `{}`: no number of replicas keeps {}",
                      exact_text(*alone), pool.name, exact_text(objective.bound)),
          "loosen the bound, or use a faster pool");
    }
  }
}

void advise_processes(const Advised& at, const FleetSpec& fleet) {
  for (std::size_t j = 0; j < at.service.pools.size(); ++j) {
    const auto& pool = at.service.pools[j];
    const auto* process = std::get_if<ProcessTargetSpec>(&pool.target);
    if (!process) continue;
    if (pool.startup && process->ready.deadline <= *pool.startup)
      at.problems.warning("deadline_before_startup", at.process_place(j, "ready.deadline"),
                          fmt::format("a replica counts as failed after {}, and takes {} to start",
                                      exact_text(process->ready.deadline), exact_text(*pool.startup)),
                          "raise `ready: {deadline: ...}`");
    for (const auto& objective : at.service.slo.objectives)
      if (objective.kind == LatencyKind::latency && process->drain_deadline < objective.bound)
        at.problems.warning("drain_cuts_requests", at.process_place(j, "drain_deadline"),
                            fmt::format("a draining replica is cut after {}, and a request may take {}",
                                        exact_text(process->drain_deadline), exact_text(objective.bound)),
                            "raise `drain_deadline`");
    const auto listed = fleet.machine.gpus ? fleet.machine.gpus->size() : 0;
    const auto wanted =
        static_cast<std::size_t>(pool.gpus) * static_cast<std::size_t>(at.service.guardrails.replicas_min.value());
    if (fleet.machine.gpus && at.service.pools.size() == 1 && !pool.gpu_memory && wanted > listed)
      at.problems.warning("min_above_machine", at.place("replicas.min"),
                          fmt::format("the least replicas take {} GPUs, and `machine.gpus` lists {}", wanted, listed),
                          "lower `min`, or list more GPUs");
  }
}

void advise_prices(const Advised& at, const FleetSpec& fleet) {
  const auto has_price = [](const PoolSpec& pool) { return pool.price.has_value(); };
  const auto& pools = at.service.pools;
  const auto priced = static_cast<std::size_t>(std::count_if(pools.begin(), pools.end(), has_price));
  if (priced == pools.size()) return;
  const auto first = static_cast<std::size_t>(std::find_if_not(pools.begin(), pools.end(), has_price) - pools.begin());
  if (priced > 0)
    at.problems.warning(
        "price_missing", at.pool_place(first, "name"),
        fmt::format("the pool `{}` has no price, so its cost cannot be compared with the others'", pools[first].name),
        "give each pool a price, or none");
  else if (fleet.budget.price_max)
    at.problems.warning("price_missing", at.place("name"),
                        fmt::format("`{}` has no price, so the budget cannot count it", at.service.name),
                        "add `price: $.../h`");
}

void advise_queries(const Advised& at) {
  const auto advise = [&](const PrometheusServerSpec& server, std::string_view path) {
    if (server.timeout > server.period)
      at.problems.warning("timeout_above_period", at.place(path),
                          fmt::format("an answer may take {}, longer than the {} between queries",
                                      exact_text(server.timeout), exact_text(server.period)),
                          "shorten `timeout`, or query less often");
  };
  for (std::size_t n = 0; n < at.service.signals.queries.size(); ++n)
    advise(at.service.signals.queries[n].server, fmt::format("signals.{}.prometheus.timeout", n));
  if (at.service.signals.traffic) advise(at.service.signals.traffic->server, "traffic.prometheus.timeout");
}

// It only reads, and what it tells may still be nobody else's business.
void advise_keda(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems) {
  if (!fleet.keda || fleet.keda->tls) return;
  const auto address = listen_address(fleet.keda->listen);
  if (!address || address->is_loopback()) return;
  problems.warning(
      "keda_open", place_of(root, "keda.listen"),
      fmt::format("everyone who reaches `{}` may read the sizes and loads of all services", fleet.keda->listen),
      "add `tls:` with `client_authorities`, or keep others out by a NetworkPolicy");
}

}  // namespace

void advise_fleet(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems) {
  advise_keda(root, fleet, problems);
  for (std::size_t i = 0; i < fleet.services.size(); ++i) {
    const Advised at{root, fleet.services[i], i, problems};
    if (at.service.pools.empty()) continue;
    advise_hold(at);
    advise_policies(at, "policy", at.service.policies);
    advise_policies(at, "compare_with", at.service.compare_with);
    advise_compare(at);
    advise_slo(at);
    advise_processes(at, fleet);
    advise_prices(at, fleet);
    advise_queries(at);
  }
}

}  // namespace tidegate

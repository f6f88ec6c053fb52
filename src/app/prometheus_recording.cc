#include "app/prometheus_recording.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <limits>
#include <mutex>
#include <thread>

#include "app/prometheus_order.h"
#include "app/signal_descriptor.h"
#include "app/simulated_service.h"
#include "edge/machine/file_descriptor.h"
#include "edge/sources/hpa_history.h"
#include "edge/sources/prometheus_range.h"
#include "serve/config/configuration.h"

namespace tidegate {
namespace {

constexpr Duration rate_window = 2min;  // holds two samples at the usual scrape intervals
constexpr std::size_t probe_points = 200;
constexpr std::size_t names_shown = 12;
constexpr double nothing_known = std::numeric_limits<double>::quiet_NaN();

// What is being asked, for the progress line; written by the thread that asks.
class Asking {
 public:
  void say(std::string text) {
    const std::lock_guard guard(lock_);
    text_ = std::move(text);
  }
  std::string text() {
    const std::lock_guard guard(lock_);
    return text_;
  }

 private:
  std::mutex lock_;
  std::string text_;
};

// Asks everything, one question after the other.
class Interview {
 public:
  Interview(const PrometheusOrder& order, ServiceRecording begun, std::stop_token stop, Asking& asking)
      : order_(order), stop_(std::move(stop)), asking_(asking), recording_(std::move(begun)) {}

  Result<ServiceRecording> conduct() {
    recording_.name = order_.rival ? order_.rival->text() : "the replicas";
    recording_.load.start = order_.from;
    recording_.load.step = order_.step;
    if (auto asked = ask_rival(); !asked) return std::unexpected(asked.error());
    if (auto asked = ask_sizes(); !asked) return std::unexpected(asked.error());
    if (auto asked = ask_traffic(); !asked) return std::unexpected(asked.error());
    if (auto asked = ask_servers(); !asked) return std::unexpected(asked.error());
    return std::move(recording_);
  }
  // How well the objectives were kept, by a query of the user's or by the server's histograms.
  Result<void> ask_attained(const Slo& slo, ServiceRecording& recording) {
    if (!order_.attained.empty()) return ask_share(recording.load);
    if (!order_.rival || server_ == nullptr) return {};
    double worst = 2;
    for (const auto& objective : slo.objectives) {
      const auto histogram = objective.kind == LatencyKind::ttft         ? server_->ttft
                             : objective.kind == LatencyKind::latency    ? server_->latency
                             : objective.kind == LatencyKind::queue_wait ? server_->queue_wait
                                                                         : std::string_view{};
      if (histogram.empty()) continue;
      const auto query = buckets_query(*server_, histogram, order_.rival->space, workload_, rate_window);
      const auto buckets = ask_all(fmt::format("the {}", objective.name()), query, shift_of(query));
      if (!buckets) return std::unexpected(buckets.error());
      auto found = within_bound(*buckets, objective.bound);
      RecordedLoad one{.rates = found.ended, .ended = found.ended, .within = found.within};
      const auto share = recorded_figures(one, Duration::zero()).attainment;
      if (!share || *share >= worst) continue;
      worst = *share;
      recording.load.ended = std::move(found.ended);
      recording.load.within = std::move(found.within);
    }
    return {};
  }

  [[nodiscard]] const std::vector<HpaTargetSeen>& targets() const { return targets_; }
  [[nodiscard]] std::optional<std::pair<double, double>> bounds() const { return bounds_; }

 private:
  using Answer = Result<std::vector<RangeSeries>>;

  Answer ask(const std::string& what, const RangeQuestion& question) {
    asking_.say(fmt::format("asking {} for {}", order_.address, what));
    return ask_prometheus_range(client_, question, stop_, [&](std::size_t points) {
      asking_.say(fmt::format("asking {} for {}: {} of {} points", order_.address, what, points, question.steps));
    });
  }
  // Over the whole stretch, every point so much later than its step's begin.
  Answer ask_all(const std::string& what, const std::string& query, Duration shift) {
    return ask(what, {.server = order_.server,
                      .query = query,
                      .from = order_.from + std::chrono::floor<std::chrono::seconds>(shift),
                      .step = order_.step,
                      .steps = order_.steps});
  }
  // At the end of the stretch.
  Answer ask_last(const std::string& what, const std::string& query) {
    return ask(what, {.server = order_.server, .query = query, .from = order_.until(), .step = 1s, .steps = 1});
  }
  // As many points of as long windows as cover the whole stretch.
  [[nodiscard]] Duration probe_step() const {
    return std::max<Duration>(
        {order_.step, rate_window,
         std::chrono::floor<std::chrono::seconds>(order_.span() / static_cast<std::int64_t>(probe_points))});
  }
  Result<bool> has_any(const TrafficCandidate& probe) {
    const auto answer =
        ask(probe.what + "'s requests", {.server = order_.server,
                                         .query = probe.query,
                                         .from = order_.from + probe_step(),
                                         .step = probe_step(),
                                         .steps = static_cast<std::size_t>(order_.span() / probe_step())});
    if (!answer) return std::unexpected(answer.error());
    return std::ranges::any_of(*answer, [](const RangeSeries& one) {
      return std::ranges::any_of(one.values, [](double value) { return value > 0; });
    });
  }

  // A value at t is of the window before it: its middle is the middle of the step.
  [[nodiscard]] Duration shift_of(const std::string& query) const {
    return order_.step / 2 + window_of_query(query) / 2;
  }

  [[nodiscard]] std::vector<double> sum_of(const std::vector<RangeSeries>& series) const {
    std::vector<double> sum(order_.steps, nothing_known);
    for (const auto& one : series)
      for (std::size_t i = 0; i < sum.size(); ++i)
        if (std::isfinite(one.values[i])) sum[i] = std::isnan(sum[i]) ? one.values[i] : sum[i] + one.values[i];
    return sum;
  }

  [[nodiscard]] std::string stretch() const {
    return fmt::format("between {} and {}", minute_text(order_.from), minute_text(order_.until()));
  }

  Result<void> ask_rival() {
    if (!order_.rival) return {};
    workload_ = order_.rival->name;
    if (order_.rival->kind == RivalKind::deployment) return {};
    const auto most = ask_last("the autoscaler", hpa_query(*order_.rival, "spec_max_replicas", order_.span()));
    if (!most) return std::unexpected(most.error());
    if (most->empty()) return order_.sizes.empty() ? no_such_rival() : Result<void>{};
    const auto least = ask_last("the autoscaler", hpa_query(*order_.rival, "spec_min_replicas", order_.span()));
    if (!least) return std::unexpected(least.error());
    const auto info = ask_last("the autoscaler", hpa_query(*order_.rival, "info", order_.span()));
    if (!info) return std::unexpected(info.error());
    const auto targets = ask_last("the autoscaler", hpa_query(*order_.rival, "spec_target_metric", order_.span()));
    if (!targets) return std::unexpected(targets.error());
    if (const auto scaled = hpa_workload(*info); !scaled.empty()) workload_ = scaled;
    if (const auto high = number_of(*most)) bounds_ = {number_of(*least).value_or(1), *high};
    targets_ = hpa_targets(*targets);
    return {};
  }

  Result<void> no_such_rival() {
    const auto all = ask_last("all autoscalers", hpas_query(order_.span()));
    if (!all) return std::unexpected(all.error());
    if (all->empty())
      return fail(ErrorKind::not_found,
                  fmt::format("{} has no kube_horizontalpodautoscaler_... series {}: it does not scrape "
                              "kube-state-metrics, or does not keep data so far back; a shorter --since, or --sizes "
                              "QUERY, names what else tells the replicas",
                              order_.address, stretch()));
    auto names = hpas_named(*all);
    std::string list;
    for (std::size_t i = 0; i < std::min(names.size(), names_shown); ++i) list += (i == 0 ? "" : ", ") + names[i];
    if (names.size() > names_shown) list += fmt::format(" and {} more", names.size() - names_shown);
    return fail(ErrorKind::not_found,
                fmt::format("{} knows no HorizontalPodAutoscaler {}/{} {}; it knows {}", order_.address,
                            order_.rival->space, order_.rival->hpa_name(), stretch(), list));
  }

  Result<void> ask_sizes() {
    std::vector<std::string> queries{order_.sizes};
    if (order_.sizes.empty())
      queries = {sizes_query(*order_.rival), workload_sizes_query(order_.rival->space, workload_)};
    for (const auto& query : queries) {
      const auto sizes = ask_all("the replicas", query, Duration::zero());
      if (!sizes) return std::unexpected(sizes.error());
      if (sizes->empty()) continue;
      recording_.load.pools = {{.name = recording_.service.pools.front().name, .sizes = sum_of(*sizes)}};
      return {};
    }
    return fail(ErrorKind::not_found, fmt::format("{} has nothing on the replicas {}, asked for {}; name another query "
                                                  "with --sizes QUERY",
                                                  order_.address, stretch(), queries.front()));
  }

  // The best of the usual places where requests are counted, and the server behind it.
  Result<std::string> find_traffic() {
    std::string query = order_.traffic;
    const auto probes = traffic_candidates(order_.rival->space, workload_, probe_step());
    const auto candidates = traffic_candidates(order_.rival->space, workload_, rate_window);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const auto& candidate = candidates[i];
      if (!query.empty() && (candidate.server == nullptr || server_ != nullptr)) continue;
      const auto found = has_any(probes[i]);
      if (!found) return std::unexpected(found.error());
      if (!*found) continue;
      if (candidate.server != nullptr) server_ = candidate.server;
      if (!query.empty()) continue;
      query = candidate.query;
      recording_.notes.push_back(fmt::format("requests as {} counted them{}", candidate.what,
                                             candidate.server == nullptr ? ""
                                                                         : ", where they end; --traffic QUERY names "
                                                                           "where they are counted as they come"));
    }
    return query;
  }

  Result<void> ask_traffic() {
    auto query = order_.rival ? find_traffic() : Result<std::string>{order_.traffic};
    if (!query) return std::unexpected(query.error());
    if (query->empty()) return no_traffic();
    const auto traffic = ask_all("the requests", *query, shift_of(*query));
    if (!traffic) return std::unexpected(traffic.error());
    recording_.load.rates = sum_of(*traffic);
    for (double& rate : recording_.load.rates) rate = std::max(rate, 0.0);  // NaN stays
    if (std::ranges::none_of(recording_.load.rates, [](double rate) { return rate > 0; }))
      return fail(ErrorKind::not_found,
                  fmt::format("{} has no requests {}, asked for {}; --traffic wants a query that gives requests per "
                              "second, as sum(rate(requests_total[2m]))",
                              order_.address, stretch(), *query));
    return {};
  }

  Result<void> no_traffic() {
    std::string tried;
    for (const auto& candidate : traffic_candidates(order_.rival->space, workload_, rate_window))
      tried += (tried.empty() ? "" : ", ") + candidate.what;
    return fail(ErrorKind::not_found,
                fmt::format("{} has no requests of {}/{} {}, looked for as those of {} tell them; name the query that "
                            "gives requests per second, as --traffic 'sum(rate(requests_total[2m]))'",
                            order_.address, order_.rival->space, workload_, stretch(), tried));
  }

  // What tells how a replica is; none of it has to be there.
  Result<void> ask_servers() {
    auto& load = recording_.load;
    if (!order_.rival) return {};
    const auto ready =
        ask_all("the ready replicas", workload_ready_query(order_.rival->space, workload_), Duration::zero());
    if (!ready) return std::unexpected(ready.error());
    if (!ready->empty()) load.ready = sum_of(*ready);
    if (server_ == nullptr || server_->running.empty()) return {};
    const auto running =
        ask_all("the requests in service", running_query(*server_, order_.rival->space, workload_), order_.step / 2);
    if (!running) return std::unexpected(running.error());
    if (!running->empty()) load.in_flight = sum_of(*running);
    return {};
  }

  Result<void> ask_share(RecordedLoad& load) {
    const auto shares = ask_all("the attainment", order_.attained, shift_of(order_.attained));
    if (!shares) return std::unexpected(shares.error());
    if (shares->size() != 1)
      return fail(ErrorKind::invalid,
                  fmt::format("--attained wants a query of one series, the share of requests within the SLO, from 0 to "
                              "1; it gives {}",
                              shares->size()));
    load.ended = load.rates;
    load.within.assign(load.rates.size(), nothing_known);
    for (std::size_t i = 0; i < load.within.size(); ++i)
      if (const double share = shares->front().values[i]; share >= 0 && share <= 1)
        load.within[i] = load.rates[i] * share;
    return {};
  }

  const PrometheusOrder& order_;
  std::stop_token stop_;
  Asking& asking_;
  HttpClient client_;
  ServiceRecording recording_;
  std::string workload_;
  const ServerMetrics* server_ = nullptr;
  std::vector<HpaTargetSeen> targets_;
  std::optional<std::pair<double, double>> bounds_;
};

// One that nobody described lives within the bounds of the autoscaler, and of what was seen.
void bound_plain_service(std::optional<std::pair<double, double>> bounds, ServiceRecording& recording) {
  double least = bounds ? bounds->first : 1, most = bounds ? bounds->second : 64;
  for (const double size : recording.load.pools.front().sizes)
    if (size >= 0) least = std::min(least, size), most = std::max(most, size);
  recording.service.guardrails.replicas_min = Replicas{static_cast<std::int32_t>(least)};
  recording.service.guardrails.replicas_max = Replicas{static_cast<std::int32_t>(std::clamp(most, 1.0, 10'000.0))};
}

// What a simulated fleet can measure.
std::vector<Signal> measurable_in(const SimulatedService& service) {
  std::vector<Signal> all{Signal::in_flight, Signal::queued, Signal::arrivals, Signal::completions};
  const auto& server = service.pools.front().server;
  if (!std::holds_alternative<std::monostate>(server)) all.push_back(Signal::gpu_util);
  if (std::holds_alternative<EngineProfile>(server)) all.push_back(Signal::kv_usage);
  return all;
}

Result<void> add_rival(const PrometheusOrder& order, const std::vector<HpaTargetSeen>& targets,
                       const SimulatedService& service, ServiceRecording& recording) {
  if (!order.rival || targets.empty()) return {};
  const auto policy = rival_policy(order.rival->kind, targets, measurable_in(service));
  for (const auto& metric : policy.left_out)
    recording.notes.push_back(fmt::format(
        "{} scales by {}, which the simulated fleet does not have; {}", order.rival->text(), metric,
        !policy.text.empty() ? std::string{"its other metrics are played"}
                             : fmt::format("what it did is played, but not what it would do; give it whole, "
                                           "as --policies 'slo,{}'",
                                           order.rival->kind == RivalKind::keda
                                               ? "{keda: {triggers: [{signal: in_flight, threshold: 8}]}}"
                                               : "{hpa: {signal: in_flight, target_average: 8}}")));
  if (policy.text.empty()) return {};
  auto policies = read_policy_text(policy.text);
  if (!policies) return std::unexpected(policies.error());
  recording.rivals.push_back({.name = order.rival->text(), .text = policy.text, .policies = std::move(*policies)});
  recording.notes.push_back(fmt::format("{} is played as {}, and its other settings as they are by default",
                                        order.rival->text(), policy.text));
  return {};
}

Result<ServiceRecording> ask_everything(const PrometheusOrder& order, const ServiceRecording& begun,
                                        const SimulatedService& known, const std::stop_token& stop, Asking& asking) {
  Interview interview{order, begun, stop, asking};
  auto recording = interview.conduct();
  if (!recording) return recording;
  if (recording->is_plain) bound_plain_service(interview.bounds(), *recording);
  if (recording->service.pools.size() > 1)
    recording->notes.push_back(
        fmt::format("the replicas are taken for those of the first pool, {}", recording->service.pools.front().name));
  if (auto asked = interview.ask_attained(known.spec.slo, *recording); !asked) return std::unexpected(asked.error());
  if (auto added = add_rival(order, interview.targets(), known, *recording); !added)
    return std::unexpected(added.error());
  return recording;
}

}  // namespace

Result<ServiceRecording> begin_recording(const Arguments& given) {
  ServiceRecording recording{.is_plain = !given.value("--config")};
  if (recording.is_plain) {
    recording.service = plain_service_spec();
    return recording;
  }
  auto services = read_services(given);
  if (!services) return std::unexpected(services.error());
  if (services->size() != 1)
    return fail(ErrorKind::invalid, "the configuration has several services; choose one with --service NAME");
  recording.service = std::move(services->front().spec);
  return recording;
}

Result<std::optional<ServiceRecording>> record_prometheus(const PrometheusOrder& order, const ServiceRecording& begun,
                                                          const SimulatedService& known, Terminal& terminal) {
  const FileDescriptor signals = open_signals({SIGINT, SIGTERM});
  Asking asking;
  Result<ServiceRecording> recording;
  std::atomic<bool> ended = false;
  std::jthread worker{[&](const std::stop_token& stop) {
    recording = ask_everything(order, begun, known, stop, asking);
    ended = true;
  }};
  bool interrupted = false;
  while (!ended) {
    terminal.progress(asking.text());
    pollfd watched{.fd = signals.get(), .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, 50) > 0 && next_signal(signals) != 0) {
      interrupted = true;
      worker.request_stop();
    }
  }
  worker.join();
  terminal.clear_progress();
  if (interrupted) return std::nullopt;
  if (recording) return std::move(*recording);
  if (recording.error().kind == ErrorKind::unreachable)
    return fail(ErrorKind::unreachable,
                fmt::format("{}; is {} where Prometheus answers?", recording.error().message, order.address));
  return std::unexpected(recording.error());
}

}  // namespace tidegate

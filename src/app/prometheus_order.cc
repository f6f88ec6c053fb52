#include "app/prometheus_order.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "app/time_words.h"
#include "edge/machine/system_clock.h"
#include "lab/sim/named_values.h"

namespace tidegate {
namespace {

constexpr Duration question_timeout = 60s;

Result<void> read_span_asked(const Arguments& given, PrometheusOrder& order) {
  const Instant now = SystemClock{}.now();
  const auto until = read_time(given.value("--until").value_or("0s"), now);
  if (!until) return fail(ErrorKind::invalid, "--until: " + until.error().message);
  const auto since = read_time(given.value("--since").value_or("14d"), now);
  if (!since) return fail(ErrorKind::invalid, "--since: " + since.error().message);
  const auto step = read_span(*given.value("--step"));
  if (!step || *step < 1s || *step > 1h || *step % 1s != Duration::zero())
    return fail(ErrorKind::invalid, "--step wants whole seconds from 1s to 1h");
  order.step = *step;
  order.from = std::chrono::floor<std::chrono::seconds>(*since);
  const auto span = std::min(*until, now) - order.from;
  if (span < 10 * order.step)
    return fail(ErrorKind::invalid, "between --since and --until there have to be ten --step at least");
  order.steps = static_cast<std::size_t>(span / order.step);
  if (order.steps > RangeQuestion::steps_most)
    return fail(ErrorKind::invalid, fmt::format("that is {} steps, at most {} are possible; take a longer --step",
                                                order.steps, RangeQuestion::steps_most));
  return {};
}

}  // namespace

std::vector<Option> prometheus_options() {
  return {
      {.name = "--prometheus", .value = "URL", .help = "replay what this Prometheus server remembers; read-only"},
      {.name = "--against",
       .value = "WHO",
       .help = "whose replicas: hpa/NAMESPACE/NAME, keda/NAMESPACE/NAME or deployment/NAMESPACE/NAME, as "
               "kube-state-metrics tells them"},
      {.name = "--since", .value = "TIME", .help = "from when on, as 14d (ago; the default with --prometheus)"},
      {.name = "--until", .value = "TIME", .help = "up to when (default: now)"},
      {.name = "--step", .value = "D", .help = "time between two points", .fallback = "1m"},
      {.name = "--traffic",
       .value = "QUERY",
       .help = "PromQL: requests per second as they come (default: of the ingress or the model servers, if known)"},
      {.name = "--sizes", .value = "QUERY", .help = "PromQL: the replicas there were (default: of --against)"},
      {.name = "--attained",
       .value = "QUERY",
       .help = "PromQL: share of requests within the SLO, 0 to 1 (default: from the model servers' histograms)"},
      {.name = "--token-env", .value = "VARIABLE", .help = "environment variable with a bearer token for the server"}};
}

Result<PrometheusOrder> read_prometheus_order(const Arguments& given) {
  PrometheusOrder order;
  const auto url = *given.value("--prometheus");
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return fail(ErrorKind::invalid, fmt::format("--prometheus wants http://HOST:PORT, not '{}'", url));
  order.server = {.url = url, .timeout = question_timeout};
  order.address = printable_url(url);
  if (const auto variable = given.value("--token-env")) order.server.bearer_token = EnvRef{*variable};
  order.traffic = given.value("--traffic").value_or("");
  order.sizes = given.value("--sizes").value_or("");
  order.attained = given.value("--attained").value_or("");
  if (const auto text = given.value("--against")) {
    const auto rival = read_rival(*text);
    if (!rival) return std::unexpected(rival.error());
    order.rival = *rival;
  } else if (order.sizes.empty() || order.traffic.empty()) {
    return fail(ErrorKind::invalid,
                "say whom to replay with --against hpa/NAMESPACE/NAME, or name both --traffic QUERY and --sizes QUERY");
  }
  if (auto read = read_span_asked(given, order); !read) return std::unexpected(read.error());
  return order;
}

}  // namespace tidegate

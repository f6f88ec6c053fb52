#include "edge/gateway/gateway_metrics.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace tidegate {
namespace {

using Out = std::back_insert_iterator<std::string>;

std::string label_value(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out.push_back('\\');
    if (c == '\n')
      out += "\\n";
    else
      out.push_back(c);
  }
  return out;
}

void head(std::string& page, std::string_view name, std::string_view type, std::string_view help) {
  fmt::format_to(Out(page), "# HELP tidegate_gateway_{0} {2}\n# TYPE tidegate_gateway_{0} {1}\n", name, type, help);
}

// One line each octave: the full resolution is for the controller.
void histogram(std::string& page, std::string_view name, const std::string& labels, const LatencyTally& tally) {
  const Histogram read = tally.read(0);
  for (std::size_t i = 7; i + 1 < read.buckets.size(); i += 4)
    fmt::format_to(Out(page), "tidegate_gateway_{}_bucket{{{},le=\"{:g}\"}} {:.0f}\n", name, labels,
                   read.buckets[i].upper, read.buckets[i].cumulative);
  const double count = read.buckets.back().cumulative;
  fmt::format_to(Out(page), "tidegate_gateway_{0}_bucket{{{1},le=\"+Inf\"}} {2:.0f}\n", name, labels, count);
  fmt::format_to(Out(page), "tidegate_gateway_{0}_sum{{{1}}} {2:.9g}\ntidegate_gateway_{0}_count{{{1}}} {3:.0f}\n",
                 name, labels, read.sum, count);
}

template <class T>
struct Column {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  Tally T::* tally;
};
template <class T>
struct Latencies {
  std::string_view name;
  std::string_view help;
  LatencyTally T::* tally;
};

constexpr Column<ServiceTally> service_columns[] = {
    {"requests_total", "counter", "Requests that arrived, client retries excluded.", &ServiceTally::arrivals},
    {"client_retries_total", "counter", "Requests marked as retries by the client.", &ServiceTally::retries},
    {"completions_total", "counter", "Responses passed on whole.", &ServiceTally::completions},
    {"failures_total", "counter", "Requests refused, broken off or answered 5xx.", &ServiceTally::failures},
    {"cancelled_total", "counter", "Requests whose client went away.", &ServiceTally::cancelled},
    {"rejected_total", "counter", "Requests answered 503 by the waiting room.", &ServiceTally::rejected},
    {"resent_total", "counter", "Requests sent again after a replica failed before answering.", &ServiceTally::resent},
    {"in_flight", "gauge", "Requests being served.", &ServiceTally::in_flight},
    {"queued", "gauge", "Requests in the waiting room.", &ServiceTally::queued},
    {"queued_bytes", "gauge", "Bytes of the requests in the waiting room.", &ServiceTally::queued_bytes},
    {"within_slo_total", "counter", "Requests that met every objective.", &ServiceTally::within_slo},
    {"missed_slo_total", "counter", "Requests that missed an objective.", &ServiceTally::missed_slo},
    {"events_total", "counter", "Server-sent events passed on.", &ServiceTally::tokens},
    {"received_bytes_total", "counter", "Bytes received from clients.", &ServiceTally::bytes_in},
    {"sent_bytes_total", "counter", "Bytes sent to clients.", &ServiceTally::bytes_out},
    {"affinity_hits_total", "counter", "Requests that went where their prefix is known.", &ServiceTally::affinity_hits},
    {"affinity_misses_total", "counter", "Requests whose known replica had no slot.", &ServiceTally::affinity_misses},
};
constexpr Latencies<ServiceTally> service_latencies[] = {
    {"ttft_seconds", "Arrival to the first token.", &ServiceTally::ttft},
    {"itl_seconds", "Between tokens.", &ServiceTally::itl},
    {"latency_seconds", "Arrival to the last byte.", &ServiceTally::latency},
    {"queue_wait_seconds", "Arrival to the first dispatch.", &ServiceTally::queue_wait},
};
constexpr Column<ReplicaTally> replica_columns[] = {
    {"replica_requests_total", "counter", "Requests sent to the replica.", &ReplicaTally::arrivals},
    {"replica_completions_total", "counter", "Responses of the replica passed on whole.", &ReplicaTally::completions},
    {"replica_failures_total", "counter", "Failures of the replica.", &ReplicaTally::failures},
    {"replica_in_flight", "gauge", "Requests the replica serves.", &ReplicaTally::in_flight},
    {"replica_slots", "gauge", "Requests the replica may serve at once.", &ReplicaTally::slots},
};

void gateway_wide(std::string& page, const GatewayStats& stats) {
  const auto one = [&](std::string_view name, std::string_view type, std::string_view help, const Tally& tally) {
    head(page, name, type, help);
    fmt::format_to(Out(page), "tidegate_gateway_{} {}\n", name, tally.value());
  };
  one("connections", "gauge", "Open client connections.", stats.connections);
  one("connections_refused_total", "counter", "Connections refused at the limit.", stats.connections_refused);
  one("bad_requests_total", "counter", "Requests refused as malformed or ambiguous.", stats.bad_requests);
  one("unknown_routes_total", "counter", "Requests for no known model, host or path.", stats.unknown_routes);
}

}  // namespace

std::string render_metrics(const GatewayStats& stats) {
  std::string page;
  gateway_wide(page, stats);
  const auto services = stats.services();
  const auto replicas = stats.replicas();
  for (const auto& column : service_columns) {
    head(page, column.name, column.type, column.help);
    for (const auto& [name, tally] : services)
      fmt::format_to(Out(page), "tidegate_gateway_{}{{service=\"{}\"}} {}\n", column.name, label_value(name),
                     ((*tally).*column.tally).value());
  }
  for (const auto& latency : service_latencies) {
    head(page, latency.name, "histogram", latency.help);
    for (const auto& [name, tally] : services)
      histogram(page, latency.name, fmt::format("service=\"{}\"", label_value(name)), (*tally).*latency.tally);
  }
  for (const auto& column : replica_columns) {
    head(page, column.name, column.type, column.help);
    for (const auto& [names, tally] : replicas)
      fmt::format_to(Out(page), "tidegate_gateway_{}{{service=\"{}\",pool=\"{}\",replica=\"{}\"}} {}\n", column.name,
                     label_value(names.first), label_value(tally->pool), label_value(names.second),
                     ((*tally).*column.tally).value());
  }
  return page;
}

}  // namespace tidegate

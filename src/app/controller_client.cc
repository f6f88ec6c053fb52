#include "app/controller_client.h"

#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "app/resolvers.h"
#include "edge/machine/secret_value.h"
#include "serve/config/configuration.h"
#include "serve/config/listen_address.h"

namespace tidegate {
namespace {

using Json = nlohmann::json;

std::optional<double> maybe(const Json& from, const char* name) {
  const auto found = from.find(name);
  return found == from.end() || !found->is_number() ? std::nullopt : std::optional{found->get<double>()};
}
double number(const Json& from, const char* name) { return maybe(from, name).value_or(0); }
int count(const Json& from, const char* name) { return static_cast<int>(number(from, name)); }
std::string text(const Json& from, const char* name) {
  const auto found = from.find(name);
  return found == from.end() || !found->is_string() ? "" : found->get<std::string>();
}
bool flag(const Json& from, const char* name) {
  const auto found = from.find(name);
  return found != from.end() && found->is_boolean() && found->get<bool>();
}
// A list within an answer; a part that is left out is an empty one.
const Json& list(const Json& from, const char* name) {
  static const Json none = Json::array();
  const auto found = from.find(name);
  return found == from.end() || !found->is_array() ? none : *found;
}
const Json& part(const Json& from, const char* name) {
  static const Json none = Json::object();
  const auto found = from.find(name);
  return found == from.end() || !found->is_object() ? none : *found;
}

PoolStatus pool_of(const Json& json) {
  return {.name = text(json, "name"),
          .desired = count(json, "desired"),
          .requested = count(json, "requested"),
          .starting = count(json, "starting"),
          .loading = count(json, "loading"),
          .ready = count(json, "ready"),
          .draining = count(json, "draining"),
          .failed = count(json, "failed")};
}

ReplicaStatus replica_of(const Json& json) {
  ReplicaStatus replica{.id = text(json, "id"),
                        .pool = text(json, "pool"),
                        .state = text(json, "state"),
                        .endpoint = text(json, "endpoint"),
                        .detail = text(json, "detail"),
                        .since = number(json, "since")};
  replica.pid = static_cast<std::int64_t>(number(json, "pid"));
  for (const auto& gpu : list(json, "gpus"))
    if (gpu.is_number()) replica.gpus.push_back(gpu.get<int>());
  return replica;
}

std::vector<SteeringStatus> steering_of(const Json& json) {
  std::vector<SteeringStatus> all;
  const auto add = [&](const Json& from, std::string what) {
    if (!from.empty())
      all.push_back({std::move(what), text(from, "author"), text(from, "comment"), maybe(from, "expires")});
  };
  const auto& manual = part(json, "override");
  add(part(json, "paused"), "paused");
  add(manual, fmt::format("{} {}", text(manual, "kind"), count(manual, "replicas")));
  return all;
}

ServiceStatus service_of(const Json& json) {
  const auto &band = part(json, "band"), &demand = part(json, "demand"), &last = part(json, "last_decision");
  ServiceStatus service{.name = text(json, "name"),
                        .mode = text(json, "mode"),
                        .verdict = text(last, "verdict"),
                        .reason = text(last, "reason"),
                        .floor = number(band, "floor"),
                        .ceiling = number(band, "ceiling"),
                        .rate = maybe(demand, "rate"),
                        .queued = maybe(json, "queued"),
                        .in_flight = maybe(json, "in_flight"),
                        .attainment = maybe(json, "attainment"),
                        .cost_per_hour = maybe(json, "cost_per_hour"),
                        .gpus = number(json, "gpus"),
                        .rollout = flag(json, "rollout"),
                        .lead_time = number(json, "lead_time"),
                        .steering = steering_of(json)};
  for (const auto& one : list(json, "slo"))
    service.slo.push_back({text(one, "objective"), number(one, "bound"), maybe(one, "measured")});
  for (const auto& one : list(json, "pools")) service.pools.push_back(pool_of(one));
  for (const auto& one : list(json, "replicas")) service.replicas.push_back(replica_of(one));
  for (const auto& one : list(json, "signals"))
    service.signals.push_back({text(one, "signal"), text(one, "quality"), maybe(one, "value"), maybe(one, "age"),
                               count(one, "reported"), count(one, "expected")});
  for (const auto& one : list(json, "problems"))
    service.problems.push_back({text(one, "pool"), text(one, "reason"), text(one, "message")});
  return service;
}

DecisionRow decision_of(const Json& json) {
  DecisionRow row{.id = static_cast<std::int64_t>(number(json, "id")),
                  .ticks = static_cast<std::int64_t>(maybe(json, "ticks").value_or(1)),
                  .now = number(json, "now"),
                  .until = maybe(json, "until").value_or(number(json, "now")),
                  .floor = number(part(json, "band"), "floor"),
                  .ceiling = number(part(json, "band"), "ceiling"),
                  .verdict = text(json, "verdict"),
                  .reason = text(json, "reason"),
                  .json = json.dump()};
  const auto& pools = list(json, "pools");
  for (const auto& pool : pools)
    row.size += fmt::format("{}{}{}", row.size.empty() ? "" : " + ", count(pool, "replicas"),
                            pools.size() > 1 ? " " + text(pool, "pool") : "");
  return row;
}

Error error_of(const HttpResponse& answer, const std::string& server) {
  const auto parsed = Json::parse(answer.body, nullptr, false);
  auto message = parsed.is_object() ? text(part(parsed, "error"), "message") : "";
  if (message.empty())
    message = fmt::format("{} answered {}: is it a tidegate controller?", printable_url(server), answer.status);
  switch (answer.status) {
    case 401:
      return {ErrorKind::denied,
              "the controller wants a token: --config FILE with `api.token`, or TIDEGATE_TOKEN_FILE"};
    case 403:
      return {ErrorKind::denied, message};
    case 404:
      return {ErrorKind::not_found, message};
    case 503:
      return {ErrorKind::unreachable, message};
    default:
      return {ErrorKind::failed, message};
  }
}

// Where the API of a configuration listens, as others reach it.
Result<std::string> address_of(const ApiSpec& api) {
  auto address = listen_address(api.listen);
  if (!address) return fail(ErrorKind::invalid, fmt::format("`api.listen: {}` is no address", api.listen));
  if (address->host.empty() || address->host == "0.0.0.0" || address->host == "::") address->host = "127.0.0.1";
  const bool is_v6 = address->host.contains(':');
  return fmt::format("http://{}{}{}:{}", is_v6 ? "[" : "", address->host, is_v6 ? "]" : "", address->port);
}

}  // namespace

Option config_option() {
  return {.name = "--config", .value = "FILE", .help = "the configuration that names the controller's API and token"};
}

Result<ControllerClient> ControllerClient::connect(const Arguments& given, const Terminal& terminal) {
  const auto config = given.value("--config");
  if (!config) {
    const char* file = std::getenv("TIDEGATE_TOKEN_FILE");
    if (file == nullptr || *file == '\0')
      return Result<ControllerClient>{std::in_place, terminal.server(), std::nullopt};
    auto token = resolve(FileRef{file});
    if (!token) return std::unexpected(token.error());
    return Result<ControllerClient>{std::in_place, terminal.server(), *std::move(token)};
  }
  const auto loaded = load_configuration_file(*config, app_resolvers());
  if (!loaded) return std::unexpected(loaded.error());
  const auto fleet = fleet_of(*loaded);
  if (!fleet) return std::unexpected(fleet.error());
  auto server = address_of(fleet->api);
  if (!server) return std::unexpected(server.error());
  std::optional<std::string> token;
  if (fleet->api.token) {
    auto resolved = resolve(*fleet->api.token);
    if (!resolved) return std::unexpected(resolved.error());
    token = *std::move(resolved);
  }
  return Result<ControllerClient>{std::in_place, *std::move(server), std::move(token)};
}

Result<std::string> ControllerClient::ask(const std::string& method, const std::string& path, const std::string& body) {
  HttpRequest request{.method = method, .url = server_ + path, .body = body, .bearer = token_, .timeout = 10s};
  request.direct = true;
  request.body_max = 256 << 20;
  if (!body.empty()) request.headers = {{"Content-Type", "application/json"}};
  auto answer = client_->fetch(request);
  if (!answer) {
    if (answer.error().kind != ErrorKind::unreachable) return std::unexpected(answer.error());
    return fail(ErrorKind::unreachable,
                fmt::format("no controller answers at {}: start one with `tidegate run`, or name another with --server "
                            "or --config ({})",
                            printable_url(server_), answer.error().message));
  }
  if (answer->status != 200) return std::unexpected(error_of(*answer, server_));
  last_body_ = std::move(answer->body);
  return last_body_;
}

Result<FleetStatus> ControllerClient::fleet() {
  const auto body = ask("GET", "/api/v1/services");
  if (!body) return std::unexpected(body.error());
  const auto json = Json::parse(*body, nullptr, false);
  FleetStatus fleet{.json = *body};
  if (!json.is_object()) return fail(ErrorKind::failed, server_ + " does not answer as a tidegate controller does");
  fleet.now = number(json, "now");
  for (const auto& one : list(json, "services")) fleet.services.push_back(service_of(one));
  return fleet;
}

Result<ServiceStatus> ControllerClient::service(const std::string& name) {
  const auto body = ask("GET", "/api/v1/services/" + percent_encoded(name));
  if (!body) return std::unexpected(body.error());
  const auto json = Json::parse(*body, nullptr, false);
  if (!json.is_object()) return fail(ErrorKind::failed, server_ + " does not answer as a tidegate controller does");
  return service_of(json);
}

Result<HealthStatus> ControllerClient::health() {
  const auto body = ask("GET", "/api/v1/health");
  if (!body) return std::unexpected(body.error());
  const auto json = Json::parse(*body, nullptr, false);
  if (!json.is_object()) return fail(ErrorKind::failed, server_ + " does not answer as a tidegate controller does");
  return HealthStatus{.now = number(json, "now"),
                      .started = number(json, "started"),
                      .tick_seconds = number(json, "tick_seconds"),
                      .ticks = static_cast<std::int64_t>(number(json, "ticks")),
                      .ticks_late = static_cast<std::int64_t>(number(json, "ticks_late")),
                      .journal_dropped = static_cast<std::int64_t>(number(json, "journal_dropped")),
                      .reload_ok = flag(json, "reload_ok"),
                      .gateway_connected = flag(json, "gateway_connected"),
                      .version = text(json, "version"),
                      .reload_problem = text(json, "reload_problem"),
                      .journal_problem = text(json, "journal_problem")};
}

Result<std::vector<DecisionRow>> ControllerClient::decisions(const std::string& name, double from, double to) {
  const auto body = ask("GET", fmt::format("/api/v1/services/{}/decisions?from={:.3f}&to={:.3f}&limit=1000",
                                           percent_encoded(name), from, to));
  if (!body) return std::unexpected(body.error());
  const auto json = Json::parse(*body, nullptr, false);
  std::vector<DecisionRow> rows;
  for (const auto& one : list(json, "decisions")) rows.push_back(decision_of(one));
  return rows;
}

Result<std::vector<NoticeRow>> ControllerClient::notices(const std::string& name, double from, double to) {
  const auto body = ask("GET", fmt::format("/api/v1/services/{}/notices?from={:.3f}&to={:.3f}&limit=1000",
                                           percent_encoded(name), from, to));
  if (!body) return std::unexpected(body.error());
  const auto json = Json::parse(*body, nullptr, false);
  std::vector<NoticeRow> rows;
  for (const auto& one : list(json, "events"))
    rows.push_back({number(one, "at"), text(one, "replica"), text(one, "reason"), text(one, "message"), one.dump()});
  return rows;
}

Result<TextAnswer> ControllerClient::explain(const std::string& name, const std::string& query) {
  const auto body = ask("GET", fmt::format("/api/v1/services/{}/explain{}", percent_encoded(name), query));
  if (!body) return std::unexpected(body.error());
  const auto json = Json::parse(*body, nullptr, false);
  return TextAnswer{text(json, "text"), *body};
}

Result<std::vector<std::string>> ControllerClient::log(const std::string& replica, int lines) {
  const auto body = ask("GET", fmt::format("/api/v1/replicas/{}/log?lines={}", percent_encoded(replica), lines));
  if (!body) return std::unexpected(body.error());
  const auto json = Json::parse(*body, nullptr, false);
  std::vector<std::string> tail;
  for (const auto& line : list(json, "lines"))
    if (line.is_string()) tail.push_back(line.get<std::string>());
  return tail;
}

Result<void> ControllerClient::steer(const std::string& name, const std::string& action, const SteeringWords& words) {
  const auto path = fmt::format("/api/v1/services/{}/{}", percent_encoded(name), action);
  const bool clears = action == "override" && words.kind.empty();
  Json body{{"author", words.author}, {"comment", words.comment}};
  if (words.for_seconds) body["for_seconds"] = *words.for_seconds;
  if (!words.kind.empty()) body["kind"] = words.kind;
  if (words.replicas) body["replicas"] = *words.replicas;
  const auto done =
      clears ? ask("DELETE", path) : ask("POST", path, body.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!done) return std::unexpected(done.error());
  return {};
}

}  // namespace tidegate

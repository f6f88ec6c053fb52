#include "serve/api/api_handlers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "serve/api/api_routes.h"
#include "serve/api/explain.h"
#include "serve/api/steering_request.h"
#include "serve/api/view_json.h"
#include "serve/config/schema.h"

namespace tidegate {
namespace {

constexpr std::int64_t limit_default = 100, limit_max = 1000;
constexpr std::int64_t lines_default = 100, lines_max = 10'000;
constexpr double window_default = 900, window_max = 14 * 86'400;
constexpr double time_max = 1e11;  // seconds since 1970: the year 5138

struct StatusOf {
  int status;
  std::string_view code;
};

StatusOf status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return {400, "invalid"};
    case ErrorKind::not_found:
      return {404, "not_found"};
    case ErrorKind::denied:
      return {403, "denied"};
    case ErrorKind::unreachable:
      return {503, "unreachable"};
    case ErrorKind::too_large:
      return {413, "too_large"};
    case ErrorKind::failed:
      return {500, "failed"};
  }
  return {500, "failed"};
}

ServerResponse answer_error(const Error& error) {
  const auto [status, code] = status_of(error.kind);
  JsonWriter json;
  json.object().key("error").object().key("message").value(error.message).key("code").value(code).end().end();
  return {.status = status, .body = json.take()};
}

ServerResponse plain(int status, std::string text) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(text)};
}

const std::string* given(const ServerRequest& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? nullptr : &found->second;
}

struct Bounds {
  double least;
  double most;
};

Result<double> number_of(const ServerRequest& request, const std::string& name, double fallback, Bounds bounds) {
  const auto* text = given(request, name);
  if (text == nullptr) return fallback;
  double number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{} || end != text->data() + text->size() || !(number >= bounds.least && number <= bounds.most))
    return fail(ErrorKind::invalid,
                fmt::format("'{}' has to be a number from {:g} to {:g}", name, bounds.least, bounds.most));
  return number;
}

Result<std::int64_t> count_of(const ServerRequest& request, const std::string& name, std::int64_t fallback,
                              std::int64_t most) {
  const auto number = number_of(request, name, static_cast<double>(fallback), {1, static_cast<double>(most)});
  if (!number) return std::unexpected(number.error());
  if (*number != std::floor(*number)) return fail(ErrorKind::invalid, fmt::format("'{}' has to be whole", name));
  return static_cast<std::int64_t>(*number);
}

Result<std::int64_t> id_of(const std::string& text) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size() || id < 0)
    return fail(ErrorKind::invalid, "the id of a decision is a whole number");
  return id;
}

struct ListQuery {
  Instant from;
  Instant to;
  std::size_t limit;
};

Result<ListQuery> page_of(const ServerRequest& request, Instant now) {
  const auto to = number_of(request, "to", seconds(now), {0, time_max});
  if (!to) return std::unexpected(to.error());
  const auto from = number_of(request, "from", std::max(0.0, *to - 3600), {0, time_max});
  if (!from) return std::unexpected(from.error());
  const auto limit = count_of(request, "limit", limit_default, limit_max);
  if (!limit) return std::unexpected(limit.error());
  if (*from > *to) return fail(ErrorKind::invalid, "'from' lies after 'to'");
  return ListQuery{instant_at(*from), instant_at(*to), static_cast<std::size_t>(*limit)};
}

std::string explanation_json(const Decision& decision, const std::optional<DecisionPlace>& place,
                             const ExplainContext& context) {
  JsonWriter json;
  json.object().key("text").value(explanation(decision, context)).key("decision");
  write_decision(json, decision, place);
  json.key("counterfactuals").array();
  if (context.what_if != nullptr)
    for (const auto& change : context.what_if->changes)
      json.object()
          .key("change")
          .value(change.change)
          .key("then")
          .value(change.then.value())
          .key("reason")
          .value(to_text(change.reason))
          .key("reaches")
          .value(change.reaches)
          .end();
  json.end().key("blocked_by");
  const bool blocked = context.what_if != nullptr && context.what_if->blocked_by;
  blocked ? json.value(to_text(*context.what_if->blocked_by)) : json.null();
  json.end();
  return json.take();
}

Replicas committed(const Observation& seen) {
  Replicas sum{0};
  for (const auto& pool : seen.pools) sum += pool.committed();
  return sum;
}

}  // namespace

ApiHandlers::ApiHandlers(ControlPanel& panel, const Clock& clock, const TickCounters& counters, std::string version)
    : panel_(panel), clock_(clock), counters_(counters), version_(std::move(version)) {}

const std::map<std::string_view, ApiHandlers::Method>& ApiHandlers::methods() {
  static const std::map<std::string_view, Method> all{
      {"healthz", &ApiHandlers::healthz},       {"readyz", &ApiHandlers::readyz},
      {"metrics", &ApiHandlers::metrics},       {"openapi", &ApiHandlers::openapi},
      {"health", &ApiHandlers::health},         {"reasons", &ApiHandlers::reasons},
      {"reload", &ApiHandlers::reload},         {"services", &ApiHandlers::services},
      {"service", &ApiHandlers::service},       {"series", &ApiHandlers::series},
      {"decisions", &ApiHandlers::decisions},   {"decision", &ApiHandlers::decision},
      {"notices", &ApiHandlers::notices},       {"explain", &ApiHandlers::explain},
      {"override", &ApiHandlers::set_override}, {"clear_override", &ApiHandlers::clear_override},
      {"pause", &ApiHandlers::pause},           {"resume", &ApiHandlers::resume},
      {"restart", &ApiHandlers::restart},       {"log", &ApiHandlers::log},
  };
  return all;
}

HttpServer::Handler ApiHandlers::handler(std::string_view name) const {
  const auto found = methods().find(name);
  if (found == methods().end()) return {};
  return [this, method = found->second](const ServerRequest& request) { return (this->*method)(request); };
}

ServerResponse ApiHandlers::healthz(const ServerRequest&) const { return plain(200, "ok\n"); }

ServerResponse ApiHandlers::readyz(const ServerRequest&) const {
  return panel_.view()->tick > 0 ? plain(200, "ready\n") : plain(503, "nothing was decided yet\n");
}

ServerResponse ApiHandlers::metrics(const ServerRequest&) const {
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = metrics_page(*panel_.view(), panel_.health(), counters_.snapshot(), version_)};
}

ServerResponse ApiHandlers::openapi(const ServerRequest&) const { return {.body = openapi_document(version_)}; }

ServerResponse ApiHandlers::health(const ServerRequest&) const {
  return {.body = health_json(panel_.health(), *panel_.view(), version_)};
}

ServerResponse ApiHandlers::reasons(const ServerRequest&) const { return {.body = reasons_json()}; }

ServerResponse ApiHandlers::reload(const ServerRequest&) const {
  const auto done = panel_.reload();
  return done ? health({}) : answer_error(done.error());
}

Result<const ServiceView*> ApiHandlers::find(const FleetView& view, const ServerRequest& request) const {
  const auto& name = request.parameters.at("name");
  std::vector<std::string_view> known;
  for (const auto& service : view.services) {
    if (service.spec->name == name) return &service;
    known.emplace_back(service.spec->name);
  }
  if (view.tick == 0) return fail(ErrorKind::unreachable, "nothing was decided yet; ask again in a second");
  const auto meant = nearest_word(name, known);
  return fail(ErrorKind::not_found, fmt::format("no service '{}': {}", name,
                                                !meant.empty() ? fmt::format("did you mean '{}'?", meant)
                                                               : "GET /api/v1/services lists them (tidegate status)"));
}

ServerResponse ApiHandlers::services(const ServerRequest&) const { return {.body = services_json(*panel_.view())}; }

ServerResponse ApiHandlers::service(const ServerRequest& request) const {
  const auto view = panel_.view();
  const auto service = find(*view, request);
  return service ? ServerResponse{.body = service_json(**service)} : answer_error(service.error());
}

ServerResponse ApiHandlers::series(const ServerRequest& request) const {
  const auto view = panel_.view();
  const auto service = find(*view, request);
  if (!service) return answer_error(service.error());
  const auto window = number_of(request, "window", window_default, {1, window_max});
  if (!window) return answer_error(window.error());
  const auto series = panel_.series((*service)->spec->name, from_seconds(*window));
  return series ? ServerResponse{.body = series_json(*series)} : answer_error(series.error());
}

ServerResponse ApiHandlers::decisions(const ServerRequest& request) const {
  const auto view = panel_.view();
  const auto service = find(*view, request);
  if (!service) return answer_error(service.error());
  const auto page = page_of(request, clock_.now());
  if (!page) return answer_error(page.error());
  const auto rows = panel_.decisions((*service)->spec->name, page->from, page->to, page->limit);
  return rows ? ServerResponse{.body = decisions_json(*rows)} : answer_error(rows.error());
}

ServerResponse ApiHandlers::notices(const ServerRequest& request) const {
  const auto view = panel_.view();
  const auto service = find(*view, request);
  if (!service) return answer_error(service.error());
  const auto page = page_of(request, clock_.now());
  if (!page) return answer_error(page.error());
  const auto events = panel_.events((*service)->spec->name, page->from, page->to, page->limit);
  return events ? ServerResponse{.body = events_json(*events)} : answer_error(events.error());
}

// The decision with an id; one of another service is none of this one's.
Result<JournalDecision> ApiHandlers::recorded(const ServerRequest& request) const {
  const auto* asked = given(request, "decision");
  const auto path = request.parameters.find("id");
  const auto id = id_of(asked != nullptr ? *asked : path->second);
  if (!id) return std::unexpected(id.error());
  auto row = panel_.decision(*id);
  if (row && row->decision.service == request.parameters.at("name")) return row;
  if (!row && row.error().kind != ErrorKind::not_found) return row;
  return fail(ErrorKind::not_found, fmt::format("no decision {} of this service is recorded", *id));
}

ServerResponse ApiHandlers::decision(const ServerRequest& request) const {
  const auto view = panel_.view();
  const auto service = find(*view, request);
  if (!service) return answer_error(service.error());
  const auto row = recorded(request);
  return row ? ServerResponse{.body = decision_json(*row)} : answer_error(row.error());
}

ServerResponse ApiHandlers::explain_present(const ServiceView& service, const ServerRequest& request) const {
  ExplainContext context{.before = committed(service.seen), .spec = service.spec.get(), .seen = &service.seen};
  context.now = clock_.now();
  if (given(request, "replicas") == nullptr) return {.body = explanation_json(service.decision, std::nullopt, context)};
  const auto wanted = number_of(request, "replicas", 0, {0, 100'000});
  if (!wanted) return answer_error(wanted.error());
  if (*wanted != std::floor(*wanted)) return answer_error({ErrorKind::invalid, "'replicas' has to be whole"});
  const auto what_if = panel_.what_if(service.spec->name, Replicas{static_cast<std::int32_t>(*wanted)});
  if (!what_if) return answer_error(what_if.error());
  context.what_if = &*what_if;
  return {.body = explanation_json(service.decision, std::nullopt, context)};
}

ServerResponse ApiHandlers::explain(const ServerRequest& request) const {
  const auto view = panel_.view();
  const auto service = find(*view, request);
  if (!service) return answer_error(service.error());
  const bool by_id = given(request, "decision") != nullptr, by_time = given(request, "at") != nullptr;
  if (!by_id && !by_time) return explain_present(**service, request);
  if (given(request, "replicas") != nullptr || (by_id && by_time))
    return answer_error({ErrorKind::invalid, "'replicas', 'decision' and 'at' exclude each other"});
  Result<JournalDecision> row;
  if (by_id) {
    row = recorded(request);
  } else {
    const auto at = number_of(request, "at", 0, {0, time_max});
    if (!at) return answer_error(at.error());
    auto rows = panel_.decisions((*service)->spec->name, Instant{}, instant_at(*at), 1);
    if (!rows) return answer_error(rows.error());
    if (rows->empty()) return answer_error({ErrorKind::not_found, "no decision of that time is recorded"});
    row = std::move(rows->front());
  }
  if (!row) return answer_error(row.error());
  const ExplainContext context{.now = clock_.now()};
  return {.body = explanation_json(view_of(row->decision), DecisionPlace{row->id, row->until, row->ticks}, context)};
}

// Every change: the service has to exist, the body to be JSON; the answer is the service as it will be.
ServerResponse ApiHandlers::steered(const ServerRequest& request, bool has_body, const Steer& steer) const {
  const auto view = panel_.view();
  const auto service = find(*view, request);
  if (!service) return answer_error(service.error());
  if (has_body) {
    const auto type = request.headers.find("content-type");
    if (type == request.headers.end() || !type->second.starts_with("application/json"))
      return answer_error({ErrorKind::invalid, "say Content-Type: application/json"});
  }
  const auto done = steer(**service);
  if (!done) return answer_error(done.error());
  const auto after = panel_.view();
  const auto again = find(*after, request);
  return again ? ServerResponse{.body = service_json(**again)} : answer_error(again.error());
}

ServerResponse ApiHandlers::set_override(const ServerRequest& request) const {
  return steered(request, true, [&](const ServiceView& service) -> Result<void> {
    auto manual = read_override(request.body, *service.spec, clock_.now());
    if (!manual) return std::unexpected(manual.error());
    return panel_.set_override(service.spec->name, *std::move(manual));
  });
}

ServerResponse ApiHandlers::clear_override(const ServerRequest& request) const {
  return steered(request, false,
                 [&](const ServiceView& service) { return panel_.set_override(service.spec->name, std::nullopt); });
}

ServerResponse ApiHandlers::pause(const ServerRequest& request) const {
  return steered(request, true, [&](const ServiceView& service) -> Result<void> {
    auto pause = read_pause(request.body, clock_.now());
    if (!pause) return std::unexpected(pause.error());
    return panel_.set_pause(service.spec->name, *std::move(pause));
  });
}

ServerResponse ApiHandlers::resume(const ServerRequest& request) const {
  return steered(request, true, [&](const ServiceView& service) -> Result<void> {
    const auto signature = read_signature(request.body);
    if (!signature) return std::unexpected(signature.error());
    return panel_.set_pause(service.spec->name, std::nullopt);
  });
}

ServerResponse ApiHandlers::restart(const ServerRequest& request) const {
  return steered(request, true, [&](const ServiceView& service) -> Result<void> {
    const auto signature = read_signature(request.body);
    if (!signature) return std::unexpected(signature.error());
    return panel_.restart(service.spec->name);
  });
}

ServerResponse ApiHandlers::log(const ServerRequest& request) const {
  const auto lines = count_of(request, "lines", lines_default, lines_max);
  if (!lines) return answer_error(lines.error());
  const auto& id = request.parameters.at("id");
  const auto tail = panel_.log_tail(id, static_cast<std::size_t>(*lines));
  if (!tail) return answer_error(tail.error());
  JsonWriter json;
  json.object().key("replica").value(id).key("lines").array();
  for (const auto& line : *tail) json.value(line);
  json.end().end();
  return {.body = json.take()};
}

}  // namespace tidegate

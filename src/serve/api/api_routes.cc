#include "serve/api/api_routes.h"

#include "core/base/json_writer.h"
#include "serve/api/api_schemas.h"

namespace tidegate {
namespace {

constexpr ApiParameter service_name{"name", "path", "string", "the service"};
constexpr ApiParameter from{"from", "query", "number", "seconds since 1970; default: an hour before `to`"};
constexpr ApiParameter to{"to", "query", "number", "seconds since 1970; default: now"};
constexpr ApiParameter limit_parameter{"limit", "query", "integer", "at most so many, 1 to 1000; default 100"};

void write_parameters(JsonWriter& json, const std::vector<ApiParameter>& parameters) {
  json.key("parameters").array();
  for (const auto& parameter : parameters) {
    json.object().key("name").value(parameter.name).key("in").value(parameter.in);
    json.key("required").value(parameter.in == "path").key("description").value(parameter.about);
    json.key("schema").object().key("type").value(parameter.type).end().end();
  }
  json.end();
}

void write_content(JsonWriter& json, std::string_view media, std::string_view schema) {
  json.key("content").object().key(media).object().key("schema").object();
  if (media == "application/json")
    json.key("$ref").value("#/components/schemas/" + std::string{schema});
  else
    json.key("type").value("string");
  json.end().end().end();
}

void write_operation(JsonWriter& json, const ApiRoute& route) {
  const std::string verb = route.method == "GET" ? "get" : route.method == "POST" ? "post" : "delete";
  json.key(verb).object().key("operationId").value(route.name).key("summary").value(route.about);
  if (route.open) json.key("security").array().end();
  write_parameters(json, route.parameters);
  if (!route.takes.empty()) {
    json.key("requestBody").object().key("required").value(true);
    write_content(json, "application/json", route.takes);
    json.end();
  }
  json.key("responses").object();
  json.key("200").object().key("description").value("ok");
  write_content(json, route.media, route.gives);
  json.end().key("default").object().key("description").value("what is wrong, and what to do about it");
  write_content(json, "application/json", "Error");
  json.end().end().end();
}

}  // namespace

const std::vector<ApiRoute>& api_routes() {
  static const std::vector<ApiRoute> all{
      {.method = "GET",
       .path = "/healthz",
       .name = "healthz",
       .about = "200 while the process lives",
       .gives = "Text",
       .media = "text/plain",
       .open = true},
      {.method = "GET",
       .path = "/readyz",
       .name = "readyz",
       .about = "200 once the first tick was decided, 503 before",
       .gives = "Text",
       .media = "text/plain",
       .open = true},
      {.method = "GET",
       .path = "/metrics",
       .name = "metrics",
       .about = "tidegate's own metrics, for Prometheus",
       .gives = "Text",
       .media = "text/plain"},
      {.method = "GET",
       .path = "/api/v1/openapi.json",
       .name = "openapi",
       .about = "this document",
       .gives = "OpenApi"},
      {.method = "GET",
       .path = "/api/v1/events",
       .name = "events",
       .about = "server-sent events: tick, decision, notice",
       .gives = "Text",
       .media = "text/event-stream"},
      {.method = "GET",
       .path = "/api/v1/health",
       .name = "health",
       .about = "how the controller itself does",
       .gives = "Health"},
      {.method = "GET",
       .path = "/api/v1/reasons",
       .name = "reasons",
       .about = "what each reason means",
       .gives = "Reasons"},
      {.method = "POST",
       .path = "/api/v1/reload",
       .name = "reload",
       .about = "read the configuration again, all or nothing",
       .gives = "Health"},
      {.method = "GET", .path = "/api/v1/services", .name = "services", .about = "every service", .gives = "Services"},
      {.method = "GET",
       .path = "/api/v1/services/{name}",
       .name = "service",
       .about = "one service",
       .parameters = {service_name},
       .gives = "Service"},
      {.method = "GET",
       .path = "/api/v1/services/{name}/series",
       .name = "series",
       .about = "what the dashboard draws, a value a tick",
       .parameters = {service_name, {"window", "query", "number", "seconds back from now; default 900"}},
       .gives = "Series"},
      {.method = "GET",
       .path = "/api/v1/services/{name}/decisions",
       .name = "decisions",
       .about = "decisions, newest first; holds without change are folded",
       .parameters = {service_name, from, to, limit_parameter},
       .gives = "Decisions"},
      {.method = "GET",
       .path = "/api/v1/services/{name}/decisions/{id}",
       .name = "decision",
       .about = "one decision",
       .parameters = {service_name, {"id", "path", "integer", "of the decision"}},
       .gives = "Decision"},
      {.method = "GET",
       .path = "/api/v1/services/{name}/notices",
       .name = "notices",
       .about = "what a person should know, newest first",
       .parameters = {service_name, from, to, limit_parameter},
       .gives = "Notices"},
      {.method = "GET",
       .path = "/api/v1/services/{name}/explain",
       .name = "explain",
       .about = "a decision as text; and what would make it another size",
       .parameters = {service_name,
                      {"replicas", "query", "integer", "the size asked about: of the present decision only"},
                      {"decision", "query", "integer", "the decision with this id instead of the present one"},
                      {"at", "query", "number", "the decision that held then, in seconds since 1970"}},
       .gives = "Explanation"},
      {.method = "POST",
       .path = "/api/v1/services/{name}/override",
       .name = "override",
       .about = "pin or bound the size until it expires",
       .parameters = {service_name},
       .takes = "Override",
       .gives = "Service"},
      {.method = "DELETE",
       .path = "/api/v1/services/{name}/override",
       .name = "clear_override",
       .about = "take the override back",
       .parameters = {service_name},
       .gives = "Service"},
      {.method = "POST",
       .path = "/api/v1/services/{name}/pause",
       .name = "pause",
       .about = "decide, but carry nothing out",
       .parameters = {service_name},
       .takes = "Pause",
       .gives = "Service"},
      {.method = "POST",
       .path = "/api/v1/services/{name}/resume",
       .name = "resume",
       .about = "end a pause",
       .parameters = {service_name},
       .takes = "Signature",
       .gives = "Service"},
      {.method = "POST",
       .path = "/api/v1/services/{name}/restart",
       .name = "restart",
       .about = "replace every replica, one after another, without losing requests",
       .parameters = {service_name},
       .takes = "Signature",
       .gives = "Service"},
      {.method = "GET",
       .path = "/api/v1/replicas/{id}/log",
       .name = "log",
       .about = "the last lines a replica wrote",
       .parameters = {{"id", "path", "string", "of the replica"},
                      {"lines", "query", "integer", "1 to 10000; default 100"}},
       .gives = "Log"},
  };
  return all;
}

std::string openapi_document(const std::string& version) {
  JsonWriter json;
  json.object().key("openapi").value("3.1.0").key("info").object().key("title").value("tidegate");
  json.key("version")
      .value(version)
      .key("description")
      .value("Times are seconds since 1970 UTC, durations seconds; a value that was not measured is null, never 0.");
  json.end().key("security").array().object().key("token").array().end().end().object().end().end();
  json.key("paths").object();
  std::string_view open_path;
  for (const auto& route : api_routes()) {
    if (route.path != open_path) {
      if (!open_path.empty()) json.end();
      json.key(route.path).object();
      open_path = route.path;
    }
    write_operation(json, route);
  }
  json.end().end().key("components").object().key("securitySchemes").object().key("token").object();
  json.key("type").value("http").key("scheme").value("bearer").end().end().key("schemas").raw(api_schemas());
  json.end().end();
  return json.take();
}

}  // namespace tidegate

#include "serve/api/http_api.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "edge/net/http_client.h"
#include "serve/api/api_routes.h"
#include "serve/api/steering_request.h"
#include "serve/api/testing/fake_panel.h"

namespace tidegate {
namespace {

using Json = nlohmann::json;

constexpr double noon = 1'789'387'200;

class FixedClock : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return at; }
  Instant at = instant_at(noon);
};

class Api : public testing::Test {
 protected:
  void SetUp() override { serve({}); }
  void serve(HttpServerOptions options) {
    api_ = std::make_unique<HttpApi>(panel_, clock_, std::move(options), "1.2.3");
    const auto port = api_->start();
    ASSERT_TRUE(port) << port.error().message;
    port_ = *port;
  }
  void tick(int times = 1) {
    for (int i = 0; i < times; ++i) panel_.advance(clock_.at += 1s);
  }
  HttpResponse ask(const std::string& method, const std::string& path, const std::string& body = "") {
    HttpRequest request{.method = method, .url = fmt::format("http://127.0.0.1:{}{}", port_, path), .body = body};
    request.direct = true;
    if (!body.empty()) request.headers = {{"Content-Type", "application/json"}};
    const auto answer = client_.fetch(request);
    EXPECT_TRUE(answer) << path << ": " << answer.error().message;
    return answer ? *answer : HttpResponse{};
  }
  HttpResponse get(const std::string& path) { return ask("GET", path); }
  Json json(const std::string& path) {
    const auto answer = get(path);
    EXPECT_EQ(answer.status, 200) << path << ": " << answer.body;
    return Json::parse(answer.body, nullptr, false);
  }
  std::string problem(const HttpResponse& answer, int status) {
    EXPECT_EQ(answer.status, status) << answer.body;
    const auto parsed = Json::parse(answer.body, nullptr, false);
    if (!parsed.contains("error")) return "no error: " + answer.body;
    EXPECT_TRUE(parsed["error"]["code"].is_string());
    return parsed["error"]["message"].get<std::string>();
  }

  FakePanel panel_;
  FixedClock clock_;
  HttpClient client_;
  std::unique_ptr<HttpApi> api_;
  std::uint16_t port_ = 0;
};

// What of JSON Schema the document uses. Empty: the value fits.
std::string misfit(const Json& root, const Json& schema, const Json& value, const std::string& where) {
  if (schema.contains("$ref")) {
    const auto name = schema["$ref"].get<std::string>().substr(std::string{"#/components/schemas/"}.size());
    return misfit(root, root["components"]["schemas"].at(name), value, where);
  }
  if (schema.contains("oneOf")) {
    for (const auto& one : schema["oneOf"])
      if (misfit(root, one, value, where).empty()) return "";
    return where + " fits none of its forms";
  }
  std::set<std::string> types;
  if (schema["type"].is_array())
    types = schema["type"].get<std::set<std::string>>();
  else
    types.insert(schema["type"].get<std::string>());
  const std::string is = value.is_object()           ? "object"
                         : value.is_array()          ? "array"
                         : value.is_string()         ? "string"
                         : value.is_boolean()        ? "boolean"
                         : value.is_null()           ? "null"
                         : value.is_number_integer() ? "integer"
                                                     : "number";
  if (!types.contains(is) && !(is == "integer" && types.contains("number"))) return where + " is " + is;
  if (schema.contains("enum") && !schema["enum"].contains(value) &&
      std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
    return where + " is not in its list";
  for (std::size_t i = 0; value.is_array() && i < value.size(); ++i)
    if (auto why = misfit(root, schema["items"], value[i], fmt::format("{}[{}]", where, i)); !why.empty()) return why;
  if (!value.is_object()) return "";
  for (const auto& name : schema.value("required", Json::array()))
    if (!value.contains(name)) return where + " lacks " + name.get<std::string>();
  const auto properties = schema.value("properties", Json::object());
  for (const auto& [name, part] : value.items()) {
    const bool known = properties.contains(name);
    if (!known && !schema.contains("additionalProperties")) continue;
    if (!known && schema["additionalProperties"] == false) return where + " has the unknown " + name;
    const auto& of = known ? properties[name] : schema["additionalProperties"];
    if (auto why = misfit(root, of, part, where + "." + name); !why.empty()) return why;
  }
  return "";
}

TEST_F(Api, every_address_of_the_document_answers_as_it_says) {
  tick(90);
  const auto document = json("/api/v1/openapi.json");
  const std::map<std::string, std::string> bodies{
      {"Override", R"({"kind":"floor","replicas":2,"for_seconds":60,"author":"a","comment":"c"})"},
      {"Pause", R"({"author":"a","comment":"c"})"},
      {"Signature", R"({"author":"a","comment":"c"})"}};
  std::size_t asked = 0;
  for (const auto& [path, operations] : document["paths"].items())
    for (const auto& [method, operation] : operations.items()) {
      ++asked;
      const auto& content = operation["responses"]["200"]["content"];
      if (content.contains("text/event-stream") || path == "/api/v1/reload") continue;
      auto address = path;
      const auto put = [&](const std::string& hole, const std::string& value) {
        if (const auto at = address.find(hole); at != std::string::npos) address.replace(at, hole.size(), value);
      };
      put("{name}", "chat");
      put("{id}", path.contains("replicas") ? "chat-h100-3f2a" : "1");
      std::string body;
      if (operation.contains("requestBody"))
        body = bodies.at(
            operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].get<std::string>().substr(
                std::string{"#/components/schemas/"}.size()));
      std::string verb = method;
      for (char& c : verb) c = static_cast<char>(std::toupper(c));
      const auto answer = ask(verb, address, body);
      EXPECT_EQ(answer.status, 200) << verb << " " << address << ": " << answer.body;
      if (!content.contains("application/json")) continue;
      EXPECT_EQ(misfit(document, content["application/json"]["schema"], Json::parse(answer.body), "answer"), "")
          << verb << " " << address;
    }
  EXPECT_EQ(asked, api_routes().size());
  EXPECT_GE(asked, 20u);
}

TEST_F(Api, the_page_for_people_names_every_address) {
  std::ifstream file{std::string{TIDEGATE_SOURCE_DIR} + "/docs/reference/api.md"};
  const std::string page{std::istreambuf_iterator<char>{file}, {}};
  for (const auto& route : api_routes()) {
    std::string path{route.path};
    for (const auto& [from, to] : {std::pair{"{name}", "NAME"}, std::pair{"{id}", "ID"}})
      if (const auto at = path.find(from); at != std::string::npos) path.replace(at, std::string{from}.size(), to);
    EXPECT_TRUE(page.contains(path)) << path;
  }
}

TEST_F(Api, ready_after_the_first_decision) {
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_TRUE(problem(get("/api/v1/services/chat"), 503).contains("nothing was decided yet"));
  tick();
  EXPECT_EQ(get("/readyz").status, 200);
  EXPECT_EQ(get("/api/v1/services/chat").status, 200);
}

TEST_F(Api, what_was_not_measured_is_null) {
  tick();
  const auto embed = json("/api/v1/services/embed");
  EXPECT_TRUE(embed["slo"][0]["measured"].is_null());
  EXPECT_TRUE(embed["slo"][0]["met"].is_null());
  EXPECT_TRUE(embed["attainment"].is_null());
  EXPECT_EQ(embed["queued"], 0);  // measured, and zero
  const auto code = json("/api/v1/services/code");
  EXPECT_TRUE(code["demand"]["rate"].is_null());
  EXPECT_EQ(code["demand"]["quality"], "stale");
  EXPECT_TRUE(code["queued"].is_null());
  EXPECT_TRUE(code["cost_per_hour"].is_null());  // a pool has no price
  for (const auto& signal : code["signals"])
    EXPECT_TRUE(signal["signal"] != "arrivals" || (signal["value"].is_number() && signal["age"] == 95)) << signal;
}

TEST_F(Api, unknown_names_and_bad_questions_are_told_apart) {
  tick();
  EXPECT_TRUE(problem(get("/api/v1/services/chta"), 404).contains("did you mean 'chat'?"));
  EXPECT_TRUE(problem(get("/api/v1/services/zzzzzzzz"), 404).contains("lists them"));
  EXPECT_TRUE(problem(get("/api/v1/services/chat/decisions/999"), 404).contains("no decision 999"));
  EXPECT_TRUE(problem(get("/api/v1/services/code/decisions/1"), 404).contains("of this service"));
  EXPECT_TRUE(problem(get("/api/v1/replicas/nothing/log"), 404).contains("no replica"));
  for (const auto* path :
       {"/api/v1/services/chat/series?window=0", "/api/v1/services/chat/series?window=nan",
        "/api/v1/services/chat/series?window=1e300", "/api/v1/services/chat/decisions?limit=0",
        "/api/v1/services/chat/decisions?limit=1.5", "/api/v1/services/chat/decisions?from=5&to=4",
        "/api/v1/services/chat/decisions?from=x", "/api/v1/services/chat/decisions/x",
        "/api/v1/services/chat/explain?replicas=-1", "/api/v1/services/chat/explain?replicas=1.5",
        "/api/v1/services/chat/explain?decision=1&replicas=2", "/api/v1/services/chat/explain?decision=1&at=2",
        "/api/v1/services/chat/explain?at=x", "/api/v1/replicas/chat-h100-3f2a/log?lines=99999"})
    problem(get(path), 400);
  EXPECT_EQ(ask("DELETE", "/api/v1/services/chat").status, 405);
  problem(ask("DELETE", "/api/v1/services/chat"), 405);
  problem(get("/api/v2/services"), 404);
}

TEST_F(Api, explains_the_present_the_past_and_what_would_change_it) {
  tick(90);
  const auto now = json("/api/v1/services/chat/explain");
  EXPECT_TRUE(now["text"].get<std::string>().starts_with("chat @2026-09-14 "));
  EXPECT_TRUE(now["counterfactuals"].empty() && now["blocked_by"].is_null());
  const auto what_if = json("/api/v1/services/draft/explain?replicas=9");
  EXPECT_EQ(what_if["counterfactuals"][0]["then"], 9);
  EXPECT_EQ(what_if["blocked_by"], "paused");
  EXPECT_TRUE(what_if["text"].get<std::string>().contains("What would make it 9"));
  const auto rows = json("/api/v1/services/chat/decisions")["decisions"];
  ASSERT_GE(rows.size(), 3u);
  const auto& oldest = rows.back();
  const auto by_id = json(fmt::format("/api/v1/services/chat/explain?decision={}", oldest["id"].get<int>()));
  const auto by_time = json(fmt::format("/api/v1/services/chat/explain?at={}", oldest["now"].get<double>()));
  EXPECT_EQ(by_id["decision"], oldest);
  EXPECT_EQ(by_time["decision"], oldest);
  problem(get("/api/v1/services/chat/explain?at=1000"), 404);
}

TEST_F(Api, an_override_needs_a_reason_and_an_end) {
  tick();
  const auto url = "/api/v1/services/chat/override";
  const std::pair<const char*, const char*> refused[] = {
      {"{", "not JSON"},
      {"[]", "JSON object"},
      {R"({"kind":"pin"})", "'replicas'"},
      {R"({"kind":"stuck","replicas":1})", "'kind'"},
      {R"({"kind":"pin","replicas":13,"for_seconds":60,"author":"a","comment":"c"})",
       "above the service's replicas.max"},
      {R"({"kind":"pin","replicas":-1,"for_seconds":60,"author":"a","comment":"c"})", "below the service's"},
      {R"({"kind":"pin","replicas":99999999999,"for_seconds":60,"author":"a","comment":"c"})", "above"},
      {R"({"kind":"pin","replicas":1.5,"for_seconds":60,"author":"a","comment":"c"})", "whole number"},
      {R"({"kind":"pin","replicas":"3","for_seconds":60,"author":"a","comment":"c"})", "whole number"},
      {R"({"kind":"pin","replicas":3,"author":"a","comment":"c"})", "end by itself"},
      {R"({"kind":"pin","replicas":3,"for_seconds":0,"author":"a","comment":"c"})", "'for_seconds'"},
      {R"({"kind":"pin","replicas":3,"for_seconds":1e9,"author":"a","comment":"c"})", "'for_seconds'"},
      {R"({"kind":"pin","replicas":3,"for_seconds":60,"comment":"c"})", "'author' is missing"},
      {R"({"kind":"pin","replicas":3,"for_seconds":60,"author":"a","comment":""})", "'comment' is missing"},
      {R"({"kind":"pin","replicas":3,"for_seconds":60,"author":"a","comment":"a\nb"})", "control characters"},
      {R"({"kind":"pin","replica":3,"for_seconds":60,"author":"a","comment":"c"})", "did you mean 'replicas'?"}};
  for (const auto& [body, why] : refused) {
    const auto text = problem(ask("POST", url, body), 400);
    EXPECT_TRUE(text.contains(why)) << body << ": " << text;
  }
  EXPECT_TRUE(json("/api/v1/services/chat")["override"].is_null());
  const auto good = R"({"kind":"pin","replicas":3,"for_seconds":60,"author":"ada","comment":"launch"})";
  EXPECT_EQ(ask("POST", url, good).status, 200);
  tick();
  const auto set = json("/api/v1/services/chat")["override"];
  EXPECT_EQ(set, Json::parse(fmt::format(
                     R"({{"kind":"pin","replicas":3,"expires":{},"author":"ada","comment":"launch"}})", noon + 61)));
  EXPECT_EQ(ask("DELETE", url).status, 200);
  tick();
  EXPECT_TRUE(json("/api/v1/services/chat")["override"].is_null());
}

TEST_F(Api, pauses_resumes_restarts_and_reloads) {
  tick();
  const auto signed_body = R"({"author":"ada","comment":"why"})";
  EXPECT_EQ(ask("POST", "/api/v1/services/chat/pause", R"({"author":"ada","comment":"why","for_seconds":5})").status,
            200);
  tick();
  EXPECT_EQ(json("/api/v1/services/chat")["paused"]["expires"], noon + 6);
  EXPECT_EQ(ask("POST", "/api/v1/services/chat/resume", signed_body).status, 200);
  tick();
  EXPECT_TRUE(json("/api/v1/services/chat")["paused"].is_null());
  problem(ask("POST", "/api/v1/services/chat/restart", R"({"author":"ada"})"), 400);
  EXPECT_TRUE(panel_.restarted().empty());
  EXPECT_EQ(ask("POST", "/api/v1/services/chat/restart", signed_body).status, 200);
  EXPECT_EQ(panel_.restarted(), std::vector<std::string>{"chat"});
  EXPECT_TRUE(problem(ask("POST", "/api/v1/reload"), 400).contains("did you mean `replicas`?"));
  // Without the type of the body a browser's form could have sent it.
  HttpRequest bare{.method = "POST", .url = fmt::format("http://127.0.0.1:{}/api/v1/services/chat/pause", port_)};
  bare.body = signed_body;
  bare.direct = true;
  bare.headers = {{"Content-Type", "text/plain"}};
  EXPECT_EQ(client_.fetch(bare)->status, 400);
}

TEST_F(Api, a_token_guards_everything_but_health_and_the_page) {
  serve({.token = "s3cret"});
  tick();
  for (const auto& route : api_routes()) {
    if (route.path.contains('{') || route.method != "GET") continue;
    EXPECT_EQ(get(std::string{route.path}).status == 401, !route.open) << route.path;
  }
  EXPECT_EQ(get("/").status, 200);
  EXPECT_EQ(get("/app.js").status, 200);
}

// Reads from the event stream until `wanted` was seen, and `after` behind it.
std::string listen_for(
    std::uint16_t port, const std::string& wanted, const std::string& after = "",
    const std::function<void()>& meanwhile = [] {}) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const timeval limit{.tv_sec = 20, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  const std::string request = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
  EXPECT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  std::string heard;
  std::string buffer(64 * 1024, '\0');
  const auto is_heard = [&] {
    const auto at = heard.find(wanted);
    return at != std::string::npos && heard.find(after, at + wanted.size()) != std::string::npos;
  };
  while (!is_heard()) {
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    if (heard.empty()) meanwhile();
    heard.append(buffer, 0, static_cast<std::size_t>(got));
  }
  close(fd);
  return heard;
}

TEST_F(Api, ticks_and_decisions_are_sent_as_they_happen) {
  const auto heard = listen_for(port_, "event: tick", "", [&] { tick(); });
  const auto decision = heard.find("event: decision\ndata: ");
  const auto at = heard.find("event: tick\ndata: ");
  ASSERT_NE(decision, std::string::npos) << heard.substr(0, 500);
  ASSERT_NE(at, std::string::npos);
  const auto again = listen_for(port_, "\n\n");  // the newest event, at once
  ASSERT_TRUE(again.contains("event: tick\ndata: ")) << again.substr(0, 300);
}

TEST_F(Api, a_tick_carries_services_and_points) {
  tick();
  // Decisions may come before it, when the reader is quicker than the publisher.
  const std::string head = "event: tick\ndata: ";
  const auto heard = listen_for(port_, head, "\n\n");
  const auto begin = heard.find(head);
  ASSERT_NE(begin, std::string::npos);
  const auto end = heard.find("\n\n", begin);
  const auto tick = Json::parse(heard.substr(begin + head.size(), end - begin - head.size()), nullptr, false);
  ASSERT_FALSE(tick.is_discarded()) << heard.substr(0, 500);
  EXPECT_EQ(tick["services"].size(), 4u);
  for (const auto* column :
       {"rate", "expected", "floor", "ceiling", "desired", "ready", "warming", "draining", "in_flight", "queued",
        "ttft_p99", "itl_p99", "latency_p99", "cost_per_hour", "gpus", "peer:hpa"})
    EXPECT_TRUE(tick["points"]["chat"].contains(column)) << column;
  EXPECT_TRUE(tick["points"]["code"]["rate"].is_null());
}

TEST_F(Api, an_api_that_is_gone_is_not_called) {
  api_.reset();
  tick();  // the panel still calls back
}

TEST_F(Api, own_metrics_are_clean) {
  tick(90);
  const auto page = get("/metrics").body;
  for (const auto* line :
       {"tidegate_build_info{version=\"1.2.3\"} 1\n", "tidegate_config_last_reload_successful 1\n",
        "tidegate_ticks_total 90\n", "tidegate_leads 1\n",
        "tidegate_signal_errors_total{service=\"code\",signal=\"kv_usage\"} 90\n",
        "tidegate_signal_age_seconds{service=\"code\",signal=\"queued\"} 95\n",
        "tidegate_service_info{service=\"code\",mode=\"shadow\"} 1\n", "tidegate_paused{service=\"draft\"} 1\n"})
    EXPECT_TRUE(page.contains(line)) << line;
  // Not measured, so not there.
  EXPECT_FALSE(page.contains("tidegate_queued_requests{service=\"code\"}"));
  EXPECT_FALSE(page.contains("tidegate_demand_requests_per_second{service=\"code\"}"));
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) GTEST_SKIP() << "promtool is not installed (prometheus)";
  const auto path = testing::TempDir() + "tidegate_metrics_" + std::to_string(getpid());
  std::ofstream{path} << page;
  EXPECT_EQ(std::system(("promtool check metrics < " + path + " >&2").c_str()), 0) << page;
  std::remove(path.c_str());
}

}  // namespace
}  // namespace tidegate

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "edge/net/testing/tls_test_server.h"
#include "serve/external_metrics/metric_documents.h"
#include "serve/external_metrics/metric_request.h"
#include "serve/external_metrics/other_adapter.h"
#include "serve/external_metrics/recent_answers.h"
#include "serve/external_metrics/review.h"
#include "serve/scale_metrics/testing/scripted_panel.h"

namespace tidegate {
namespace {

TEST(MetricDocuments, quantitiesAreExactToTheThousandthAndLittleIsNotNothing) {
  for (const auto& [value, text] : std::map<double, std::string>{{0, "0"},
                                                                 {20, "20"},
                                                                 {1.5, "1500m"},
                                                                 {0.3, "300m"},
                                                                 {4.2, "4200m"},
                                                                 {0.00001, "1m"},
                                                                 {1e30, "9000000000000000"}})
    EXPECT_EQ(quantity_text(value), text);
}

TEST(MetricDocuments, areWhatTheApiServerReads) {
  const auto list = Json::parse(value_list("tidegate_floor", "chat.a", 1.5, Instant{3600s}));
  EXPECT_EQ(list, Json::parse(R"({"kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1",
    "metadata": {}, "items": [{"metricName": "tidegate_floor", "metricLabels": {"service": "chat.a"},
    "timestamp": "1970-01-01T01:00:00Z", "value": "1500m"}]})"));
  const auto status = Json::parse(status_document(404, "no \"x\"\xff"));
  EXPECT_EQ(status["reason"], "NotFound");
  EXPECT_EQ(status["code"], 404);
  const auto discovery = Json::parse(discovery_document());
  EXPECT_EQ(discovery["resources"][0]["name"], "tidegate_desired_replicas");
  EXPECT_EQ(discovery["groupVersion"], "external.metrics.k8s.io/v1beta1");
  EXPECT_EQ(Json::parse(openapi_v3_index())["paths"].items().begin().key(), metrics_path.substr(1));
}

TEST(MetricRequest, readsSelectors) {
  EXPECT_EQ(equal_labels("")->size(), 0U);
  EXPECT_EQ(equal_labels("a=b,c==d , e = f")->at("e"), "f");
  for (const auto* selector : {"a", "a!=b", "a in (b,c)", "=b", "a=", "a=b,a=c", "a=b,,c=d", "a=../x", "!a"})
    EXPECT_EQ(equal_labels(selector).error().kind, ErrorKind::invalid) << selector;
}

TEST(MetricRequest, wantsOneService) {
  const auto read = [](std::string_view metric, std::string_view selector) {
    return metric_request("team-a", metric, selector, ServiceNames::plain);
  };
  const auto model = read("tidegate_desired_replicas", "scaledmodel=chat,pool=h100");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->service, "chat");
  EXPECT_EQ(model->names, ServiceNames::namespaced);
  EXPECT_EQ(model->question.pool, "h100");
  EXPECT_EQ(read("tidegate_ttft_p99", "service=chat")->names, ServiceNames::plain);
  for (const auto* selector : {"", "pool=h100", "scaledmodel=a,service=b", "app=chat"})
    EXPECT_EQ(read("tidegate_floor", selector).error().kind, ErrorKind::invalid) << selector;
  for (const auto* metric : {"floor", "tidegate_cpu", "tidegate_", "s0-desired_replicas"})
    EXPECT_EQ(read(metric, "service=a").error().kind, ErrorKind::not_found) << metric;
}

TEST(MetricRequest, isAnsweredOfItsOwnNamespace) {
  const FleetView view{.tick = 1, .services = {service_view("chat.team-a", 3), service_view("chat", 9)}};
  const auto answered = [&](std::string_view name_space, std::string_view selector) {
    return answer_of(*metric_request(name_space, "tidegate_desired_replicas", selector, ServiceNames::plain), view);
  };
  EXPECT_EQ(answered("team-a", "scaledmodel=chat")->value.value, 3);
  EXPECT_EQ(answered("team-a", "scaledmodel=chat")->service, "chat.team-a");
  EXPECT_EQ(answered("team-b", "scaledmodel=chat").error().message, "no service 'chat.team-b'");
  EXPECT_EQ(answered("team-b", "service=chat")->value.value, 9);
}

TEST(PlainName, isFitForAPath) {
  for (const auto* name : {"a", "s0-cron_x.y:z", "A1"}) EXPECT_TRUE(is_plain_name(name)) << name;
  for (const auto* name : {"", ".", "..", "a/b", "a b", "a%", "\xc3\xa4"}) EXPECT_FALSE(is_plain_name(name)) << name;
  EXPECT_FALSE(is_plain_name(std::string(254, 'a')));
}

// ---- who asks

Json proxy_map(const std::string& authorities) {
  return {{"data",
           {{"requestheader-client-ca-file", authorities},
            {"requestheader-allowed-names", R"(["front-proxy-client"])"},
            {"requestheader-username-headers", R"(["X-Remote-User"])"},
            {"requestheader-group-headers", R"(["X-Remote-Group"])"},
            {"requestheader-extra-headers-prefix", R"(["X-Remote-Extra-"])"}}}};
}

TEST(FrontProxy, isReadFromItsConfigMap) {
  const auto proxy = front_proxy_of(proxy_map("PEM"));
  ASSERT_TRUE(proxy);
  EXPECT_EQ(proxy->allowed_names, std::vector<std::string>{"front-proxy-client"});
  EXPECT_EQ(proxy->user_headers, std::vector<std::string>{"x-remote-user"});
  auto broken = proxy_map("PEM");
  broken["data"]["requestheader-group-headers"] = "[1]";
  EXPECT_EQ(front_proxy_of(broken).error().kind, ErrorKind::invalid);
  const auto none = front_proxy_of(Json{{"data", Json::object()}});
  ASSERT_TRUE(none);
  EXPECT_EQ(vouched_caller(*none, {}, Instant{}).error().kind, ErrorKind::denied);
}

TEST(FrontProxy, headersAreBelievedOfItsCertificateOnly) {
  const auto proxy = front_proxy_of(proxy_map("PEM"));
  ServerRequest request;
  request.header_lines = {{"x-remote-user", "system:admin"}, {"x-remote-group", "system:masters"}};
  EXPECT_EQ(vouched_caller(*proxy, request, Instant{}).error().message, "no certificate was shown");
}

TEST(BearerToken, isWhatFollowsItsScheme) {
  const auto token = [](const std::string& header) {
    ServerRequest request;
    request.headers["authorization"] = header;
    return bearer_token(request);
  };
  EXPECT_EQ(token("Bearer abc"), "abc");
  EXPECT_EQ(token("bearer abc"), "abc");
  EXPECT_EQ(token("Basic abc"), "");
  EXPECT_EQ(token("Bearer "), "");
  EXPECT_EQ(bearer_token({}), "");
}

TEST(Reviews, areWrittenAndRead) {
  const Caller caller{.name = "u", .uid = "1", .groups = {"g"}, .extra = {{"scopes", {"a", "b"}}}};
  const auto review = access_review(caller, {.metric = "m", .name_space = "n"});
  EXPECT_EQ(review["spec"]["resourceAttributes"],
            Json::parse(R"({"namespace": "n", "verb": "list", "group": "external.metrics.k8s.io",
                            "version": "v1beta1", "resource": "m"})"));
  EXPECT_EQ(review["spec"]["extra"]["scopes"], Json::parse(R"(["a", "b"])"));
  EXPECT_EQ(access_review(caller, {.path = "/openapi/v2"})["spec"]["nonResourceAttributes"]["path"], "/openapi/v2");
  EXPECT_TRUE(is_allowed(Json::parse(R"({"status": {"allowed": true}})")));
  for (const auto* answer :
       {"{}", R"({"status": {"allowed": false}})", R"({"status": {"allowed": true, "denied": true}})"})
    EXPECT_FALSE(is_allowed(Json::parse(answer))) << answer;

  EXPECT_EQ(token_review("t")["spec"]["token"], "t");
  EXPECT_EQ(reviewed_caller(Json::parse(R"({"status": {"authenticated": true, "user": {"username": "u", "uid": "1",
            "groups": ["g"], "extra": {"scopes": ["a", "b"]}}}})")),
            caller);
  for (const auto* answer : {"{}", R"({"status": {"authenticated": false, "user": {"username": "u"}}})",
                             R"({"status": {"authenticated": true, "user": {}}})"})
    EXPECT_FALSE(reviewed_caller(Json::parse(answer))) << answer;
}

TEST(RecentAnswers, countForTheirTimeAndAreFew) {
  RecentAnswers<bool> answers(10s, 2);
  answers.keep("a", true, Instant{0s});
  EXPECT_EQ(answers.find("a", Instant{9s}), true);
  EXPECT_EQ(answers.find("a", Instant{10s}), std::nullopt);
  answers.keep("b", false, Instant{9s});
  answers.keep("c", true, Instant{11s});
  EXPECT_EQ(answers.find("b", Instant{11s}), false) << "only what no longer counts went";
  answers.keep("d", true, Instant{12s});
  EXPECT_LE(answers.size(), 2U);
  EXPECT_EQ(answers.find("d", Instant{12s}), true);
}

TEST(Impersonation, namesTheCallerAndWhatDoesNotFollowFromItsName) {
  using Headers = std::vector<std::pair<std::string, std::string>>;
  const std::string hpa = "system:serviceaccount:kube-system:horizontal-pod-autoscaler";
  EXPECT_EQ(impersonation_of({.name = hpa, .groups = {"system:serviceaccounts", "system:authenticated"}}),
            (Headers{{"Impersonate-User", hpa}}));
  EXPECT_EQ(impersonation_of({.name = "jane", .groups = {"dev", "system:authenticated"}}),
            (Headers{{"Impersonate-User", "jane"}, {"Impersonate-Group", "dev"}}));
  EXPECT_EQ(impersonation_of({.name = "a\r\nX: y"}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(impersonation_of({.name = "a", .groups = {"b\n"}}).error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace tidegate

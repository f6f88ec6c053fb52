// The aggregated API on a loopback port, with an API server that vouches, reviews and permits as a test says.
#include "serve/external_metrics/external_metrics_api.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "edge/kubernetes/testing/fake_api_server.h"
#include "edge/machine/system_clock.h"
#include "edge/net/http_client.h"
#include "edge/net/testing/tls_test_server.h"
#include "serve/external_metrics/review.h"
#include "serve/scale_metrics/testing/scripted_panel.h"

namespace tidegate {
namespace {

const std::string path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/team-a/";
const std::string hpa = "system:serviceaccount:kube-system:horizontal-pod-autoscaler";

class QuietLog final : public Log {
 public:
  void write(const LogLine& line) override {
    const std::lock_guard lock(mutex_);
    text_ += text_of(line) + "\n";
  }
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

class ExternalMetricsApiTest : public testing::Test {
 protected:
  void SetUp() override {
    api_server_.intercept([this](const FakeApiRequest& request) { return judge(request); });
    panel_.put(clock_.now(), {service_view("chat.team-a", 20)});
  }
  // The API server: vouches for its front proxy, knows one token, permits the HPA and the token's owner.
  std::optional<FakeApiAnswer> judge(const FakeApiRequest& request) {
    if (is_down_) return FakeApiAnswer{.status = 403, .body = R"({"kind":"Status","reason":"Forbidden","code":403})"};
    if (request.path.ends_with("/configmaps/extension-apiserver-authentication"))
      return FakeApiAnswer{.body = Json{{"data",
                                         {{"requestheader-client-ca-file", front_proxy_.certificate()},
                                          {"requestheader-allowed-names", R"(["front-proxy-client"])"},
                                          {"requestheader-username-headers", R"(["X-Remote-User"])"},
                                          {"requestheader-group-headers", R"(["X-Remote-Group"])"},
                                          {"requestheader-extra-headers-prefix", R"(["X-Remote-Extra-"])"}}}}
                                       .dump()};
    if (request.path.ends_with("/tokenreviews")) {
      const bool is_known = Json::parse(request.body)["spec"]["token"] == "good";
      return FakeApiAnswer{
          .status = 201,
          .body = Json{{"status", {{"authenticated", is_known}, {"user", {{"username", "jane"}}}}}}.dump()};
    }
    if (request.path.ends_with("/subjectaccessreviews")) {
      const auto spec = Json::parse(request.body)["spec"];
      const std::lock_guard lock(mutex_);
      reviews_.push_back(spec);
      return FakeApiAnswer{.status = 201, .body = Json{{"status", {{"allowed", spec["user"] != "mallory"}}}}.dump()};
    }
    return std::nullopt;
  }

  void serve(ExternalMetricsOptions options = {}) {
    cluster_ = std::make_unique<Cluster>(api_server_.access(), clock_);
    api_ = std::make_unique<ExternalMetricsApi>(panel_, *cluster_, log_, std::move(options));
    const auto port = api_->start();
    ASSERT_TRUE(port) << port.error().message;
    port_ = *port;
  }
  HttpResponse ask(const std::string& target, std::vector<std::pair<std::string, std::string>> headers,
                   const TestCertificate& shown = {}) {
    HttpClient client;
    auto answer = client.fetch({.url = fmt::format("https://127.0.0.1:{}{}", port_, target),
                                .headers = std::move(headers),
                                .timeout = 20s,
                                .direct = true,
                                .tls = std::make_shared<const HttpTls>(
                                    HttpTls{.certificate = shown.certificate, .key = shown.key, .insecure = true})});
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? *answer : HttpResponse{};
  }
  // As the API server does for a caller.
  HttpResponse ask_for(const std::string& user, const std::string& target) {
    return ask(target, {{"X-Remote-User", user}, {"X-Remote-Group", "system:authenticated"}},
               front_proxy_.issue("front-proxy-client", {}));
  }
  std::vector<Json> reviews() {
    const std::lock_guard lock(mutex_);
    return reviews_;
  }

  TestAuthority front_proxy_{"front-proxy"}, other_{"other"};
  std::atomic<bool> is_down_{false};
  std::mutex mutex_;
  std::vector<Json> reviews_;
  SystemClock clock_;
  QuietLog log_;
  ScriptedPanel panel_;
  FakeApiServer api_server_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<ExternalMetricsApi> api_;
  std::uint16_t port_ = 0;
};

std::string message_of(const HttpResponse& answer) { return Json::parse(answer.body)["message"]; }

TEST_F(ExternalMetricsApiTest, anHpaReadsWhatWasDecided) {
  serve();
  const auto answer = ask_for(hpa, path + "tidegate_desired_replicas?labelSelector=scaledmodel%3Dchat");
  EXPECT_EQ(answer.status, 200) << answer.body;
  const auto list = Json::parse(answer.body);
  EXPECT_EQ(list["items"][0]["value"], "20");
  EXPECT_EQ(list["items"][0]["metricLabels"]["service"], "chat.team-a");
  ASSERT_EQ(reviews().size(), 1U);
  EXPECT_EQ(reviews()[0]["user"], hpa);
  EXPECT_EQ(reviews()[0]["groups"], Json::parse(R"(["system:authenticated"])"));
  EXPECT_EQ(reviews()[0]["resourceAttributes"]["resource"], "tidegate_desired_replicas");
  // The next one within ten seconds is not asked about again.
  EXPECT_EQ(ask_for(hpa, path + "tidegate_desired_replicas?labelSelector=scaledmodel%3Dchat").status, 200);
  EXPECT_EQ(reviews().size(), 1U);
  EXPECT_EQ(api_server_.count("GET", "/api/v1/namespaces/kube-system/configmaps"), 1U);
}

TEST_F(ExternalMetricsApiTest, whatIsNotKnownIsAnErrorAndNoEmptyList) {
  serve();
  const auto missing = ask_for(hpa, path + "tidegate_desired_replicas?labelSelector=scaledmodel%3Dcode");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(message_of(missing), "no service 'code.team-a'");
  const auto unmeasured = ask_for(hpa, path + "tidegate_queued?labelSelector=scaledmodel%3Dchat");
  EXPECT_EQ(unmeasured.status, 503);
  EXPECT_EQ(message_of(unmeasured), "queued of chat.team-a is not measured");
  EXPECT_EQ(ask_for(hpa, path + "tidegate_queued").status, 400);
  EXPECT_EQ(ask_for(hpa, path + "tidegate_nonsense?labelSelector=service%3Dchat").status, 404);
  EXPECT_EQ(ask_for(hpa, path + "..%2Fpods").status, 400);
  panel_.put(clock_.now() - 1min, {service_view("chat.team-a", 20)});
  EXPECT_EQ(ask_for(hpa, path + "tidegate_desired_replicas?labelSelector=scaledmodel%3Dchat").status, 503);
}

TEST_F(ExternalMetricsApiTest, strangersAreRefused) {
  serve();
  const auto target = path + "tidegate_desired_replicas?labelSelector=scaledmodel%3Dchat";
  EXPECT_EQ(ask(target, {{"X-Remote-User", hpa}}).status, 401) << "no certificate";
  EXPECT_EQ(ask(target, {{"X-Remote-User", hpa}}, other_.issue("front-proxy-client", {})).status, 401);
  EXPECT_EQ(ask(target, {{"X-Remote-User", hpa}}, front_proxy_.issue("somebody", {})).status, 401) << "another name";
  EXPECT_EQ(ask(target, {}, front_proxy_.issue("front-proxy-client", {})).status, 401) << "no user";
  EXPECT_EQ(ask(target, {{"Authorization", "Bearer bad"}}).status, 401);
  EXPECT_TRUE(reviews().empty());
  const auto forbidden = ask_for("mallory", target);
  EXPECT_EQ(forbidden.status, 403);
  EXPECT_EQ(message_of(forbidden),
            "mallory may not list tidegate_desired_replicas.external.metrics.k8s.io in the namespace team-a");
}

TEST_F(ExternalMetricsApiTest, aTokenThatTheApiServerKnowsIsEnough) {
  serve();
  const auto target = path + "tidegate_desired_replicas?labelSelector=scaledmodel%3Dchat";
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(target, {{"Authorization", "Bearer good"}}).status, 200);
  EXPECT_EQ(api_server_.count("POST", "/apis/authentication.k8s.io/v1/tokenreviews"), 1U);
  EXPECT_EQ(reviews()[0]["user"], "jane");
}

TEST_F(ExternalMetricsApiTest, whenTheApiServerCannotBeAskedNobodyIsLetIn) {
  is_down_ = true;
  serve();
  EXPECT_EQ(ask_for(hpa, path + "tidegate_floor?labelSelector=scaledmodel%3Dchat").status, 503);
  EXPECT_EQ(ask("/healthz", {}).body, "ok") << "health is open";
  EXPECT_TRUE(log_.text().contains("which front proxy it has")) << log_.text();
}

TEST_F(ExternalMetricsApiTest, servesWhatTheApiServerWantsOfAnAggregatedOne) {
  serve();
  for (const auto* target : {"/apis/external.metrics.k8s.io/v1beta1", "/openapi/v2", "/openapi/v3",
                             "/openapi/v3/apis/external.metrics.k8s.io/v1beta1"}) {
    const auto answer = ask_for("system:kube-aggregator", target);
    EXPECT_EQ(answer.status, 200) << target << answer.body;
    EXPECT_TRUE(Json::accept(answer.body)) << target;
    EXPECT_EQ(ask(target, {}).status, 401) << target;
  }
  EXPECT_EQ(reviews()[0]["nonResourceAttributes"]["path"], "/apis/external.metrics.k8s.io/v1beta1");
  EXPECT_EQ(ask_for(hpa, "/apis").status, 404);
}

TEST_F(ExternalMetricsApiTest, othersMetricsAreAskedOfTheOtherAdapterInTheCallersName) {
  std::string heard;
  const TlsTestServer adapter(other_.issue("adapter", {"DNS:localhost"}), "", [&](const TlsRequest& request) {
    heard = request.head;
    return "HTTP/1.1 418 Teapot\r\nContent-Type: application/vnd.kubernetes.protobuf\r\nContent-Length: 2\r\n\r\nk8";
  });
  const auto authorities = std::filesystem::temp_directory_path() / fmt::format("other-adapter-{}.crt", ::getpid());
  std::ofstream(authorities) << other_.certificate();
  serve({.fallback = OtherAdapter{.url = adapter.url("localhost", ""), .authorities = authorities}});
  const auto answer = ask_for(hpa, path + "s0-cron?labelSelector=scaledobject.keda.sh%2Fname%3Dx");
  EXPECT_EQ(answer.status, 418) << answer.body;
  EXPECT_EQ(answer.body, "k8");
  EXPECT_EQ(answer.header("content-type"), "application/vnd.kubernetes.protobuf");
  EXPECT_TRUE(heard.starts_with("GET " + path + "s0-cron?labelSelector=scaledobject.keda.sh%2Fname%3Dx HTTP/1.1"))
      << heard;
  EXPECT_TRUE(heard.contains("Impersonate-User: " + hpa)) << heard;
  EXPECT_EQ(reviews()[0]["resourceAttributes"]["resource"], "s0-cron") << "and we ask about the caller too";
  EXPECT_EQ(ask_for("mallory", path + "s0-cron").status, 403);
  std::filesystem::remove(authorities);
  const auto unread = ask_for(hpa, path + "s0-cron");
  EXPECT_EQ(unread.status, 503);
  EXPECT_TRUE(message_of(unread).contains("external_metrics.fallback.authorities"));
}

TEST_F(ExternalMetricsApiTest, aStopIsQuickAndAPortInUseIsSaid) {
  serve();
  Cluster cluster(api_server_.access(), clock_);
  ExternalMetricsApi second(panel_, cluster, log_, {.port = port_});
  EXPECT_TRUE(second.start().error().message.starts_with(
      fmt::format("the external metrics API cannot listen on 127.0.0.1:{}", port_)));
  ExternalMetricsApi third(panel_, cluster, log_, {.files = CertificateFiles{"/nowhere", "/nowhere"}});
  EXPECT_TRUE(third.start().error().message.starts_with("external_metrics.tls: /nowhere holds no certificate"));
  api_.reset();
}

}  // namespace
}  // namespace tidegate

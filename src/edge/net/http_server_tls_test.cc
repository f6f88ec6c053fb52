#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "edge/net/client_certificate.h"
#include "edge/net/http_client.h"
#include "edge/net/http_server.h"
#include "edge/net/testing/tls_test_server.h"

namespace tidegate {
namespace {

Instant today() { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

class HttpServerTlsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("http-server-tls-test-{}", ::getpid());
    std::filesystem::create_directories(folder_);
    install(authority_.issue("first", {"DNS:localhost"}));
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  void install(const TestCertificate& own) {
    std::ofstream(path("tls.crt")) << own.certificate;
    std::ofstream(path("tls.key")) << own.key;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }

  void serve(std::shared_ptr<ServerTls> tls) {
    tls_ = std::move(tls);
    server_ = std::make_unique<HttpServer>(HttpServerOptions{.any_host = true, .tls = tls_});
    server_->route("GET", "/who", [this](const ServerRequest& request) {
      const std::lock_guard lock(mutex_);
      seen_ = request;
      return ServerResponse{.body = "{}"};
    });
    const auto port = server_->start();
    ASSERT_TRUE(port) << port.error().message;
    port_ = *port;
  }
  void serve_files() {
    auto tls = ServerTls::of_files({path("tls.crt"), path("tls.key")});
    ASSERT_TRUE(tls) << tls.error().message;
    serve(std::move(*tls));
  }
  Result<HttpResponse> ask(HttpTls how, std::vector<std::pair<std::string, std::string>> headers = {}) {
    HttpClient client;  // a connection of its own
    return client.fetch({.url = fmt::format("https://localhost:{}/who", port_),
                         .headers = std::move(headers),
                         .direct = true,
                         .tls = std::make_shared<const HttpTls>(std::move(how))});
  }

  TestAuthority authority_{"authority"}, other_{"other"};
  std::filesystem::path folder_;
  std::shared_ptr<ServerTls> tls_;
  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  ServerRequest seen_;
};

TEST_F(HttpServerTlsTest, clientsSeeTheCertificateOfTheFiles) {
  serve_files();
  const auto answer = ask({.authorities = authority_.certificate()});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_TRUE(seen_.client_chain.empty());
  EXPECT_EQ(ask({.authorities = other_.certificate()}).error().kind, ErrorKind::denied);
}

TEST_F(HttpServerTlsTest, aClientsCertificateIsHandedOnAndSpeaksForWhomItsAuthorityVouches) {
  serve_files();
  const auto shown = other_.issue("front-proxy-client", {});
  ASSERT_TRUE(ask({.authorities = authority_.certificate(), .certificate = shown.certificate, .key = shown.key}));
  const auto named = [&](const TestAuthority& authority, Instant now) {
    return certified_name(seen_.client_chain, authority.certificate(), now);
  };
  EXPECT_EQ(named(other_, today()), "front-proxy-client");
  EXPECT_EQ(named(authority_, today()).error().kind, ErrorKind::denied);
  EXPECT_EQ(named(other_, today() + 48h).error().message, "the certificate is not taken: certificate has expired");
  EXPECT_EQ(certified_name({}, other_.certificate(), today()).error().message, "no certificate was shown");
  EXPECT_EQ(certified_name(seen_.client_chain, "nonsense", today()).error().kind, ErrorKind::invalid);
  EXPECT_EQ(certified_name(std::vector<std::string>{"nonsense"}, other_.certificate(), today()).error().message,
            "the certificate cannot be read");
}

TEST_F(HttpServerTlsTest, aServersCertificateIsNoClients) {
  serve_files();
  const auto shown = other_.issue("server", {"DNS:server"});
  ASSERT_TRUE(ask({.authorities = authority_.certificate(), .certificate = shown.certificate, .key = shown.key}));
  EXPECT_EQ(certified_name(seen_.client_chain, other_.certificate(), today()).error().kind, ErrorKind::denied);
}

TEST_F(HttpServerTlsTest, changedFilesAreTakenAndBrokenOnesAreNot) {
  serve_files();
  const auto eventually = [&](const auto& is_so) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!is_so() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return is_so();
  };
  std::ofstream(path("tls.crt")) << "nonsense";
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(ask({.authorities = authority_.certificate()})) << "the old one serves on";
    return tls_->problem().contains("tls.crt holds no certificate");
  }));
  install(other_.issue("second", {"DNS:localhost"}));
  EXPECT_TRUE(eventually([&] { return ask({.authorities = other_.certificate()}).has_value(); }));
  EXPECT_EQ(tls_->problem(), "");
}

TEST_F(HttpServerTlsTest, filesThatDoNotFitAreSaid) {
  std::ofstream(path("other.key")) << other_.issue("x", {}).key;
  EXPECT_TRUE(
      ServerTls::of_files({path("tls.crt"), path("other.key")}).error().message.contains("other.key holds no key"));
  EXPECT_TRUE(
      ServerTls::of_files({"/nowhere", path("tls.key")}).error().message.contains("/nowhere holds no certificate"));
}

TEST_F(HttpServerTlsTest, whatItSignsItselfIsGoodForThoseWhoDoNotAsk) {
  auto tls = ServerTls::self_signed({"tidegate.tidegate.svc"});
  ASSERT_TRUE(tls) << tls.error().message;
  serve(std::move(*tls));
  EXPECT_TRUE(ask({.insecure = true}));
  EXPECT_EQ(ask({.authorities = authority_.certificate()}).error().kind, ErrorKind::denied);
}

TEST_F(HttpServerTlsTest, headersThatRepeatAreAllThere) {
  serve_files();
  ASSERT_TRUE(ask({.authorities = authority_.certificate()}, {{"X-Group", "a, b"}, {"X-Group", "c"}}));
  std::vector<std::string> groups;
  for (const auto& [name, value] : seen_.header_lines)
    if (name == "x-group") groups.push_back(value);
  EXPECT_EQ(groups, (std::vector<std::string>{"a, b", "c"}));
  EXPECT_EQ(seen_.target, "/who");
}

// ---- answers that come later

class LateAnswerTest : public testing::Test {
 protected:
  void serve(HttpServer::LateHandler handler) {
    server_ = std::make_unique<HttpServer>(HttpServerOptions{});
    server_->route_late("GET", "/later", std::move(handler));
    const auto port = server_->start();
    ASSERT_TRUE(port);
    url_ = fmt::format("http://127.0.0.1:{}/later", *port);
  }
  std::unique_ptr<HttpServer> server_;
  std::string url_;
};

TEST_F(LateAnswerTest, comesFromAnotherThreadAndTheConnectionServesOn) {
  std::vector<std::jthread> threads;
  serve([&](const ServerRequest&, LateAnswer answer) {
    threads.emplace_back([answer = std::move(answer)] {
      answer({.status = 201, .body = "late"});
      answer({.body = "twice"});  // nobody hears it
    });
  });
  HttpClient client;
  for (int i = 0; i < 2; ++i) {
    const auto answer = client.fetch({.url = url_, .direct = true});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 201);
    EXPECT_EQ(answer->body, "late");
  }
}

TEST_F(LateAnswerTest, thatIsDroppedIsAnError) {
  serve([](const ServerRequest&, const LateAnswer&) {});
  HttpClient client;
  EXPECT_EQ(client.fetch({.url = url_, .direct = true})->status, 500);
}

TEST_F(LateAnswerTest, isForgottenWhenTheServerIsGone) {
  LateAnswer kept;
  std::mutex mutex;
  serve([&](const ServerRequest&, LateAnswer answer) {
    const std::lock_guard lock(mutex);
    kept = std::move(answer);
  });
  std::jthread client([url = url_] {
    HttpClient http;
    EXPECT_EQ(http.fetch({.url = url, .timeout = 20s, .direct = true}).error().kind, ErrorKind::unreachable);
  });
  const auto is_asked = [&] {
    const std::lock_guard lock(mutex);
    return static_cast<bool>(kept);
  };
  while (!is_asked()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  server_.reset();
  kept({.body = "too late"});
}

}  // namespace
}  // namespace tidegate

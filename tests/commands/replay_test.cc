// `replay` as a script meets it: what other policies would have made of a journal, and what it says of wrong words.
#include <nlohmann/json.hpp>

#include "edge/net/testing/fake_http_server.h"
#include "serve/journal/journal.h"
#include "tests/commands/program.h"

namespace tidegate {
namespace {

using nlohmann::json;

constexpr auto two_services = R"(services:
  - name: chat
    slo: {ttft_p99: 2s}
    replicas: {min: 1, max: 12}
    pools: [{name: h100, startup: 20s, capacity: {slots: 8, service: 4s}}]
  - name: code
    replicas: {min: 1, max: 2}
    pools: [{name: l4}]
)";
constexpr Instant begin{std::chrono::sys_days{std::chrono::year{2026} / 3 / 2} + 9h};

class ReplayOfJournal : public ProgramInFolder {
 protected:
  // Twenty minutes of `chat`: 4 requests a second, then 8, always on six replicas, one request in fifty late.
  void keep_journal() {
    auto journal = Journal::open((folder_ / "journal.sqlite").string());
    ASSERT_TRUE(journal) << journal.error().message;
    (*journal)->configured(begin, {.text = two_services});
    for (int second = 0; second <= 1200; ++second) {
      const Instant now = begin + std::chrono::seconds{second};
      const double rate = second < 600 ? 4 : 8;
      Observation seen{.now = now, .service = "chat"};
      seen.arrivals = Reading::of(rate);
      seen.in_flight = Reading::of(rate * 4);
      seen.within_slo = Reading::of(rate * 0.98);
      seen.missed_slo = Reading::of(rate * 0.02);
      seen.pools = {{.pool = "h100", .ready = 6}};
      if (second == 30) seen.cold_starts = {{.pool = "h100", .took = 31s}};
      Decision decision{.now = now, .service = "chat", .pools = {{.pool = "h100", .replicas = Replicas{6}}}};
      (*journal)->append_tick(now, {seen}, std::span(&decision, 1));
      if (second % 100 == 0) {
        ASSERT_TRUE((*journal)->flush(10s));
      }
    }
    ASSERT_TRUE((*journal)->flush(10s));
  }
};

TEST_F(ReplayOfJournal, SetsWhatHappenedBesideOtherPolicies) {
  keep_journal();
  ASSERT_EQ(run("replay journal.sqlite --service chat --policies 'slo,{static: {replicas: 5}}' --report page.html "
                "--warm-up 1m -o json"),
            0)
      << read("err");
  const auto answer = json::parse(read("out"));
  ASSERT_EQ(answer["runs"].size(), 3U);
  const auto& happened = answer["runs"][0];
  EXPECT_EQ(happened["policy"], "recorded");
  EXPECT_NEAR(happened["requests"].get<double>(), 539 * 4 + 601 * 8, 1);
  EXPECT_NEAR(happened["replica_hours"].get<double>(), 6 * 19.0 / 60, 0.02);
  EXPECT_EQ(happened["scale_events"], 0);
  EXPECT_EQ(answer["runs"][1]["policy"], "slo");
  EXPECT_LT(answer["runs"][1]["replica_hours"].get<double>(), happened["replica_hours"].get<double>());
  EXPECT_NEAR(answer["runs"][2]["replica_hours"].get<double>(), 5 * 19.0 / 60, 0.02);
  EXPECT_GE(answer["clairvoyant"]["slo_attainment"].get<double>(), 0.99);
  const auto& recorded = answer["recorded"];
  EXPECT_NEAR(recorded["slo_attainment"].get<double>(), 0.98, 1e-9) << "as it was measured then";
  EXPECT_NEAR(recorded["replica_hours"].get<double>(), 6 * 19.0 / 60, 0.01);
  EXPECT_EQ(recorded["from"].get<double>(), seconds(begin));
  EXPECT_NE(read("page.html").find("recorded"), std::string::npos);
  EXPECT_NE(read("err").find("8 requests at once (as given), 4s each (as given), after a cold start of 20s (as given)"),
            std::string::npos)
      << read("err");
}

TEST_F(ReplayOfJournal, SaysItInASentence) {
  keep_journal();
  ASSERT_EQ(run("replay . --service chat --no-bounds --since 11m --policies '{static: {replicas: 5}}'"), 0)
      << read("err");
  const auto out = read("out");
  EXPECT_NE(out.find("recorded"), std::string::npos);
  EXPECT_NE(out.find(", 98.000 % within the SLO as it was measured (99 % are promised)."), std::string::npos) << out;
  EXPECT_NE(out.find("static: {replicas: 5}} instead: "), std::string::npos) << out;
  EXPECT_NE(out.find(" % fewer replica-hours"), std::string::npos) << out;
  EXPECT_NE(out.find("is not quite like yours"), std::string::npos) << "six replicas served all in time when played";
}

// What the configuration does not say of a replica the ticks do.
TEST_F(ReplayOfJournal, ShowsHowAReplicaIs) {
  keep_journal();
  write("bare.yaml", "services:\n  - {name: chat, replicas: {min: 1, max: 12}, pools: [{name: h100}]}\n");
  ASSERT_EQ(run("replay . --config bare.yaml --no-bounds --policies slo"), 0) << read("err");
  EXPECT_NE(read("err").find("6 requests at once (as recorded), 4s each (as recorded), after a cold start of 31s (as "
                             "recorded)"),
            std::string::npos)
      << read("err");
}

TEST_F(ReplayOfJournal, WithoutPoliciesItIsVerified) {
  keep_journal();
  // The decisions above are nobody's.
  EXPECT_EQ(run("replay journal.sqlite"), 4) << read("err");
  EXPECT_NE(read("out").find("DIFFER"), std::string::npos);
}

TEST_F(ReplayOfJournal, AsksWhichServiceIsMeant) {
  keep_journal();
  EXPECT_EQ(run("replay journal.sqlite --policies slo"), 78);
  EXPECT_NE(read("err").find("--service NAME: chat, code"), std::string::npos) << read("err");
  EXPECT_EQ(run("replay journal.sqlite --policies slo --service nobody"), 5);
  EXPECT_EQ(run("replay journal.sqlite --policies slo --service code"), 5);
  EXPECT_NE(read("err").find("no tick of code"), std::string::npos) << read("err");
  EXPECT_EQ(run("replay journal.sqlite --policies nobody --service chat"), 2);
  EXPECT_NE(read("err").find("there is no policy `nobody` to play"), std::string::npos) << read("err");
}

class ReplayWords : public ProgramInFolder {};

TEST_F(ReplayWords, SaysWhatDoesNotGoTogether) {
  const auto expect = [&](const std::string& arguments, int status, const std::string& message) {
    EXPECT_EQ(run("replay " + arguments), status) << arguments;
    EXPECT_NE(read("err").find(message), std::string::npos) << arguments << ": " << read("err");
    EXPECT_EQ(read("out"), "") << arguments;
  };
  expect("--against hpa/prod/chat", 2, "--against goes with --prometheus URL");
  expect("journal.sqlite --report page.html", 2, "--report goes with --policies LIST or --prometheus URL");
  expect("--prometheus http://127.0.0.1:9 --against hpa/prod/chat --policies nobody", 2, "no policy `nobody`");
  expect("--prometheus http://127.0.0.1:9 --against hpa/prod/chat --cold-start soon", 2, "--cold-start wants a time");
  expect("journal.sqlite --prometheus http://127.0.0.1:9", 2, "either a journal or --prometheus");
  expect("--prometheus prometheus:9090 --against hpa/prod/chat", 2, "--prometheus wants http://HOST:PORT");
  expect("--prometheus http://127.0.0.1:9", 2, "--against hpa/NAMESPACE/NAME");
  expect("--prometheus http://127.0.0.1:9 --against chat", 2, "hpa/NAMESPACE/NAME");
  expect("--prometheus http://127.0.0.1:9 --against hpa/prod/chat --since yesterday", 2, "--since: 'yesterday'");
  expect("--prometheus http://127.0.0.1:9 --against hpa/prod/chat --since 1m", 2, "ten --step at least");
  expect("--prometheus http://127.0.0.1:9 --against hpa/prod/chat --step 90ms", 2, "--step wants whole seconds");
  expect("--prometheus http://127.0.0.1:9 --against hpa/prod/chat --since 3000d --step 1s", 2, "at most 1000000");
  expect("--prometheus http://127.0.0.1:9 --against hpa/prod/chat", 6, "127.0.0.1:9");
}

TEST_F(ReplayWords, AServerThatIsNoPrometheusIsToldApart) {
  FakeHttpServer server{[](const std::string&) { return http_answer(200, "<html>hello</html>"); }};
  EXPECT_EQ(run("replay --against hpa/prod/chat --prometheus " + server.url()), 1);
  EXPECT_NE(read("err").find("does the URL lead to a Prometheus server?"), std::string::npos) << read("err");
  FakeHttpServer guarded{[](const std::string&) { return http_answer(401, "who are you"); }};
  EXPECT_EQ(run("replay --against hpa/prod/chat --prometheus " + guarded.url()), 7);
  EXPECT_EQ(run("replay --against hpa/prod/chat --token-env NO_SUCH_VARIABLE --prometheus " + guarded.url()), 5);
  EXPECT_NE(read("err").find("NO_SUCH_VARIABLE"), std::string::npos) << read("err");
}

TEST_F(ReplayWords, CtrlCEndsTheAskingAtOnce) {
  FakeHttpServer silent{[](const std::string&) { return FakeAnswer{.never = true}; }};
  const auto begun = std::chrono::steady_clock::now();
  const int status = std::system(fmt::format("timeout --preserve-status -s INT 1 '{}' replay --against hpa/prod/chat "
                                             "--prometheus {} >'{}/out' 2>&1",
                                             TIDEGATE_PROGRAM, silent.url(), folder_.string())
                                     .c_str());
  EXPECT_EQ(WEXITSTATUS(status), 130) << read("out");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 30s) << "a question alone may take a minute";
  EXPECT_EQ(silent.requests().size(), 1U);
}

}  // namespace
}  // namespace tidegate

// A whole emulated server over real sockets.
#include "edge/emulator/model_server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "edge/net/testing/test_sockets.h"

namespace tidegate {
namespace {

EngineProfile quick() {
  return {.name = "quick", .alpha_ms = 2, .beta_ms = 0.001, .gamma_ms = 1e-6, .kv_tokens = 100'000, .running_max = 64};
}

class Served {
 public:
  explicit Served(ModelServerOptions options = {}) {
    if (options.models.empty()) options.models = {"m"};
    if (options.engine.name.empty()) options.engine = quick();
    server_ = std::make_unique<ModelServer>(std::move(options), clock_,
                                            ModelServerEvents{.phase =
                                                                  [this](ServerPhase phase, std::string_view) {
                                                                    const std::lock_guard lock(mutex_);
                                                                    phases_.push_back(phase);
                                                                  },
                                                              .failed =
                                                                  [this](const Error& error) {
                                                                    const std::lock_guard lock(mutex_);
                                                                    failure_ = error;
                                                                    server_->stop();
                                                                  }});
    const auto started = server_->start();
    EXPECT_TRUE(started) << started.error().message;
    thread_ = std::thread([this] {
      server_->run();
      ended_ = true;
    });
  }
  ~Served() {
    server_->stop();
    thread_.join();
  }

  ModelServer* operator->() { return server_.get(); }
  [[nodiscard]] TestSocket connect() const { return TestSocket::connect(server_->port()); }
  [[nodiscard]] bool has_ended() const { return ended_; }
  [[nodiscard]] bool has_been(ServerPhase phase) {
    const std::lock_guard lock(mutex_);
    return std::ranges::find(phases_, phase) != phases_.end();
  }
  [[nodiscard]] std::optional<Error> failure() {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

  [[nodiscard]] std::string get(std::string_view path) const {
    TestSocket client = connect();
    client.send(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path));
    return client.read_message();
  }
  [[nodiscard]] bool becomes(std::string_view path, std::string_view text) const {
    return eventually([&] { return get(path).contains(text); });
  }

 private:
  SteadyClock clock_;
  std::unique_ptr<ModelServer> server_;
  std::mutex mutex_;
  std::vector<ServerPhase> phases_;
  std::optional<Error> failure_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

std::string post(std::string_view path, std::string_view body, std::string_view fields = "") {
  return fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n{}",
                     path, body.size(), fields, body);
}

std::string completion(int tokens, bool stream, std::string_view more = "") {
  return post("/v1/completions", fmt::format(R"({{"model":"m","prompt":"abcdefgh","max_tokens":{},"stream":{}{}}})",
                                             tokens, stream, more));
}

std::size_t count_of(std::string_view text, std::string_view wanted) {
  std::size_t count = 0;
  for (auto at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + wanted.size())) ++count;
  return count;
}

TEST(model_server, answers_a_completion_with_its_counts) {
  Served server;
  TestSocket client = server.connect();
  client.send(completion(3, false));
  const std::string answer = client.read_message();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.contains(R"("object":"text_completion")"));
  EXPECT_TRUE(answer.contains(R"("finish_reason":"length")"));
  EXPECT_TRUE(answer.contains(R"("usage":{"prompt_tokens":2,"total_tokens":5,"completion_tokens":3})")) << answer;
  // The connection serves the next one, and two sent at once in order.
  client.send(completion(1, false) + completion(2, false));
  EXPECT_TRUE(client.read_message().contains(R"("completion_tokens":1})"));
  EXPECT_TRUE(client.read_message().contains(R"("completion_tokens":2})"));
}

TEST(model_server, a_chat_streams_token_by_token) {
  auto engine = quick();
  engine.alpha_ms = 20;
  Served server({.engine = engine});
  TestSocket client = server.connect();
  client.send(post("/v1/chat/completions",
                   R"({"model":"m","stream":true,"max_completion_tokens":4,"stream_options":{"include_usage":true},
                       "messages":[{"role":"user","content":"abcdefgh"}]})"));
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_TRUE(head.contains("content-type: text/event-stream"));
  EXPECT_TRUE(head.contains("transfer-encoding: chunked"));
  EXPECT_TRUE(client.read_until("\n\n").contains(R"("delta":{"role":"assistant","content":""})"));
  // Each of the four comes in a chunk of its own; the first shares one with the role.
  std::string chunk = client.read_until("\n\n\r\n");
  for (int token = 1; token <= 3; ++token) {
    EXPECT_EQ(count_of(chunk, R"("delta":{"content":)"), 1U) << chunk;
    EXPECT_TRUE(chunk.contains(R"("finish_reason":null)"));
    chunk = client.read_until("\n\n\r\n");
  }
  EXPECT_TRUE(chunk.contains(R"("finish_reason":"length")"));
  EXPECT_TRUE(chunk.contains(R"("choices":[],"usage":{"prompt_tokens":6,"total_tokens":10,"completion_tokens":4})"));
  EXPECT_TRUE(chunk.contains("data: [DONE]\n\n"));
  EXPECT_TRUE(client.read_until("0\r\n\r\n").ends_with("0\r\n\r\n"));
  client.send(completion(1, false));
  EXPECT_TRUE(client.read_message().contains("200 OK"));
}

TEST(model_server, lengths_are_asked_for_by_head_fields) {
  Served server;
  TestSocket client = server.connect();
  client.send(post("/v1/completions", R"({"model":"m","prompt":"a","max_tokens":100})",
                   "X-Emulate-Input-Tokens: 5000\r\nx-emulate-output-tokens: 7\r\n"));
  const std::string answer = client.read_message();
  EXPECT_TRUE(answer.contains(R"("usage":{"prompt_tokens":5000,"total_tokens":5007,"completion_tokens":7})"));
  EXPECT_TRUE(answer.contains(R"("finish_reason":"stop")"));
}

TEST(model_server, an_old_client_gets_a_stream_without_chunks) {
  Served server;
  TestSocket client = server.connect();
  std::string request = completion(2, true);
  request.replace(request.find("HTTP/1.1"), 8, "HTTP/1.0");
  client.send(request);
  const std::string answer = client.read_all();
  EXPECT_FALSE(answer.contains("chunked"));
  EXPECT_TRUE(answer.contains("\r\n\r\ndata: {"));
  EXPECT_TRUE(answer.ends_with("data: [DONE]\n\n"));
}

TEST(model_server, says_no_in_the_api_s_way) {
  Served server;
  TestSocket client = server.connect();
  const auto ask = [&](const std::string& request) {
    client.send(request);
    return client.read_message();
  };
  EXPECT_TRUE(ask(post("/v1/completions", R"({"model":"other","prompt":"a"})")).contains("404 Not Found"));
  EXPECT_TRUE(ask(post("/v1/completions", "{")).contains(R"("type":"BadRequestError")"));
  EXPECT_TRUE(ask(post("/v1/completions", R"({"model":"m","prompt":"a","max_tokens":100001})"))
                  .contains("maximum context length is 100000 tokens"));
  EXPECT_TRUE(ask("GET /v1/completions HTTP/1.1\r\nHost: x\r\n\r\n").contains("405 Method Not Allowed"));
  EXPECT_TRUE(ask("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").contains("404 Not Found"));
  EXPECT_TRUE(ask("GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n").contains(R"({"id":"m","object":"model")"));
  EXPECT_TRUE(ask(post("/v1/completions", std::string(17 * 1024 * 1024, 'x'))).contains("413 Content Too Large"));
  EXPECT_TRUE(client.is_closed_by_peer());
  TestSocket rude = server.connect();
  rude.send("GET /health HTTP/1.1\nHost: x\n\n");
  EXPECT_TRUE(rude.read_all().contains("400 Bad Request"));
}

TEST(model_server, any_model_is_answered_where_none_is_named) {
  Served server({.models = {"m"}, .any_model = true});
  TestSocket client = server.connect();
  client.send(post("/v1/completions", R"({"model":"other","prompt":"a","max_tokens":1})"));
  EXPECT_TRUE(client.read_message().contains(R"("model":"other")"));
}

TEST(model_server, many_streams_share_the_steps) {
  Served server;
  std::vector<TestSocket> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(server.connect());
    clients.back().send(completion(20, true));
  }
  for (TestSocket& client : clients) {
    const std::string stream = client.read_until("data: [DONE]\n\n");
    EXPECT_EQ(count_of(stream, R"("text":)"), 20U);
  }
  // 20 tokens each: had they not shared steps, there would be 1,200 of them.
  const std::string page = server.get("/metrics");
  const auto at = page.find("vllm:iteration_tokens_total_count");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LT(std::stod(page.substr(page.find("} ", at) + 2)), 400);
  EXPECT_TRUE(page.contains("vllm:generation_tokens_total{engine=\"0\",model_name=\"m\"} 1200.0\n"));
}

TEST(model_server, is_unhealthy_until_loaded) {
  Served server({.startup = 400ms});
  EXPECT_TRUE(server.get("/health").contains("503 Service Unavailable"));
  EXPECT_TRUE(server.get("/v1/models").contains("503 Service Unavailable"));
  EXPECT_FALSE(server.get("/metrics").contains("vllm:"));
  TestSocket client = server.connect();
  client.send(completion(1, false));
  EXPECT_TRUE(client.read_message().contains("the model is loading"));
  EXPECT_TRUE(server.becomes("/health", "200 OK"));
  for (const ServerPhase phase :
       {ServerPhase::starting, ServerPhase::loading, ServerPhase::warming_up, ServerPhase::ready})
    EXPECT_TRUE(server.has_been(phase)) << to_text(phase);
  EXPECT_TRUE(server.get("/metrics").contains("vllm:"));
}

TEST(model_server, reads_its_weights_and_dies_without_them) {
  char path[] = "/tmp/weights_XXXXXX";
  const int fd = ::mkstemp(path);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::ftruncate(fd, 1 << 20), 0);
  ::close(fd);
  {
    Served server({.weights = path});
    EXPECT_TRUE(server.becomes("/health", "200 OK"));
  }
  ::unlink(path);
  Served server({.weights = path});
  ASSERT_TRUE(eventually([&] { return server.failure().has_value(); }));
  EXPECT_EQ(server.failure()->kind, ErrorKind::not_found);
  EXPECT_TRUE(server.failure()->message.contains(path));
}

TEST(model_server, a_client_that_goes_away_is_cancelled) {
  Served server;
  {
    TestSocket client = server.connect();
    client.send(completion(50'000, true));
    EXPECT_FALSE(client.read_until("data: ").empty());
    EXPECT_TRUE(server.becomes("/metrics", "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 1.0"));
  }
  EXPECT_TRUE(server.becomes("/metrics", "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 0.0"));
  EXPECT_TRUE(server.becomes("/metrics", R"(finished_reason="abort"} 1.0)"));
  EXPECT_TRUE(server.get("/metrics").contains("vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"m\"} 0.0"));
}

TEST(model_server, drains_running_requests_finish_and_new_ones_are_refused) {
  Served server;
  TestSocket running = server.connect();
  running.send(completion(200, true));
  EXPECT_FALSE(running.read_until("data: ").empty());
  TestSocket next = server.connect();
  server->drain();
  EXPECT_TRUE(server.becomes("/health", "503 Service Unavailable"));
  next.send(completion(1, false));
  EXPECT_TRUE(next.read_message().contains("the server is shutting down"));
  EXPECT_TRUE(running.read_until("data: [DONE]").ends_with("data: [DONE]"));
  EXPECT_TRUE(eventually([&] { return server.has_ended(); }));
  EXPECT_EQ(server->cut(), 0U);
}

TEST(model_server, a_stop_cuts_what_is_running_and_counts_it) {
  Served server;
  TestSocket running = server.connect();
  running.send(completion(50'000, true));
  EXPECT_FALSE(running.read_until("data: ").empty());
  server->stop();
  EXPECT_TRUE(eventually([&] { return server.has_ended(); }));
  EXPECT_EQ(server->cut(), 1U);
}

TEST(model_server, says_what_a_taken_port_means) {
  Served server;
  const SteadyClock clock;
  ModelServer other({.engine = quick(), .models = {"m"}, .listen = fmt::format("127.0.0.1:{}", server->port())}, clock);
  const auto started = other.start();
  ASSERT_FALSE(started);
  EXPECT_TRUE(started.error().message.contains("another program has it")) << started.error().message;
}

TEST(model_server, a_prompt_that_begins_like_an_earlier_one_is_prefilled_from_there) {
  Served server({.prefix_cache = true});
  TestSocket client = server.connect();
  for (const char last : {'a', 'b'}) {
    client.send(post("/v1/completions", fmt::format(R"({{"model":"m","prompt":"{}{}","max_tokens":1}})",
                                                    std::string(640, 'x'), std::string(64, last))));
    EXPECT_TRUE(client.read_message().contains(R"("prompt_tokens":176)"));
  }
  const std::string page = server.get("/metrics");
  EXPECT_TRUE(page.contains("vllm:prefix_cache_queries_total{engine=\"0\",model_name=\"m\"} 352.0\n"));
  EXPECT_TRUE(page.contains("vllm:prefix_cache_hits_total{engine=\"0\",model_name=\"m\"} 160.0\n"));
  // 176 tokens of the first prompt, 16 of the second.
  EXPECT_TRUE(page.contains("vllm:iteration_tokens_total_sum{engine=\"0\",model_name=\"m\"} 192.0\n"));
}

// --- faults ---

ModelServerOptions with_fault(std::string_view text, Duration startup = {}) {
  return {.startup = startup, .faults = {*parse_server_fault(text)}};
}

TEST(model_server_fault, lying_readiness) {
  Served server(with_fault("lying_readiness", 1h));
  EXPECT_TRUE(server.get("/health").contains("200 OK"));
  TestSocket client = server.connect();
  client.send(completion(1, false));
  EXPECT_TRUE(client.read_message().contains("503 Service Unavailable"));
}

TEST(model_server_fault, hang_answers_health_and_nothing_else) {
  Served server(with_fault("hang,requests=2"));
  TestSocket first = server.connect(), second = server.connect();
  first.send(completion(2, false));
  EXPECT_TRUE(first.read_message().contains("200 OK"));
  second.send(completion(2, true));
  EXPECT_TRUE(second.read_until("\r\n\r\n").contains("200 OK"));
  EXPECT_TRUE(server.get("/health").contains("200 OK"));
  EXPECT_TRUE(server.get("/metrics").contains("vllm:num_requests_waiting{engine=\"0\",model_name=\"m\"} 1.0"));
}

TEST(model_server_fault, a_hang_that_ends_goes_on) {
  Served server(with_fault("hang,requests=1,for=100ms"));
  TestSocket client = server.connect();
  client.send(completion(3, false));
  EXPECT_TRUE(client.read_message().contains(R"("completion_tokens":3)"));
}

TEST(model_server_fault, crash_ends_it_at_once) {
  Served server(with_fault("crash,requests=2"));
  TestSocket first = server.connect(), second = server.connect();
  first.send(completion(50'000, true));
  EXPECT_FALSE(first.read_until("data: ").empty());
  second.send(completion(1, false));
  EXPECT_TRUE(eventually([&] { return server.has_ended(); }));
}

TEST(model_server_fault, slow_makes_steps_longer) {
  // Steps of 2 ms times 50: the second token comes 100 ms after the first at the earliest.
  Served server(with_fault("slow=50"));
  TestSocket client = server.connect();
  client.send(completion(2, false));
  EXPECT_FALSE(client.read_message().empty());
  const std::string page = server.get("/metrics");
  const auto at = page.find("vllm:inter_token_latency_seconds_sum");
  ASSERT_NE(at, std::string::npos);
  EXPECT_NEAR(std::stod(page.substr(page.find("} ", at) + 2)), 0.1, 0.001);
}

TEST(model_server_fault, errors) {
  Served server(with_fault("errors=1"));
  TestSocket client = server.connect();
  client.send(completion(2, false));
  EXPECT_TRUE(client.read_message().contains("500 Internal Server Error"));
}

TEST(model_server_fault, metrics_absent_nan_and_stale) {
  EXPECT_TRUE(Served(with_fault("metrics=absent")).get("/metrics").contains("process_start_time_seconds"));
  EXPECT_FALSE(Served(with_fault("metrics=absent")).get("/metrics").contains("vllm:"));
  EXPECT_TRUE(Served(with_fault("metrics=nan"))
                  .becomes("/metrics", "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"m\"} NaN"));
  Served server(with_fault("metrics=stale,requests=1"));
  EXPECT_TRUE(server.becomes("/health", "200 OK"));
  TestSocket client = server.connect();
  client.send(completion(2, false));
  EXPECT_TRUE(client.read_message().contains("200 OK"));
  EXPECT_TRUE(server.get("/metrics").contains("vllm:generation_tokens_total{engine=\"0\",model_name=\"m\"} 0.0"));
}

}  // namespace
}  // namespace tidegate

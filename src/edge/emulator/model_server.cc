#include "edge/emulator/model_server.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>

#include "core/base/check.h"
#include "edge/emulator/weights_file.h"

namespace tidegate {
namespace {

constexpr double starting_share = 0.1, loading_share = 0.5;  // of the start-up
constexpr double drawn_median = 150, drawn_sigma = 0.8;      // mean 207, as in a recorded hour of conversations

}  // namespace

class ModelServer::Door final : public EventHandler {
 public:
  explicit Door(ModelServer& server) : server_(server) {}
  void on_events(std::uint32_t) override { server_.accept(); }

 private:
  ModelServer& server_;
};

ModelServer::ModelServer(ModelServerOptions options, const Clock& clock, ModelServerEvents events)
    : options_(std::move(options)),
      events_(std::move(events)),
      loop_(clock),
      engine_(loop_, options_.engine, *this),
      faults_(options_.faults),
      prefixes_(static_cast<std::size_t>(options_.engine.kv_tokens / options_.engine.block_tokens)),
      timer_(*this),
      random_(options_.seed),
      started_(clock.now()) {
  CHECK(!options_.models.empty());
}

ModelServer::~ModelServer() {
  weights_stop_.store(true);
  if (weights_thread_.joinable()) weights_thread_.join();
  for (auto& connection : connections_) connection->generation.reset();
}

Result<void> ModelServer::start() {
  const auto address = parse_listen_address(options_.listen);
  if (!address) return std::unexpected(address.error());
  if (auto opened = loop_.open(); !opened) return opened;
  if (auto opened = engine_.open(); !opened) return opened;
  const auto socket = open_listening_socket(*address);
  if (!socket) return std::unexpected(socket.error());
  listener_.adopt(*socket);
  port_ = port_of(*socket);
  door_ = std::make_unique<Door>(*this);
  if (!loop_.watch(listener_.fd(), *door_, true)) return fail(ErrorKind::failed, "cannot watch the listening socket");
  return {};
}

void ModelServer::run() {
  loop_.post([this] {
    if (events_.phase) events_.phase(phase_, "");
    on_timer();
  });
  loop_.run();
  cut_.store(open_);
}

void ModelServer::drain() {
  loop_.post([this] {
    if (phase_ == ServerPhase::draining) return;
    enter(ServerPhase::draining, fmt::format("{} requests to finish", open_));
    end_if_drained();
  });
}

void ModelServer::stop() { loop_.stop(); }

void ModelServer::enter(ServerPhase phase, std::string_view note) {
  phase_ = phase;
  if (events_.phase) events_.phase(phase, note);
}

void ModelServer::end_if_drained() {
  if (phase_ != ServerPhase::draining || open_ > 0) return;
  // What has been said must also have been taken.
  if (std::ranges::none_of(connections_, [](const auto& connection) { return connection->has_backlog(); }))
    loop_.stop();
}

// --- start-up and faults, by time ---

void ModelServer::on_timer() {
  faults_.advance(age());
  apply_faults();
  if (is_crashed_) return;
  advance_startup(loop_.now());
  arm_timer();
}

void ModelServer::advance_startup(Instant now) {
  const Duration startup = options_.startup;
  const auto share = [&](double part) { return started_ + from_seconds(seconds(startup) * part); };
  if (phase_ == ServerPhase::starting && now >= share(starting_share)) {
    enter(ServerPhase::loading, options_.weights);
    if (!options_.weights.empty()) read_weights();
  }
  if (phase_ == ServerPhase::loading) {
    const bool is_read = options_.weights.empty() ? now >= share(starting_share + loading_share) : weights_read_;
    if (is_read) enter(ServerPhase::warming_up);
  }
  if (phase_ == ServerPhase::warming_up && now >= share(1)) enter(ServerPhase::ready);
}

void ModelServer::read_weights() {
  weights_thread_ = std::thread([this] {
    auto read = read_weights_file(options_.weights, weights_stop_);
    loop_.post([this, read = std::move(read)] {
      if (!read) {
        // A server whose weights cannot be read dies while it loads.
        is_crashed_ = true;
        return events_.failed ? events_.failed(read.error()) : loop_.stop();
      }
      weights_read_ = true;
      on_timer();
    });
  });
}

void ModelServer::arm_timer() {
  std::optional<Instant> next;
  const auto consider = [&](Instant at) {
    if (at > loop_.now() && (!next || at < *next)) next = at;
  };
  if (!is_up())
    for (const double part : {starting_share, starting_share + loading_share, 1.0})
      consider(started_ + from_seconds(seconds(options_.startup) * part));
  if (const auto change = faults_.next_change(age())) consider(started_ + *change);
  if (next)
    loop_.arm(timer_, *next);
  else
    loop_.disarm(timer_);
}

void ModelServer::apply_faults() {
  if (faults_.is_on(ServerFaultKind::crash, age())) {
    is_crashed_ = true;
    if (events_.crash)
      events_.crash();
    else
      loop_.stop();
    return;
  }
  if (faults_.is_on(ServerFaultKind::metrics_stale, age())) {
    if (stale_page_.empty()) stale_page_ = metrics_page(false);
  } else {
    stale_page_.clear();
  }
  engine_.set_slowness(faults_.slowness(age()));
  engine_.set_hung(faults_.is_on(ServerFaultKind::hang, age()));
}

// --- connections and calls ---

void ModelServer::accept() {
  for (int round = 0; round < 64; ++round) {
    const auto accepted = listener_.accept();
    if (accepted.fd < 0) return;
    auto connection = std::make_unique<ServerConnection>(*this, accepted.fd);
    if (std::cmp_greater_equal(connections_.size(), options_.connections_max) ||
        !loop_.watch(accepted.fd, *connection)) {
      continue;  // destroyed: the client sees it closed
    }
    connection->index = connections_.size();
    connections_.push_back(std::move(connection));
  }
}

void ModelServer::connection_closed(ServerConnection& connection) {
  if (connection.generation) {
    engine_.cancel(*connection.generation);
    close_generation(*connection.generation, FinishReason::abort);
  }
  std::erase(to_flush_, &connection);
  const std::size_t index = connection.index;
  CHECK(index < connections_.size() && connections_[index].get() == &connection);
  loop_.bury(std::move(connections_[index]));
  if (index + 1 < connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->index = index;
  }
  connections_.pop_back();
  end_if_drained();
}

void ModelServer::serve(ServerConnection& connection, std::string body, const ServerCall& call) {
  const bool reads = call.method == "GET" || call.method == "HEAD";
  const auto generates = [&]() -> std::optional<GenerationKind> {
    if (call.path == "/v1/completions") return GenerationKind::completion;
    if (call.path == "/v1/chat/completions") return GenerationKind::chat;
    return std::nullopt;
  }();
  const bool is_read = call.path == "/health" || call.path == "/v1/models" || call.path == "/metrics" ||
                       call.path == "/version" || call.path == "/ping";
  if (!generates && !is_read) return connection.answer(404, "application/json", R"({"detail":"Not Found"})");
  if (generates ? call.method != "POST" : !reads)
    return connection.answer(405, "application/json", R"({"detail":"Method Not Allowed"})");
  if (generates) return generate(connection, *generates, body, call);
  if (call.path == "/metrics") return answer_metrics(connection);
  if (call.path == "/v1/models") return answer_models(connection);
  if (call.path == "/version") return connection.answer(200, "application/json", R"({"version":"tidegate-emulator"})");
  answer_health(connection);
}

void ModelServer::answer_health(ServerConnection& connection) {
  const bool lies = !is_up() && faults_.is_on(ServerFaultKind::lying_readiness, age());
  if (phase_ == ServerPhase::ready || lies) return connection.answer(200, "text/plain", "");
  connection.answer(503, "text/plain", to_text(phase_));
}

void ModelServer::answer_models(ServerConnection& connection) {
  if (!is_up() && !faults_.is_on(ServerFaultKind::lying_readiness, age()))
    return connection.answer(503, "application/json",
                             server_error_json({503, "ServiceUnavailableError"}, "the model is loading"));
  std::string list;
  for (const std::string& model : options_.models)
    list += fmt::format(R"({}{{"id":{},"object":"model","created":{},"owned_by":"tidegate","max_model_len":{}}})",
                        list.empty() ? "" : ",", json_text(model), static_cast<std::int64_t>(seconds(started_)),
                        options_.engine.kv_tokens);
  connection.answer(200, "application/json", fmt::format(R"({{"object":"list","data":[{}]}})", list));
}

std::string ModelServer::metrics_page(bool is_nan) const {
  return metrics_.page(engine_.profile(), engine_.load(),
                       {.model = options_.models.front(),
                        .started = seconds(started_),
                        .is_absent = !is_up() || faults_.is_on(ServerFaultKind::metrics_absent, age()),
                        .is_nan = is_nan});
}

void ModelServer::answer_metrics(ServerConnection& connection) {
  constexpr std::string_view type = "text/plain; version=0.0.4; charset=utf-8";
  if (!stale_page_.empty()) return connection.answer(200, type, stale_page_);
  connection.answer(200, type, metrics_page(faults_.is_on(ServerFaultKind::metrics_nan, age())));
}

bool ModelServer::serves(std::string_view model) const {
  return options_.any_model || std::ranges::find(options_.models, model) != options_.models.end();
}

void ModelServer::generate(ServerConnection& connection, GenerationKind kind, const std::string& body,
                           const ServerCall& call) {
  const auto refuse = [&](const ServerAnswer& answer, std::string_view message) {
    connection.answer(answer.status, "application/json", server_error_json(answer, message));
  };
  if (phase_ != ServerPhase::ready)
    return refuse({503, "ServiceUnavailableError"},
                  phase_ == ServerPhase::draining ? "the server is shutting down" : "the model is loading");
  ++requests_;
  faults_.request_received(age());
  apply_faults();
  arm_timer();
  if (is_crashed_) return;
  if (random_.uniform() < faults_.error_share(age()))
    return refuse({500, "InternalServerError"}, "EngineCore encountered an issue (asked for by --fault errors)");

  const double drawn = std::clamp(random_.lognormal(drawn_median, drawn_sigma), 1.0, 4096.0);
  const auto parsed = parser_.parse(kind, body, call.fields, static_cast<std::int32_t>(drawn));
  if (!parsed.request)
    return refuse({parsed.refusal.status, "BadRequestError", parsed.refusal.param}, parsed.refusal.message);
  const GenerationRequest& request = *parsed.request;
  if (!serves(request.model))
    return refuse({404, "NotFoundError", "model"}, fmt::format("The model `{}` does not exist.", request.model));

  const EngineRequestId id = open_generation(connection, request);
  const std::int32_t cached = cached_tokens(request);
  find(id)->record.cached_tokens = cached;
  const EngineAnswer answer = engine_.add({.id = id,
                                           .input_tokens = request.input_tokens,
                                           .output_tokens = request.output_tokens,
                                           .cached_tokens = cached});
  if (answer == EngineAnswer::queued) {
    if (request.stream) connection.begin_stream();
    return;
  }
  close_generation(id, FinishReason::error);
  if (answer == EngineAnswer::line_full)
    return refuse({503, "ServiceUnavailableError"}, "too many requests are waiting");
  refuse({400, "BadRequestError"},
         fmt::format("This model's maximum context length is {} tokens. However, you requested {} tokens ({} in the "
                     "messages, {} in the completion).",
                     options_.engine.kv_tokens, std::int64_t{request.input_tokens} + request.output_tokens,
                     request.input_tokens, request.output_tokens));
}

std::int32_t ModelServer::cached_tokens(const GenerationRequest& request) {
  if (!options_.prefix_cache) return 0;
  const auto known = static_cast<std::int64_t>(prefixes_.meet(request.prompt_blocks)) * options_.engine.block_tokens;
  return static_cast<std::int32_t>(std::min<std::int64_t>(known, request.input_tokens - 1));
}

// --- requests in the engine ---

EngineRequestId ModelServer::open_generation(ServerConnection& connection, const GenerationRequest& request) {
  if (unused_.empty()) {
    unused_.push_back(static_cast<std::uint32_t>(generations_.size()));
    generations_.emplace_back();
  }
  const std::uint32_t slot = unused_.back();
  unused_.pop_back();
  Generation& generation = generations_[slot];
  generation.connection = &connection;
  generation.reply =
      std::make_unique<GenerationReply>(request, GenerationTicket{.number = requests_, .arrival = loop_.now()});
  generation.record = {.arrival = loop_.now(),
                       .last_token = loop_.now(),
                       .input_tokens = request.input_tokens,
                       .tokens_max = request.tokens_max.value_or(0)};
  ++open_;
  const EngineRequestId id = (static_cast<EngineRequestId>(generation.use) << 32) | slot;
  connection.generation = id;
  return id;
}

ModelServer::Generation* ModelServer::find(EngineRequestId id) {
  Generation& generation = generations_[static_cast<std::uint32_t>(id)];
  return generation.use == static_cast<std::uint32_t>(id >> 32) ? &generation : nullptr;
}

void ModelServer::close_generation(EngineRequestId id, FinishReason reason) {
  Generation* generation = find(id);
  CHECK(generation != nullptr && generation->connection != nullptr);
  if (reason == FinishReason::abort) generation->record.last_token = loop_.now();
  metrics_.finished(generation->record, reason);
  generation->connection->generation.reset();
  generation->connection = nullptr;
  generation->reply.reset();
  ++generation->use;
  unused_.push_back(static_cast<std::uint32_t>(id));
  --open_;
}

void ModelServer::on_step_begins(Instant) { apply_faults(); }

void ModelServer::on_begun(EngineRequestId id, Instant at) {
  if (Generation* generation = find(id)) generation->record.begun = at;
}

void ModelServer::on_token(const EngineEvent& token, Instant at) {
  Generation* generation = find(token.request);
  if (generation == nullptr) return;  // cancelled within its step
  GenerationRecord& record = generation->record;
  const Duration since_last = at - record.last_token;
  record.last_token = at;
  ++record.produced;
  if (token.is_first) {
    record.first_token = at;
    metrics_.first_token(record);
  } else {
    metrics_.next_token(since_last);
  }
  ServerConnection& connection = *generation->connection;
  const GenerationRequest& request = generation->reply->request();
  if (request.stream) {
    generation->reply->append_token(connection.stream(), token.is_last);
    if (!std::exchange(connection.needs_flush, true)) to_flush_.push_back(&connection);
  }
  if (!token.is_last) return;
  const std::string whole = request.stream ? std::string{} : generation->reply->whole();
  const bool streams = request.stream;
  close_generation(token.request, request.is_cut ? FinishReason::length : FinishReason::stop);
  if (streams) return;  // ended when the pass flushes it
  connection.answer(200, "application/json", whole);
}

void ModelServer::on_step_ended() { metrics_.step_ended(engine_.load().step_tokens); }

void ModelServer::on_pass_ended() {
  const std::vector<ServerConnection*> round = std::exchange(to_flush_, {});
  for (ServerConnection* connection : round) {
    connection->needs_flush = false;
    if (connection->generation)
      connection->flush_stream();
    else
      connection->end_stream();
  }
  end_if_drained();
}

}  // namespace tidegate

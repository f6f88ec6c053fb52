#include "edge/gateway/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/base/check.h"
#include "edge/gateway/client_connection.h"
#include "edge/gateway/proxy.h"
#include "edge/gateway/routed_service.h"
#include "edge/gateway/upstream_connection.h"

namespace tidegate {
namespace {

constexpr std::size_t replay_max = 1 << 20;       // kept for sending again, and for finding the model
constexpr std::size_t stream_buffer = 64 * 1024;  // of a body on its way
constexpr std::size_t kept_capacity = 16 * 1024;  // of buffers between requests
constexpr int attempts_max = 3;
constexpr Duration body_stall = 30s;

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

double number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

}  // namespace

void Exchange::reset() {
  CHECK(!is_held && !upstream_ && !replica_);
  auto small = [](std::string& text) {
    if (text.capacity() > kept_capacity) text = std::string{};
    text.clear();
  };
  small(request_), small(response_head_), small(host_), small(path_);
  scanner_.reset();
  keys_ = {};
  client_ = nullptr, service_ = nullptr, failed_ = nullptr;
  phase_ = Phase::idle;
  needs_model_ = is_client_retry_ = room_is_full_ = started_ = head_sent_ = rechunks_ = closes_ = false;
  upstream_reusable_ = is_sse_ = junk_after_body_ = wants_timing_ = false;
  replayable_ = true;
  status_ = attempts_ = stale_ = 0;
  head_bytes_ = sent_ = 0;
  body_bytes_ = tokens_ = 0;
  bytes = 0;
  patience_ = Duration{};
  dispatched_ = first_token_ = last_token_ = heartbeat_at_ = Instant{};
  sse_ = {};
}

void Exchange::begin(ClientConnection& client, const Head& head) {
  client_ = &client;
  phase_ = Phase::routing;
  arrival = proxy_.now();
  is_head_ = head.method == "HEAD";
  is_http_10_ = head.is_http_10;
  keep_alive_ = head.keep_alive && !proxy_.is_draining();
  upgrade_ = head.wants_upgrade;
  body_in_ = BodyFraming(head.body, head.content_length);
  if (head.method == "CONNECT" || head.method == "TRACE")
    return reply({405, "method_not_allowed", fmt::format("{} is not served here", head.method)}, Outcome::failed);
  if (head.body == BodyKind::length &&
      head.content_length > static_cast<std::uint64_t>(proxy_.options.body_max.value()))
    return reply({413, "body_too_large",
                  fmt::format("the body is larger than the {} bytes allowed", proxy_.options.body_max.value())},
                 Outcome::failed);
  if (answer_by_itself(head)) return;
  begin_routing(head);
}

void Exchange::begin_routing(const Head& head) {
  append_request_head(request_, head, {client_->peer().text(), proxy_.options.trust_forwarded});
  head_bytes_ = request_.size();
  note_marks(head);
  const auto match = proxy_.router.match(head.host, path_of(head.target));
  needs_model_ = match.answer == Router::Answer::needs_model;
  route_ = match.route;
  if (match.answer == Router::Answer::unknown || (needs_model_ && body_in_.is_done())) return refuse_route();
  const bool is_json = head.content_type.find("json") != std::string_view::npos;
  if (needs_model_) {
    host_ = head.host;
    path_ = path_of(head.target);
  }
  if (!body_in_.is_done() && (needs_model_ || is_json) && !upgrade_) scanner_ = std::make_unique<BodyScanner>();
  // We read the body ourselves, so we are the one to ask for it.
  if (head.expects_continue && !body_in_.is_done() && !head.is_http_10 &&
      !client_->write("HTTP/1.1 100 Continue\r\n\r\n"))
    return write_failed();
  if (!scanner_) return admit();
}

bool Exchange::answer_by_itself(const Head& head) {
  const std::string_view path = path_of(head.target);
  if ((head.method != "GET" && !is_head_) || !path.starts_with("/v1/models") || !body_in_.is_done()) return false;
  if (proxy_.router.match(head.host, path).answer == Router::Answer::found) return false;
  const auto& models = proxy_.router.models();
  std::string_view wanted = path.substr(10);
  if (wanted.starts_with('/')) wanted.remove_prefix(1);
  if (wanted.empty()) {
    (void)client_->write(json_response(200, models_json(models), keep_alive_, !is_head_));
    return leave(keep_alive_), true;
  }
  if (std::find(models.begin(), models.end(), wanted) == models.end()) {
    proxy_.stats.unknown_routes.add();
    reply({404, "model_not_found", fmt::format("The model '{}' does not exist", wanted)}, Outcome::failed);
    return true;
  }
  (void)client_->write(json_response(200, model_json(wanted), keep_alive_, !is_head_));
  return leave(keep_alive_), true;
}

// What the client says about the request beside its content.
void Exchange::note_marks(const Head& head) {
  for (const auto& field : head.all()) {
    switch (field.field) {
      case Field::x_session_id:
        keys_ = AffinityKeys::of_session(field.value);
        break;
      case Field::retry_count:
        is_client_retry_ |= number_of(field.value) > 0;
        break;
      case Field::tidegate_retry:
        is_client_retry_ |= !field.value.empty() && field.value != "0";
        break;
      case Field::tidegate_timing:
        wants_timing_ = true;
        break;
      case Field::timeout_seconds:
        patience_ = from_seconds(std::clamp(number_of(field.value), 0.0, 86400.0));
        break;
      default:
        break;
    }
  }
}

std::size_t Exchange::take_body(std::string_view bytes_in) {
  if (phase_ == Phase::tunnel) {
    request_.append(bytes_in);
    flush_request();
    return bytes_in.size();
  }
  std::uint64_t payload_bytes = 0;
  const auto step = body_in_.advance(bytes_in, [&](std::string_view payload) {
    payload_bytes += payload.size();
    if (scanner_ && phase_ == Phase::routing) scan(payload);
  });
  body_bytes_ += payload_bytes;
  if (step.bad || body_bytes_ > static_cast<std::uint64_t>(proxy_.options.body_max.value())) {
    proxy_.stats.bad_requests.add();
    keep_alive_ = false;
    if (phase_ == Phase::responding || head_sent_)
      write_failed();
    else
      reply(step.bad ? OwnAnswer{400, "bad_request", "the body's chunks are malformed"}
                     : OwnAnswer{413, "body_too_large", "the body is larger than allowed"},
            Outcome::failed);
    return bytes_in.size();
  }
  request_.append(bytes_in.substr(0, step.consumed));
  if (service_) service_->tally->bytes_in.add(step.consumed);
  if (is_held)
    room_is_full_ = !service_->room.grow(*this, static_cast<std::int64_t>(step.consumed), service_->route.hold);
  if (phase_ == Phase::routing)
    route_if_known();
  else if (upstream_)
    flush_request();
  return step.consumed;
}

bool Exchange::wants_body() const {
  if (phase_ == Phase::tunnel) return request_.size() - sent_ < stream_buffer;
  if (body_in_.is_done()) return false;
  switch (phase_) {
    case Phase::routing:
      return true;
    case Phase::waiting:
      return request_.size() < replay_max && !room_is_full_;
    default:
      return request_.size() - sent_ < stream_buffer;
  }
}

void Exchange::scan(std::string_view payload) {
  if (scanner_->state() == BodyScanner::State::scanning) scanner_->feed(payload);
}

// Routes once the body told enough: all of it, or the model and as much as fits a buffer.
void Exchange::route_if_known() {
  const std::size_t buffered = request_.size() - head_bytes_;
  const bool enough = body_in_.is_done() || scanner_->state() != BodyScanner::State::scanning;
  if (!needs_model_) {
    if (enough || buffered >= stream_buffer) admit();
    return;
  }
  if (scanner_->state() == BodyScanner::State::bad)
    return reply({400, "invalid_json", fmt::format("the request's model cannot be read: {}", scanner_->reason())},
                 Outcome::failed);
  if (scanner_->model() && (enough || buffered >= stream_buffer)) {
    const auto match = proxy_.router.match(host_, path_, *scanner_->model());
    if (match.answer != Router::Answer::found) return refuse_route();
    route_ = match.route;
    return admit();
  }
  if (enough) return refuse_route();
  if (buffered >= replay_max)
    reply({413, "model_not_found", "the first 1 MiB of the body names no model: put \"model\" first"}, Outcome::failed);
}

void Exchange::refuse_route() {
  // A route by host or path may stand behind those that want a model.
  if (needs_model_ && !(scanner_ && scanner_->model())) {
    const auto match = proxy_.router.match(host_, path_, "");
    if (match.answer == Router::Answer::found) {
      route_ = match.route;
      return admit();
    }
  }
  if (!proxy_.has_table())
    return reply({503, "starting", "the gateway has not heard from its controller yet", 1}, Outcome::rejected);
  proxy_.stats.unknown_routes.add();
  if (scanner_ && scanner_->model())
    return reply({404, "model_not_found", fmt::format("The model '{}' does not exist", *scanner_->model())},
                 Outcome::failed);
  if (scanner_)
    return reply({400, "model_missing", "the request names no \"model\"; GET /v1/models lists them"}, Outcome::failed);
  reply({404, "not_found", "no service has this host and path; GET /v1/models lists the models"}, Outcome::failed);
}

void Exchange::admit() {
  service_ = proxy_.service_at(route_);
  ++service_->users;
  (is_client_retry_ ? service_->tally->retries : service_->tally->arrivals).add();
  service_->tally->bytes_in.add(request_.size());
  const Duration age = service_->route.hold.max_age;
  deadline = arrival + (patience_ > Duration{} ? std::min(age, patience_) : age);
  if (service_->route.affinity) find_affinity();
  RoutedReplica* replica =
      service_->room.size() == 0 ? service_->pick(proxy_.now(), preferred_replica(), nullptr) : nullptr;
  if (replica) return assign(*replica);
  hold();
}

void Exchange::find_affinity() {
  if (!keys_.all().empty() || !scanner_) return;
  if (!scanner_->session().empty()) {
    keys_ = AffinityKeys::of_session(scanner_->session());
  } else if (scanner_->prompt_begin() > 0 && body_in_.kind() == BodyKind::length) {
    const std::string_view body = std::string_view(request_).substr(head_bytes_);
    const std::size_t end =
        std::min<std::size_t>(scanner_->prompt_end() > 0 ? scanner_->prompt_end() : body.size(), body.size());
    keys_ = AffinityKeys::of_prompt(body.substr(scanner_->prompt_begin(), end - scanner_->prompt_begin()));
  }
}

std::uint32_t Exchange::preferred_replica() const { return keys_.all().empty() ? 0 : service_->affinity.find(keys_); }

void Exchange::hold() {
  const HoldSpec& spec = service_->route.hold;
  bytes = static_cast<std::int64_t>(request_.size());
  switch (service_->room.admit(*this, spec, service_->outlook(), proxy_.now())) {
    case Admission::full:
      return reject("queue_full", "every replica is busy and the queue is full");
    case Admission::hopeless:
      return reject("no_replica_in_time", "no replica can take the request in the time it may wait");
    case Admission::held:
      break;
  }
  phase_ = Phase::waiting;
  service_->tally->queued.set(service_->room.size());
  if (spec.heartbeat == Heartbeat::sse && !is_http_10_ && scanner_ && scanner_->stream().value_or(false))
    heartbeat_at_ = proxy_.now() + spec.heartbeat_period;
  service_->wake_if_nobody_serves();
  service_->schedule();
  client_->touch();
}

void Exchange::assign(RoutedReplica& replica) {
  CHECK(!is_held && !replica_);
  phase_ = Phase::sending;
  replica_ = &replica;
  failed_ = nullptr;
  sent_ = 0;
  ++replica.load.in_flight;
  replica.tally->in_flight.set(static_cast<std::uint64_t>(replica.load.in_flight));
  replica.tally->arrivals.add();
  service_->tally->in_flight.add();
  if (dispatched_ == Instant{}) {
    dispatched_ = proxy_.now();
    service_->tally->queue_wait.record(dispatched_ - arrival);
    if (!keys_.all().empty()) {
      const std::uint32_t preferred = preferred_replica();
      if (preferred == replica.id) service_->tally->affinity_hits.add();
      if (preferred != 0 && preferred != replica.id) service_->tally->affinity_misses.add();
    }
  }
  if (!keys_.all().empty()) service_->affinity.remember(keys_, replica.id);
  upstream_ = UpstreamConnection::take(proxy_, replica, *this);
  if (!upstream_) return upstream_failed();
  client_->touch();
  flush_request();
}

void Exchange::flush_request() {
  while (upstream_ && sent_ < request_.size()) {
    const long sent = upstream_->send(std::string_view(request_).substr(sent_));
    if (sent < 0) {
      // What the replica said before it closed is worth more than the failure to write (an early 413).
      if (phase_ == Phase::sending && !upstream_->is_reused() && upstream_->read_last_words()) return;
      return upstream_failed();
    }
    if (sent == 0) break;
    sent_ += static_cast<std::size_t>(sent);
  }
  if (!upstream_) return;
  if (started_ || request_.size() > replay_max || phase_ == Phase::tunnel) {
    replayable_ = false;
    request_.erase(0, sent_);
    sent_ = 0;
  }
  if (wants_body()) client_->resume_reading();
}

void Exchange::release_replica() {
  --replica_->load.in_flight;
  replica_->tally->in_flight.set(static_cast<std::uint64_t>(replica_->load.in_flight));
  service_->tally->in_flight.add(static_cast<std::uint64_t>(-1));
  if (replica_->removed) proxy_.reap_soon();
  replica_ = nullptr;
}

// The replica failed before it answered: another one, or the front of the queue. False: no more tries.
bool Exchange::send_again() {
  if (!replayable_ || started_) return false;
  RoutedReplica* failed = replica_;
  const bool was_stale = upstream_ && upstream_->is_reused() && ++stale_ <= 2;
  if (upstream_) upstream_->close();
  upstream_ = nullptr;
  if (!was_stale) {
    failed->load.failed(proxy_.now());
    failed->tally->failures.add();
    ++attempts_;
  } else {
    while (!failed->idle.empty()) failed->idle.back()->close();
  }
  release_replica();
  if (attempts_ >= attempts_max) return false;
  service_->tally->resent.add();
  failed_ = was_stale ? nullptr : failed;
  RoutedReplica* next = was_stale && !failed->removed ? failed : service_->pick(proxy_.now(), 0, failed);
  if (next) return assign(*next), true;
  phase_ = Phase::waiting;
  bytes = static_cast<std::int64_t>(request_.size());
  service_->room.put_back(*this);
  service_->tally->queued.set(service_->room.size());
  service_->wake_if_nobody_serves();
  service_->schedule();
  return true;
}

void Exchange::upstream_failed() {
  if (phase_ == Phase::tunnel || (phase_ == Phase::responding)) return break_response();
  if (send_again()) return;
  if (replica_) {
    replica_->load.failed(proxy_.now());
    replica_->tally->failures.add();
  }
  RoutedService* service = service_;
  reply({502, "replica_failed", "the replica broke off before it answered"}, Outcome::failed);
  service->dispatch();
}

void Exchange::expired() {
  service_->tally->queued.set(service_->room.size());
  reject("waited_too_long", "no replica took the request in the time it may wait");
}

void Exchange::service_removed() {
  reply({404, "model_not_found", "the service was removed while the request waited"}, Outcome::failed);
}

void Exchange::reject(std::string_view code, std::string message) {
  const int after = retry_after_seconds(service_->outlook(), service_->room.size());
  service_->tally->rejected.add();
  reply({503, code, std::move(message), after}, Outcome::rejected);
}

// Lets go of the queue and the replica, whose connection is closed. The service whose slot became free; null:
// none did.
RoutedService* Exchange::detach() {
  if (is_held) {
    service_->room.remove(*this);
    service_->tally->queued.set(service_->room.size());
  }
  if (upstream_) upstream_->close();
  upstream_ = nullptr;
  if (!replica_) return nullptr;
  release_replica();
  return service_;
}

void Exchange::reply(const OwnAnswer& answer, Outcome outcome) {
  RoutedService* freed = detach();
  status_ = static_cast<std::int16_t>(answer.status);
  const bool keep = keep_alive_ && body_in_.is_done() && !head_sent_ && !proxy_.is_draining();
  if (head_sent_) {
    const std::string event = fmt::format("data: {}\n\n", error_json(answer));
    (void)client_->write(fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", event.size(), event));
  } else {
    (void)client_->write(error_response(answer, keep, !is_head_));
  }
  end(outcome);
  if (freed) freed->dispatch();
  leave(keep);
}

// Counts the exchange once, when it is over.
void Exchange::end(Outcome outcome) {
  if (!service_) return;
  ServiceTally& tally = *service_->tally;
  const Instant now = proxy_.now();
  const bool failed = outcome == Outcome::failed || outcome == Outcome::rejected || status_ >= 500;
  if (outcome == Outcome::cancelled) {
    tally.cancelled.add();
  } else {
    if (failed) tally.failures.add();
    if (outcome == Outcome::passed) {
      tally.completions.add();
      tally.latency.record(now - arrival);
    }
    tally_slo(failed);
  }
  --service_->users;
  service_ = nullptr;
}

void Exchange::tally_slo(bool failed) {
  bool within = !failed;
  const Instant now = proxy_.now();
  for (const Objective& objective : service_->route.slo.objectives) {
    Duration took{};
    switch (objective.kind) {
      case LatencyKind::ttft:
        took = (first_token_ == Instant{} ? now : first_token_) - arrival;
        break;
      case LatencyKind::latency:
        took = now - arrival;
        break;
      case LatencyKind::queue_wait:
        took = (dispatched_ == Instant{} ? now : dispatched_) - arrival;
        break;
      case LatencyKind::itl:
        if (tokens_ > 1) took = (last_token_ - first_token_) / static_cast<std::int64_t>(tokens_ - 1);
        break;
    }
    if (took > objective.bound) within = false;
  }
  (within ? service_->tally->within_slo : service_->tally->missed_slo).add();
}

void Exchange::leave(bool keep) {
  CHECK(!upstream_ && !replica_ && !is_held);
  phase_ = Phase::idle;
  client_->exchange_ended(keep);
}

void Exchange::client_drained() {
  if (upstream_) upstream_->resume();
}

void Exchange::client_gone() {
  RoutedService* freed = detach();
  end(Outcome::cancelled);
  phase_ = Phase::idle;
  if (freed) freed->dispatch();
}

Instant Exchange::deadline_from(Instant active) const {
  switch (phase_) {
    case Phase::routing:
      return active + body_stall;
    case Phase::waiting:
      return heartbeat_at_ == Instant{} ? Instant::max() : heartbeat_at_;
    case Phase::tunnel:
      return active + proxy_.options.response_timeout;
    default:
      return std::max(active, dispatched_) + proxy_.options.response_timeout;
  }
}

void Exchange::deadline_passed() {
  keep_alive_ = false;
  switch (phase_) {
    case Phase::routing:
      return reply({408, "body_timeout", "the body did not arrive in time"}, Outcome::failed);
    case Phase::waiting:
      return heartbeat();
    case Phase::sending:
      // It may still be working on it: sending it again could run it twice.
      return reply({504, "replica_timeout", "the replica did not answer in time"}, Outcome::failed);
    default:
      return break_response();
  }
}

}  // namespace tidegate

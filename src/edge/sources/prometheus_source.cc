#include "edge/sources/prometheus_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/signals/signal_book.h"
#include "edge/sources/prometheus_form.h"

namespace tidegate {

namespace {

Result<HttpRequest> request_of(const QuerySpec& query) {
  return prometheus_form(
      query.server, "query",
      fmt::format("query={}&timeout={}ms", percent_encoded(query.query),
                  std::chrono::duration_cast<std::chrono::milliseconds>(query.server.timeout).count()));
}

Result<QueryAnswer> answer_of(Result<HttpResponse> answer, const QuerySpec& query) {
  const auto body = prometheus_reply(std::move(answer), query.server);
  return body ? parse_query_answer(*body, combine_of(query)) : std::unexpected(body.error());
}

}  // namespace

AnswerCombine combine_of(const QuerySpec& query) {
  switch (query.signal) {
    case Signal::gpu_util:
    case Signal::gpu_memory:
    case Signal::kv_usage:
      return AnswerCombine::mean;
    case Signal::ttft:
    case Signal::itl:
    case Signal::latency:
    case Signal::queue_wait:
      return AnswerCombine::max;
    default:
      return latency_of_name(query.name) ? AnswerCombine::max : AnswerCombine::sum;
  }
}

std::vector<PrometheusQuestion> prometheus_questions(std::span<const ServiceSpec> services) {
  std::vector<PrometheusQuestion> questions;
  for (const ServiceSpec& service : services) {
    for (const QuerySpec& query : service.signals.queries)
      questions.push_back({.service = service.name, .origin = Origin::query, .query = query});
    if (!service.signals.traffic) continue;
    const TrafficSpec& traffic = *service.signals.traffic;
    questions.push_back({.service = service.name,
                         .origin = Origin::traffic,
                         .query = {.signal = Signal::arrivals, .query = traffic.arrivals, .server = traffic.server}});
  }
  return questions;
}

Result<QueryAnswer> ask_prometheus(HttpClient& client, const QuerySpec& query) {
  const auto request = request_of(query);
  if (!request) return std::unexpected(request.error());
  return answer_of(client.fetch(*request), query);
}

PrometheusSource::PrometheusSource(const Clock& clock)
    : clock_(clock), thread_([this](const std::stop_token& stop) { return round(stop); }) {}

PrometheusSource::~PrometheusSource() = default;

Result<void> PrometheusSource::configure(const std::vector<ServiceSpec>& services) {
  std::map<std::string, std::size_t> count;  // of each service
  std::map<std::string, Asked> wanted;
  {
    const std::scoped_lock lock{mutex_};
    for (auto& question : prometheus_questions(services)) {
      const auto key = fmt::format("{}\n{}", question.service, count[question.service]++);
      const auto known = asked_.find(key);
      if (known != asked_.end() && *known->second.question == question)
        wanted.emplace(key, std::move(known->second));
      else
        wanted.emplace(key, Asked{.question = std::make_shared<const PrometheusQuestion>(std::move(question))});
    }
    asked_ = std::move(wanted);
    board_.retain([this](const std::string& key) {
      const auto found = asked_.find(key);
      // A new question has no answer yet, and the old one's is not its own.
      return found != asked_.end() && found->second.due != Instant{};
    });
  }
  thread_.wake();
  return {};
}

std::vector<PrometheusSource::Due> PrometheusSource::due_questions(Instant now) {
  std::vector<Due> due;
  const std::scoped_lock lock{mutex_};
  for (auto& [key, asked] : asked_) {
    if (asked.due > now) continue;
    const Duration period = asked.question->query.server.period;
    // Kept on its grid, unless it fell behind.
    asked.due = std::max(asked.due + period, now + period / 2);
    due.emplace_back(key, asked.question);
  }
  return due;
}

Duration PrometheusSource::round(const std::stop_token& stop) {
  const auto due = due_questions(clock_.now());
  std::vector<const Due*> sent;
  std::vector<HttpRequest> requests;
  Duration longest = 1s;
  for (const auto& one : due) {
    auto request = request_of(one.second->query);
    if (!request) {
      publish(one, std::unexpected(request.error()));
      continue;
    }
    longest = std::max(longest, request->timeout);
    requests.push_back(std::move(*request));
    sent.push_back(&one);
  }
  auto answers = client_.fetch_all(requests, 2 * longest, stop);
  if (stop.stop_requested()) return 1ms;
  for (std::size_t i = 0; i < sent.size(); ++i)
    publish(*sent[i], answer_of(std::move(answers[i]), sent[i]->second->query));
  const Instant now = clock_.now();
  Instant next = now + 1h;
  const std::scoped_lock lock{mutex_};
  for (const auto& [key, asked] : asked_) next = std::min(next, asked.due);
  return next - now;
}

void PrometheusSource::publish(const Due& due, const Result<QueryAnswer>& answer) {
  const auto& [key, question] = due;
  const QuerySpec& query = question->query;
  const Instant now = clock_.now();
  Sample sample{.service = question->service,
                .signal = query.signal,
                .name = query.name,
                .taken = now,
                .origin = question->origin,
                .period = query.server.period};
  if (!answer) {
    sample.quality = Quality::error;
    sample.cause = answer.error().message;
  } else if (!answer->value && !query.when_empty) {
    sample.quality = Quality::absent;
    sample.cause = fmt::format("no series answers to {}", printable_excerpt(query.query));
  } else if (answer->value && !std::isfinite(*answer->value)) {
    sample.quality = Quality::nan;
    sample.cause = "the query's answer is not a number";
  } else {
    sample.value = Gauge{answer->value ? *answer->value : *query.when_empty};
    if (answer->value) {
      sample.taken = std::min(now, instant_at(answer->at));
      if (now - sample.taken > 3 * query.server.period) {
        sample.quality = Quality::stale;
        sample.cause = fmt::format("the answer is {} old; is the server's clock behind?", to_text(now - sample.taken));
      }
    }
  }
  std::vector<Sample> samples;
  samples.push_back(std::move(sample));
  const std::scoped_lock lock{mutex_};
  const auto asked = asked_.find(key);
  if (asked != asked_.end() && asked->second.question == question) board_.put(key, std::move(samples));
}

}  // namespace tidegate

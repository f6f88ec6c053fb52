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

PrometheusSource::PrometheusSource(std::vector<PrometheusQuestion> questions, const Clock& clock)
    : clock_(clock),
      asked_([&] {
        std::vector<Asked> asked;
        for (PrometheusQuestion& question : questions)
          asked.push_back({.question = std::move(question), .key = std::to_string(asked.size())});
        return asked;
      }()),
      thread_([this](const std::stop_token& stop) { return round(stop); }) {}

PrometheusSource::~PrometheusSource() = default;

Duration PrometheusSource::round(const std::stop_token& stop) {
  const Instant began = clock_.now();
  std::vector<Asked*> due;
  std::vector<HttpRequest> requests;
  Duration longest = 1s;
  Instant next = began + 1h;
  for (Asked& asked : asked_) {
    const QuerySpec& query = asked.question.query;
    if (asked.due <= began) {
      asked.due = std::max(asked.due + query.server.period, began + query.server.period / 2);
      auto request = request_of(query);
      if (request) {
        longest = std::max(longest, request->timeout);
        requests.push_back(std::move(*request));
        due.push_back(&asked);
      } else {
        publish(asked, std::unexpected(request.error()));
      }
    }
    next = std::min(next, asked.due);
  }
  auto answers = client_.fetch_all(requests, 2 * longest, stop);
  if (stop.stop_requested()) return 1ms;
  for (std::size_t i = 0; i < due.size(); ++i)
    publish(*due[i], answer_of(std::move(answers[i]), due[i]->question.query));
  return next - clock_.now();
}

void PrometheusSource::publish(const Asked& asked, const Result<QueryAnswer>& answer) {
  const QuerySpec& query = asked.question.query;
  const Instant now = clock_.now();
  Sample sample{.service = asked.question.service,
                .signal = query.signal,
                .name = query.name,
                .taken = now,
                .origin = asked.question.origin,
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
  board_.put(asked.key, std::move(samples));
}

}  // namespace tidegate

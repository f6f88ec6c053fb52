#include "edge/sources/prometheus_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "edge/sources/prometheus_body.h"
#include "edge/sources/prometheus_form.h"

namespace tidegate {
namespace {

constexpr double no_sample = std::numeric_limits<double>::quiet_NaN();
constexpr Duration window_longest = std::chrono::hours{24 * 366};

std::int64_t unix_seconds(Instant at) { return at.time_since_epoch() / 1s; }

Result<MetricLabels> labels_of(simdjson::dom::element series) {
  simdjson::dom::object fields;
  MetricLabels labels;
  if (series["metric"].get_object().get(fields)) return no_prometheus_answer("a series without its labels");
  for (const auto field : fields) {
    std::string_view text;
    if (field.value.get_string().get(text)) return no_prometheus_answer("a label that is no text");
    labels.emplace(field.key, text);
  }
  return labels;
}

std::string form_of(const RangeQuestion& question, std::size_t first, std::size_t count) {
  const auto from = question.from + question.step * static_cast<std::int64_t>(first);
  const auto to = from + question.step * static_cast<std::int64_t>(count - 1);
  return fmt::format("query={}&start={}&end={}&step={}&timeout={}ms", percent_encoded(question.query),
                     unix_seconds(from), unix_seconds(to), question.step / 1s,
                     std::chrono::duration_cast<std::chrono::milliseconds>(question.server.timeout).count());
}

// "5m", "1h30m", "90s" of PromQL; zero where it is none.
Duration promql_span(std::string_view text) {
  static constexpr std::pair<std::string_view, Duration> units[] = {{"ms", 1ms},
                                                                    {"s", 1s},
                                                                    {"m", 1min},
                                                                    {"h", 1h},
                                                                    {"d", std::chrono::hours{24}},
                                                                    {"w", std::chrono::hours{168}},
                                                                    {"y", std::chrono::hours{24 * 365}}};
  Duration sum{};
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{} || number < 0) return Duration::zero();
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const auto letters = text.substr(0, std::min(text.find_first_of("0123456789"), text.size()));
    const auto unit = std::ranges::find(units, letters, &std::pair<std::string_view, Duration>::first);
    if (unit == std::end(units) || number > window_longest / unit->second) return Duration::zero();
    sum += unit->second * number;
    text.remove_prefix(letters.size());
  }
  return std::min(sum, window_longest);
}

}  // namespace

Result<void> RangeAnswer::add(std::string_view body) {
  simdjson::dom::parser parser;
  const auto result = prometheus_result_of(parser, body);
  if (!result) return std::unexpected(result.error());
  simdjson::dom::array all;
  if (result->type != "matrix" || result->content.get_array().get(all))
    return no_prometheus_answer("no matrix for a range");
  for (const auto one : all) {
    auto labels = labels_of(one);
    if (!labels) return std::unexpected(labels.error());
    const auto [place, is_new] = series_.try_emplace(std::move(*labels));
    if (is_new && series_.size() * question_.steps > values_most)
      return fail(ErrorKind::too_large,
                  fmt::format("the query gives too many series ({} of {} points); write sum() around it: {}",
                              series_.size(), question_.steps, printable_excerpt(question_.query)));
    auto& values = place->second;
    values.resize(question_.steps, no_sample);
    simdjson::dom::array points;
    if (one["values"].get_array().get(points)) {
      if (simdjson::dom::element histograms; !one["histograms"].get(histograms))
        return fail(ErrorKind::invalid,
                    fmt::format("the query gives native histograms; write it so that it gives numbers: {}",
                                printable_excerpt(question_.query)));
      return no_prometheus_answer("a series without values");
    }
    for (const auto pair : points) {
      const auto point = prometheus_point_of(pair);
      if (!point) return std::unexpected(point.error());
      const double index = std::round((point->at - seconds(question_.from)) / seconds(question_.step));
      if (!(index >= 0 && index < static_cast<double>(values.size())))
        return no_prometheus_answer("a time that was not asked for");
      values[static_cast<std::size_t>(index)] = point->value;
    }
  }
  return {};
}

std::vector<RangeSeries> RangeAnswer::take() {
  std::vector<RangeSeries> all;
  for (auto& [labels, values] : std::exchange(series_, {})) all.push_back({labels, std::move(values)});
  return all;
}

Result<std::vector<RangeSeries>> ask_prometheus_range(HttpClient& client, const RangeQuestion& question,
                                                      std::stop_token stop, const RangeProgress& progress) {
  if (question.steps > RangeQuestion::steps_most)
    return fail(ErrorKind::too_large, fmt::format("{} points are too many to ask for; at most {} are possible",
                                                  question.steps, RangeQuestion::steps_most));
  RangeAnswer answer{question};
  for (std::size_t first = 0; first < question.steps; first += points_at_once) {
    const std::size_t count = std::min(points_at_once, question.steps - first);
    const auto request = prometheus_form(question.server, "query_range", form_of(question, first, count));
    if (!request) return std::unexpected(request.error());
    const auto body = prometheus_reply(client.fetch(*request, stop), question.server);
    if (!body) return std::unexpected(body.error());
    if (auto added = answer.add(*body); !added) return std::unexpected(added.error());
    if (progress) progress(first + count);
  }
  return answer.take();
}

Duration window_of_query(std::string_view query) {
  Duration longest{};
  for (auto open = query.find('['); open != std::string_view::npos; open = query.find('[', open + 1)) {
    const auto close = query.find_first_of(":]", open);
    if (close == std::string_view::npos) break;
    longest = std::max(longest, promql_span(query.substr(open + 1, close - open - 1)));
  }
  return longest;
}

}  // namespace tidegate

// Asks Prometheus servers: explicit signals of the user's, and the rate of arrivals of `traffic:`. Each query has its
// own period and deadline; those due are asked at once.
//
//   a number               fresh, taken when the server says; from a clock long behind ours it turns stale
//   an empty answer        absent, or the query's when_empty
//   NaN                    NaN
//   anything else          an error that says why, in Prometheus' own words where it has any
//
// URL and token are resolved anew for each question, so that a rotated secret needs no restart.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/model/service_spec.h"
#include "edge/net/http_client.h"
#include "edge/ports/clock.h"
#include "edge/ports/source.h"
#include "edge/sources/prometheus_answer.h"
#include "edge/sources/sample_board.h"

namespace tidegate {

struct PrometheusQuestion {
  std::string service;
  Origin origin = Origin::query;
  QuerySpec query;
  friend bool operator==(const PrometheusQuestion&, const PrometheusQuestion&) = default;
};

// The queries and the `traffic:` of every service.
[[nodiscard]] std::vector<PrometheusQuestion> prometheus_questions(std::span<const ServiceSpec> services);

// How several series of an answer become one number.
[[nodiscard]] AnswerCombine combine_of(const QuerySpec& query);

// One question, asked now: for `doctor` and `validate`.
[[nodiscard]] Result<QueryAnswer> ask_prometheus(HttpClient& client, const QuerySpec& query);

class PrometheusSource : public Source {
 public:
  explicit PrometheusSource(const Clock& clock);
  ~PrometheusSource() override;

  [[nodiscard]] std::string_view name() const override { return "prometheus"; }
  [[nodiscard]] Result<void> configure(const std::vector<ServiceSpec>& services) override;
  [[nodiscard]] std::vector<Sample> latest() override { return board_.all(); }

 private:
  struct Asked {
    std::shared_ptr<const PrometheusQuestion> question;
    Instant due{};
  };
  using Due = std::pair<std::string, std::shared_ptr<const PrometheusQuestion>>;

  [[nodiscard]] Duration round(const std::stop_token& stop);
  [[nodiscard]] std::vector<Due> due_questions(Instant now);
  void publish(const Due& due, const Result<QueryAnswer>& answer);

  const Clock& clock_;
  HttpClient client_;
  std::mutex mutex_;                    // of asked_, and of putting on the board what is still asked
  std::map<std::string, Asked> asked_;  // by the key on the board
  SampleBoard board_;
  RoundThread thread_;  // last: everything it uses lives longer
};

}  // namespace tidegate

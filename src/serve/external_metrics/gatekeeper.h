// Lets in whom the API server vouches for, and lets them see what it allows them: delegated authentication and
// authorization. A caller is known by the front proxy's certificate and headers, else by a bearer token that a
// TokenReview confirms; what it may read, a SubjectAccessReview says. Answers count for ten seconds.
//
// Thread-safe; each thread brings a client of its own. When the API server cannot be asked, nobody new is let in.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "edge/kubernetes/api_client.h"
#include "serve/external_metrics/recent_answers.h"
#include "serve/external_metrics/review.h"

namespace tidegate {

class Gatekeeper {
 public:
  static constexpr Duration answer_counts = 10s;
  static constexpr std::size_t answers_max = 2000;
  static constexpr Duration proxy_period = 60s;  // the ConfigMap is read again after this
  static constexpr Duration proxy_pause = 5s;    // and not sooner than this

  explicit Gatekeeper(const Clock& clock) : clock_(clock) {}

  // denied: nobody we know. unreachable: the API server cannot be asked.
  [[nodiscard]] Result<Caller> authenticate(ApiClient& client, const ServerRequest& request);
  // denied: it may not.
  [[nodiscard]] Result<void> authorize(ApiClient& client, const Caller& caller, const WantedAccess& wanted);

 private:
  using Proxy = std::shared_ptr<const FrontProxy>;
  [[nodiscard]] Result<Proxy> front_proxy(ApiClient& client, Duration age_max);
  // What is known and need or may not be read anew; none: read it.
  [[nodiscard]] std::optional<Result<Proxy>> known_proxy(Duration age_max);
  [[nodiscard]] Result<Caller> caller_of_token(ApiClient& client, const std::string& token);

  const Clock& clock_;
  std::mutex reading_;  // held by the one thread that reads the front proxy anew
  std::mutex mutex_;    // guards what follows
  std::shared_ptr<const FrontProxy> proxy_;
  Instant proxy_read_{};
  std::optional<Instant> proxy_tried_;
  Error proxy_trouble_;
  RecentAnswers<std::optional<Caller>> callers_{answer_counts, answers_max};  // by token
  RecentAnswers<bool> permissions_{answer_counts, answers_max};               // by the question as text
};

}  // namespace tidegate

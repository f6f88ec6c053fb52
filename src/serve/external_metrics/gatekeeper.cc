#include "serve/external_metrics/gatekeeper.h"

#include <fmt/format.h>

namespace tidegate {
namespace {

const ObjectRef& front_proxy_map() {
  static const ObjectRef map{{.plural = "configmaps", .kind = "ConfigMap"},
                             {"kube-system", "extension-apiserver-authentication"}};
  return map;
}

Error cannot_ask(std::string_view what, const ApiError& error) {
  return {ErrorKind::unreachable, fmt::format("the API server does not say {}: {}", what, error.message)};
}

}  // namespace

std::optional<Result<Gatekeeper::Proxy>> Gatekeeper::known_proxy(Duration age_max) {
  const std::lock_guard lock(mutex_);
  const Instant now = clock_.now();
  if (proxy_ && now - proxy_read_ < age_max) return proxy_;
  if (!proxy_tried_ || now - *proxy_tried_ >= proxy_pause) return std::nullopt;
  if (proxy_) return proxy_;
  return Result<Proxy>{std::unexpected(proxy_trouble_)};
}

Result<Gatekeeper::Proxy> Gatekeeper::front_proxy(ApiClient& client, Duration age_max) {
  if (auto known = known_proxy(age_max)) return *std::move(known);
  const std::lock_guard reading(reading_);
  // Another thread may have read it while we waited.
  if (auto known = known_proxy(age_max)) return *std::move(known);
  const auto map = client.get(front_proxy_map());
  Result<FrontProxy> read =
      map ? front_proxy_of(*map) : std::unexpected(cannot_ask("which front proxy it has", map.error()));
  const std::lock_guard lock(mutex_);
  proxy_tried_ = clock_.now();
  if (read) {
    proxy_ = std::make_shared<const FrontProxy>(std::move(*read));
    proxy_read_ = clock_.now();
    return proxy_;
  }
  proxy_trouble_ = read.error();
  if (proxy_) return proxy_;  // it seldom changes, and its certificates end by themselves
  return std::unexpected(proxy_trouble_);
}

Result<Caller> Gatekeeper::authenticate(ApiClient& client, const ServerRequest& request) {
  if (!request.client_chain.empty()) {
    // A certificate that is not taken may be of a new authority.
    for (const Duration age_max : {proxy_period, proxy_pause}) {
      const auto proxy = front_proxy(client, age_max);
      if (!proxy) return std::unexpected(proxy.error());
      auto caller = vouched_caller(**proxy, request, clock_.now());
      if (caller) return caller;
    }
  }
  const auto token = bearer_token(request);
  if (token.empty())
    return fail(ErrorKind::denied,
                "nobody vouches for you: come through the API server, or show a token that it knows");
  return caller_of_token(client, token);
}

Result<Caller> Gatekeeper::caller_of_token(ApiClient& client, const std::string& token) {
  const auto known = [&] {
    const std::lock_guard lock(mutex_);
    return callers_.find(token, clock_.now());
  }();
  std::optional<Caller> caller;
  if (known) {
    caller = *known;
  } else {
    const auto answer = client.create(resources::token_reviews, "", token_review(token));
    if (!answer) return std::unexpected(cannot_ask("whose token this is", answer.error()));
    caller = reviewed_caller(*answer);
    const std::lock_guard lock(mutex_);
    callers_.keep(token, caller, clock_.now());
  }
  if (!caller) return fail(ErrorKind::denied, "the API server does not know this token");
  return *caller;
}

Result<void> Gatekeeper::authorize(ApiClient& client, const Caller& caller, const WantedAccess& wanted) {
  const Json review = access_review(caller, wanted);
  const auto asked = review.dump(-1, ' ', false, Json::error_handler_t::replace);
  const auto known = [&] {
    const std::lock_guard lock(mutex_);
    return permissions_.find(asked, clock_.now());
  }();
  bool may = known.value_or(false);
  if (!known) {
    const auto answer = client.create(resources::access_reviews, "", review);
    if (!answer) return std::unexpected(cannot_ask("whether you may", answer.error()));
    may = is_allowed(*answer);
    const std::lock_guard lock(mutex_);
    permissions_.keep(asked, may, clock_.now());
  }
  if (may) return {};
  return fail(ErrorKind::denied, wanted.metric.empty()
                                     ? fmt::format("{} may not read {}", caller.name, wanted.path)
                                     : fmt::format("{} may not list {}.external.metrics.k8s.io in the namespace {}",
                                                   caller.name, wanted.metric, wanted.name_space));
}

}  // namespace tidegate

// The adapter that served external metrics before: a cluster has one place for them, so what is not ours is asked of
// it, in the caller's name. We log in as ourselves and impersonate the caller, so the adapter decides by the caller's
// permissions, and we need the permission to impersonate exactly those who ask (the HPA's controller, as a rule).
#pragma once

#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "edge/kubernetes/credentials.h"
#include "edge/net/http_client.h"
#include "edge/net/http_server.h"
#include "serve/external_metrics/caller.h"

namespace tidegate {

struct OtherAdapter {
  std::string url;          // "https://keda-operator-metrics-apiserver.keda:443"
  std::string authorities;  // a file in PEM, read at each request; empty: the system's
  friend bool operator==(const OtherAdapter&, const OtherAdapter&) = default;
};

// The headers that say as whom we ask. Groups that everybody has, and those that follow from a service account's name,
// are left out: the adapter adds them. invalid: a name that no header can carry.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> impersonation_of(const Caller& caller);

// What it answers, whatever that is; an error where it does not.
[[nodiscard]] Result<ServerResponse> ask_other_adapter(const OtherAdapter& adapter, const ServerRequest& request,
                                                       const Caller& caller, Credentials& own, HttpClient& client,
                                                       const std::stop_token& stop);

}  // namespace tidegate

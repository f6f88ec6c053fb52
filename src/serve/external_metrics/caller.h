// Who asks, as an aggregated API server learns it. The API server vouches for its callers by a client certificate of an
// authority of its own (the "front proxy") and tells their names in headers; which authority, which names and which
// headers stands in the ConfigMap kube-system/extension-apiserver-authentication. Pure.
#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"
#include "edge/kubernetes/json_fields.h"
#include "edge/net/http_server.h"

namespace tidegate {

struct Caller {
  std::string name;
  std::string uid = {};
  std::vector<std::string> groups = {};
  std::map<std::string, std::vector<std::string>> extra = {};
  friend bool operator==(const Caller&, const Caller&) = default;
};

struct FrontProxy {
  std::string authorities;                 // PEM; empty: the API server names none, and nobody is vouched for
  std::vector<std::string> allowed_names;  // common names; empty: any
  std::vector<std::string> user_headers;   // in lower case
  std::vector<std::string> group_headers;
  std::vector<std::string> extra_prefixes;
};

// Of the ConfigMap. `invalid`: it is not what an API server writes.
[[nodiscard]] Result<FrontProxy> front_proxy_of(const Json& config_map);

// denied: no certificate of the front proxy was shown, or no name was told.
[[nodiscard]] Result<Caller> vouched_caller(const FrontProxy& proxy, const ServerRequest& request, Instant now);

// Of `Authorization: Bearer TOKEN`; empty: there is none.
[[nodiscard]] std::string bearer_token(const ServerRequest& request);

}  // namespace tidegate

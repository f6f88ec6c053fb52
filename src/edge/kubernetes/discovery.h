// Finds where a kind is served, also one of a custom resource: asks the API server and remembers the answer for ten
// minutes in the cluster. What was not there is asked for again after 30 s, since somebody may install it meanwhile.
#pragma once

#include <stop_token>
#include <string>

#include "edge/kubernetes/api_client.h"
#include "edge/kubernetes/resource_list.h"

namespace tidegate {

// `called`: kind, plural, singular or short name. An empty `api_version` looks through all groups: the core one and
// apps first, then the preferred version of each; if two of the others serve it, the name is ambiguous and `invalid`.
// not_found names what was looked for and where.
[[nodiscard]] ApiResult<ServedType> discover(ApiClient& client, const std::string& api_version,
                                             const std::string& called, const std::stop_token& stop = {});

}  // namespace tidegate

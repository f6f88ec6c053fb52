// The two questions an aggregated API server asks the API server about a caller, and its answers: who a token belongs
// to, and whether somebody may do something. Pure: edge/kubernetes/api_client.h sends them.
#pragma once

#include <optional>
#include <string>

#include "edge/kubernetes/json_fields.h"
#include "edge/kubernetes/resource.h"
#include "serve/external_metrics/caller.h"

namespace tidegate {

namespace resources {
inline const ResourceType token_reviews{.group = "authentication.k8s.io",
                                        .version = "v1",
                                        .plural = "tokenreviews",
                                        .kind = "TokenReview",
                                        .namespaced = false};
inline const ResourceType access_reviews{.group = "authorization.k8s.io",
                                         .version = "v1",
                                         .plural = "subjectaccessreviews",
                                         .kind = "SubjectAccessReview",
                                         .namespaced = false};
}  // namespace resources

// What somebody wants to read: a metric of a namespace, or a path.
struct WantedAccess {
  std::string metric = {};
  std::string name_space = {};
  std::string path = {};  // where there is no metric
};

[[nodiscard]] Json token_review(const std::string& token);
// Nothing: the API server does not know the token.
[[nodiscard]] std::optional<Caller> reviewed_caller(const Json& answer);

[[nodiscard]] Json access_review(const Caller& caller, const WantedAccess& wanted);
[[nodiscard]] bool is_allowed(const Json& answer);

}  // namespace tidegate

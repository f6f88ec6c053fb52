// Calls of a Kubernetes API server: reading, listing page by page, writing, watching. Each call is bounded in time,
// takes its turn in the cluster's rate limit, is tried again where that does no harm (edge/kubernetes/retry.h), and
// once more with fresh credentials after a 401. What an object means is for callers to know.
//
// One client belongs to one thread; the cluster is shared.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "edge/kubernetes/api_error.h"
#include "edge/kubernetes/cluster.h"
#include "edge/kubernetes/json_fields.h"
#include "edge/kubernetes/json_patch.h"
#include "edge/kubernetes/resource.h"
#include "edge/kubernetes/retry.h"
#include "edge/net/http_client.h"

namespace tidegate {

struct ApiCall {
  std::string method = "GET";
  std::string path;  // with its query
  std::string body = {};
  std::string content_type = "application/json";
  Repeat repeat = Repeat::never;
};

struct ApiClientOptions {
  Duration timeout = 10s;   // of one try
  Duration deadline = 30s;  // of a call with all its tries and waits
  RetryLimits retries = {};
  bool is_rate_limited = true;  // not: for what must not wait behind other calls, such as a lease
  std::size_t body_max = 64 * 1024 * 1024;
};

// Which objects of a kind.
struct ObjectSelection {
  ResourceType type;
  std::string space = {};  // namespace; empty: all of them
  std::string label_selector = {};
  std::string field_selector = {};
  friend bool operator==(const ObjectSelection&, const ObjectSelection&) = default;
};

struct WriteOptions {
  std::string_view subresource = {};  // "status"; empty: the object itself
  std::string_view field_manager = "tidegate";
  bool force = false;      // apply: take fields from their other owners
  bool is_dry = false;     // judged by the server, and not kept
  bool is_strict = false;  // unknown and duplicate fields are errors
};

struct DeleteOptions {
  std::string uid = {};               // only this very object
  std::string resource_version = {};  // only as it was read
  std::string_view propagation = {};  // "Foreground", "Background", "Orphan"; empty: the kind's own
};

// The scale subresource, the same for every kind that has one.
struct Scale {
  std::int32_t replicas = 0;         // wanted
  std::int32_t status_replicas = 0;  // seen by its controller
  std::string selector = {};         // of its pods
  std::string resource_version = {};
  std::string uid = {};
  friend bool operator==(const Scale&, const Scale&) = default;
};

class ApiClient {
 public:
  explicit ApiClient(Cluster& cluster, ApiClientOptions options = {});

  // The body of a 2xx answer.
  [[nodiscard]] ApiResult<std::string> call(const ApiCall& call, const std::stop_token& stop = {});

  [[nodiscard]] ApiResult<Json> get(const ObjectRef& ref, std::string_view subresource = {},
                                    const std::stop_token& stop = {});
  // Hands out every object, at most `page` at a time, and answers the resourceVersion to watch from. `expired`: the
  // pages took too long; begin anew.
  [[nodiscard]] ApiResult<std::string> list(const ObjectSelection& selection,
                                            const std::function<void(JsonView object)>& take,
                                            const std::stop_token& stop = {}, std::int32_t page = 500);
  [[nodiscard]] ApiResult<Json> create(const ResourceType& type, std::string_view space, const Json& object,
                                       const WriteOptions& options = {}, const std::stop_token& stop = {});
  // Replaces it. With a metadata.resourceVersion in `object`: only if it is still that one, else `conflict`.
  [[nodiscard]] ApiResult<Json> update(const ObjectRef& ref, const Json& object, const WriteOptions& options = {},
                                       const std::stop_token& stop = {});
  // A failed `test` is `invalid`.
  [[nodiscard]] ApiResult<Json> patch(const ObjectRef& ref, const JsonPatch& patch, const WriteOptions& options = {},
                                      const std::stop_token& stop = {});
  // With a metadata.resourceVersion in `change`: only if it is still that one, else `conflict`.
  [[nodiscard]] ApiResult<Json> merge(const ObjectRef& ref, const Json& change, const WriteOptions& options = {},
                                      const std::stop_token& stop = {});
  // Server-side apply: `object` is all that the field manager wants to own; creates what is not there.
  [[nodiscard]] ApiResult<Json> apply(const ObjectRef& ref, const Json& object, const WriteOptions& options = {},
                                      const std::stop_token& stop = {});
  [[nodiscard]] ApiResult<void> remove(const ObjectRef& ref, const DeleteOptions& options = {},
                                       const std::stop_token& stop = {});

  [[nodiscard]] ApiResult<Scale> scale(const ObjectRef& ref, const std::stop_token& stop = {});
  // Only if it is still at `resource_version`, else `conflict`; an empty one asks for no such promise.
  [[nodiscard]] ApiResult<Scale> set_scale(const ObjectRef& ref, std::int32_t replicas,
                                           const std::string& resource_version, const WriteOptions& options = {},
                                           const std::stop_token& stop = {});

  // One watch from `resource_version` on, until the server ends it (at the latest after `length`), nothing came for
  // `idle`, or `take` has enough. `take` gets the bytes as they come; none when the server began to answer.
  [[nodiscard]] ApiResult<void> watch(const ObjectSelection& selection, const std::string& resource_version,
                                      Duration length, Duration idle, const HttpBodySink& take,
                                      const std::stop_token& stop = {});

  [[nodiscard]] Cluster& cluster() { return cluster_; }

 private:
  [[nodiscard]] ApiResult<HttpRequest> request_of(const ApiCall& call, std::uint64_t& generation,
                                                  const std::stop_token& stop);
  [[nodiscard]] ApiResult<std::string> try_once(const ApiCall& call, Duration time_left, std::uint64_t& generation,
                                                const std::stop_token& stop);
  [[nodiscard]] bool has_new_login(std::uint64_t generation, const std::stop_token& stop);
  [[nodiscard]] ApiResult<Json> call_for_json(const ApiCall& call, const std::stop_token& stop);

  Cluster& cluster_;
  ApiClientOptions options_;
  HttpClient http_;
  Backoff backoff_;
  simdjson::dom::parser parser_;
};

// A parsed scale subresource.
[[nodiscard]] std::optional<Scale> scale_of(const Json& object);

}  // namespace tidegate

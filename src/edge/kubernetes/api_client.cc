#include "edge/kubernetes/api_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace tidegate {
namespace {

constexpr std::int64_t replicas_limit_of_api = 2'147'483'647;

// The query of a path, part by part; what is empty is left out.
class ApiQuery {
 public:
  explicit ApiQuery(std::string path) : text_(std::move(path)) {}
  ApiQuery& add(std::string_view name, std::string_view value) {
    if (value.empty()) return *this;
    text_ += fmt::format("{}{}={}", has_any_ ? '&' : '?', name, percent_encoded(value));
    has_any_ = true;
    return *this;
  }
  [[nodiscard]] std::string text() const { return text_; }

 private:
  std::string text_;
  bool has_any_ = false;
};

ApiQuery write_query(std::string path, const WriteOptions& options) {
  ApiQuery query{std::move(path)};
  query.add("fieldManager", options.field_manager)
      .add("dryRun", options.is_dry ? "All" : "")
      .add("fieldValidation", options.is_strict ? "Strict" : "");
  return query;
}

ApiQuery selection_query(const ObjectSelection& selection) {
  ApiQuery query{collection_path(selection.type, selection.space)};
  query.add("labelSelector", selection.label_selector).add("fieldSelector", selection.field_selector);
  return query;
}

std::string asked_text(const ApiCall& call) {
  return fmt::format("{} {}", call.method, call.path.substr(0, call.path.find('?')));
}

// Fits JSON whatever bytes an object brought.
std::string json_text(const Json& object) { return object.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::uint64_t seed_of(const void* place, Instant now) {
  return std::hash<const void*>{}(place) ^ static_cast<std::uint64_t>(now.time_since_epoch().count());
}

}  // namespace

ApiClient::ApiClient(Cluster& cluster, ApiClientOptions options)
    : cluster_(cluster), options_(options), backoff_(options.retries.backoff, seed_of(this, cluster.clock().now())) {}

ApiResult<HttpRequest> ApiClient::request_of(const ApiCall& call, std::uint64_t& generation,
                                             const std::stop_token& stop) {
  const auto login = cluster_.credentials().current(stop);
  if (!login)
    return std::unexpected(ApiError{
        .reason = login.error().kind == ErrorKind::unreachable ? ApiReason::unreachable : ApiReason::unauthorized,
        .message = fmt::format("{}: {}", asked_text(call), login.error().message)});
  generation = login->generation;
  const ClusterAccess& access = cluster_.access();
  HttpRequest request{.method = call.method,
                      .url = access.server + call.path,
                      .headers = access.impersonation,
                      .body = call.body,
                      .bearer = login->bearer,
                      .basic = login->basic,
                      .timeout = options_.timeout,
                      .body_max = options_.body_max,
                      .proxy = access.proxy,
                      .tls = login->tls};
  request.headers.emplace_back("Accept", "application/json");
  if (!call.body.empty()) request.headers.emplace_back("Content-Type", call.content_type);
  return request;
}

ApiResult<std::string> ApiClient::try_once(const ApiCall& call, Duration time_left, std::uint64_t& generation,
                                           const std::stop_token& stop) {
  auto request = request_of(call, generation, stop);
  if (!request) return std::unexpected(request.error());
  request->timeout = std::min(options_.timeout, time_left);
  auto answer = http_.fetch(*request, stop);
  if (!answer) return std::unexpected(api_error_of(answer.error(), asked_text(call)));
  if (answer->status < 200 || answer->status > 299) return std::unexpected(api_error_of(*answer, asked_text(call)));
  return std::move(answer->body);
}

// Whether there is something else to show than what was refused.
bool ApiClient::has_new_login(std::uint64_t generation, const std::stop_token& stop) {
  cluster_.credentials().refused(generation);
  const auto login = cluster_.credentials().current(stop);
  return login && login->generation != generation;
}

ApiResult<std::string> ApiClient::call(const ApiCall& call, const std::stop_token& stop) {
  const Instant deadline = cluster_.clock().now() + options_.deadline;
  backoff_.reset();
  bool is_renewed = false;
  for (std::int32_t attempts = 1;; ++attempts) {
    const Duration left = deadline - cluster_.clock().now();
    if (options_.is_rate_limited && !cluster_.wait_for_turn(left, stop))
      return std::unexpected(ApiError{.reason = ApiReason::too_many_requests,
                                      .message = fmt::format("{}: our own rate limit lets nothing more out within {}",
                                                             asked_text(call), to_text(left))});
    std::uint64_t generation = 0;
    auto answer = try_once(call, deadline - cluster_.clock().now(), generation, stop);
    if (answer || stop.stop_requested()) return answer;
    if (answer.error().reason == ApiReason::unauthorized && generation != 0) {
      if (!std::exchange(is_renewed, true) && has_new_login(generation, stop)) continue;
      if (const std::string problem = cluster_.credentials().problem(); !problem.empty())
        answer.error().message += "; " + problem;
      return answer;
    }
    const auto wait = retry_delay(answer.error(), call.repeat, attempts, options_.retries, backoff_);
    if (!wait || cluster_.clock().now() + *wait >= deadline || !sleep_unless_stopped(*wait, stop)) return answer;
  }
}

ApiResult<Json> ApiClient::call_for_json(const ApiCall& call, const std::stop_token& stop) {
  const auto body = this->call(call, stop);
  if (!body) return std::unexpected(body.error());
  auto parsed = parse_json(*body);
  if (!parsed || !parsed->is_object()) return std::unexpected(garbled(asked_text(call), "the answer is no object"));
  return std::move(*parsed);
}

ApiResult<Json> ApiClient::get(const ObjectRef& ref, std::string_view subresource, const std::stop_token& stop) {
  return call_for_json({.path = object_path(ref, subresource), .repeat = Repeat::harmless}, stop);
}

ApiResult<std::string> ApiClient::list(const ObjectSelection& selection,
                                       const std::function<void(JsonView object)>& take, const std::stop_token& stop,
                                       std::int32_t page) {
  std::string next;
  while (true) {
    ApiCall asked{.path = selection_query(selection).add("limit", std::to_string(page)).add("continue", next).text(),
                  .repeat = Repeat::harmless};
    const auto body = call(asked, stop);
    if (!body) return std::unexpected(body.error());
    JsonView root;
    if (parser_.parse(*body).get(root)) return std::unexpected(garbled(asked_text(asked), "the answer is no JSON"));
    std::string version{text_field(root, {"metadata", "resourceVersion"})};
    if (version.empty()) return std::unexpected(garbled(asked_text(asked), "the answer is no list"));
    for_each_item(root, {"items"}, take);
    next = text_field(root, {"metadata", "continue"});
    if (next.empty()) return version;
  }
}

ApiResult<Json> ApiClient::create(const ResourceType& type, std::string_view space, const Json& object,
                                  const WriteOptions& options, const std::stop_token& stop) {
  return call_for_json(
      {.method = "POST", .path = write_query(collection_path(type, space), options).text(), .body = json_text(object)},
      stop);
}

ApiResult<Json> ApiClient::update(const ObjectRef& ref, const Json& object, const WriteOptions& options,
                                  const std::stop_token& stop) {
  return call_for_json({.method = "PUT",
                        .path = write_query(object_path(ref, options.subresource), options).text(),
                        .body = json_text(object)},
                       stop);
}

ApiResult<Json> ApiClient::patch(const ObjectRef& ref, const JsonPatch& patch, const WriteOptions& options,
                                 const std::stop_token& stop) {
  return call_for_json({.method = "PATCH",
                        .path = write_query(object_path(ref, options.subresource), options).text(),
                        .body = patch.text(),
                        .content_type = "application/json-patch+json"},
                       stop);
}

ApiResult<Json> ApiClient::merge(const ObjectRef& ref, const Json& change, const WriteOptions& options,
                                 const std::stop_token& stop) {
  return call_for_json({.method = "PATCH",
                        .path = write_query(object_path(ref, options.subresource), options).text(),
                        .body = json_text(change),
                        .content_type = "application/merge-patch+json"},
                       stop);
}

ApiResult<Json> ApiClient::apply(const ObjectRef& ref, const Json& object, const WriteOptions& options,
                                 const std::stop_token& stop) {
  return call_for_json(
      {.method = "PATCH",
       .path =
           write_query(object_path(ref, options.subresource), options).add("force", options.force ? "true" : "").text(),
       .body = json_text(object),
       .content_type = "application/apply-patch+yaml",  // JSON is YAML
       .repeat = Repeat::harmless},
      stop);
}

ApiResult<void> ApiClient::remove(const ObjectRef& ref, const DeleteOptions& options, const std::stop_token& stop) {
  Json body{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!options.uid.empty()) body["preconditions"]["uid"] = options.uid;
  if (!options.resource_version.empty()) body["preconditions"]["resourceVersion"] = options.resource_version;
  if (!options.propagation.empty()) body["propagationPolicy"] = options.propagation;
  // Without a uid a second try could hit an object that was made anew meanwhile.
  const auto done = call({.method = "DELETE",
                          .path = object_path(ref),
                          .body = json_text(body),
                          .repeat = options.uid.empty() ? Repeat::never : Repeat::harmless},
                         stop);
  if (!done) return std::unexpected(done.error());
  return {};
}

ApiResult<Scale> ApiClient::scale(const ObjectRef& ref, const std::stop_token& stop) {
  const auto object = get(ref, "scale", stop);
  if (!object) return std::unexpected(object.error());
  if (const auto scale = scale_of(*object)) return *scale;
  return std::unexpected(garbled("GET " + object_path(ref, "scale"), "the answer is no Scale"));
}

ApiResult<Scale> ApiClient::set_scale(const ObjectRef& ref, std::int32_t replicas, const std::string& resource_version,
                                      const WriteOptions& options, const std::stop_token& stop) {
  Json change{{"apiVersion", "autoscaling/v1"},
              {"kind", "Scale"},
              {"metadata", {{"name", ref.key.name}, {"namespace", ref.key.space}}},
              {"spec", {{"replicas", replicas}}}};
  if (!resource_version.empty()) change["metadata"]["resourceVersion"] = resource_version;
  WriteOptions to_scale = options;
  to_scale.subresource = "scale";
  const auto object = update(ref, change, to_scale, stop);
  if (!object) return std::unexpected(object.error());
  if (const auto scale = scale_of(*object)) return *scale;
  return std::unexpected(garbled("PUT " + object_path(ref, "scale"), "the answer is no Scale"));
}

ApiResult<void> ApiClient::watch(const ObjectSelection& selection, const std::string& resource_version, Duration length,
                                 Duration idle, const HttpBodySink& take, const std::stop_token& stop) {
  const auto whole_seconds = std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(length).count());
  const ApiCall asked{.path = selection_query(selection)
                                  .add("watch", "true")
                                  .add("allowWatchBookmarks", "true")
                                  .add("resourceVersion", resource_version)
                                  .add("timeoutSeconds", std::to_string(whole_seconds))
                                  .text()};
  const std::string text = "WATCH " + collection_path(selection.type, selection.space);
  if (options_.is_rate_limited && !cluster_.wait_for_turn(options_.deadline, stop))
    return std::unexpected(ApiError{.reason = ApiReason::too_many_requests,
                                    .message = text + ": our own rate limit lets nothing more out"});
  std::uint64_t generation = 0;
  auto request = request_of(asked, generation, stop);
  if (!request) return std::unexpected(request.error());
  // The server ends it; should it not, we do.
  request->timeout = length + idle;
  const auto answer = http_.follow(*request, take, idle, stop);
  if (!answer) return std::unexpected(api_error_of(answer.error(), text));
  if (answer->status == 401) cluster_.credentials().refused(generation);
  if (answer->status < 200 || answer->status > 299) return std::unexpected(api_error_of(*answer, text));
  return {};
}

std::optional<Scale> scale_of(const Json& object) {
  if (text_field(object, {"kind"}) != "Scale") return std::nullopt;
  const auto count = [&](JsonPath path) {
    // A zero is left out.
    return static_cast<std::int32_t>(
        std::clamp<std::int64_t>(integer_field(object, path).value_or(0), 0, replicas_limit_of_api));
  };
  return Scale{.replicas = count({"spec", "replicas"}),
               .status_replicas = count({"status", "replicas"}),
               .selector = text_field(object, {"status", "selector"}),
               .resource_version = text_field(object, {"metadata", "resourceVersion"}),
               .uid = text_field(object, {"metadata", "uid"})};
}

}  // namespace tidegate

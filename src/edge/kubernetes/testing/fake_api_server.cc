#include "edge/kubernetes/testing/fake_api_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "core/base/check.h"
#include "edge/kubernetes/rfc3339.h"
#include "edge/kubernetes/testing/field_owners.h"

namespace tidegate {
namespace {

constexpr std::size_t history_max = 100'000;
constexpr auto watch_slice = std::chrono::milliseconds{20};

FakeApiAnswer status_answer(int code, const std::string& reason, const std::string& message, Json details = nullptr) {
  Json status{{"kind", "Status"},   {"apiVersion", "v1"}, {"status", "Failure"},
              {"message", message}, {"reason", reason},   {"code", code}};
  if (!details.is_null()) status["details"] = std::move(details);
  return {.status = code, .body = status.dump()};
}

FakeApiAnswer not_found(const std::string& what) {
  return status_answer(404, "NotFound", fmt::format("{} not found", what));
}

FakeApiAnswer conflict(const std::string& what) {
  return status_answer(409, "Conflict",
                       fmt::format("Operation cannot be fulfilled on {}: the object has been modified; please apply "
                                   "your changes to the latest version and try again",
                                   what));
}

std::string selector_text(const Json& object) {
  std::string text;
  if (const Json* labels = field(object, {"spec", "selector", "matchLabels"}))
    for (const auto& [name, value] : labels->items())
      text += fmt::format("{}{}={}", text.empty() ? "" : ",", name, value.get<std::string>());
  return text;
}

Json scale_object(const Json& object) {
  return {
      {"kind", "Scale"},
      {"apiVersion", "autoscaling/v1"},
      {"metadata",
       {{"name", object["metadata"]["name"]},
        {"namespace", text_field(object, {"metadata", "namespace"})},
        {"uid", object["metadata"]["uid"]},
        {"resourceVersion", object["metadata"]["resourceVersion"]}}},
      {"spec", {{"replicas", integer_field(object, {"spec", "replicas"}).value_or(0)}}},
      {"status",
       {{"replicas", integer_field(object, {"status", "replicas"}).value_or(0)}, {"selector", selector_text(object)}}}};
}

// What the writer meant, applied to what is there; or why not.
std::variant<Json, FakeApiAnswer> changed(const Json& before, const FakeApiRequest& request, const std::string& what) {
  const std::string type = request.headers.contains("content-type") ? request.headers.at("content-type") : "";
  const auto body = parse_json(request.body);
  if (!body) return status_answer(400, "BadRequest", "the body is no JSON");
  if (request.method == "PUT") return *body;
  if (type == "application/merge-patch+json" || type == "application/apply-patch+yaml") {
    Json after = before;
    after.merge_patch(*body);
    return after;
  }
  if (type != "application/json-patch+json")
    return status_answer(415, "UnsupportedMediaType", "the body of the request was in an unknown format");
  try {
    return before.patch(*body);
  } catch (const Json::exception& error) {
    return status_answer(422, "Invalid", fmt::format("the server rejected our request on {}: {}", what, error.what()));
  }
}

std::string event_line(const char* type, const Json& object) {
  return Json{{"type", type}, {"object", object}}.dump() + "\n";
}

bool send_chunk(TestSocket& socket, const std::string& text) {
  return socket.send(fmt::format("{:x}\r\n{}\r\n", text.size(), text));
}

}  // namespace

FakeApiServer::FakeApiServer() {
  for (const ResourceType& type : {resources::pods, resources::nodes, resources::events, resources::leases,
                                   resources::replica_sets, resources::autoscalers})
    serve({.type = type, .singular = "", .short_names = {}, .has_status = true});
  serve({.type = resources::deployments,
         .singular = "deployment",
         .short_names = {"deploy"},
         .has_scale = true,
         .has_status = true});
  serve({.type = resources::stateful_sets,
         .singular = "statefulset",
         .short_names = {"sts"},
         .has_scale = true,
         .has_status = true});
  server_ = std::make_unique<TestServer>([this](TestSocket& socket) { serve_connection(socket); });
}

FakeApiServer::~FakeApiServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  server_.reset();
}

ClusterAccess FakeApiServer::access() const {
  return {.origin = "the fake API server", .server = fmt::format("http://127.0.0.1:{}", port())};
}

void FakeApiServer::serve(const ServedType& type) {
  const std::lock_guard lock(mutex_);
  types_.push_back(type);
}

const ServedType* FakeApiServer::served(const ResourceType& type) const {
  const auto found = std::ranges::find(types_, type, &ServedType::type);
  return found == types_.end() ? nullptr : &*found;
}

void FakeApiServer::intercept(std::function<std::optional<FakeApiAnswer>(const FakeApiRequest& request)> hook) {
  const std::lock_guard lock(mutex_);
  hook_ = std::move(hook);
}

void FakeApiServer::require_token(const std::string& token) {
  const std::lock_guard lock(mutex_);
  token_ = token;
}

Json FakeApiServer::put(const ResourceType& type, Json object, const std::string& manager) {
  const std::lock_guard lock(mutex_);
  const ServedType* known = served(type);
  CHECK(known != nullptr);
  const ObjectKey key{.space = type.namespaced ? object["metadata"].value("namespace", "default") : "",
                      .name = object["metadata"]["name"]};
  return store(*known, key, std::move(object), manager, "Update", "");
}

void FakeApiServer::edit(const ObjectRef& ref, const std::function<void(Json& object)>& change,
                         const std::string& manager) {
  const std::lock_guard lock(mutex_);
  Json object = objects_.at(ref.type).at(ref.key);
  change(object);
  store(*served(ref.type), ref.key, std::move(object), manager, "Update", "");
}

void FakeApiServer::remove(const ObjectRef& ref) {
  const std::lock_guard lock(mutex_);
  store(*served(ref.type), ref.key, std::nullopt, "", "", "");
}

std::optional<Json> FakeApiServer::find(const ObjectRef& ref) const {
  const std::lock_guard lock(mutex_);
  const auto of_type = objects_.find(ref.type);
  if (of_type == objects_.end() || !of_type->second.contains(ref.key)) return std::nullopt;
  return of_type->second.at(ref.key);
}

std::vector<Json> FakeApiServer::all(const ResourceType& type) const {
  const std::lock_guard lock(mutex_);
  std::vector<Json> found;
  if (const auto of_type = objects_.find(type); of_type != objects_.end())
    for (const auto& [key, object] : of_type->second) found.push_back(object);
  return found;
}

void FakeApiServer::forget_history() {
  const std::lock_guard lock(mutex_);
  ++version_;
  oldest_ = version_;
  history_.clear();
  pages_.clear();
}

void FakeApiServer::bookmark() {
  const std::lock_guard lock(mutex_);
  ++bookmarks_;
  changed_.notify_all();
}

void FakeApiServer::cut_watches() {
  const std::lock_guard lock(mutex_);
  ++cuts_;
  changed_.notify_all();
}

std::vector<FakeApiRequest> FakeApiServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::size_t FakeApiServer::count(const std::string& method, const std::string& path) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(requests_, [&](const FakeApiRequest& request) {
    return request.method == method && request.path.starts_with(path);
  }));
}

// Called with the lock. Keeps the object under a new resourceVersion, or takes it away, and tells the watches.
Json FakeApiServer::store(const ServedType& type, const ObjectKey& key, std::optional<Json> after,
                          const std::string& manager, const std::string& operation, const std::string& subresource) {
  auto& kept = objects_[type.type];
  const auto old = kept.find(key);
  std::optional<Json> before;
  if (old != kept.end()) before = old->second;
  if (!before && !after) return nullptr;
  if (after) {
    Json& meta = (*after)["metadata"];
    const Json was = before.value_or(Json::object());
    (*after)["apiVersion"] = type.type.api_version();
    (*after)["kind"] = type.type.kind;
    meta["name"] = key.name;
    if (!key.space.empty()) meta["namespace"] = key.space;
    meta["uid"] = before ? was["metadata"]["uid"] : Json(fmt::format("uid-{}", ++serial_));
    meta["creationTimestamp"] = before ? was["metadata"]["creationTimestamp"] : Json("2026-01-01T00:00:00Z");
    const bool is_same_spec = before && was.value("spec", Json()) == after->value("spec", Json());
    meta["generation"] = (before ? was["metadata"].value("generation", 1) : 0) + (is_same_spec ? 0 : 1);
    if (before && was["metadata"].contains("managedFields")) meta["managedFields"] = was["metadata"]["managedFields"];
    own_fields(*after, changed_fields(was, *after),
               {.manager = manager, .operation = operation, .subresource = subresource}, "2026-01-01T00:00:00Z");
    // What changes nothing is no write.
    if (before) {
      meta["resourceVersion"] = was["metadata"]["resourceVersion"];
      if (was == *after) return *after;
    }
    meta["resourceVersion"] = std::to_string(++version_);
    kept[key] = *after;
  } else {
    kept.erase(old);
    ++version_;
  }
  history_.push_back({.version = version_, .type = type.type, .before = before, .after = after});
  if (history_.size() > history_max) {
    oldest_ = history_.front().version;
    history_.pop_front();
  }
  changed_.notify_all();
  return after.value_or(before.value_or(Json()));
}

// Called with the lock.
std::optional<FakeApiServer::Place> FakeApiServer::place_of(const std::string& path) const {
  auto words = split(path, '/');
  ResourceType wanted;
  std::size_t at = 0;
  if (words.size() >= 3 && words[0] == "api") {
    wanted.version = words[1];
    at = 2;
  } else if (words.size() >= 4 && words[0] == "apis") {
    wanted.group = words[1];
    wanted.version = words[2];
    at = 3;
  } else {
    return std::nullopt;
  }
  Place place;
  if (words[at] == "namespaces" && words.size() > at + 2) {
    place.key.space = words[at + 1];
    at += 2;
  }
  for (const ServedType& type : types_)
    if (type.type.group == wanted.group && type.type.version == wanted.version && type.type.plural == words[at])
      place.served = &type;
  if (place.served == nullptr) return std::nullopt;
  if (words.size() > at + 1) place.key.name = words[at + 1];
  if (words.size() > at + 2) place.subresource = words[at + 2];
  if (place.subresource == "scale" && !place.served->has_scale) return std::nullopt;
  if (place.subresource == "status" && !place.served->has_status) return std::nullopt;
  return place;
}

FakeApiAnswer FakeApiServer::answer(const FakeApiRequest& request) {
  const std::lock_guard lock(mutex_);
  if (request.path == "/api/v1" || request.path == "/apis" || split(request.path, '/').size() == 3)
    if (!request.path.starts_with("/api/v1/")) return answer_discovery(request);
  const auto place = place_of(request.path);
  if (!place) return status_answer(404, "NotFound", "the server could not find the requested resource");
  if (request.method == "GET") return place->key.name.empty() ? list(*place, request) : read(*place);
  if (request.method == "POST") return create(*place, request);
  if (request.method == "PUT" || request.method == "PATCH") return write(*place, request);
  if (request.method == "DELETE") return erase(*place, request);
  return status_answer(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
}

FakeApiAnswer FakeApiServer::answer_discovery(const FakeApiRequest& request) const {
  if (request.path == "/apis") {
    Json groups = Json::array();
    for (const ServedType& served : types_) {
      const std::string version = served.type.api_version();
      const bool is_known = std::ranges::any_of(groups, [&](const Json& group) {
        return text_field(group, {"preferredVersion", "groupVersion"}) == version;
      });
      if (served.type.group.empty() || is_known) continue;
      groups.push_back({{"name", served.type.group},
                        {"preferredVersion", {{"groupVersion", version}, {"version", served.type.version}}}});
    }
    return {.body = Json{{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", groups}}.dump()};
  }
  const std::string version = request.path.substr(request.path.starts_with("/apis/") ? 6 : 5);
  Json listed = Json::array();
  for (const ServedType& served : types_) {
    if (served.type.api_version() != version) continue;
    listed.push_back({{"name", served.type.plural},
                      {"singularName", served.singular},
                      {"namespaced", served.type.namespaced},
                      {"kind", served.type.kind},
                      {"shortNames", served.short_names}});
    if (served.has_scale) listed.push_back({{"name", served.type.plural + "/scale"}, {"kind", "Scale"}});
    if (served.has_status) listed.push_back({{"name", served.type.plural + "/status"}, {"kind", served.type.kind}});
  }
  if (listed.empty()) return status_answer(404, "NotFound", "the server could not find the requested resource");
  return {.body = Json{{"kind", "APIResourceList"}, {"groupVersion", version}, {"resources", listed}}.dump()};
}

FakeApiAnswer FakeApiServer::read(const Place& place) {
  const auto& kept = objects_[place.served->type];
  const auto found = kept.find(place.key);
  if (found == kept.end()) return not_found(fmt::format("{} \"{}\"", place.served->type.text(), place.key.name));
  return {.body = (place.subresource == "scale" ? scale_object(found->second) : found->second).dump()};
}

FakeApiAnswer FakeApiServer::list(const Place& place, const FakeApiRequest& request) {
  Page page;
  if (const std::string token = query_of(request, "continue"); !token.empty()) {
    const auto found = pages_.find(token);
    if (found == pages_.end())
      return status_answer(410, "Expired", "The provided continue parameter is too old to display a consistent list");
    page = std::move(found->second);
    pages_.erase(found);
  } else {
    page.version = version_;
    for (const auto& [key, object] : objects_[place.served->type])
      if (is_selected(object, place.key.space, request)) page.rest.push_back(object);
  }
  const auto limit = static_cast<std::size_t>(number_of(query_of(request, "limit"), 1'000'000));
  const std::size_t count = std::min(limit, page.rest.size());
  Json items = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    Json item = std::move(page.rest[i]);
    item.erase("kind"), item.erase("apiVersion");  // the list says it for all
    items.push_back(std::move(item));
  }
  page.rest.erase(page.rest.begin(), page.rest.begin() + static_cast<std::ptrdiff_t>(count));
  Json meta{{"resourceVersion", std::to_string(page.version)}};
  if (!page.rest.empty()) {
    const std::string token = fmt::format("page-{}", ++serial_);
    meta["continue"] = token;
    meta["remainingItemCount"] = page.rest.size();
    pages_[token] = std::move(page);
  }
  return {.body = Json{
              {"kind", place.served->type.kind + "List"},
              {"apiVersion", place.served->type.api_version()},
              {"metadata", meta},
              {"items",
               items}}.dump()};
}

FakeApiAnswer FakeApiServer::create(const Place& place, const FakeApiRequest& request) {
  auto body = parse_json(request.body);
  if (!body) return status_answer(400, "BadRequest", "the body is no JSON");
  ObjectKey key{.space = place.key.space, .name = text_field(*body, {"metadata", "name"})};
  if (key.name.empty()) key.name = text_field(*body, {"metadata", "generateName"}) + std::to_string(++serial_);
  if (!is_object_name(key.name))
    return status_answer(
        422, "Invalid", fmt::format("{} \"{}\" is invalid", place.served->type.kind, key.name),
        {{"causes", {{{"reason", "FieldValueInvalid"}, {"field", "metadata.name"}, {"message", "bad"}}}}});
  if (objects_[place.served->type].contains(key))
    return status_answer(409, "AlreadyExists",
                         fmt::format("{} \"{}\" already exists", place.served->type.text(), key.name));
  return {.status = 201,
          .body = store(*place.served, key, std::move(*body), query_of(request, "fieldManager"), "Update", "").dump()};
}

FakeApiAnswer FakeApiServer::write(const Place& place, const FakeApiRequest& request) {
  auto& kept = objects_[place.served->type];
  const auto found = kept.find(place.key);
  const std::string what = fmt::format("{} \"{}\"", place.served->type.text(), place.key.name);
  const bool applies =
      request.headers.contains("content-type") && request.headers.at("content-type") == "application/apply-patch+yaml";
  if (found == kept.end() && !(applies && place.subresource.empty())) return not_found(what);
  const Json current = found == kept.end() ? Json::object() : found->second;
  const bool scales = place.subresource == "scale";
  auto outcome = changed(scales ? scale_object(current) : current, request, what);
  if (auto* refused = std::get_if<FakeApiAnswer>(&outcome)) return *refused;
  const Json& wanted = std::get<Json>(outcome);
  const std::string version = text_field(wanted, {"metadata", "resourceVersion"});
  if (!version.empty() && version != text_field(current, {"metadata", "resourceVersion"})) return conflict(what);

  Json after = wanted;
  if (scales) {
    after = current;
    after["spec"]["replicas"] = integer_field(wanted, {"spec", "replicas"}).value_or(0);
  } else if (place.subresource == "status") {
    after = current;
    after["status"] = wanted.value("status", Json::object());
  } else if (place.served->has_status && current.contains("status")) {
    after["status"] = current["status"];
  }
  if (integer_field(after, {"spec", "replicas"}).value_or(0) < 0)
    return status_answer(422, "Invalid", fmt::format("{} is invalid: spec.replicas: must not be negative", what),
                         {{"causes",
                           {{{"reason", "FieldValueInvalid"},
                             {"field", "spec.replicas"},
                             {"message", "must be greater than or equal to 0"}}}}});
  const std::string manager = query_of(request, "fieldManager");
  if (applies && query_of(request, "force") != "true") {
    const auto foreign = foreign_fields(current, changed_fields(current, after), manager);
    if (!foreign.empty())
      return status_answer(
          409, "Conflict",
          fmt::format("Apply failed with {} conflict: conflict with \"{}\"", foreign.size(), foreign.front().first));
  }
  if (query_of(request, "dryRun") == "All") return {.body = after.dump()};
  const Json stored =
      store(*place.served, place.key, std::move(after), manager, applies ? "Apply" : "Update", place.subresource);
  return {.body = (scales ? scale_object(stored) : stored).dump()};
}

FakeApiAnswer FakeApiServer::erase(const Place& place, const FakeApiRequest& request) {
  auto& kept = objects_[place.served->type];
  const auto found = kept.find(place.key);
  const std::string what = fmt::format("{} \"{}\"", place.served->type.text(), place.key.name);
  if (found == kept.end()) return not_found(what);
  if (const auto body = parse_json(request.body)) {
    const std::string uid = text_field(*body, {"preconditions", "uid"});
    const std::string version = text_field(*body, {"preconditions", "resourceVersion"});
    if ((!uid.empty() && uid != text_field(found->second, {"metadata", "uid"})) ||
        (!version.empty() && version != text_field(found->second, {"metadata", "resourceVersion"})))
      return status_answer(409, "Conflict", fmt::format("Precondition failed on {}", what));
  }
  store(*place.served, place.key, std::nullopt, "", "", "");
  return {.body = Json{{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Success"}}.dump()};
}

// Until its time is over, it is cut, or the client is gone. False: the connection is of no more use.
bool FakeApiServer::watch(TestSocket& socket, const Place& place, const FakeApiRequest& request) {
  std::unique_lock lock(mutex_);
  std::int64_t seen = number_of(query_of(request, "resourceVersion"), 0);
  std::uint64_t bookmarks = bookmarks_;
  const std::uint64_t cuts = cuts_;
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds{number_of(query_of(request, "timeoutSeconds"), 1800)};
  if (!socket.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"))
    return false;
  if (seen < oldest_) {
    const auto expired = status_answer(410, "Expired", fmt::format("too old resource version: {} ({})", seen, oldest_));
    return send_chunk(socket, event_line("ERROR", *parse_json(expired.body))) && socket.send("0\r\n\r\n");
  }
  while (true) {
    if (stopping_ || cuts != cuts_) return false;
    std::string lines;
    for (auto at = std::ranges::upper_bound(history_, seen, {}, &Change::version); at != history_.end(); ++at) {
      const Change& change = *at;
      if (change.type != place.served->type) continue;
      const bool was = change.before && is_selected(*change.before, place.key.space, request);
      const bool is = change.after && is_selected(*change.after, place.key.space, request);
      if (is) lines += event_line(was ? "MODIFIED" : "ADDED", *change.after);
      if (was && !is) {
        Json gone = change.after.value_or(*change.before);
        gone["metadata"]["resourceVersion"] = std::to_string(change.version);
        lines += event_line("DELETED", gone);
      }
    }
    seen = version_;
    if (std::exchange(bookmarks, bookmarks_) != bookmarks_)
      lines += event_line("BOOKMARK", {{"kind", place.served->type.kind},
                                       {"apiVersion", place.served->type.api_version()},
                                       {"metadata", {{"resourceVersion", std::to_string(seen)}}}});
    if (!lines.empty()) {
      lock.unlock();
      if (!send_chunk(socket, lines)) return false;
      lock.lock();
      continue;
    }
    if (std::chrono::steady_clock::now() >= deadline) break;
    changed_.wait_for(lock, watch_slice);
  }
  lock.unlock();
  return socket.send("0\r\n\r\n");
}

void FakeApiServer::serve_connection(TestSocket& socket) {
  while (true) {
    const std::string message = socket.read_message();
    if (!message.contains("\r\n\r\n")) break;
    const FakeApiRequest request = parse_request(message);
    std::optional<FakeApiAnswer> given;
    std::optional<Place> place;
    bool is_let_in = true;
    decltype(hook_) hook;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      hook = hook_;
      place = place_of(request.path);
      const auto shown = request.headers.find("authorization");
      is_let_in = token_.empty() || (shown != request.headers.end() && shown->second == "Bearer " + token_);
    }
    if (hook) given = hook(request);
    if (!given && !is_let_in) given = status_answer(401, "Unauthorized", "Unauthorized");
    if (!given && place && request.query.contains("watch")) {
      ++watches_open_;
      const bool goes_on = watch(socket, *place, request);
      --watches_open_;
      if (!goes_on) break;
      continue;
    }
    if (!given) given = answer(request);
    if (!socket.send(fmt::format("HTTP/1.1 {} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n{}",
                                 given->status, given->body.size(), given->headers, given->body)))
      break;
  }
  socket.close();
}

}  // namespace tidegate

// A small Kubernetes API server for tests, in memory, on a loopback port: lists in pages, watches with bookmarks and a
// bounded history, creates, replaces, patches (JSON, merge, apply with field managers), scale and status subresources,
// preconditions, discovery. It behaves as the real one does in what tidegate relies on; tests/kubernetes holds tidegate
// against the real one. No controller runs in it: tests play them with put().
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "edge/kubernetes/cluster_access.h"
#include "edge/kubernetes/json_fields.h"
#include "edge/kubernetes/resource.h"
#include "edge/kubernetes/resource_list.h"
#include "edge/kubernetes/testing/fake_api_request.h"
#include "edge/net/testing/test_sockets.h"

namespace tidegate {

struct FakeApiAnswer {
  int status = 200;
  std::string body;
  std::string headers = {};  // whole lines
};

class FakeApiServer {
 public:
  FakeApiServer();
  ~FakeApiServer();
  FakeApiServer(const FakeApiServer&) = delete;
  FakeApiServer& operator=(const FakeApiServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] ClusterAccess access() const;

  // Beside those of edge/kubernetes/resource.h and apps/v1.
  void serve(const ServedType& type);

  // Creates or replaces an object, status and all, as somebody else would.
  Json put(const ResourceType& type, Json object, const std::string& manager = "somebody");
  void remove(const ObjectRef& ref);
  [[nodiscard]] std::optional<Json> find(const ObjectRef& ref) const;
  [[nodiscard]] std::vector<Json> all(const ResourceType& type) const;
  // Changes an object in place, as somebody else would.
  void edit(const ObjectRef& ref, const std::function<void(Json& object)>& change,
            const std::string& manager = "somebody");

  // From now on older resourceVersions and pages are gone (410).
  void forget_history();
  // Every watch gets a bookmark now.
  void bookmark();
  // Ends every watch without a word.
  void cut_watches();
  // Answers instead of the server where it answers anything. Called before anything else, from any thread.
  void intercept(std::function<std::optional<FakeApiAnswer>(const FakeApiRequest& request)> hook);
  // Only requests with this token are let in.
  void require_token(const std::string& token);

  [[nodiscard]] std::vector<FakeApiRequest> requests() const;
  // Of this method whose path begins so; watches are GETs.
  [[nodiscard]] std::size_t count(const std::string& method, const std::string& path = "") const;
  [[nodiscard]] int watches_open() const { return watches_open_; }

 private:
  struct Change {
    std::int64_t version = 0;
    ResourceType type;
    std::optional<Json> before;
    std::optional<Json> after;
  };
  struct Place {  // what a path leads to
    const ServedType* served = nullptr;
    ObjectKey key;
    std::string subresource;
  };
  struct Page {
    std::vector<Json> rest;
    std::int64_t version = 0;
  };

  void serve_connection(TestSocket& socket);
  [[nodiscard]] FakeApiAnswer answer(const FakeApiRequest& request);
  [[nodiscard]] FakeApiAnswer answer_discovery(const FakeApiRequest& request) const;
  [[nodiscard]] std::optional<Place> place_of(const std::string& path) const;
  [[nodiscard]] FakeApiAnswer read(const Place& place);
  [[nodiscard]] FakeApiAnswer list(const Place& place, const FakeApiRequest& request);
  [[nodiscard]] FakeApiAnswer create(const Place& place, const FakeApiRequest& request);
  [[nodiscard]] FakeApiAnswer write(const Place& place, const FakeApiRequest& request);
  [[nodiscard]] FakeApiAnswer erase(const Place& place, const FakeApiRequest& request);
  bool watch(TestSocket& socket, const Place& place, const FakeApiRequest& request);
  Json store(const ServedType& served, const ObjectKey& key, std::optional<Json> after, const std::string& manager,
             const std::string& operation, const std::string& subresource);
  [[nodiscard]] const ServedType* served(const ResourceType& type) const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ServedType> types_;
  std::map<ResourceType, std::map<ObjectKey, Json>> objects_;
  std::deque<Change> history_;
  std::map<std::string, Page> pages_;
  std::int64_t version_ = 100;
  std::int64_t oldest_ = 0;
  std::int64_t serial_ = 0;
  std::uint64_t bookmarks_ = 0;
  std::uint64_t cuts_ = 0;
  bool stopping_ = false;
  std::string token_;
  std::vector<FakeApiRequest> requests_;
  std::function<std::optional<FakeApiAnswer>(const FakeApiRequest& request)> hook_;
  std::atomic<int> watches_open_{0};
  std::unique_ptr<TestServer> server_;  // last: its threads use the rest
};

}  // namespace tidegate

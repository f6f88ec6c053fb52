// A current copy of all objects of a selection, of each only what `project` keeps of it: thousands of pods fit into
// little memory. It follows the cluster in a thread of its own; reading never waits for the network.
//
// Objects are shared and never change: what was read stays as it was while the cache goes on. An object for which
// `project` answers nothing is not kept. What the cache says may be old; health() says how old.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "edge/kubernetes/object_watch.h"

namespace tidegate {

template <class T>
struct CachedObject {
  ObjectKey key;
  std::string resource_version;  // that it was read at
  std::shared_ptr<const T> object;
};

template <class T>
class ObjectCache {
 public:
  using Project = std::function<std::optional<T>(JsonView object)>;
  // Called from the cache's thread after an object came, changed or went; must return at once. It may read the cache.
  using Changed = std::function<void(const ObjectKey& key)>;

  ObjectCache(Cluster& cluster, ObjectSelection selection, Project project, ObjectWatchOptions options = {},
              Changed changed = {})
      : contents_(std::move(project), std::move(changed)), watch_(cluster, std::move(selection), contents_, options) {}

  // Nothing: there is none that we know of.
  [[nodiscard]] std::optional<CachedObject<T>> find(const ObjectKey& key) const { return contents_.find(key); }
  // In the order of their keys.
  [[nodiscard]] std::vector<CachedObject<T>> all() const { return contents_.all(); }
  [[nodiscard]] std::size_t size() const { return contents_.size(); }
  [[nodiscard]] WatchHealth health() const { return watch_.health(); }
  [[nodiscard]] bool wait_until_synced(Duration within) const { return watch_.wait_until_synced(within); }

 private:
  class Contents final : public ObjectSink {
   public:
    Contents(Project project, Changed changed) : project_(std::move(project)), changed_(std::move(changed)) {}

    void list_begins() override { unseen_ = keys(); }
    void listed(const WatchEvent& object) override {
      const ObjectKey key = key_of(object);
      unseen_.erase(key);
      put(key, object);
    }
    void list_ends(bool is_whole) override {
      if (is_whole)
        for (const ObjectKey& key : unseen_) erase(key);
      unseen_.clear();
    }
    void changed(const WatchEvent& event) override {
      if (event.kind == WatchKind::removed)
        erase(key_of(event));
      else
        put(key_of(event), event);
    }

    [[nodiscard]] std::optional<CachedObject<T>> find(const ObjectKey& key) const {
      const std::lock_guard lock(mutex_);
      const auto found = objects_.find(key);
      if (found == objects_.end()) return std::nullopt;
      return CachedObject<T>{key, found->second.resource_version, found->second.object};
    }
    [[nodiscard]] std::vector<CachedObject<T>> all() const {
      const std::lock_guard lock(mutex_);
      std::vector<CachedObject<T>> copy;
      copy.reserve(objects_.size());
      for (const auto& [key, kept] : objects_) copy.push_back({key, kept.resource_version, kept.object});
      return copy;
    }
    [[nodiscard]] std::size_t size() const {
      const std::lock_guard lock(mutex_);
      return objects_.size();
    }

   private:
    struct Kept {
      std::string resource_version;
      std::shared_ptr<const T> object;
    };

    static ObjectKey key_of(const WatchEvent& event) {
      return {.space = std::string{event.space}, .name = std::string{event.name}};
    }
    [[nodiscard]] std::set<ObjectKey> keys() const {
      const std::lock_guard lock(mutex_);
      std::set<ObjectKey> all;
      for (const auto& [key, kept] : objects_) all.insert(all.end(), key);
      return all;
    }
    void put(const ObjectKey& key, const WatchEvent& event) {
      {
        const std::lock_guard lock(mutex_);
        const auto found = objects_.find(key);
        // The same version is the same object: a watch may begin with what the list has told already.
        if (found != objects_.end() && found->second.resource_version == event.resource_version) return;
      }
      std::optional<T> projected = project_(event.object);
      if (!projected) return erase(key);
      Kept kept{std::string{event.resource_version}, std::make_shared<const T>(std::move(*projected))};
      {
        const std::lock_guard lock(mutex_);
        std::swap(objects_[key], kept);  // the old one is freed outside of the lock
      }
      if (changed_) changed_(key);
    }
    void erase(const ObjectKey& key) {
      {
        const std::lock_guard lock(mutex_);
        if (objects_.erase(key) == 0) return;
      }
      if (changed_) changed_(key);
    }

    const Project project_;
    const Changed changed_;
    mutable std::mutex mutex_;
    std::map<ObjectKey, Kept> objects_;
    std::set<ObjectKey> unseen_;  // of the list that is under way; touched by the watch's thread alone
  };

  Contents contents_;
  ObjectWatch watch_;  // last: its thread writes into the contents
};

}  // namespace tidegate

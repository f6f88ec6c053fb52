// Decides which statuses are written now, so that a fleet at rest writes nothing and a busy one does not drown the API
// server. Pure.
//
//   facts differ       at once, but at most one write a model every `facts_period`
//   only drift differs at most every `drift_period` a model, and all models together at most `drift_per_second`
//   a write failed     again after a back-off; after a conflict as soon as the object was read anew
//
// One write a model is under way at a time, and each names the resourceVersion that its content was compared with.
// A status of a later epoch than ours is left alone: another operator has taken over.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "edge/kubernetes/api_error.h"
#include "edge/kubernetes/resource.h"
#include "edge/kubernetes/retry.h"
#include "edge/kubernetes/token_bucket.h"
#include "serve/operator/model_status.h"

namespace tidegate {

struct StatusTimes {
  Duration facts_period = 1s;
  Duration drift_period = 1min;
  double drift_per_second = 5;
  double drift_burst = 5;
  BackoffTimes backoff{.first = 1s, .longest = 1min, .jitter = 0.5};
};

struct StatusWrite {
  ObjectKey model;
  std::string resource_version;
  ModelStatus status;
};

class StatusPlan {
 public:
  explicit StatusPlan(StatusTimes times = {}, std::uint64_t seed = 1)
      : times_(times), drift_(times.drift_per_second, times.drift_burst), backoff_(times.backoff, seed) {}

  // What stands in the cluster, as a watch or a read tells it. An older version than one we know is passed over.
  void stored(const ObjectKey& model, const std::string& resource_version, ModelStatus status);
  void removed(const ObjectKey& model) { models_.erase(model); }
  // What should stand there.
  void want(const ObjectKey& model, ModelStatus status);
  // What is wanted, else what is stored: what the next report goes on from. None: the model is not known.
  [[nodiscard]] const ModelStatus* latest(const ObjectKey& model) const;
  // We lead no longer: nothing is wanted.
  void yield();

  // At most `most` writes, those with facts first, each handed out once until written() or failed().
  [[nodiscard]] std::vector<StatusWrite> due(Instant now, std::size_t most);
  void written(const ObjectKey& model, const std::string& resource_version, Instant now);
  // `conflict`: the object is read anew and told by stored(), and then it goes on.
  void failed(const ObjectKey& model, ApiReason reason, Instant now);

  // Writes that were let go because the object was gone, or invalid for the server.
  [[nodiscard]] std::int64_t given_up() const { return given_up_; }

 private:
  struct Model {
    std::string resource_version;
    ModelStatus stored;
    std::optional<ModelStatus> wanted;
    std::optional<ModelStatus> sent;  // under way
    Instant last_write{};
    Instant not_before{};
    bool must_read = false;  // a conflict: what is stored is not known
  };

  [[nodiscard]] bool has_facts(const Model& model, Instant now) const;
  [[nodiscard]] bool has_drift(const Model& model, Instant now) const;
  [[nodiscard]] static bool is_free(const Model& model, Instant now);

  StatusTimes times_;
  TokenBucket drift_;
  Backoff backoff_;
  std::map<ObjectKey, Model> models_;
  ObjectKey drift_from_;  // the model after which drift is looked for next, so that all get their turn
  std::int64_t given_up_ = 0;
};

// Whether one resourceVersion is older than another of the same object. They grow as numbers (KEP 5504); of others
// nothing is known, and none is older.
[[nodiscard]] bool is_older_version(const std::string& one, const std::string& other);

}  // namespace tidegate

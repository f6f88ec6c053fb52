// Keeps the ScaledModels of a cluster and a running fleet informed of each other:
//
//   ScaledModels -> services     a change brings a reload after `settle`; many at once bring one
//   ticks -> statuses, Events    by the leader alone, spaced as serve/operator/status_plan.h says
//   steering <-> annotations     every operator sees them (serve/operator/model_steering.h)
//
// It never touches a workload; the target does. Two threads: one reloads, one writes. Reading is for any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "edge/kubernetes/event_recorder.h"
#include "edge/kubernetes/leader_lease.h"
#include "edge/kubernetes/object_cache.h"
#include "serve/operator/model_events.h"
#include "serve/operator/model_record.h"
#include "serve/operator/model_roster.h"
#include "serve/operator/model_secrets.h"
#include "serve/operator/status_plan.h"
#include "serve/runtime/control_panel.h"
#include "serve/runtime/steering_store.h"

namespace tidegate {

struct ModelControllerOptions {
  std::string identity;                // ours, in statuses and Events
  std::string name_space = {};         // only ScaledModels of this namespace; empty: of all
  std::function<LeaderView()> leader;  // who leads now; returns at once
  Resolvers resolvers = {};
  Duration settle = 200ms;
  Duration warm_up = 1min;  // so long after the start a report may wait for evidence (serve/operator/model_report.h)
  StatusTimes status = {};
};

class ModelController final : public SteeringStore {
 public:
  // Begins to watch. `cluster` outlives it.
  ModelController(Cluster& cluster, ModelControllerOptions options);
  ~ModelController() override;

  // True when all ScaledModels are known; false when they were not within that time.
  [[nodiscard]] bool wait_until_synced(Duration within) const { return models_.wait_until_synced(within); }
  [[nodiscard]] WatchHealth health() const { return models_.health(); }

  // The services of the models that can be carried out, as they are now.
  [[nodiscard]] std::vector<ServiceSpec> services();

  // From now on `reload` is called when the services have changed, and statuses are written. Once.
  void start(std::function<void()> reload);
  void stop();  // idempotent
  // What the fleet has to say; on its thread, returns at once.
  void take(const FleetEvent& event);

  [[nodiscard]] SteeringByService all() const override;
  [[nodiscard]] Result<void> set(const std::string& service, const Steering& steering) override;

 private:
  using Models = std::vector<CachedObject<ModelRecord>>;
  using Entries = std::map<ObjectKey, RosterEntry>;

  // What the writing thread was told, taken out at once.
  struct News {
    std::shared_ptr<const FleetView> view;
    std::shared_ptr<const Entries> entries;
    std::vector<JournalEvent> notices;
  };

  void changed(const ObjectKey& key);
  void reload_changes(const std::stop_token& stop);
  void write_statuses(const std::stop_token& stop);
  [[nodiscard]] News wait_for_news(const std::stop_token& stop);
  void learn(const Models& models);
  void report(const News& news, const Models& models, const LeaderView& leader);
  void want(const ModelRecord& model, ModelStatus status);
  void tell(const News& news);
  void send(const StatusWrite& write, const std::stop_token& stop);
  void record(const ModelRecord& model, const ModelEvent& event);

  const ModelControllerOptions options_;
  Cluster& cluster_;
  const Clock& clock_;
  const Instant begun_;
  EventRecorder recorder_;

  // Of the writing thread.
  struct Told {
    std::string resource_version;
    std::string steering_problem;
  };
  ApiClient client_;
  StatusPlan plan_;
  std::map<ObjectKey, Told> told_;

  std::mutex roster_mutex_;  // of the next two
  ModelRoster roster_;
  ModelSecrets secrets_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any woken_;
  std::shared_ptr<const Entries> entries_;
  bool is_dirty_ = false;  // services changed since the last reload
  bool has_secrets_ = false;
  std::shared_ptr<const FleetView> view_;  // not yet reported
  std::vector<JournalEvent> notices_;

  // Of the watch's thread.
  ModelReader reader_;
  std::map<ObjectKey, std::shared_ptr<const ReadSpec>> specs_;

  ObjectCache<ModelRecord> models_;
  std::jthread reloading_, writing_;
};

}  // namespace tidegate

#include "serve/operator/model_controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "serve/operator/model_report.h"
#include "serve/operator/model_steering.h"

namespace tidegate {
namespace {

constexpr std::size_t writes_at_once = 100;   // before the newest tick is looked at again
constexpr std::size_t notices_waiting = 500;  // the oldest go first
constexpr Duration round_longest = 1s;        // without news: what was put off may be due

ApiClientOptions steering_client() { return {.timeout = 5s, .deadline = 5s}; }

}  // namespace

ModelController::ModelController(Cluster& cluster, ModelControllerOptions options)
    : options_(std::move(options)),
      cluster_(cluster),
      clock_(cluster.clock()),
      begun_(clock_.now()),
      recorder_(cluster, {.instance = options_.identity}),
      client_(cluster, {.timeout = 5s, .deadline = 10s}),
      plan_(options_.status),
      secrets_(cluster),
      entries_(std::make_shared<const Entries>()),
      reader_(options_.resolvers),
      models_(
          cluster, {.type = scaled_models, .space = options_.name_space},
          [this](JsonView object) { return reader_.read(object); }, {},
          [this](const ObjectKey& key) { changed(key); }) {}

ModelController::~ModelController() { stop(); }

// Our own statuses come back too: only another spec is a change of the services.
void ModelController::changed(const ObjectKey& key) {
  const auto found = models_.find(key);
  const auto spec = found ? found->object->spec : nullptr;
  auto& known = specs_[key];
  if (known == spec) return;
  known = spec;
  if (!spec) specs_.erase(key);
  {
    const std::lock_guard lock(mutex_);
    is_dirty_ = true;
  }
  woken_.notify_all();
}

std::vector<ServiceSpec> ModelController::services() {
  {
    // Whatever has changed until now is in what is read next.
    const std::lock_guard lock(mutex_);
    is_dirty_ = false;
  }
  std::vector<std::shared_ptr<const ModelRecord>> records;
  for (auto& model : models_.all()) records.push_back(std::move(model.object));
  const std::lock_guard one_at_a_time(roster_mutex_);
  roster_.take(records, ModelSecrets::needs,
               [this](ServiceSpec& service, const ObjectKey& model) { return secrets_.resolve(service, model.space); });
  auto entries = std::make_shared<const Entries>(roster_.entries());
  const std::lock_guard lock(mutex_);
  has_secrets_ = secrets_.are_in_use();
  entries_ = std::move(entries);
  return roster_.services();
}

void ModelController::start(std::function<void()> reload) {
  CHECK(!reloading_.joinable());
  reloading_ = std::jthread([this, reload = std::move(reload)](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      {
        std::unique_lock lock(mutex_);
        const Duration patience = has_secrets_ ? ModelSecrets::age_max : Duration{1h};
        woken_.wait_for(lock, stop, patience, [this] { return is_dirty_; });
        if (stop.stop_requested()) return;
        // A Secret may have been rotated.
        if (!is_dirty_ && !has_secrets_) continue;
      }
      // What follows at once goes into the same reload.
      if (!sleep_unless_stopped(options_.settle, stop)) return;
      {
        const std::lock_guard lock(mutex_);
        is_dirty_ = false;
      }
      reload();
    }
  });
  writing_ = std::jthread([this](const std::stop_token& stop) { write_statuses(stop); });
}

void ModelController::stop() {
  for (auto* thread : {&reloading_, &writing_}) {
    if (!thread->joinable()) continue;
    thread->request_stop();
    thread->join();
  }
}

void ModelController::take(const FleetEvent& event) {
  if (event.kind == FleetEvent::Kind::decision) return;  // the tick has it too
  {
    const std::lock_guard lock(mutex_);
    if (event.kind == FleetEvent::Kind::tick) {
      view_ = event.view;
    } else if (event.notice) {
      if (notices_.size() == notices_waiting) notices_.erase(notices_.begin());
      notices_.push_back(*event.notice);
    }
  }
  woken_.notify_all();
}

ModelController::News ModelController::wait_for_news(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  woken_.wait_for(lock, stop, round_longest, [this] { return view_ != nullptr || !notices_.empty(); });
  return {.view = std::exchange(view_, nullptr), .entries = entries_, .notices = std::exchange(notices_, {})};
}

void ModelController::write_statuses(const std::stop_token& stop) {
  while (true) {
    const News news = wait_for_news(stop);
    if (stop.stop_requested()) return;
    const auto models = models_.all();
    learn(models);
    const LeaderView leader = options_.leader();
    if (!leader.leads) {
      plan_.yield();
      continue;
    }
    report(news, models, leader);
    tell(news);
    for (const auto& write : plan_.due(clock_.now(), writes_at_once)) {
      if (stop.stop_requested()) return;
      send(write, stop);
    }
  }
}

// What the cluster has, as the watch shows it.
void ModelController::learn(const Models& models) {
  std::map<ObjectKey, Told> gone;
  std::swap(gone, told_);
  for (const auto& model : models) {
    Told told;
    if (auto known = gone.extract(model.key)) told = std::move(known.mapped());
    if (told.resource_version != model.resource_version) {
      told.resource_version = model.resource_version;
      plan_.stored(model.key, model.resource_version, model.object->status);
      const auto& problem = model.object->steering_problem;
      if (!problem.empty() && problem != told.steering_problem && options_.leader().leads)
        record(*model.object,
               {.type = EventType::warning, .reason = "SteeringRefused", .action = "Observe", .note = problem});
      told.steering_problem = problem;
    }
    told_.emplace_hint(told_.end(), model.key, std::move(told));
  }
  for (const auto& [key, told] : gone) plan_.removed(key);
}

void ModelController::report(const News& news, const Models& models, const LeaderView& leader) {
  std::map<std::string_view, const ServiceView*> views;
  if (news.view)
    for (const auto& service : news.view->services) views.emplace(service.spec->name, &service);
  const bool is_warming_up = clock_.now() - begun_ < options_.warm_up;
  for (const auto& model : models) {
    const auto& record = *model.object;
    const auto entry = news.entries->find(model.key);
    const auto* before = plan_.latest(model.key);
    // A model that no reload has seen yet is reported on after it.
    if (entry == news.entries->end() || before == nullptr) continue;
    const ModelContext context{.generation = record.generation,
                               .refusal = entry->second.refusal,
                               .refusal_reason = entry->second.refusal_reason,
                               .leader = options_.identity,
                               .epoch = leader.epoch};
    if (!entry->second.service) {
      want(record, report_refused(context, *before, clock_.now()));
      continue;
    }
    const auto view = views.find(service_name(model.key));
    // A tick that was decided by an older spec says nothing of this one.
    if (view == views.end() || *view->second->spec != *entry->second.service) continue;
    if (is_warming_up && waits_for_evidence(*view->second, context, *before)) continue;
    want(record, report_model(*view->second, context, *before));
  }
}

void ModelController::want(const ModelRecord& model, ModelStatus status) {
  for (const auto& event : events_between(*plan_.latest(model.key), status)) record(model, event);
  plan_.want(model.key, std::move(status));
}

void ModelController::tell(const News& news) {
  for (const auto& notice : news.notices) {
    const auto key = model_of_service(notice.service);
    if (!key) continue;
    if (const auto model = models_.find(*key)) record(*model->object, event_of(notice));
  }
}

void ModelController::record(const ModelRecord& model, const ModelEvent& event) {
  recorder_.record({.object = {.type = scaled_models, .key = model.key},
                    .uid = model.uid,
                    .type = event.type,
                    .reason = event.reason,
                    .action = event.action,
                    .note = event.note});
}

void ModelController::send(const StatusWrite& write, const std::stop_token& stop) {
  // Leadership may have ended while others were written.
  if (!options_.leader().leads) return plan_.failed(write.model, ApiReason::other, clock_.now());
  const ObjectRef ref{.type = scaled_models, .key = write.model};
  const Json object{
      {"apiVersion", resource_api_version},
      {"kind", resource_kind},
      {"metadata",
       {{"name", write.model.name}, {"namespace", write.model.space}, {"resourceVersion", write.resource_version}}},
      {"status", status_json(write.status)}};
  const auto stored = client_.update(ref, object, {.subresource = "status"}, stop);
  if (stored) return plan_.written(write.model, text_field(*stored, {"metadata", "resourceVersion"}), clock_.now());
  plan_.failed(write.model, stored.error().reason, clock_.now());
  if (stored.error().reason != ApiReason::conflict) return;
  // The watch would tell too, but later.
  if (const auto fresh = client_.get(ref, {}, stop)) {
    const auto* status = field(*fresh, {"status"});
    plan_.stored(write.model, text_field(*fresh, {"metadata", "resourceVersion"}),
                 status != nullptr ? parse_status(*status) : ModelStatus{});
  }
}

SteeringByService ModelController::all() const {
  SteeringByService steered;
  for (const auto& model : models_.all()) {
    const auto& steering = model.object->steering;
    if (steering.manual || steering.pause) steered.emplace(service_name(model.key), steering);
  }
  return steered;
}

Result<void> ModelController::set(const std::string& service, const Steering& steering) {
  const auto key = model_of_service(service);
  if (!key) return fail(ErrorKind::not_found, fmt::format("no ScaledModel has a service called {}", service));
  ApiClient client(cluster_, steering_client());
  const auto changed = client.merge({.type = scaled_models, .key = *key}, steering_change(steering));
  if (!changed) return std::unexpected(to_error(changed.error()));
  return {};
}

}  // namespace tidegate

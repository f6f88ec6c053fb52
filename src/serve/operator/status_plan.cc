#include "serve/operator/status_plan.h"

#include <algorithm>
#include <utility>

namespace tidegate {
namespace {

bool is_number(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool is_older_version(const std::string& one, const std::string& other) {
  if (!is_number(one) || !is_number(other)) return false;
  return one.size() != other.size() ? one.size() < other.size() : one < other;
}

void StatusPlan::stored(const ObjectKey& model, const std::string& resource_version, ModelStatus status) {
  auto& known = models_[model];
  if (is_older_version(resource_version, known.resource_version)) return;
  known.resource_version = resource_version;
  known.stored = std::move(status);
  known.must_read = false;
}

void StatusPlan::want(const ObjectKey& model, ModelStatus status) {
  const auto found = models_.find(model);
  if (found != models_.end()) found->second.wanted = std::move(status);
}

const ModelStatus* StatusPlan::latest(const ObjectKey& model) const {
  const auto found = models_.find(model);
  if (found == models_.end()) return nullptr;
  return found->second.wanted ? &*found->second.wanted : &found->second.stored;
}

void StatusPlan::yield() {
  for (auto& [key, model] : models_) model.wanted.reset();
}

bool StatusPlan::is_free(const Model& model, Instant now) {
  return model.wanted && !model.sent && !model.must_read && now >= model.not_before &&
         model.stored.drift.epoch <= model.wanted->drift.epoch;
}

bool StatusPlan::has_facts(const Model& model, Instant now) const {
  return is_free(model, now) && now >= model.last_write + times_.facts_period &&
         model.wanted->facts != model.stored.facts;
}

bool StatusPlan::has_drift(const Model& model, Instant now) const {
  return is_free(model, now) && now >= model.last_write + times_.drift_period &&
         model.wanted->drift != model.stored.drift;
}

std::vector<StatusWrite> StatusPlan::due(Instant now, std::size_t most) {
  std::vector<StatusWrite> writes;
  const auto take = [&](const ObjectKey& key, Model& model) {
    model.sent = model.wanted;
    writes.push_back({key, model.resource_version, *model.wanted});
  };
  for (auto& [key, model] : models_) {
    if (writes.size() >= most) return writes;
    if (has_facts(model, now)) take(key, model);
  }
  // Once around, beginning where the last look ended.
  auto at = models_.upper_bound(drift_from_);
  for (std::size_t i = 0; i < models_.size() && writes.size() < most; ++i, ++at) {
    if (at == models_.end()) at = models_.begin();
    if (!has_drift(at->second, now)) continue;
    if (!drift_.take(now, Duration{})) break;
    take(at->first, at->second);
    drift_from_ = at->first;
  }
  return writes;
}

void StatusPlan::written(const ObjectKey& model, const std::string& resource_version, Instant now) {
  const auto found = models_.find(model);
  if (found == models_.end() || !found->second.sent) return;
  auto& known = found->second;
  ModelStatus sent = *std::exchange(known.sent, std::nullopt);
  known.last_write = now;
  known.not_before = {};
  backoff_.reset();
  stored(model, resource_version, std::move(sent));
}

void StatusPlan::failed(const ObjectKey& model, ApiReason reason, Instant now) {
  const auto found = models_.find(model);
  if (found == models_.end()) return;
  auto& known = found->second;
  known.sent.reset();
  if (reason == ApiReason::conflict) {
    known.must_read = true;
    return;
  }
  // Only a change of what is wanted makes these go well.
  if (reason == ApiReason::invalid || reason == ApiReason::not_found || reason == ApiReason::too_large) ++given_up_;
  known.not_before = now + backoff_.next();
}

}  // namespace tidegate

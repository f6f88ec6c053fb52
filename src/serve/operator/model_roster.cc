#include "serve/operator/model_roster.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace tidegate {
namespace {

using Workload = std::tuple<std::string, std::string, std::string, std::string>;

std::vector<Workload> workloads_of(const ServiceSpec& service) {
  std::vector<Workload> all;
  for (const auto& pool : service.pools)
    if (const auto* target = std::get_if<KubernetesTargetSpec>(&pool.target))
      all.emplace_back(target->api_version, target->kind, target->name_space, target->name);
  return all;
}

std::string workload_text(const Workload& workload) {
  return fmt::format("{} {}/{}", std::get<1>(workload), std::get<2>(workload), std::get<3>(workload));
}

}  // namespace

RosterEntry ModelRoster::entry_of(const ModelRecord& model) {
  auto& valid = valid_[model.key];
  if (valid.uid != model.uid) valid = {.uid = model.uid};
  RosterEntry entry;
  if (model.spec->service) {
    // Shares the record's memory.
    valid.service = std::shared_ptr<const ServiceSpec>(model.spec, &*model.spec->service);
    valid.generation = model.generation;
  } else {
    entry.refusal = model.spec->refusal;
    entry.refusal_reason = "invalid";
    if (valid.service) entry.refusal += fmt::format(" (generation {} is carried out meanwhile)", valid.generation);
  }
  entry.service = valid.service;
  return entry;
}

void ModelRoster::take(const std::vector<std::shared_ptr<const ModelRecord>>& models,
                       const std::function<bool(const ServiceSpec&)>& needs, const Complete& complete) {
  std::map<ObjectKey, LastValid> gone;
  std::swap(gone, valid_);
  entries_.clear();
  for (const auto& model : models) {
    if (auto known = gone.extract(model->key)) valid_.insert(std::move(known));
    entries_.emplace(model->key, entry_of(*model));
  }
  share_out_workloads(models);
  if (!complete) return;
  for (auto& [key, entry] : entries_) {
    if (!entry.service || !needs(*entry.service)) continue;
    auto completed = std::make_shared<ServiceSpec>(*entry.service);
    if (auto problem = complete(*completed, key); !problem.empty()) {
      entry.refusal = std::move(problem);
      entry.refusal_reason = "incomplete";
    }
    entry.service = std::move(completed);
  }
}

void ModelRoster::share_out_workloads(const std::vector<std::shared_ptr<const ModelRecord>>& models) {
  auto by_age = models;
  std::ranges::sort(by_age, {}, [](const auto& model) { return std::tie(model->created, model->key); });
  std::map<Workload, ObjectKey> owners;
  for (const auto& model : by_age) {
    auto& entry = entries_.at(model->key);
    if (!entry.service) continue;
    const auto wanted = workloads_of(*entry.service);
    const auto taken = std::ranges::find_if(wanted, [&](const Workload& one) { return owners.contains(one); });
    if (taken != wanted.end()) {
      entry.refusal = fmt::format(
          "{} is scaled by the older ScaledModel {}; delete one of the two, or give this one another workload",
          workload_text(*taken), owners.at(*taken).text());
      entry.refusal_reason = to_text(Reason::conflict);
      entry.service.reset();
      continue;
    }
    for (const auto& workload : wanted) owners.emplace(workload, model->key);
  }
}

std::vector<ServiceSpec> ModelRoster::services() const {
  std::vector<ServiceSpec> all;
  for (const auto& [key, entry] : entries_)
    if (entry.service) all.push_back(*entry.service);
  return all;
}

}  // namespace tidegate

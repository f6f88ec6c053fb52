// What is worth an Event of the cluster between two statuses of a ScaledModel: each change of the size, with its
// reason, and each condition that people should hear of. On change only. Pure.
#pragma once

#include <string>
#include <vector>

#include "edge/kubernetes/event_series.h"
#include "serve/journal/journal.h"
#include "serve/operator/model_status.h"

namespace tidegate {

struct ModelEvent {
  EventType type = EventType::normal;
  std::string reason;  // "ScaledUp"
  std::string action;  // "Scale"
  std::string note;
  friend bool operator==(const ModelEvent&, const ModelEvent&) = default;
};

[[nodiscard]] std::vector<ModelEvent> events_between(const ModelStatus& before, const ModelStatus& now);
// Of something that happened to a replica.
[[nodiscard]] ModelEvent event_of(const JournalEvent& notice);

}  // namespace tidegate

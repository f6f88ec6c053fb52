#include "serve/operator/model_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace tidegate {
namespace {

// "start_failed" -> "StartFailed"
std::string camel_case(std::string_view text) {
  std::string word;
  bool upper = true;
  for (const char c : text) {
    if (c == '_') {
      upper = true;
      continue;
    }
    word += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return word;
}

ModelEvent event_of_change(const ModelChange& change, bool is_shadow) {
  // What only would have been done must not read as done.
  const auto* const done = change.verdict == Verdict::raise   ? is_shadow ? "WouldScaleUp" : "ScaledUp"
                           : change.verdict == Verdict::lower ? is_shadow ? "WouldScaleDown" : "ScaledDown"
                           : is_shadow                        ? "WouldMove"
                                                              : "Moved";
  return {.type = EventType::normal, .reason = done, .action = "Scale", .note = change.message};
}

// How a condition is told when it begins and when it ends; those left out are told by nobody.
struct ConditionWords {
  ModelConditionType type;
  bool is_trouble;  // when it holds; otherwise when it does not
  const char* begins;
  const char* ends;
};
constexpr ConditionWords told[] = {{ModelConditionType::ready, false, "NotReady", "Ready"},
                                   {ModelConditionType::fallback, true, "MetricsLost", "MetricsAvailable"},
                                   {ModelConditionType::paused, true, "Paused", "Resumed"},
                                   {ModelConditionType::limited, true, "Limited", "NotLimited"},
                                   {ModelConditionType::conflict, true, "Conflict", "ConflictOver"}};

bool is_warning(const ConditionWords& words) { return words.type != ModelConditionType::paused; }

void add_condition_events(const ModelStatus& before, const ModelStatus& now, std::vector<ModelEvent>& events) {
  for (const auto& words : told) {
    const auto* present = find_condition(now, words.type);
    if (present == nullptr) continue;
    const auto* known = find_condition(before, words.type);
    const bool is_trouble = present->holds == words.is_trouble;
    const bool was_trouble = known != nullptr && known->holds == words.is_trouble;
    if (is_trouble == was_trouble) continue;
    events.push_back({.type = is_trouble && is_warning(words) ? EventType::warning : EventType::normal,
                      .reason = is_trouble ? words.begins : words.ends,
                      .action = "Observe",
                      .note = present->message});
  }
}

}  // namespace

std::vector<ModelEvent> events_between(const ModelStatus& before, const ModelStatus& now) {
  std::vector<ModelEvent> events;
  const bool is_shadow = now.facts.mode == Mode::shadow;
  // The newest first; those that were there already end the list.
  const auto& old = before.facts.changes;
  for (const auto& change : now.facts.changes) {
    if (std::ranges::find(old, change) != old.end()) break;
    events.insert(events.begin(), event_of_change(change, is_shadow));
  }
  add_condition_events(before, now, events);
  return events;
}

ModelEvent event_of(const JournalEvent& notice) {
  const std::string where = notice.replica.empty() ? "" : notice.replica + ": ";
  return {.type = EventType::warning,
          .reason = camel_case(to_text(notice.reason)),
          .action = "Observe",
          .note = where + notice.message};
}

}  // namespace tidegate

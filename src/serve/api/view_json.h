// What the API says of the fleet, as JSON: the shapes of docs/reference/api.md. A value that was not measured is null.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json_writer.h"
#include "core/model/decision.h"
#include "serve/runtime/control_panel.h"

namespace tidegate {

// `full` has everything; `brief` leaves out the signals, the replicas and the stages of the last decision.
enum class Detail : std::uint8_t { brief, full };

// A tick of more services than this carries them in brief, so that it stays small enough to send every second.
inline constexpr std::size_t services_in_full = 64;

// Where it lies in the journal; none: not known there (yet).
struct DecisionPlace {
  std::int64_t id = 0;
  Instant until{};
  std::int64_t ticks = 1;
};

void write_decision(JsonWriter& json, const Decision& decision, const std::optional<DecisionPlace>& place = {},
                    Detail detail = Detail::full);
void write_service(JsonWriter& json, const ServiceView& service, Detail detail = Detail::full);
void write_point(JsonWriter& json, const ServiceView& service);

[[nodiscard]] std::string service_json(const ServiceView& service);
[[nodiscard]] std::string services_json(const FleetView& view);
[[nodiscard]] std::string tick_json(const FleetView& view);
[[nodiscard]] std::string decision_json(const JournalDecision& row);
[[nodiscard]] std::string decisions_json(const std::vector<JournalDecision>& rows);
[[nodiscard]] std::string series_json(const Series& series);
[[nodiscard]] std::string events_json(const std::vector<JournalEvent>& events);
[[nodiscard]] std::string event_json(const JournalEvent& event);
[[nodiscard]] std::string health_json(const RuntimeHealth& health, const FleetView& view, const std::string& version);
[[nodiscard]] std::string reasons_json();

}  // namespace tidegate

// KEDA's questions, answered from the control panel: apart from the wire, so that each answer can be tested without
// one. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "edge/ports/clock.h"
#include "serve/keda/scaler_request.h"
#include "serve/runtime/control_panel.h"
#include "serve/scale_metrics/service_choice.h"

namespace tidegate {

struct NamedNumber {
  std::string metric;  // KEDA puts "s0-" before it
  double value = 0;
};

class ScalerAnswers {
 public:
  ScalerAnswers(const ControlPanel& panel, const Clock& clock, ServiceNames names)
      : panel_(panel), clock_(clock), names_(names) {}

  [[nodiscard]] Result<bool> is_active(const ScaledObject& object) const;
  // How much of the metric one replica is worth. Needs no tick: it follows from the metadata.
  [[nodiscard]] static Result<NamedNumber> metric_spec(const ScaledObject& object);
  // `metric` as metric_spec() named it.
  [[nodiscard]] Result<NamedNumber> metric(const ScaledObject& object, const std::string& metric) const;

  [[nodiscard]] ServiceNames names() const { return names_; }

 private:
  const ControlPanel& panel_;
  const Clock& clock_;
  const ServiceNames names_;
};

// What one stream has told, and whether there is news.
class ActivityWatch {
 public:
  // `invalid`: the metadata.
  [[nodiscard]] static Result<ActivityWatch> of(const ScaledObject& object, ServiceNames names);

  // What to tell now; none: nothing is known, it was told already, or the view is older than one before.
  [[nodiscard]] std::optional<bool> look(const FleetView& view);

 private:
  explicit ActivityWatch(ServiceChoice service) : service_(std::move(service)) {}

  ServiceChoice service_;
  std::uint64_t tick_ = 0;
  std::optional<bool> told_;
};

}  // namespace tidegate

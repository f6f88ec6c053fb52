#include "serve/keda/scaler_answers.h"

#include <fmt/format.h>

namespace tidegate {
namespace {

// A view that holds the service, for as long as the answer is made.
struct Found {
  std::shared_ptr<const FleetView> view;
  const ServiceView* service = nullptr;
};

Result<Found> find(const ScalerRequest& request, const ControlPanel& panel, const Clock& clock, ServiceNames names) {
  Found found{.view = panel.view()};
  if (auto current = check_current(*found.view, clock.now(), panel.spec()->control.tick); !current)
    return std::unexpected(current.error());
  ServiceChoice choice(request.service, request.name_space, names);
  found.service = choice.find(*found.view);
  if (!found.service) return fail(ErrorKind::not_found, choice.missing());
  return found;
}

}  // namespace

Result<bool> ScalerAnswers::is_active(const ScaledObject& object) const {
  const auto request = scaler_request(object);
  if (!request) return std::unexpected(request.error());
  const auto found = find(*request, panel_, clock_, names_);
  if (!found) return std::unexpected(found.error());
  return tidegate::is_active(*found->service);
}

Result<NamedNumber> ScalerAnswers::metric_spec(const ScaledObject& object) {
  const auto request = scaler_request(object);
  if (!request) return std::unexpected(request.error());
  return NamedNumber{request->question.metric.name(), request->target};
}

Result<NamedNumber> ScalerAnswers::metric(const ScaledObject& object, const std::string& metric) const {
  const auto request = scaler_request(object);
  if (!request) return std::unexpected(request.error());
  const auto name = request->question.metric.name();
  if (metric != name)
    return fail(ErrorKind::not_found, fmt::format("this ScaledObject has the metric {} and no other", name));
  const auto found = find(*request, panel_, clock_, names_);
  if (!found) return std::unexpected(found.error());
  const auto value = scale_metric_value(*found->service, request->question);
  if (!value) return std::unexpected(value.error());
  return NamedNumber{name, value->value};
}

Result<ActivityWatch> ActivityWatch::of(const ScaledObject& object, ServiceNames names) {
  const auto request = scaler_request(object);
  if (!request) return std::unexpected(request.error());
  return ActivityWatch(ServiceChoice(request->service, request->name_space, names));
}

std::optional<bool> ActivityWatch::look(const FleetView& view) {
  if (view.tick <= tick_) return std::nullopt;
  tick_ = view.tick;
  const auto* service = service_.find(view);
  if (!service) return std::nullopt;
  const auto active = tidegate::is_active(*service);
  if (!active || told_ == *active) return std::nullopt;
  told_ = *active;
  return told_;
}

}  // namespace tidegate

// Why an HPA did what it did, in the words of its conditions.
#pragma once

#include <cstdint>

#include "core/base/enum_text.h"

namespace tidegate {

enum class HpaReason : std::uint8_t {
  // AbleToScale
  succeeded_get_scale,
  ready_for_new_scale,
  scale_up_stabilized,
  scale_down_stabilized,
  succeeded_rescale,
  // ScalingActive
  valid_metric_found,
  scaling_disabled,
  invalid_metric_source_type,
  failed_get_resource_metric,
  failed_get_container_resource_metric,
  failed_get_pods_metric,
  failed_get_object_metric,
  failed_get_external_metric,
  // ScalingLimited
  desired_within_range,
  too_few_replicas,
  too_many_replicas,
  scale_up_limit,
  scale_down_limit,
};
template <>
inline constexpr auto enum_texts<HpaReason> = std::to_array<EnumText<HpaReason>>({
    {HpaReason::succeeded_get_scale, "SucceededGetScale"},
    {HpaReason::ready_for_new_scale, "ReadyForNewScale"},
    {HpaReason::scale_up_stabilized, "ScaleUpStabilized"},
    {HpaReason::scale_down_stabilized, "ScaleDownStabilized"},
    {HpaReason::succeeded_rescale, "SucceededRescale"},
    {HpaReason::valid_metric_found, "ValidMetricFound"},
    {HpaReason::scaling_disabled, "ScalingDisabled"},
    {HpaReason::invalid_metric_source_type, "InvalidMetricSourceType"},
    {HpaReason::failed_get_resource_metric, "FailedGetResourceMetric"},
    {HpaReason::failed_get_container_resource_metric, "FailedGetContainerResourceMetric"},
    {HpaReason::failed_get_pods_metric, "FailedGetPodsMetric"},
    {HpaReason::failed_get_object_metric, "FailedGetObjectMetric"},
    {HpaReason::failed_get_external_metric, "FailedGetExternalMetric"},
    {HpaReason::desired_within_range, "DesiredWithinRange"},
    {HpaReason::too_few_replicas, "TooFewReplicas"},
    {HpaReason::too_many_replicas, "TooManyReplicas"},
    {HpaReason::scale_up_limit, "ScaleUpLimit"},
    {HpaReason::scale_down_limit, "ScaleDownLimit"},
});

}  // namespace tidegate

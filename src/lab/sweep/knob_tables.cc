// The tables themselves. At most 12 points each; values span what operators use, coarse ends included, so that a
// peer is never shown at its worst for want of a knob.
#include "lab/sweep/knobs.h"

namespace tidegate {
namespace {

KnobAxis slots_axis(std::string_view name, std::vector<double> values) {
  return {.name = name, .unit = KnobUnit::slots, .values = std::move(values), .least = 0.05, .most = 2};
}
KnobAxis seconds_axis(std::string_view name, std::vector<double> values) {
  return {.name = name, .unit = KnobUnit::seconds, .values = std::move(values), .least = 0, .most = 3600};
}

std::vector<KnobTable> make_tables() {
  return {
      {.policy = "slo"},
      {.policy = "target",
       .fixed = {{"signal", "in_flight"}},
       .axes = {slots_axis("target", {0.4, 0.6, 0.75, 0.9}), seconds_axis("hold_down", {60, 300, 900})},
       .usual = {0.75, 300}},
      {.policy = "hpa",
       .axes = {slots_axis("target_average", {0.4, 0.6, 0.75, 0.9}), seconds_axis("stabilize_down", {60, 300, 900})},
       .usual = {0.75, 300}},
      {.policy = "keda",
       .axes = {{.name = "triggers",
                 .unit = KnobUnit::slots,
                 .values = {0.4, 0.6, 0.75, 0.9},
                 .around = "[{signal: in_flight, threshold: @}, {signal: queued, threshold: @}]",
                 .least = 0.05,
                 .most = 2},
                seconds_axis("stabilize_down", {60, 300, 900})},
       .usual = {0.75, 300}},
      {.policy = "knative",
       .fixed = {{"target_utilization_percentage", "100"}},
       .axes = {slots_axis("target", {0.4, 0.55, 0.7, 0.85}), seconds_axis("scale_down_delay", {0, 300, 900})},
       .usual = {0.7, 0}},
      {.policy = "ray_serve",
       .axes = {slots_axis("target_ongoing_requests", {0.4, 0.6, 0.75, 0.9}),
                seconds_axis("downscale_delay", {120, 600, 1200})},
       .usual = {0.75, 600}},
      {.policy = "nomad",
       .axes = {{.name = "checks",
                 .unit = KnobUnit::slots,
                 .values = {0.4, 0.6, 0.75, 0.9},
                 .around = "[{signal: in_flight, target_value: {target: @}}]",
                 .least = 0.05,
                 .most = 2},
                seconds_axis("cooldown", {60, 300, 900})},
       .usual = {0.75, 300}},
      {.policy = "aws_target_tracking",
       .axes =
           {slots_axis("target_value", {0.25, 0.4, 0.5, 0.6, 0.75, 0.9}),
            {.name = "resolution", .unit = KnobUnit::word, .values = {0, 1}, .words = {"legacy", "high_resolution"}}},
       .usual = {0.6, 0}},
      {.policy = "aws_step",
       .fixed = {{"steps_in", "[{upper: 0, adjustment: -20}]"}, {"min_adjustment_magnitude", "1"}},
       .axes = {slots_axis("high_threshold", {0.5, 0.65, 0.8}),
                slots_axis("low_threshold", {0.25, 0.4}),
                {.name = "steps_out",
                 .values = {30, 100},
                 .around = "[{lower: 0, adjustment: @}]",
                 .least = 1,
                 .most = 400}},
       .usual = {0.65, 0.4, 30}},
      {.policy = "aws_predictive",
       .axes = {slots_axis("target_value", {0.25, 0.4, 0.5, 0.6, 0.75, 0.9}),
                seconds_axis("scheduling_buffer_time", {300, 900})},
       .usual = {0.6, 300}},
      {.policy = "gcp",
       .axes = {slots_axis("utilization_target", {0.4, 0.6, 0.75, 0.9}),
                seconds_axis("stabilization_period", {120, 600, 1800})},
       .usual = {0.75, 600}},
      {.policy = "sagemaker",
       .axes =
           {slots_axis("target_value", {0.25, 0.4, 0.5, 0.6, 0.75, 0.9}),
            {.name = "resolution", .unit = KnobUnit::word, .values = {0, 1}, .words = {"legacy", "high_resolution"}}},
       .usual = {0.6, 0}},
      {.policy = "dynamo",
       .fixed = {{"optimization_target", "sla"}},
       .axes =
           {{.name = "engine_rps", .unit = KnobUnit::rate, .values = {0.5, 0.65, 0.8, 0.9}, .least = 0.1, .most = 2},
            seconds_axis("throughput_adjustment_interval", {30, 60, 180})},
       .usual = {0.8, 180}},
      {.policy = "wva",
       .axes = {{.name = "analyzer",
                 .unit = KnobUnit::word,
                 .values = {0, 1, 2},
                 .words = {"saturation_v1", "saturation_v2", "queueing_model"}},
                seconds_axis("interval", {15, 60}),
                {.name = "queue_spare_trigger", .values = {3, 4.5}, .least = 0, .most = 100}},
       .usual = {0, 60, 3}},
      {.policy = "aibrix",
       .axes = {{.name = "strategy", .unit = KnobUnit::word, .values = {0, 1}, .words = {"apa", "kpa"}},
                slots_axis("target_value", {0.25, 0.4, 0.5, 0.6, 0.75, 0.9})},
       .usual = {0, 0.75}},
      {.policy = "keep_alive",
       .axes = {{.name = "utilization", .values = {0.5, 0.7, 0.85, 1}, .least = 0.05, .most = 1},
                seconds_axis("keep", {60, 600, 1800})},
       .usual = {0.85, 600}},
      {.policy = "static",
       .axes = {{.name = "replicas",
                 .unit = KnobUnit::replicas,
                 .values = {0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.7, 2.0},
                 .least = 0.05,
                 .most = 4}},
       .usual = {1.1}},
  };
}

}  // namespace

std::span<const KnobTable> knob_tables() {
  static const std::vector<KnobTable> tables = make_tables();
  return tables;
}

}  // namespace tidegate

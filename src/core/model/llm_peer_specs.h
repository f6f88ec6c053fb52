// The knobs of the auto-scalers of LLM serving stacks.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/enum_text.h"
#include "core/base/quantity.h"
#include "core/base/time.h"
#include "core/model/peer_metric.h"

namespace tidegate {

enum class DynamoTarget : std::uint8_t { throughput, latency, load, sla };
template <>
inline constexpr auto enum_texts<DynamoTarget> = std::to_array<EnumText<DynamoTarget>>({
    {DynamoTarget::throughput, "throughput"},
    {DynamoTarget::latency, "latency"},
    {DynamoTarget::load, "load"},
    {DynamoTarget::sla, "sla"},
});

enum class DynamoPredictor : std::uint8_t { constant, arima, kalman, prophet };
template <>
inline constexpr auto enum_texts<DynamoPredictor> = std::to_array<EnumText<DynamoPredictor>>({
    {DynamoPredictor::constant, "constant"},
    {DynamoPredictor::arima, "arima"},
    {DynamoPredictor::kalman, "kalman"},
    {DynamoPredictor::prophet, "prophet"},
});

struct DynamoPolicy {
  DynamoTarget optimization_target = DynamoTarget::throughput;
  bool enable_throughput_scaling = true;  // with `sla`; the other targets have the load loop alone
  bool enable_load_scaling = false;
  DynamoPredictor load_predictor = DynamoPredictor::arima;
  bool load_predictor_log1p = false;
  Duration throughput_adjustment_interval = 180s;
  Duration load_adjustment_interval = 5s;
  double load_scaling_down_sensitivity = 0.8;
  double kv_scale_up = 1.0;  // with `load`
  double kv_scale_down = 0.6;
  std::optional<double> engine_rps;  // requests per second of a replica; otherwise the learned capacity
  Replicas min_endpoint{1};
  friend bool operator==(const DynamoPolicy&, const DynamoPolicy&) = default;
};

enum class WvaAnalyzer : std::uint8_t { saturation_v1, saturation_v2, queueing_model };
template <>
inline constexpr auto enum_texts<WvaAnalyzer> = std::to_array<EnumText<WvaAnalyzer>>({
    {WvaAnalyzer::saturation_v1, "saturation_v1"},
    {WvaAnalyzer::saturation_v2, "saturation_v2"},
    {WvaAnalyzer::queueing_model, "queueing_model"},
});

struct WvaPolicy {
  WvaAnalyzer analyzer = WvaAnalyzer::saturation_v1;
  Duration interval = 60s;       // 15 s in newer versions
  Duration metric_delay = 30s;   // of the answer: scrape and adapter
  Duration stabilize_up = 2min;  // of the HPA that carries it out
  Duration stabilize_down = 2min;
  double kv_cache_threshold = 0.8;
  double queue_length_threshold = 5;
  double kv_spare_trigger = 0.1;
  double queue_spare_trigger = 3;
  double scale_up_threshold = 0.85;  // saturation_v2
  double scale_down_boundary = 0.7;
  std::optional<Duration> retention;  // without a request for so long: zero
  friend bool operator==(const WvaPolicy&, const WvaPolicy&) = default;
};

enum class AibrixStrategy : std::uint8_t { apa, kpa };
template <>
inline constexpr auto enum_texts<AibrixStrategy> = std::to_array<EnumText<AibrixStrategy>>({
    {AibrixStrategy::apa, "apa"},
    {AibrixStrategy::kpa, "kpa"},
});

struct AibrixPolicy {
  AibrixStrategy strategy = AibrixStrategy::apa;
  PeerMetric metric;
  double target_value = 8;
  Duration sync_period = 10s;
  Duration stable_window = 180s;
  Duration panic_window = 60s;
  double panic_threshold = 2;
  double max_scale_up_rate = 2;
  double max_scale_down_rate = 2;
  double tolerance = 0.1;
  Duration scale_down_cooldown = 5min;
  bool as_written = true;      // with the defects of the code
  bool pending_guard = false;  // since September 2026
  friend bool operator==(const AibrixPolicy&, const AibrixPolicy&) = default;
};

}  // namespace tidegate

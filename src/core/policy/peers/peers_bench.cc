// One tick of each peer on a service of a few replicas under a daily load, its memory warm: amortised over its periods.
#include <benchmark/benchmark.h>

#include <cmath>
#include <string>

#include "core/base/prng.h"
#include "core/policy/peers/testing/peer_stage.h"

namespace tidegate {
namespace {

void peer_tick(benchmark::State& state, const PolicySpec& policy) {
  PeerStage stage{policy, 4};
  stage.capacity = {.slots = 8, .residence_base = 1.2, .residence_slope = 0.1, .basis = CapacityBasis::learned};
  Prng random(7);
  const auto tick = [&] {
    const double level = 40 + 20 * std::sin(stage.now * 6.2832 / 86400);
    stage.in_flight = std::min(static_cast<double>(random.poisson(level)), stage.ready * 8);
    stage.queued = 0;
    stage.rate = static_cast<double>(random.poisson(level / 2));
    return stage.tick();
  };
  while (stage.now < 4 * 86400) tick();  // forecasters have their history
  for (auto _ : state) benchmark::DoNotOptimize(tick());
}

const bool registered = [] {
  const PolicySpec peers[] = {
      TargetPolicy{},
      HpaPolicy{},
      HpaPolicy{.stabilize_up = 1h, .stabilize_down = 1h},
      KedaPolicy{},
      KnativePolicy{},
      KnativePolicy{.window = 1h, .scale_down_delay = 1h},
      KnativePolicy{.window = 1h, .metric_aggregation_algorithm = KnativeAggregation::weighted_exponential},
      RayServePolicy{},
      RayServePolicy{.look_back_period = 10min, .metrics_interval = 1s},
      NomadPolicy{},
      AwsTargetTrackingPolicy{},
      AwsTargetTrackingPolicy{.resolution = AwsResolution::high_resolution},
      AwsStepPolicy{},
      AwsPredictivePolicy{},
      GcpPolicy{},
      GcpPolicy{.predictive = true},
      SageMakerPolicy{},
      DynamoPolicy{},
      DynamoPolicy{.optimization_target = DynamoTarget::sla, .enable_load_scaling = true},
      WvaPolicy{},
      WvaPolicy{.analyzer = WvaAnalyzer::saturation_v2},
      WvaPolicy{.analyzer = WvaAnalyzer::queueing_model},
      AibrixPolicy{},
      AibrixPolicy{.strategy = AibrixStrategy::kpa},
      AibrixPolicy{.strategy = AibrixStrategy::kpa, .stable_window = 1h, .panic_window = 10min},
      KeepAlivePolicy{},
      KeepAlivePolicy{.window = 10min, .keep = 1h},
      StaticPolicy{}};
  int number = 0;
  for (const PolicySpec& peer : peers)
    benchmark::RegisterBenchmark(
        ("peer_tick/" + std::string{policy_name(peer)} + "/" + std::to_string(number++)).c_str(),
        [peer](benchmark::State& state) { peer_tick(state, peer); });
  return true;
}();

}  // namespace
}  // namespace tidegate

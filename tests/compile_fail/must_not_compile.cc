// Each case is one mistake that must not compile; without a case the file must (check.cmake tries them all). A case
// is one line, so that the compiler has nothing else to complain about.
#include <utility>

#include "core/base/quantity.h"
#include "core/base/time.h"
#include "core/decide/state.h"
#include "core/model/observation.h"
#include "core/model/service_spec.h"
#include "serve/config/schema.h"

namespace tidegate {

// Functions as the house has them: what is asked for, then how much.
[[maybe_unused]] static MicroUsd cost(MicroUsdPerHour price, Replicas size, Duration held) {
  return MicroUsd{price.value() * size.value() * held / std::chrono::hours{1}};
}
[[maybe_unused]] static void limit(Replicas, WeightedReplicas, Bytes) {}

[[maybe_unused]] static void right(Observation seen, const ServiceState& state) {
  (void)cost(MicroUsdPerHour{3'500'000}, Replicas{4}, 1h);
  limit(Replicas{1}, WeightedReplicas{1.5}, Bytes{1});
  (void)seen.latency(LatencyKind::ttft, Percentile::p99);
  (void)state_bytes(state);
  [[maybe_unused]] constexpr Setting good{"tick", SettingKind::duration, literal("1s"), "time between decisions"};
}

[[maybe_unused]] static void wrong(Observation seen, const ServiceState& state) {
  [[maybe_unused]] Replicas size{4};
  [[maybe_unused]] MicroUsd money{1};
  [[maybe_unused]] Instant now{};
  (void)seen, (void)state;
#if defined(CASE_price_and_size_swapped)
  (void)cost(Replicas{4}, MicroUsdPerHour{3'500'000}, 1h);
#elif defined(CASE_size_and_time_swapped)
  (void)cost(MicroUsdPerHour{3'500'000}, 1h, Replicas{4});
#elif defined(CASE_whole_and_weighted_replicas_swapped)
  limit(WeightedReplicas{1.5}, Replicas{1}, Bytes{1});
#elif defined(CASE_bare_number_for_replicas)
  limit(1, WeightedReplicas{1.5}, Bytes{1});
#elif defined(CASE_bare_number_for_bytes)
  limit(Replicas{1}, WeightedReplicas{1.5}, 1024);
#elif defined(CASE_money_and_price_added)
  (void)(money + MicroUsdPerHour{1});
#elif defined(CASE_replicas_and_weighted_compared)
  (void)(size < WeightedReplicas{4.5});
#elif defined(CASE_bare_number_assigned)
  size = 5;
#elif defined(CASE_bare_number_for_a_duration)
  (void)cost(MicroUsdPerHour{1}, size, 3600);
#elif defined(CASE_two_instants_added)
  (void)(now + now);
#elif defined(CASE_percentile_and_kind_swapped)
  (void)seen.latency(Percentile::p99, LatencyKind::ttft);
#elif defined(CASE_reading_taken_for_a_number)
  [[maybe_unused]] const double load = seen.in_flight;
#elif defined(CASE_reading_from_a_bare_number)
  seen.in_flight = 8;
#elif defined(CASE_answer_thrown_away)
  state_bytes(state);
#elif defined(CASE_setting_without_help)
  [[maybe_unused]] constexpr Setting bad{"tick", SettingKind::duration, literal("1s"), ""};
#elif defined(CASE_setting_number_without_unit)
  [[maybe_unused]] constexpr Setting bad{"tick", SettingKind::number, literal("1"), "time between decisions"};
#elif defined(CASE_word_of_another_table)
  (void)to_text(Objective{});
#endif
}

}  // namespace tidegate

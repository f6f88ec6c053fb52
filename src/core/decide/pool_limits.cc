#include "core/decide/pool_limits.h"

#include <algorithm>

namespace tidegate {
namespace {

constexpr Duration retry_first = 30s;
constexpr Duration retry_most = 10min;
constexpr Duration restock_first = 5min;
constexpr Duration restock_most = 1h;

bool is_out(const PoolObservation& pool) { return pool.available && *pool.available <= 0; }

Duration doubled(Duration first, std::int32_t times, Duration most) {
  return std::min(first * (1 << std::clamp(times, 0, 5)), most);
}

}  // namespace

std::int32_t unplaced(const PoolObservation& pool) { return is_out(pool) ? pool.requested : 0; }

void learn_limits(StartMemory& memory, const Observation& seen, const PoolObservation& pool) {
  const bool got_ready =
      std::ranges::any_of(seen.cold_starts, [&](const ColdStart& cold) { return cold.pool == pool.pool; });
  const std::int32_t more = std::max(pool.failed - memory.failed, 0);
  memory.failed = pool.failed;
  if (got_ready || (pool.available && *pool.available > 0)) {
    memory.stock_outs = 0;
    memory.restock = Instant{};
  }
  if (got_ready) {
    memory.failures = 0;
    memory.retry = Instant{};
  } else if (is_out(pool) && pool.failed > 0) {
    if (more > 0 && seen.now >= memory.restock) ++memory.stock_outs;
    if (memory.stock_outs > 0) memory.restock = seen.now + doubled(restock_first, memory.stock_outs - 1, restock_most);
  } else if (more > 0 && pool.warming() + more > 0) {
    if (memory.failures == 0) memory.allowed = std::max(pool.committed().value() + more, 1);
    memory.failures += more;
    memory.retry = seen.now + doubled(retry_first, memory.failures / std::max(memory.allowed, 1), retry_most);
  }
}

void limit_pool(PoolPlan& pool, const ServicePlan& plan, const StartMemory& starts) {
  pool.most = pool.spec->replicas_max ? pool.spec->replicas_max->value() : plan.spec.guardrails.replicas_max.value();
  const auto limit = [&](std::int32_t most, Reason reason) {
    if (most < pool.most) {
      pool.most = most;
      pool.most_reason = reason;
    }
  };
  if (pool.seen == nullptr) return;
  if (pool.seen->available) limit(pool.present + std::max(*pool.seen->available, 0), Reason::capacity_unavailable);
  if (starts.stock_outs > 0 && plan.seen.now < starts.restock) limit(pool.present, Reason::capacity_unavailable);
  if (starts.failures == 0) return;
  limit(std::max(starts.allowed, pool.ready), Reason::start_failed);
  if (plan.seen.now < starts.retry) limit(pool.present, Reason::start_failed);
}

}  // namespace tidegate

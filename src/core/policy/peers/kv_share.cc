#include "core/policy/peers/kv_share.h"

namespace tidegate {
namespace {

// One request's share of a replica.
double request_share(const PolicyInput& input, double share) {
  return input.demand.in_flight > 0 ? share * input.ready / input.demand.in_flight : 1 / input.reference.slots;
}

}  // namespace

Reading kv_share(const PolicyInput& input) {
  Reading share = input.seen.kv_usage;
  if (share.quality != Quality::absent || input.ready <= 0) return share;
  share = input.seen.in_flight;
  share.derived = true;
  share.value /= input.ready * input.reference.slots;
  return share;
}

Reading kv_load(const PolicyInput& input) {
  Reading load = kv_share(input);
  if (load.is_fresh() && input.ready > 0)
    load.value += input.demand.queued * request_share(input, load.value) / input.ready;
  return load;
}

}  // namespace tidegate

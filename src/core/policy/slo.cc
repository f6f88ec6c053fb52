#include "core/policy/slo.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/forecast/idle_gap.h"
#include "core/forecast/rest.h"
#include "core/policy/candidate.h"
#include "core/policy/idle_plan.h"
#include "core/policy/need.h"

namespace tidegate {
namespace {

constexpr Duration windows_least = 120s;  // nothing lowers before that much evidence
constexpr Duration windows_most = 600s;
constexpr Duration breach_window = 60s;  // what a latency reading covers
constexpr double breach_share = 0.1;     // of what is ready
constexpr double breach_load = 0.5;      // of the capacity: below it more replicas would not help
constexpr double breach_missed_least = 10;
constexpr double breach_part = 0.1;      // of a minute's requests: a few late ones are what the tuner weighs
constexpr double quick_window = 15;      // seconds
constexpr double moment_least = 1;       // seconds
constexpr double moment_part = 0.05;     // of the lead time: what lasted for less says nothing of when help could come
constexpr Duration start_overdue = 60s;  // beyond the lead time
constexpr double crowded_fade = 300;     // seconds
constexpr Duration crowded_counts = 1h;
constexpr double carried_fade = 3600;  // seconds
constexpr Duration sleep_after = 1h;
constexpr double short_history = 86400;    // seconds
constexpr double ends_window = 120;        // seconds
constexpr double evidently_longer = 1.15;  // times the residence that the capacity model gives: less is noise
constexpr double longer_at_most = 8;       // ... and more is not believed
// What a request that meets a cold start is worth, in seconds of a replica: twenty minutes where one in a hundred may.
constexpr double miss_worth = 12;  // over the allowance
constexpr double miss_worth_most = 3600;
constexpr double crowd_worth_most = 14400;  // all together that meet one

// At full slots, as requests ended of late against what the model says of the concurrency they had then.
double measured_residence(const SloMemory& memory, const Capacity& capacity) {
  const double model = capacity.residence(capacity.slots);
  const double longer = memory.ends_modelled / memory.ends_seen;
  return longer > evidently_longer ? std::min(longer, longer_at_most) * model : model;
}

ServiceLoad load_of(const SloMemory& memory, const PolicyInput& input, double slack) {
  const Demand& demand = input.demand;
  Capacity capacity = input.reference;
  if (capacity.basis == CapacityBasis::unknown) {
    capacity.slots = std::max(capacity.slots, memory.carried);
    if (demand.residence > 0) capacity.residence_base = demand.residence;
  }
  if (capacity.basis == CapacityBasis::learned && memory.crowded > 0 &&
      input.seen.now - memory.crowded_last < crowded_counts)
    capacity.slots = std::clamp(memory.crowded, 1.0, capacity.slots);
  // A line through the first few minutes is mostly noise: what is evidently carried stands against it.
  if (capacity.basis == CapacityBasis::learned && memory.evidence < windows_most)
    capacity.slots = std::max(capacity.slots, memory.carried);
  ServiceLoad load{.flow = memory.flow_known ? memory.flow : 0,
                   .queued = demand.concurrency_known ? demand.queued : 0,
                   .variability = demand.variability,
                   .slots = capacity.slots,
                   .residence = capacity.residence(capacity.slots),
                   .slack = slack,
                   .rate_known = demand.arrivals_known || input.at_lead.has_history};
  if (capacity.basis != CapacityBasis::unknown && memory.ends_seen >= 1 && memory.evidence >= windows_least)
    load.residence = measured_residence(memory, input.reference);
  if (load.rate_known)
    load.busy = std::max(input.at_lead.level, evident_rate(memory.recent, demand.variability, input.lead_time)) *
                load.residence;
  if (!demand.concurrency_known) return load;
  load.busy = std::max(load.busy, busy_slots(memory.in_flight, input.ready, capacity));
  load.momentary = busy_slots(memory.momentary, input.ready, capacity);
  return load;
}

bool has_work(const Demand& demand) {
  return (demand.arrivals_known && demand.arrivals > 0) ||
         (demand.concurrency_known && (demand.in_flight > 0 || demand.queued > 0));
}

bool latency_breached(const PolicyInput& input) {
  for (const Objective& objective : input.spec.slo.objectives) {
    const auto latency = input.seen.latency(objective.kind, objective.percentile).fresh();
    if (latency && *latency > seconds(objective.bound)) return true;
  }
  return false;
}

bool latency_held(const PolicyInput& input) {
  for (const Objective& objective : input.spec.slo.objectives) {
    const auto latency = input.seen.latency(objective.kind, objective.percentile).fresh();
    if (latency && *latency <= seconds(objective.bound)) return true;
  }
  return false;
}

// Whether it is known that nobody waits.
bool is_uncrowded(const PolicyInput& input) {
  return input.demand.concurrency_known && (input.seen.queued.fresh() ? input.demand.queued <= 0 : latency_held(input));
}

void smooth(SloMemory& memory, const PolicyInput& input, double elapsed) {
  const double moment = std::clamp(moment_part * seconds(input.lead_time), moment_least, quick_window);
  const double quick = 1 - std::exp(-elapsed / quick_window);
  const double quicker = 1 - std::exp(-elapsed / moment);
  const Demand& demand = input.demand;
  if (demand.concurrency_known) {
    memory.in_flight += (memory.in_flight_known ? quick : 1) * (demand.in_flight - memory.in_flight);
    memory.momentary += (memory.in_flight_known ? quicker : 1) * (demand.in_flight - memory.momentary);
  }
  memory.in_flight_known = demand.concurrency_known;
  if (demand.arrivals_known && demand.interval > Duration::zero())
    memory.flow += (memory.flow_known ? quick : 1) * (demand.arrivals / seconds(demand.interval) - memory.flow);
  memory.flow_known = demand.arrivals_known;
  if (demand.arrivals_known)
    observe(memory.recent, demand.interval, demand.arrivals, input.lead_time);
  else
    forget(memory.recent);
}

// In a crowd requests are slow, which the model knows: so moment by moment, and not a mean against the concurrency of
// now.
void compare_ends(SloMemory& memory, const PolicyInput& input) {
  const Demand& demand = input.demand;
  const Capacity& capacity = input.reference;
  const auto completions = input.seen.completions.fresh();
  if (capacity.basis == CapacityBasis::unknown || !completions || !demand.concurrency_known || input.ready <= 0) return;
  const double each = std::min(demand.in_flight / input.ready, capacity.slots);
  const double kept = std::exp(-seconds(demand.interval) / ends_window);
  memory.ends_modelled = memory.ends_modelled * kept +
                         each * input.ready * seconds(demand.interval) / std::max(capacity.residence(each), 1e-9);
  memory.ends_seen = memory.ends_seen * kept + *completions;
}

// While requests wait, every slot there is is taken: what a learned capacity extrapolates beyond that is not there.
void notice_crowding(SloMemory& memory, const PolicyInput& input, double elapsed) {
  const Demand& demand = input.demand;
  if (!demand.concurrency_known || input.ready < 1 || demand.in_flight <= 0 || demand.queued < input.ready) return;
  const double each = demand.in_flight / input.ready;
  memory.crowded = std::max(memory.crowded * std::exp(-elapsed / crowded_fade), each);
  memory.crowded_last = input.seen.now;
}

// Of late: what met the SLO and what did not. Whoever met a start from zero is late whatever is bought now, so nothing
// counts until the first replica has been ready for a while.
void notice_outcomes(SloMemory& memory, const PolicyInput& input, double elapsed) {
  if (memory.ready < 1 && input.ready >= 1) {
    memory.breach_floor = 0;
    memory.breach_until = input.seen.now + breach_window;
  }
  if (input.ready < 1 || (input.seen.now < memory.breach_until && memory.breach_floor <= 0)) {
    memory.met = memory.missed = 0;
    return;
  }
  const double kept = std::exp(-elapsed / seconds(breach_window));
  memory.met = memory.met * kept + input.seen.within_slo.fresh().value_or(0);
  memory.missed = memory.missed * kept + input.seen.missed_slo.fresh().value_or(0);
}

void remember(SloMemory& memory, const PolicyInput& input) {
  const Instant now = input.seen.now;
  if (!memory.started) {
    memory.started = true;
    memory.seen = memory.busy_last = memory.progress = now;
    start(memory.tuner, input.spec.name);
  }
  const double elapsed = std::max(seconds(now - memory.seen), 0.0);
  if (has_work(input.demand) || !input.demand.has_evidence) memory.busy_last = now;
  if (input.demand.has_evidence) memory.evidence = std::min(memory.evidence + (now - memory.seen), windows_most);
  smooth(memory, input, elapsed);
  notice_crowding(memory, input, elapsed);
  compare_ends(memory, input);
  memory.carried *= std::exp(-elapsed / carried_fade);
  if (is_uncrowded(input) && input.ready >= 1)
    memory.carried = std::max(memory.carried, input.demand.in_flight / input.ready);
  notice_outcomes(memory, input, elapsed);
  memory.seen = now;
}

// Requests whose outcome some size could have changed, once that is known.
struct Judged {
  double met = 0;
  double missed = 0;
};

Judged judge(SloMemory& memory, const PolicyInput& input) {
  const Instant now = input.seen.now;
  const double asked =
      std::min(memory.band.floor.value(), static_cast<double>(input.spec.guardrails.replicas_max.value()));
  const bool is_whole = input.ready >= asked - 1e-6;
  const bool has_progressed = is_whole || input.ready > memory.ready;
  if (has_progressed) memory.progress = now;
  memory.ready = input.ready;
  if (now - memory.progress > input.lead_time + start_overdue) memory.starts_fail = true;
  memory.pending_met += input.seen.within_slo.fresh().value_or(0);
  memory.pending_missed += input.seen.missed_slo.fresh().value_or(0);
  if (!has_progressed && !memory.starts_fail) return {};
  const Judged judged{memory.pending_met, memory.pending_missed};
  memory.pending_met = memory.pending_missed = 0;
  if (!memory.starts_fail) return judged;
  memory.starts_fail = !(is_whole && input.demand.queued <= input.ready);
  return {};
}

// A breach asks for a little more than is there, when nothing is starting yet and the load could use it.
double breach_need(SloMemory& memory, const PolicyInput& input, const ServiceLoad& load, double allowance) {
  const Instant now = input.seen.now;
  if (now < memory.breach_until) return memory.breach_floor;
  memory.breach_floor = 0;
  const bool is_counted = memory.met + memory.missed > 0;
  const bool missing = memory.missed >= breach_missed_least &&
                       memory.missed > std::max(2 * allowance, breach_part) * (memory.met + memory.missed);
  const bool is_loaded = load.busy + load.queued >= breach_load * input.ready * load.slots;
  if (input.warming > 0 || input.ready <= 0 || !is_loaded || !(is_counted ? missing : latency_breached(input)))
    return 0;
  memory.breach_floor = input.ready + std::max(1.0, breach_share * input.ready);
  memory.breach_until = now + input.lead_time + breach_window;
  return memory.breach_floor;
}

// What a start typically takes.
Duration boot_time(const PolicyInput& input) {
  return input.boot_time > Duration::zero() ? input.boot_time : input.lead_time;
}

// At the beginning nothing that was ever ordered can have come, and whoever comes is late until it does. Replicas come
// one by one, around the boot time: as many are ordered as work the backlog off once the first of them are there, and
// the band does not keep them when it is gone. Later the candidates say what that is worth.
double first_recovery(const SloMemory& memory, const PolicyInput& input, const ServiceLoad& load, double allowance) {
  const bool begins = memory.tuner.observed <= 0 && !memory.starts_fail && input.demand.arrivals_known &&
                      input.reference.basis != CapacityBasis::unknown;
  if (!begins) return 0;
  const double quick = recovery_time(load, boot_time(input), allowance);
  return drain_need(load, {.ready = input.ready, .within = std::min(quick, seconds(input.lead_time))});
}

struct Need {
  double value = 0;
  Reason reason = Reason::steady;
};

void raise_to(Need& need, double value, Reason reason) {
  if (value > need.value) need = {value, reason};
}

// What is known of the next request, and what one that meets a cold start is worth: the stricter the promise, the more;
// where the promise leaves time for a cold start, nobody misses it.
IdlePlan plan_idle(const SloMemory& memory, const PolicyInput& input, const WaitPromise& promise) {
  const GapHistogram& gaps = input.history.gaps;
  const Instant last = gaps.last_known ? gaps.last_arrival : memory.busy_last;
  const double boot = seconds(boot_time(input));
  const double hold = seconds(input.hold_time);
  const bool is_missed = seconds(input.lead_time) > promise.slack;
  const double worth =
      is_missed ? std::clamp(miss_worth / promise.allowance, hold, std::max(hold, miss_worth_most)) : hold;
  const double crowd = is_missed ? crowd_within(gaps, boot) : 1;
  IdlePlan plan =
      idle_plan(gaps, std::max(seconds(input.seen.now - last), 0.0),
                {.miss = std::min(worth * crowd, crowd_worth_most), .boot = boot, .lead = seconds(input.lead_time)});
  // Without any arrival known there is nothing to wake for.
  if (!gaps.last_known) plan.wakes = false;
  // A daily opening is waited for as long as one request is worth.
  const Instant now = input.seen.now;
  if (opens_between(input.history, now - from_seconds(worth), now + input.lead_time))
    plan = {.stays = true, .wakes = true};
  return plan;
}

// Between work and sleep, where zero replicas are allowed.
void settle_idle(const SloMemory& memory, const PolicyInput& input, const WaitPromise& promise, Band& band) {
  const double committed = input.ready + input.warming;
  if (has_work(input.demand)) {
    band.floor = std::max(band.floor, WeightedReplicas{1});
    if (committed <= 0) band.floor_reason = Reason::activate_request;
    band.ceiling = std::max({band.ceiling, band.floor, WeightedReplicas{std::min(committed, 1.0)}});
    return;
  }
  const IdlePlan plan = plan_idle(memory, input, promise);
  if (committed > 0 ? plan.stays : plan.wakes) {
    band.floor = std::max(band.floor, WeightedReplicas{1});
    if (band.floor_reason == Reason::steady || committed <= 0) band.floor_reason = Reason::forecast_demand;
    band.ceiling = std::max(band.ceiling, band.floor);
    return;
  }
  band = {.floor = WeightedReplicas{0},
          .ceiling = WeightedReplicas{0},
          .floor_reason = Reason::steady,
          .ceiling_reason = Reason::idle_timeout};
}

bool windows_full(const SloMemory& memory, const PolicyInput& input) {
  return memory.evidence >= std::clamp(input.hold_time, windows_least, windows_most);
}

// Without forecasts the load is expected to stay what it is.
Forecast as_it_is(Forecast forecast) {
  forecast.rate.rates.fill(forecast.level);
  return forecast;
}

struct Expected {
  Forecast at_lead;
  Forecast over_hold;
};

Expected expected(const SloPolicy& policy, const PolicyInput& input) {
  if (policy.forecast) return {input.at_lead, input.over_hold};
  return {as_it_is(input.at_lead), as_it_is(input.over_hold)};
}

struct Tuning {
  const ServiceLoad& load;
  const Expected& expected;
  double allowance = 0.01;
  Duration interval{};
};

void tune(SloMemory& memory, const PolicyInput& input, const Tuning& with) {
  const Judged judged = judge(memory, input);
  const Demand& demand = input.demand;
  if (!demand.has_evidence || !demand.arrivals_known) return;
  if (input.reference.basis == CapacityBasis::unknown) return;
  if (input.seen.now - memory.busy_last >= sleep_after) return sleep(memory.tuner);
  const Guardrails& limits = input.spec.guardrails;
  observe(memory.tuner,
          {.interval = with.interval,
           .arrivals = demand.arrivals,
           .completions = input.seen.completions.fresh().value_or(-1),
           .in_flight = demand.concurrency_known ? demand.in_flight : -1,
           .met = judged.met,
           .missed = judged.missed},
          {.load = with.load,
           .at_lead = with.expected.at_lead,
           .over_hold = with.expected.over_hold,
           .capacity = input.reference,
           .allowance = with.allowance,
           .lead_time = input.lead_time,
           .boot_time = input.boot_time,
           .hold_time = input.hold_time,
           .ready = input.ready,
           .committed = input.ready + input.warming,
           .may_lower = windows_full(memory, input),
           .replicas_min = static_cast<double>(limits.replicas_min.value()),
           .replicas_max = static_cast<double>(limits.replicas_max.value())});
}

// The peak the user expects bounds what a short history foretells; the present load stands against it.
double believed(const SloPolicy& policy, const Tuner& tuner, const ServiceLoad& load, const CandidateBand& rule) {
  if (!policy.peak_rate || tuner.observed >= short_history) return rule.forecast;
  return std::min(rule.forecast,
                  std::max({rule.present, load.busy / load.slots, *policy.peak_rate / load.replica_rate()}));
}

Proposal without_evidence(const SloMemory& memory, const PolicyInput& input, Band band) {
  const double committed = input.ready + input.warming;
  const bool is_partly_known = input.demand.arrivals_known || input.demand.concurrency_known;
  if (!is_partly_known) {
    band.floor = std::min(memory.band.floor, WeightedReplicas{committed});
    band.floor_reason = input.demand.quality;
  }
  band.ceiling = std::max({band.floor, WeightedReplicas{committed}});
  band.ceiling_reason = input.demand.quality;
  return {.band = band, .note = "no evidence", .facts = {}};
}

}  // namespace

Proposal propose(const SloPolicy& policy, SloMemory& memory, const PolicyInput& input) {
  const Duration interval = memory.started ? input.seen.now - memory.seen : input.demand.interval;
  remember(memory, input);
  const double committed = input.ready + input.warming;
  const WaitPromise promise = wait_promise(input.spec.slo, input.reference);
  const ServiceLoad load = load_of(memory, input, promise.slack);
  const Expected ahead = expected(policy, input);
  tune(memory, input, {.load = load, .expected = ahead, .allowance = promise.allowance, .interval = interval});
  const Candidate& leader = candidates()[memory.tuner.leader];
  CandidateInput asked{.load = load, .at_lead = ahead.at_lead, .over_hold = ahead.over_hold};
  for (std::size_t w = 0; w < windows; ++w) asked.busiest[w] = static_cast<double>(memory.tuner.busiest[w]);
  const CandidateBand rule = band_of(leader, asked);
  const double drain = drain_of(leader, load, {.ready = input.ready, .within = seconds(input.lead_time)});

  // Of replicas whose capacity nobody knows, those that are there evidently carry what does not queue.
  const bool is_carried = input.reference.basis == CapacityBasis::unknown && is_uncrowded(input) && input.ready >= 1;
  const double most = is_carried ? committed : std::numeric_limits<double>::infinity();
  Need need;
  raise_to(need, std::min(rule.present, most), Reason::load_rise);
  raise_to(need, std::min(believed(policy, memory.tuner, load, rule), most), Reason::forecast_demand);
  raise_to(need, drain, Reason::backlog);
  raise_to(need, breach_need(memory, input, load, promise.allowance), Reason::slo_breach_observed);
  const double lasting = need.value;
  const double recovery = first_recovery(memory, input, load, promise.allowance);
  raise_to(need, recovery, Reason::backlog);
  Band band{.floor = WeightedReplicas{need.value}, .floor_reason = need.reason};
  if (!input.demand.has_evidence) return without_evidence(memory, input, band);

  observe(memory.peak, input.seen.now, hold_of(leader, input.hold_time), std::ceil(lasting - 1e-6));
  const double kept = memory.peak.value();
  band.ceiling = WeightedReplicas{std::max({rule.ceiling, kept, need.value})};
  band.ceiling_reason = kept > rule.ceiling && kept >= committed ? Reason::hold_down : Reason::load_fall;
  if (input.spec.guardrails.replicas_min == Replicas{0}) settle_idle(memory, input, promise, band);
  if (!windows_full(memory, input) && band.ceiling < WeightedReplicas{committed}) {
    band.ceiling = WeightedReplicas{committed};
    band.ceiling_reason = Reason::insufficient_history;
  }
  memory.band = band;
  const double cost = mean_replicas(memory.tuner, cautious);
  return {.band = band,
          .note = rule_name(leader),
          .facts = {{"present", rule.present},
                    {"forecast", rule.forecast},
                    {"drain", std::max(drain, recovery)},
                    {"busy", load.busy},
                    {"slots", load.slots},
                    {"candidate", static_cast<double>(memory.tuner.leader)},
                    {"floor_quantile", leader.floor_quantile},
                    {"ceiling_quantile", leader.ceiling_quantile},
                    {"late_share", late_share(memory.tuner, memory.tuner.leader)},
                    {"target_share",
                     target_share(memory.tuner, early_allowance(memory.tuner, promise.allowance, input.lead_time))},
                    {"cost_relative", cost > 0 ? mean_replicas(memory.tuner, memory.tuner.leader) / cost : 1}}};
}

}  // namespace tidegate

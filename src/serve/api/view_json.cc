#include "serve/api/view_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "serve/api/reason_text.h"
#include "serve/runtime/evidence.h"

namespace tidegate {
namespace {

std::optional<double> known(double value, bool is_known) { return is_known ? std::optional{value} : std::nullopt; }

void write_band(JsonWriter& json, const Band& band) {
  json.object().key("floor").value(band.floor.value()).key("ceiling").value(band.ceiling.value());
  json.key("floor_reason").value(to_text(band.floor_reason));
  json.key("ceiling_reason").value(to_text(band.ceiling_reason)).end();
}

void write_peers(JsonWriter& json, const std::vector<PeerDecision>& peers) {
  json.array();
  for (const auto& peer : peers)
    json.object().key("policy").value(peer.policy).key("replicas").value(peer.replicas.value()).end();
  json.end();
}

void write_stage(JsonWriter& json, const StageTrace& stage) {
  json.object().key("stage").value(to_text(stage.stage));
  json.key("before").value(stage.before).key("after").value(stage.after);
  json.key("reason").value(to_text(stage.reason)).key("note").value(stage.note).key("facts").object();
  for (const auto& fact : stage.facts) json.key(fact.name).value(fact.value);
  json.end().end();
}

void write_promise(JsonWriter& json, const ServiceView& service) {
  json.array();
  for (const auto& objective : service.spec->slo.objectives) {
    const auto measured = service.seen.latency(objective.kind, objective.percentile).fresh();
    json.object().key("objective").value(objective.name()).key("bound").value(objective.bound);
    json.key("measured").value(measured).key("met");
    measured ? json.value(*measured <= seconds(objective.bound)) : json.null();
    json.end();
  }
  json.end();
}

const PoolObservation* pool_seen(const Observation& seen, const std::string& name) {
  const auto found = std::ranges::find(seen.pools, name, &PoolObservation::pool);
  return found == seen.pools.end() ? nullptr : &*found;
}

const PoolDecision* pool_decided(const Decision& decision, const std::string& name) {
  const auto found = std::ranges::find(decision.pools, name, &PoolDecision::pool);
  return found == decision.pools.end() ? nullptr : &*found;
}

void write_pool(JsonWriter& json, const PoolSpec& pool, const ServiceView& service) {
  const auto* decided = pool_decided(service.decision, pool.name);
  const auto* found = pool_seen(service.seen, pool.name);
  const PoolObservation seen = found != nullptr ? *found : PoolObservation{};
  json.object().key("name").value(pool.name);
  json.key("desired").value(decided != nullptr ? std::optional{decided->replicas.value()} : std::nullopt);
  json.key("requested").value(seen.requested).key("starting").value(seen.starting).key("loading").value(seen.loading);
  json.key("ready").value(seen.ready).key("draining").value(seen.draining).key("failed").value(seen.failed);
  json.key("gpus").value(pool.gpus_each()).key("price_per_hour");
  pool.price ? json.value(static_cast<double>(pool.price->value()) * 1e-6) : json.null();
  json.key("slots").value(known(decided != nullptr ? decided->slots : 0, decided != nullptr && decided->slots > 0));
  json.end();
}

void write_reading(JsonWriter& json, std::string_view name, const Reading& reading) {
  const bool has_value = reading.quality == Quality::fresh || reading.quality == Quality::stale;
  json.object().key("signal").value(name).key("quality").value(to_text(reading.quality));
  json.key("derived").value(reading.derived).key("value").value(known(reading.value, has_value));
  json.key("age").value(known(seconds(reading.age), has_value));
  json.key("reported").value(reading.coverage.reported).key("expected").value(reading.coverage.expected).end();
}

void write_signals(JsonWriter& json, const ServiceView& service) {
  const auto& seen = service.seen;
  json.array();
  write_reading(json, "arrivals", seen.arrivals);
  write_reading(json, "completions", seen.completions);
  write_reading(json, "in_flight", seen.in_flight);
  write_reading(json, "queued", seen.queued);
  for (std::size_t kind = 0; kind < latency_kinds; ++kind)
    for (std::size_t p = 0; p < percentiles; ++p) {
      const Objective objective{static_cast<LatencyKind>(kind), static_cast<Percentile>(p)};
      const auto& reading = seen.latency(objective.kind, objective.percentile);
      const bool is_promised = std::ranges::any_of(service.spec->slo.objectives, [&](const Objective& one) {
        return one.kind == objective.kind && one.percentile == objective.percentile;
      });
      // An idle percentile is not a number; those that nobody promised would only fill the list.
      if (is_promised || (reading.quality != Quality::absent && reading.quality != Quality::nan))
        write_reading(json, objective.name(), reading);
    }
  write_reading(json, "input_tokens", seen.input_tokens);
  write_reading(json, "output_tokens", seen.output_tokens);
  write_reading(json, "gpu_util", seen.gpu_util);
  write_reading(json, "gpu_memory", seen.gpu_memory);
  write_reading(json, "kv_usage", seen.kv_usage);
  for (const auto& custom : seen.custom) write_reading(json, custom.name, custom.reading);
  json.end();
}

void write_replicas(JsonWriter& json, const std::vector<Replica>& replicas) {
  json.array();
  for (const auto& replica : replicas) {
    json.object().key("id").value(replica.id).key("pool").value(replica.pool);
    json.key("state").value(to_text(replica.state)).key("endpoint");
    json.value(replica.port == 0 ? std::string{} : fmt::format("{}:{}", replica.host, replica.port));
    json.key("since").value(replica.since).key("gpus").array();
    for (const auto gpu : replica.gpus) json.value(gpu);
    json.end().key("pid").value(replica.pid).key("detail").value(replica.detail).key("start").object();
    json.key("scheduling").value(replica.start.scheduling).key("pulling").value(replica.start.pulling);
    json.key("loading").value(replica.start.loading).end().end();
  }
  json.end();
}

void write_problems(JsonWriter& json, const std::vector<TargetProblem>& problems) {
  json.array();
  for (const auto& problem : problems) {
    json.object().key("pool").value(problem.pool).key("reason").value(to_text(problem.reason));
    json.key("message").value(problem.message).key("replicas").value(problem.replicas).end();
  }
  json.end();
}

void write_steering(JsonWriter& json, const Steering& steering) {
  json.key("paused");
  if (const auto& pause = steering.pause)
    json.object()
        .key("author")
        .value(pause->author)
        .key("comment")
        .value(pause->comment)
        .key("expires")
        .value(pause->expires);
  if (steering.pause)
    json.end();
  else
    json.null();
  json.key("override");
  if (const auto& manual = steering.manual) {
    json.object().key("kind").value(to_text(manual->kind)).key("replicas").value(manual->replicas.value());
    json.key("expires").value(manual->expires).key("author").value(manual->author);
    json.key("comment").value(manual->comment).end();
  } else {
    json.null();
  }
}

void write_demand(JsonWriter& json, const ServiceView& service) {
  const bool evidence = has_evidence(service.decision);
  const auto& arrivals = service.seen.arrivals;
  json.object().key("rate").value(known(service.decision.demand_rate, evidence));
  json.key("expected").value(known(service.decision.demand_expected, evidence));
  json.key("quality").value(arrivals.is_fresh() && arrivals.derived ? "derived" : to_text(arrivals.quality)).end();
}

template <class Items, class Write>
std::string listed(std::string_view name, const Items& items, Write write) {
  JsonWriter json;
  json.object().key(name).array();
  for (const auto& item : items) write(json, item);
  json.end().end();
  return json.take();
}

void write_row(JsonWriter& json, const JournalDecision& row) {
  write_decision(json, view_of(row.decision), DecisionPlace{row.id, row.until, row.ticks});
}

void write_event(JsonWriter& json, const JournalEvent& event) {
  json.object().key("at").value(event.at).key("service").value(event.service).key("replica").value(event.replica);
  json.key("reason").value(to_text(event.reason)).key("message").value(event.message).end();
}

}  // namespace

void write_decision(JsonWriter& json, const Decision& decision, const std::optional<DecisionPlace>& place,
                    Detail detail) {
  json.object().key("id").value(place ? std::optional{place->id} : std::nullopt);
  json.key("now").value(decision.now).key("service").value(decision.service);
  if (place) json.key("until").value(place->until).key("ticks").value(place->ticks);
  json.key("verdict").value(to_text(decision.verdict)).key("reason").value(to_text(decision.reason));
  json.key("pools").array();
  for (const auto& pool : decision.pools)
    json.object().key("pool").value(pool.pool).key("replicas").value(pool.replicas.value()).end();
  json.end().key("band");
  write_band(json, decision.band);
  json.key("stages").array();
  if (detail == Detail::full)
    for (const auto& stage : decision.stages) write_stage(json, stage);
  json.end().key("peers");
  write_peers(json, decision.peers);
  json.key("lead_time").value(decision.lead_time).key("hold_time").value(decision.hold_time);
  json.key("unlocks").value(decision.unlocks).end();
}

void write_service(JsonWriter& json, const ServiceView& service, Detail detail) {
  const auto& decision = service.decision;
  json.object().key("name").value(service.spec->name).key("mode").value(to_text(service.spec->mode));
  json.key("slo");
  write_promise(json, service);
  json.key("attainment").value(known(service.attainment, service.attainment_known)).key("band");
  write_band(json, decision.band);
  json.key("demand");
  write_demand(json, service);
  json.key("in_flight").value(service.seen.in_flight.fresh()).key("queued").value(service.seen.queued.fresh());
  json.key("replicas_min").value(service.spec->guardrails.replicas_min.value());
  json.key("replicas_max").value(service.spec->guardrails.replicas_max.value());
  json.key("pools").array();
  for (const auto& pool : service.spec->pools) write_pool(json, pool, service);
  json.end().key("cost_per_hour").value(service.cost_per_hour).key("gpus").value(service.gpus);
  json.key("lead_time").value(decision.lead_time).key("hold_time").value(decision.hold_time);
  write_steering(json, service.steering);
  json.key("rollout").value(service.seen.rollout);
  if (detail == Detail::full) {
    json.key("signals");
    write_signals(json, service);
    json.key("replicas");
    write_replicas(json, service.replicas);
    json.key("problems");
    write_problems(json, service.problems);
  }
  json.key("peers");
  write_peers(json, decision.peers);
  json.key("last_decision");
  write_decision(json, decision, {}, detail);
  json.end();
}

void write_point(JsonWriter& json, const ServiceView& service) {
  const auto& seen = service.seen;
  const auto& decision = service.decision;
  const bool evidence = has_evidence(decision);
  std::int32_t ready = 0, warming = 0, draining = 0;
  for (const auto& pool : seen.pools) {
    ready += pool.ready;
    warming += pool.warming();
    draining += pool.draining;
  }
  json.object().key("rate").value(known(decision.demand_rate, evidence));
  json.key("expected").value(known(decision.demand_expected, evidence));
  json.key("floor").value(decision.band.floor.value()).key("ceiling").value(decision.band.ceiling.value());
  json.key("desired").value(decision.total().value()).key("ready").value(ready).key("warming").value(warming);
  json.key("draining").value(draining).key("in_flight").value(seen.in_flight.fresh());
  json.key("queued").value(seen.queued.fresh());
  json.key("ttft_p99").value(seen.latency(LatencyKind::ttft, Percentile::p99).fresh());
  json.key("itl_p99").value(seen.latency(LatencyKind::itl, Percentile::p99).fresh());
  json.key("latency_p99").value(seen.latency(LatencyKind::latency, Percentile::p99).fresh());
  json.key("cost_per_hour").value(service.cost_per_hour).key("gpus").value(service.gpus);
  for (const auto& peer : decision.peers) json.key(fmt::format("peer:{}", peer.policy)).value(peer.replicas.value());
  json.end();
}

std::string service_json(const ServiceView& service) {
  JsonWriter json;
  write_service(json, service);
  return json.take();
}

std::string services_json(const FleetView& view) {
  JsonWriter json;
  json.object().key("now").value(view.now).key("services").array();
  for (const auto& service : view.services) write_service(json, service);
  json.end().end();
  return json.take();
}

std::string tick_json(const FleetView& view) {
  const auto detail = view.services.size() > services_in_full ? Detail::brief : Detail::full;
  JsonWriter json;
  json.object().key("now").value(view.now).key("services").array();
  for (const auto& service : view.services) write_service(json, service, detail);
  json.end().key("points").object();
  for (const auto& service : view.services) {
    json.key(service.spec->name);
    write_point(json, service);
  }
  json.end().end();
  return json.take();
}

std::string decision_json(const JournalDecision& row) {
  JsonWriter json;
  write_row(json, row);
  return json.take();
}

std::string decisions_json(const std::vector<JournalDecision>& rows) { return listed("decisions", rows, write_row); }

std::string series_json(const Series& series) {
  JsonWriter json;
  json.object().key("t").array();
  for (const double t : series.t) json.value(instant_at(t));
  json.end().key("columns").object();
  for (const auto& column : series.columns) {
    json.key(column.name).array();
    for (const double value : column.values) json.value(value);
    json.end();
  }
  json.end().end();
  return json.take();
}

std::string events_json(const std::vector<JournalEvent>& events) { return listed("events", events, write_event); }

std::string event_json(const JournalEvent& event) {
  JsonWriter json;
  write_event(json, event);
  return json.take();
}

std::string health_json(const RuntimeHealth& health, const FleetView& view, const std::string& version) {
  JsonWriter json;
  json.object().key("version").value(version).key("started").value(health.started).key("now").value(view.now);
  json.key("ticks").value(health.ticks).key("ticks_late").value(health.ticks_late);
  json.key("tick_seconds").value(health.tick_seconds_last).key("decide_seconds").value(health.decide_seconds_last);
  json.key("reload_ok").value(health.reload_ok).key("reloaded").value(health.reloaded);
  json.key("reload_problem").value(health.reload_problem);
  json.key("journal_problem").value(health.journal_problem).key("journal_dropped").value(health.journal_dropped);
  json.key("gateway_connected").value(health.gateway_connected).key("leads").value(health.leads).end();
  return json.take();
}

std::string reasons_json() {
  JsonWriter json;
  json.object();
  for (const auto& entry : enum_texts<Reason>) {
    const auto& text = reason_text(entry.value);
    json.key(entry.text).object().key("meaning").value(text.meaning).key("advice").value(text.advice).end();
  }
  json.end();
  return json.take();
}

}  // namespace tidegate

#include "serve/lines/decision_line.h"

#include "core/base/json_writer.h"

namespace tidegate {
namespace {

void put(JsonWriter& json, const StageTrace& stage) {
  json.object();
  json.key("stage").value(to_text(stage.stage));
  json.key("before").exact(stage.before);
  json.key("after").exact(stage.after);
  json.key("reason").value(to_text(stage.reason));
  if (!stage.note.empty()) json.key("note").value(stage.note);
  if (!stage.facts.empty()) {
    json.key("facts").object();
    for (const auto& fact : stage.facts) json.key(fact.name).exact(fact.value);
    json.end();
  }
  json.end();
}

}  // namespace

std::string decision_line(const Decision& decision) {
  JsonWriter json;
  json.object();
  json.key("now").exact(decision.now);
  json.key("service").value(decision.service);
  json.key("verdict").value(to_text(decision.verdict));
  json.key("reason").value(to_text(decision.reason));
  json.key("pools").array();
  for (const auto& pool : decision.pools) {
    json.object();
    json.key("pool").value(pool.pool);
    json.key("replicas").value(pool.replicas.value());
    json.end();
  }
  json.end();
  json.key("band").object();
  json.key("floor").exact(decision.band.floor.value());
  json.key("ceiling").exact(decision.band.ceiling.value());
  json.key("floor_reason").value(to_text(decision.band.floor_reason));
  json.key("ceiling_reason").value(to_text(decision.band.ceiling_reason));
  json.end();
  json.key("stages").array();
  for (const auto& stage : decision.stages) put(json, stage);
  json.end();
  if (!decision.peers.empty()) {
    json.key("peers").array();
    for (const auto& peer : decision.peers) {
      json.object();
      json.key("policy").value(peer.policy);
      json.key("replicas").value(peer.replicas.value());
      json.end();
    }
    json.end();
  }
  json.key("lead_time").exact(decision.lead_time);
  json.key("hold_time").exact(decision.hold_time);
  if (decision.unlocks) json.key("unlocks").exact(*decision.unlocks);
  json.end();
  return json.take();
}

std::string error_line(const Error& error, std::int64_t number) {
  JsonWriter json;
  json.object();
  json.key("error").value(error.message);
  json.key("line").value(number);
  json.end();
  return json.take();
}

}  // namespace tidegate

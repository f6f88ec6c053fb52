// What the operator says of a ScaledModel. Numbers that were not measured are left out, never 0.
#include <string_view>

#include "serve/resource/resource_schema.h"

namespace tidegate {
namespace {

using Json = nlohmann::ordered_json;

constexpr int message_most = 1024;
constexpr int pools_most = 16;
constexpr int changes_most = 10;
constexpr int conditions_most = 16;

Json text(std::string_view about, int most = message_most) {
  return {{"type", "string"}, {"maxLength", most}, {"description", about}};
}
Json count(std::string_view about) {
  return {{"type", "integer"}, {"format", "int32"}, {"minimum", 0}, {"description", about}};
}
Json number(std::string_view about) { return {{"type", "number"}, {"description", about}}; }
Json time(std::string_view about) { return {{"type", "string"}, {"format", "date-time"}, {"description", about}}; }
Json map(std::string_view about, Json properties) {
  return {{"type", "object"}, {"description", about}, {"properties", std::move(properties)}};
}

// As every Kubernetes resource has them.
Json conditions() {
  auto one = map(
      "One aspect of the state.",
      {{"type", text("Ready, MetricsAvailable, ScalingActive, Limited, Fallback, Paused or Conflict.", 316)},
       {"status", {{"type", "string"}, {"enum", {"True", "False", "Unknown"}}, {"description", "Whether it holds."}}},
       {"observedGeneration",
        {{"type", "integer"},
         {"format", "int64"},
         {"minimum", 0},
         {"description", "The metadata.generation this was said of."}}},
       {"lastTransitionTime", time("When `status` last changed.")},
       {"reason", text("Why, as one word of docs/reference/reasons.md or of the Kubernetes target.", 1024)},
       {"message", text("Why, as a sentence, with what to do.", 32768)}});
  one["required"] = {"type", "status", "lastTransitionTime", "reason", "message"};
  return {
      {"type", "array"},
      {"description",
       "Ready: the spec is valid and its workloads were found. MetricsAvailable: the signals are fresh. ScalingActive: "
       "decisions are carried out (false in shadow mode). Limited: a bound, a budget or the cluster keeps it from the "
       "size it wants. Fallback: it holds because measurements are missing. Paused: an operator paused it. Conflict: "
       "somebody else writes the replicas too."},
      {"maxItems", conditions_most},
      {"x-kubernetes-list-type", "map"},
      {"x-kubernetes-list-map-keys", {"type"}},
      {"items", std::move(one)}};
}

Json pools() {
  auto one = map("One pool.", {{"name", text("Its name.", 63)},
                               {"desired", count("Replicas decided.")},
                               {"requested", count("Asked for, not yet seen.")},
                               {"starting", count("Scheduled; the image or the container is not up.")},
                               {"loading", count("Up; the model is not loaded.")},
                               {"ready", count("Serving.")},
                               {"draining", count("Finishing their last requests.")},
                               {"failed", count("Did not get ready, or broke.")},
                               {"unschedulable", count("The cluster has no room for them.")},
                               {"message", text("What keeps the pool from the size decided.")}});
  one["required"] = {"name"};
  return {{"type", "array"},
          {"description", "Replicas by pool."},
          {"maxItems", pools_most},
          {"x-kubernetes-list-type", "map"},
          {"x-kubernetes-list-map-keys", {"name"}},
          {"items", std::move(one)}};
}

Json changes() {
  return {{"type", "array"},
          {"description", "The newest changes of the size, the newest first; each has an Event too."},
          {"maxItems", changes_most},
          {"x-kubernetes-list-type", "atomic"},
          {"items", map("One change.", {{"time", time("When it was decided.")},
                                        {"from", count("Replicas before.")},
                                        {"to", count("Replicas after.")},
                                        {"verdict", text("raise, lower or move.", 32)},
                                        {"reason", text("Why, as one word.", 64)},
                                        {"message", text("Why, as a sentence.")}})}};
}

Json decision() {
  return map("The newest decision, whether it changed anything or not.",
             {{"time", time("When.")},
              {"verdict", text("raise, lower, hold or move.", 32)},
              {"reason", text("Why, as one word of docs/reference/reasons.md.", 64)},
              {"message", text("Why, as a sentence.")},
              {"until", time("When a hold that time ends does end.")}});
}

}  // namespace

nlohmann::ordered_json resource_status_schema() {
  return map("What the operator sees and decided. Written on change only.",
             {{"observedGeneration",
               {{"type", "integer"},
                {"format", "int64"},
                {"minimum", 0},
                {"description", "The metadata.generation this was said of."}}},
              {"conditions", conditions()},
              {"mode", text("act or shadow, as the operator took it over.", 16)},
              {"desired", count("Replicas decided, over all pools.")},
              {"ready", count("Replicas that serve, over all pools.")},
              {"band", map("The sizes between which nothing need change, in replicas of the first pool.",
                           {{"floor", number("Least that must be there once the lead time has passed.")},
                            {"ceiling", number("Most still worth keeping.")},
                            {"floorReason", text("What the floor comes from.", 64)},
                            {"ceilingReason", text("What the ceiling comes from.", 64)}})},
              {"lastDecision", decision()},
              {"changes", changes()},
              {"pools", pools()},
              {"slo", map("The promise, as kept.",
                          {{"attainment", number("Share of requests within the SLO over the last hour.")},
                           {"summary", text("The same for people: `99.3%`.", 64)}})},
              {"peers",
               {{"type", "array"},
                {"description", "What the policies of compare_with would have."},
                {"maxItems", 8},
                {"x-kubernetes-list-type", "atomic"},
                {"items", map("One of them.",
                              {{"policy", text("Its name.", 64)}, {"replicas", count("The size it would have.")}})}}},
              {"leader",
               map("Which operator decided, so that no two write.",
                   {{"identity", text("Its pod.", 253)},
                    {"epoch",
                     {{"type", "integer"},
                      {"format", "int64"},
                      {"minimum", 0},
                      {"description",
                       "Grows by one whenever another operator takes over; a write of an older epoch is void."}}}})}});
}

}  // namespace tidegate

// What holds whatever the cluster and the others do: random lives of a workload, its pods, orders, answers, writers.
#include <rapidcheck.h>

#include "core/base/prng.h"
#include "edge/targets/testing/plan_fixture.h"

namespace tidegate {
namespace {

constexpr ReplicaState pod_states[] = {ReplicaState::requested, ReplicaState::starting, ReplicaState::loading,
                                       ReplicaState::ready,     ReplicaState::draining, ReplicaState::failed,
                                       ReplicaState::gone};

class PlanLife : public PlanTest {
 protected:
  void TestBody() override {}

 public:
  void live(std::uint64_t seed, int steps) {
    SetUp();
    Prng chance(seed);
    std::optional<ClusterWrite> under_way;
    std::int32_t ordered = -1;
    bool may_write = true;
    bool is_seen = true;
    for (int i = 0; i < steps; ++i) {
      now_ += Duration{1ms} * static_cast<std::int64_t>(chance.below(100'000));
      switch (chance.below(12)) {
        case 0:
        case 1:
          order(ordered = static_cast<std::int32_t>(chance.below(8)));
          break;
        case 2:
        case 3:
        case 4:
          pod(fmt::format("chat-{}-{}", chance.below(2), chance.below(6)), pod_states[chance.below(7)]);
          break;
        case 5:
          no_pod(fmt::format("chat-{}-{}", chance.below(2), chance.below(6)));
          break;
        case 6:
          deploy("chat", static_cast<std::int32_t>(chance.below(8)), chance.below(3) == 0 ? "tidegate" : "somebody");
          break;
        case 7: {
          auto& chat = record("chat");
          chat.status_replicas = static_cast<std::int32_t>(chance.below(6));
          chat.updated_replicas =
              chance.below(2) == 0 ? chat.status_replicas : static_cast<std::int32_t>(chance.below(6));
          tell("chat");
          break;
        }
        case 8:
          plan_.see("pods", "", (is_seen = chance.below(3) != 0) ? "" : "away", now_);
          break;
        case 9:
          plan_.let_write(may_write = chance.below(4) != 0);
          if (may_write) plan_.wake();
          break;
        default:
          if (!under_way) break;
          if (chance.below(2) == 0)
            take(*under_way);
          else
            refuse(*under_way, static_cast<ApiReason>(chance.below(13)),
                   chance.below(2) == 0 ? std::nullopt
                                        : std::optional(Scale{.replicas = record("chat").replicas.value(),
                                                              .resource_version = std::to_string(version_),
                                                              .uid = "uid-chat"}));
          under_way.reset();
      }
      const auto& chat = record("chat");
      const bool rolls = chat.updated_replicas && *chat.updated_replicas < chat.status_replicas;
      const auto writes = step();
      RC_ASSERT(writes.size() <= 1);
      if (!writes.empty()) {
        RC_ASSERT(!under_way.has_value());
        RC_ASSERT(may_write && is_seen);
        RC_ASSERT(writes[0].replicas == ordered);
        RC_ASSERT(writes[0].replicas != chat.replicas.value());
        if (rolls) RC_ASSERT(writes[0].replicas > *chat.replicas);
        under_way = writes[0];
      }
      RC_ASSERT(step().empty());
      check(plan_.look(), is_seen);
    }
  }

 private:
  void check(const TargetView& view, bool is_seen) {
    std::int32_t committed = 0;
    for (const auto& one : view.replicas)
      if (one.state != ReplicaState::draining && one.state != ReplicaState::failed) ++committed;
    RC_ASSERT(committed <= record("chat").replicas.value());
    RC_ASSERT(std::ranges::is_sorted(view.replicas, {}, &Replica::id));
    RC_ASSERT(std::ranges::adjacent_find(view.replicas, {}, &Replica::id) == view.replicas.end());
    RC_ASSERT(view.unseen.contains("chat") != is_seen);
  }
};

TEST(KubernetesPlanProperty, EveryWriteIsOrderedDiffersAndLowersNothingThatRolls) {
  rc::check([](std::uint64_t seed) {
    PlanLife life;
    life.live(seed, 150);
  });
}

}  // namespace
}  // namespace tidegate

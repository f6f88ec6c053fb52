// AIBrix's PodAutoscaler (vllm-project/aibrix, August 2026): strategies APA and KPA, every 10 s on the pods' own pages.
//
//   apa:  u = mean per ready pod / target; n = pods, pending ones included
//         u > 1 + tolerance: min(ceil(n u), ceil(up rate n));  u < 1 - tolerance: max(ceil(n u), floor(n / down rate))
//   kpa:  stable, panic = ceil(value over 180 s, 60 s / target), each within [floor(n / down rate), ceil(up rate n)]
//         panicking while panic (unclamped) / n >= 2, and for 180 s after: the larger of both, never less than before
//         otherwise stable
//   then, when lowering, the highest answer of the last `scale_down_cooldown`
//
// Worked (apa): 4 pods at 12, target 8: ceil(4 * 1.5) = 6. At 40: min(20, 8) = 8.
//
// `as_written` keeps what the code does where that differs: KPA's value is the *mean* over pods and is taken for the
// total, the panic size is forgotten from call to call, and lowering takes the *lowest* answer of the cooldown. Worked:
// 8 pods at a mean of 30, target 10: ceil(3) = 3, clamped to 4: it lowers at three times the load it can bear.
// `pending_guard` (September 2026) takes pending pods as idle when raising and as at their target when lowering;
// before it, replicas that are starting make it double: 2, 4, 8, 16.
// Pods' pages are read directly, so there is no delay but the period. Nothing happens without a ready pod.
#pragma once

#include <vector>

#include "core/policy/peers/exact_size.h"

namespace tidegate {

struct AibrixMemory {
  struct Timed {
    Instant at{};
    double value = 0;
    friend bool operator==(const Timed&, const Timed&) = default;
    template <class Archive>
    void archive(Archive& ar) {
      ar(at, value);
    }
  };
  ExactSize size;
  Instant synced{};
  std::vector<Timed> values;   // of the metric, oldest first
  std::vector<Timed> answers;  // before the cooldown
  bool panicking = false;
  Instant panicked{};
  double panic_most = 0;

  friend bool operator==(const AibrixMemory&, const AibrixMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(size, synced, values, answers, panicking, panicked, panic_most);
  }
};

[[nodiscard]] Proposal propose(const AibrixPolicy& policy, AibrixMemory& memory, const PolicyInput& input);

}  // namespace tidegate

// How a simulated replica serves: three models behind one interface of the plant.
//
//   slots    a request that begins as the c-th in its replica stays (base + slope * c) * X, X lognormal with mean 1 and
//            sigma `spread`; its first token comes after the share `first` of that
//   batch    requests wait in the replica until `batch_max` are there or the oldest has waited `delay`; an idle
//   instance
//            then serves b of them at once, in base + slope * b, and all of them end together
//   engine   an LLM server that batches by iterations (lab/sim/engine)
//
// With each of them the gateway hands a replica at most `slots` requests at once. Worked: slots with base 2 s, slope
// 0.1 s, spread 0: the fourth request of a replica stays 2.4 s. Batch with base 20 ms, slope 2 ms, batch_max 8, one
// instance: 8 requests at once end after 36 ms, 222 requests a second.
#pragma once

#include <cstdint>
#include <variant>

#include "core/base/time.h"
#include "lab/sim/engine.h"

namespace tidegate {

struct WorkModel {
  std::int32_t slots = 8;
  Duration base = 1s;
  Duration slope{};
  double spread = 0;
  double first = 0.1;  // share of the residence until the first token
  friend bool operator==(const WorkModel&, const WorkModel&) = default;
};

struct BatchServer {
  std::int32_t instances = 1;
  std::int32_t batch_max = 8;
  Duration base = 20ms;
  Duration slope = 2ms;
  Duration delay{};
  friend bool operator==(const BatchServer&, const BatchServer&) = default;
};

// What serves the requests a replica was handed; none: the slots themselves.
using ServerModel = std::variant<std::monostate, BatchServer, EngineProfile>;

// Requests per second one replica completes with all its slots taken; an engine's are those of a typical request
// (lab/sim/profiles.h).
[[nodiscard]] double full_rate(const WorkModel& work, const ServerModel& server);

}  // namespace tidegate

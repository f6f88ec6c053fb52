#include "lab/sim/work.h"

#include "lab/sim/profiles.h"

namespace tidegate {

double full_rate(const WorkModel& work, const ServerModel& server) {
  const double slots = work.slots;
  if (const auto* batch = std::get_if<BatchServer>(&server))
    return batch->instances * batch->batch_max / (seconds(batch->base) + seconds(batch->slope) * batch->batch_max);
  if (const auto* engine = std::get_if<EngineProfile>(&server)) {
    const RequestSize size;
    const double each = engine->beta_ms * (size.input_tokens + size.output_tokens) / (size.output_tokens + 1) +
                        engine->gamma_ms * (size.input_tokens + size.output_tokens / 2);
    const double prefill = (engine->beta_ms + engine->gamma_ms) * size.input_tokens;
    return slots / ((prefill + size.output_tokens * (engine->alpha_ms + slots * each)) * 1e-3);
  }
  return slots / (seconds(work.base) + seconds(work.slope) * slots);
}

}  // namespace tidegate

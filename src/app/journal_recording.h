// A ServiceRecording out of a journal: `replay JOURNAL --policies LIST`.
//
// The arrivals of each tick are spread over the time since the tick before it, the replicas are those seen at the tick.
// Steps are of a second. Where a tick has no fresh arrivals, or none came for two minutes, they are not known.
#pragma once

#include "app/recording.h"
#include "core/base/error.h"
#include "serve/journal/journal.h"

namespace tidegate {

struct JournalSpan {
  Instant from{};
  Instant until = Instant::max();
};

// `service`: as it was configured.
[[nodiscard]] Result<ServiceRecording> record_journal(const Journal& journal, ServiceSpec service,
                                                      const JournalSpan& span);

}  // namespace tidegate

// Points in time as people write them at a prompt: "10:15", "10:15:30" (today or yesterday, UTC),
// "2026-09-14 10:15:00", "2026-09-14T10:15:00Z", "15m" (so long ago), "@1789380900".
#pragma once

#include <string_view>

#include "core/base/error.h"
#include "core/base/time.h"

namespace tidegate {

[[nodiscard]] Result<Instant> read_time(std::string_view text, Instant now);

}  // namespace tidegate

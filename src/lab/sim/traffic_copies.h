// What `scale` does to a stream of requests: it thins it or repeats it, one request at a time, so that the shape
// over ten seconds and more stays.
//
// Each request becomes floor(scale) or floor(scale) + 1 requests, the latter with probability scale - floor.
// Below 1 that is independent thinning. The first copy keeps the request's time; each further one comes up to
// 5 s later, at random, because copies at the same instant would be batches nobody sent. A copy is another
// user: its prefix ids and session are its own, so that repeating adds no sharing that was not there.
// Scale 1 changes nothing. Deterministic from the seed. Worked: scale 2.5 makes 2 copies of half of the
// requests and 3 of the others.
#pragma once

#include <cstdint>

#include "core/base/prng.h"
#include "core/base/time.h"

namespace tidegate {

inline constexpr Duration copy_spread = 5s;

// How many copies `count` requests become in all.
[[nodiscard]] std::uint64_t scaled_count(std::uint64_t count, double scale, Prng& random);

}  // namespace tidegate

#include "lab/sim/request_feed.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace tidegate {
namespace {

// Sizes beyond this are no request of any model server.
constexpr std::int64_t tokens_most = 100'000'000;

std::int32_t whole_tokens(std::int64_t tokens) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(tokens, 1, tokens_most));
}

}  // namespace

RequestFeed feed_of(std::vector<SimulatedRequest> requests) {
  return [requests = std::move(requests), at = std::size_t{0}](std::span<SimulatedRequest> into) mutable {
    const std::size_t count = std::min(into.size(), requests.size() - at);
    std::copy_n(requests.begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
    at += count;
    return Result<std::size_t>{count};
  };
}

RequestFeed feed_of(ArrivalStream arrivals, const TokenSizes& sizes, Prng random) {
  return [arrivals = std::move(arrivals), sizes, random](std::span<SimulatedRequest> into) mutable {
    std::size_t count = 0;
    for (; count < into.size(); ++count) {
      const auto at = arrivals();
      if (!at) break;
      const auto size = draw_size(sizes, random);
      into[count] = {*at, whole_tokens(size.input_tokens), whole_tokens(size.output_tokens)};
    }
    return Result<std::size_t>{count};
  };
}

RequestFeed feed_of(TrafficReader reader, Duration origin) {
  // A function that can be copied cannot hold a reader that cannot.
  auto shared = std::make_shared<TrafficReader>(std::move(reader));
  return [reader = std::move(shared), origin](std::span<SimulatedRequest> into) -> Result<std::size_t> {
    std::size_t count = 0;
    while (count < into.size()) {
      const auto next = reader->next();
      if (!next) return std::unexpected(next.error());
      if (!*next) break;
      if ((*next)->at < origin) continue;
      into[count++] = {(*next)->at - origin, whole_tokens((*next)->input_tokens), whole_tokens((*next)->output_tokens)};
    }
    return count;
  };
}

RequestFeed until(RequestFeed feed, Duration length) {
  return
      [feed = std::move(feed), length, over = false](std::span<SimulatedRequest> into) mutable -> Result<std::size_t> {
        if (over) return 0;
        auto count = feed(into);
        if (!count) return count;
        const auto end = std::ranges::find_if(into.first(*count), [&](const auto& one) { return one.at >= length; });
        const auto kept = static_cast<std::size_t>(end - into.begin());
        over = kept < *count;
        return kept;
      };
}

RequestFeed later(RequestFeed feed, Duration by) {
  if (by == Duration::zero()) return feed;
  return [feed = std::move(feed), by](std::span<SimulatedRequest> into) mutable -> Result<std::size_t> {
    for (;;) {
      auto count = feed(into);
      if (!count || *count == 0) return count;
      const auto all = into.first(*count);
      for (auto& one : all) one.at += by;
      const auto kept = std::ranges::find_if(all, [](const auto& one) { return one.at >= Duration::zero(); });
      std::ranges::move(kept, all.end(), into.begin());
      if (kept != all.end()) return static_cast<std::size_t>(all.end() - kept);
    }
  };
}

RequestFeed followed_by(RequestFeed first, Duration length, RequestFeed second) {
  return [first = until(std::move(first), length), second = later(std::move(second), length),
          over = false](std::span<SimulatedRequest> into) mutable -> Result<std::size_t> {
    if (over) return second(into);
    auto count = first(into);
    if (!count || *count > 0) return count;
    over = true;
    return second(into);
  };
}

}  // namespace tidegate

// The highest value within the last `window`, exactly at the window's edge: an entry whose age equals the window no
// longer counts. At most `buckets` values are kept (the window cut into equal parts, each remembering its highest and
// when that was last seen), so a long window with short ticks stays bounded and forgets at most a part late.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/time.h"

namespace tidegate {

struct HighestNeed {
  static constexpr std::int64_t buckets = 64;
  struct Entry {
    Instant at{};  // when it was last seen
    Instant opened{};
    double value = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
    template <class Archive>
    void archive(Archive& ar) {
      ar(at, opened, value);
    }
  };
  std::vector<Entry> entries;  // oldest first, values falling

  friend bool operator==(const HighestNeed&, const HighestNeed&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(entries);
  }
};

void observe(HighestNeed& memory, Instant now, Duration window, double value);
// Over what was observed within the window; zero when nothing was.
[[nodiscard]] double highest(const HighestNeed& memory, Instant now, Duration window);

}  // namespace tidegate

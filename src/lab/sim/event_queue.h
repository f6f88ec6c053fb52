// What will happen in a plant, in order of time, equal times in order of insertion. A binary heap in one vector: no
// allocation once it has grown. An event carries a number of its maker's (`what`) and the stamp of its place, by which
// events that were overtaken are known.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/time.h"

namespace tidegate {

struct PlantEvent {
  Instant at{};
  std::uint64_t order = 0;  // set by the queue
  std::uint32_t place = 0;
  std::uint32_t stamp = 0;
  std::uint32_t what = 0;
};

class EventQueue {
 public:
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  // When the next event is due; Instant::max() without any.
  [[nodiscard]] Instant next() const { return heap_.empty() ? Instant::max() : heap_.front().at; }

  void push(PlantEvent event) {
    event.order = ++order_;
    std::size_t hole = heap_.size();
    heap_.push_back(event);
    for (; hole > 0 && before(event, heap_[(hole - 1) / 2]); hole = (hole - 1) / 2) heap_[hole] = heap_[(hole - 1) / 2];
    heap_[hole] = event;
  }

  PlantEvent pop() {
    const PlantEvent first = heap_.front();
    const PlantEvent last = heap_.back();
    heap_.pop_back();
    const std::size_t size = heap_.size();
    if (size == 0) return first;
    std::size_t hole = 0;
    for (std::size_t child = 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && before(heap_[child + 1], heap_[child])) ++child;
      if (!before(heap_[child], last)) break;
      heap_[hole] = heap_[child];
      hole = child;
    }
    heap_[hole] = last;
    return first;
  }

 private:
  static bool before(const PlantEvent& a, const PlantEvent& b) {
    return a.at != b.at ? a.at < b.at : a.order < b.order;
  }

  std::vector<PlantEvent> heap_;
  std::uint64_t order_ = 0;
};

}  // namespace tidegate

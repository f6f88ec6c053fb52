// Answers that still count, by what was asked: each for a short time, and no more than so many. When it is full, those
// that count no longer go, and if none does, all of them. Not thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/base/time.h"

namespace tidegate {

template <class Answer>
class RecentAnswers {
 public:
  RecentAnswers(Duration counts_for, std::size_t most) : counts_for_(counts_for), most_(most) {}

  [[nodiscard]] std::optional<Answer> find(const std::string& asked, Instant now) const {
    const auto found = kept_.find(asked);
    if (found == kept_.end() || now >= found->second.until) return std::nullopt;
    return found->second.answer;
  }
  void keep(const std::string& asked, Answer answer, Instant now) {
    if (kept_.size() >= most_) std::erase_if(kept_, [&](const auto& one) { return now >= one.second.until; });
    if (kept_.size() >= most_) kept_.clear();
    kept_.insert_or_assign(asked, Kept{std::move(answer), now + counts_for_});
  }
  [[nodiscard]] std::size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    Answer answer;
    Instant until{};
  };
  const Duration counts_for_;
  const std::size_t most_;
  std::map<std::string, Kept> kept_;
};

}  // namespace tidegate

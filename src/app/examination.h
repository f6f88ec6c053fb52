// What `tidegate doctor` finds: lines of a finding, what it is about and what to do, and the worst of them.
#pragma once

#include <cstdint>
#include <string_view>

#include "app/terminal.h"

namespace tidegate {

enum class Finding : std::uint8_t { ok, warn, fail };

class Examination {
 public:
  explicit Examination(Terminal& terminal) : terminal_(terminal) {}

  void say(Finding finding, std::string_view what, std::string_view found, std::string_view advice = "");
  [[nodiscard]] int status() const;

 private:
  Terminal& terminal_;
  Finding worst_ = Finding::ok;
};

}  // namespace tidegate

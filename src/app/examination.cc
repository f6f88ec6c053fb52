#include "app/examination.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/exit_status.h"
#include "core/base/json_writer.h"

namespace tidegate {

void Examination::say(Finding finding, std::string_view what, std::string_view found, std::string_view advice) {
  static constexpr std::string_view words[] = {"ok", "warn", "fail"};
  static constexpr Tone tones[] = {Tone::good, Tone::warning, Tone::bad};
  const auto index = static_cast<std::size_t>(finding);
  worst_ = std::max(worst_, finding);
  if (terminal_.wants_json()) {
    JsonWriter json;
    json.object().key("finding").value(words[index]).key("what").value(what).key("found").value(found);
    json.key("advice").value(advice).end();
    terminal_.data(json.take());
    return;
  }
  terminal_.data(
      fmt::format("{}  {:<14} {}", terminal_.paint(tones[index], fmt::format("{:<4}", words[index])), what, found));
  if (!advice.empty()) terminal_.data(fmt::format("{:<21}-> {}", "", advice));
}

int Examination::status() const { return worst_ == Finding::fail ? exit_failure : exit_ok; }

}  // namespace tidegate

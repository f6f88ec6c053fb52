// What an emulated server does wrong, and when. Text form, as on the command line: KIND[=VALUE][,CONDITION]...
//
//   slow=4,after=30s,for=1m    every step takes four times as long, from the 30th second on, for a minute
//   hang,requests=100          from the hundredth request on nothing is generated; health and metrics still answer
//   crash,after=10s            the process ends at once, without a word to its clients
//   errors=0.1                 a tenth of the requests is answered 500
//   lying_readiness            /health says 200 while the model still loads; requests are answered 503
//   metrics=absent|nan|stale   the server's metrics are gone, not numbers, or no longer change
//
// A fault begins when all its conditions hold: `after` counts from the start of the process, `requests` generation
// requests received; without conditions at once. `for` ends it that long after it began; without, it stays.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/error.h"
#include "core/base/time.h"

namespace tidegate {

enum class ServerFaultKind : std::uint8_t {
  slow,
  hang,
  crash,
  errors,
  lying_readiness,
  metrics_absent,
  metrics_nan,
  metrics_stale,
};
template <>
inline constexpr auto enum_texts<ServerFaultKind> = std::to_array<EnumText<ServerFaultKind>>({
    {ServerFaultKind::slow, "slow"},
    {ServerFaultKind::hang, "hang"},
    {ServerFaultKind::crash, "crash"},
    {ServerFaultKind::errors, "errors"},
    {ServerFaultKind::lying_readiness, "lying_readiness"},
    {ServerFaultKind::metrics_absent, "metrics_absent"},
    {ServerFaultKind::metrics_nan, "metrics_nan"},
    {ServerFaultKind::metrics_stale, "metrics_stale"},
});

struct ServerFault {
  ServerFaultKind kind = ServerFaultKind::slow;
  double value = 1;  // slow: factor; errors: share of the requests
  Duration after{};
  std::optional<Duration> lasts;
  std::uint64_t requests = 0;
  friend bool operator==(const ServerFault&, const ServerFault&) = default;
};

// Errors quote the text and say what is known.
[[nodiscard]] Result<ServerFault> parse_server_fault(std::string_view text);

// Which faults are on. Times count from the start of the process and never run backwards.
class FaultSchedule {
 public:
  explicit FaultSchedule(std::vector<ServerFault> faults);

  void request_received(Duration now);
  // Begins what is due.
  void advance(Duration now);
  [[nodiscard]] bool is_on(ServerFaultKind kind, Duration now) const;
  // The product of all that slow down, 1 when none does; the greatest share of errors.
  [[nodiscard]] double slowness(Duration now) const;
  [[nodiscard]] double error_share(Duration now) const;
  // When a fault next begins or ends by time alone, after `now`.
  [[nodiscard]] std::optional<Duration> next_change(Duration now) const;

 private:
  struct Entry {
    ServerFault fault;
    std::optional<Duration> begun;
    [[nodiscard]] bool is_on(Duration now) const { return begun && (!fault.lasts || now < *begun + *fault.lasts); }
  };
  std::vector<Entry> entries_;
  std::uint64_t requests_ = 0;
};

}  // namespace tidegate

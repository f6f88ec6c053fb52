// Quantities as people write them: `800ms`, `1h30m`, `$3.50/h`, `24GiB`, `80%`, `4 per 1m`. A number without the unit
// it needs is an error that suggests one; nothing is ever guessed.
//
// `exact_text` writes a quantity so that reading it gives the same value again.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "core/base/quantity.h"
#include "core/base/time.h"
#include "core/model/service_spec.h"

namespace tidegate {

struct QuantityError {
  std::string code;     // missing_unit, bad_unit, bad_number, out_of_range
  std::string message;  // "`800` has no unit"
  std::string help;     // "write `800ms` or `800s`"
  friend bool operator==(const QuantityError&, const QuantityError&) = default;
};

template <class T>
using Read = std::expected<T, QuantityError>;

// d, h, m (or min), s, ms, us, ns; several from large to small ("1h30m"); a fraction in any; at most ten years.
[[nodiscard]] Read<Duration> read_duration(std::string_view text);
// B, KiB, MiB, GiB, TiB and kB, MB, GB, TB; rounded to whole bytes; at most 8 EiB.
[[nodiscard]] Read<Bytes> read_bytes(std::string_view text);
// US dollars per hour, to the millionth; more than nothing, at most a million.
[[nodiscard]] Read<MicroUsdPerHour> read_price(std::string_view text);
// "80%" or "0.8": from 0 to 1.
[[nodiscard]] Read<double> read_share(std::string_view text);
// "4 per 1m"
[[nodiscard]] Read<RateLimit> read_rate(std::string_view text);
// Finite; no unit, no thousands separators.
[[nodiscard]] Read<double> read_number(std::string_view text);
[[nodiscard]] Read<std::int64_t> read_integer(std::string_view text);
[[nodiscard]] Read<bool> read_boolean(std::string_view text);

[[nodiscard]] std::string exact_text(Duration value);
[[nodiscard]] std::string exact_text(Bytes value);
[[nodiscard]] std::string exact_text(MicroUsdPerHour value);
[[nodiscard]] std::string exact_text(const RateLimit& value);

}  // namespace tidegate

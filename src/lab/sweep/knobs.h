// The knobs of every policy that `compare --sweep` and `tune` turn, and the values they try: a table a policy, one
// line a knob. A point of a table is a policy as the configuration would spell it, so what is found can be pasted.
//
// Values are in terms of the service, so that one table fits all: a target per replica as a share of its slots or of
// the rate it carries, a size as a share of the size at the peak. A table has at most `points_most` points.
// Adding a policy: a table in knob_tables.cc. Adding a knob: a line in it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

enum class KnobUnit : std::uint8_t {
  number,
  integer,
  seconds,   // spelled "90s"
  slots,     // times the slots of a replica
  rate,      // times the requests per second a replica carries
  replicas,  // times the replicas at the peak, rounded, at least 1
  word,      // an index into `words`
};

struct KnobAxis {
  std::string_view name;  // the key in the configuration
  KnobUnit unit = KnobUnit::number;
  std::vector<double> values;  // in the unit, rising
  std::vector<std::string_view> words = {};
  std::string_view around = {};  // what stands around the value, with @ for it; empty: nothing
  // Between which `tune` may look further.
  double least = 0;
  double most = 0;
};

struct KnobTable {
  std::string_view policy;                                                // the key in the configuration
  std::string_view label = {};                                            // what it is called; empty: as the policy
  std::vector<std::pair<std::string_view, std::string_view>> fixed = {};  // further keys, spelled
  std::vector<KnobAxis> axes = {};
  std::vector<double> usual = {};  // what one would start with, a value an axis; empty: the policy's own defaults
};

// The service a table is spelled for.
struct KnobScale {
  double slots = 1;
  double rate = 1;           // requests per second of a replica
  double peak_replicas = 1;  // that the busiest minutes need
};

struct Knob {
  std::string name;
  std::string value;  // as the configuration spells it
  friend bool operator==(const Knob&, const Knob&) = default;
};

// One value an axis, in the unit of the axis.
using KnobValues = std::vector<double>;

inline constexpr std::size_t points_most = 12;

[[nodiscard]] std::span<const KnobTable> knob_tables();
[[nodiscard]] const KnobTable* find_knob_table(std::string_view policy);

// Every combination of the axes' values; one empty point for a table without axes.
[[nodiscard]] std::vector<KnobValues> points_of(const KnobTable& table);
[[nodiscard]] std::vector<Knob> spelled(const KnobTable& table, const KnobValues& values, const KnobScale& scale);

// "{hpa: {target_average: 4, stabilize_down: 300s}}", the value of `policy:` in the configuration.
[[nodiscard]] std::string policy_text(std::string_view policy, const std::vector<Knob>& knobs);

}  // namespace tidegate

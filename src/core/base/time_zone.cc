#include "core/base/time_zone.h"

#include <algorithm>

namespace tidegate {
namespace {

namespace chrono = std::chrono;

// In local time, as seconds since 1970 of a clock that shows it.
chrono::sys_seconds local_change(chrono::year year, const ZoneChange& change) {
  const chrono::month month{static_cast<unsigned>(change.month)};
  const chrono::weekday day{static_cast<unsigned>(change.day)};
  const auto date = change.week == 5 ? chrono::sys_days{year / month / day[chrono::last]}
                                     : chrono::sys_days{year / month / day[static_cast<unsigned>(change.week)]};
  return date + chrono::seconds{change.at};
}

}  // namespace

const TimeZone* find_time_zone(std::string_view name) {
  const auto zones = time_zones();
  const auto found = std::ranges::lower_bound(zones, name, {}, &TimeZone::name);
  return found != zones.end() && found->name == name ? &*found : nullptr;
}

Duration utc_offset(const TimeZone& zone, Instant at) {
  const chrono::seconds standard{zone.offset};
  if (zone.summer_begins.month == 0) return standard;
  const chrono::seconds summer{zone.summer_offset};
  const auto year = chrono::year_month_day{chrono::floor<chrono::days>(at + standard)}.year();
  // Summer begins by the standard clock and ends by the summer clock.
  const auto begins = local_change(year, zone.summer_begins) - standard;
  const auto ends = local_change(year, zone.summer_ends) - summer;
  const bool is_summer = begins < ends ? begins <= at && at < ends : !(ends <= at && at < begins);
  return is_summer ? summer : standard;
}

}  // namespace tidegate

#include "lab/sim/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "lab/sim/named_values.h"

namespace tidegate {
namespace {

constexpr double rate_most = 1e6;
constexpr std::size_t knots_most = 1'000'000;
constexpr Duration day = 24h;

// One part of the text, read.
struct Part {
  RateCurve curve;
  double burst = 1;
  Duration length{};
};

// Builds a curve of steps whose number is bounded.
class Steps {
 public:
  void hold(double rate, Duration length) {
    curve_.knot(at_, rate);
    at_ += std::max(length, Duration{1ms});
    curve_.knot(at_, rate);
    knots_ += 2;
  }
  [[nodiscard]] Duration at() const { return at_; }
  [[nodiscard]] bool is_full() const { return knots_ >= knots_most; }
  [[nodiscard]] RateCurve take() { return std::move(curve_); }

 private:
  RateCurve curve_;
  Duration at_{};
  std::size_t knots_ = 0;
};

RateCurve constant(NamedValues& values, Duration, double scale, Prng&) {
  double rate = 1;
  values.number("rate", rate, 0, rate_most);
  return RateCurve{}.knot(0s, rate * scale);
}

RateCurve ramp(NamedValues& values, Duration length, double scale, Prng&) {
  double from = 1, to = 10;
  values.number("from", from, 0, rate_most);
  values.number("to", to, 0, rate_most);
  return RateCurve{}.knot(0s, from * scale).knot(length, to * scale);
}

RateCurve step(NamedValues& values, Duration length, double scale, Prng&) {
  double from = 1, to = 10;
  Duration at = length / 2;
  values.number("from", from, 0, rate_most);
  values.number("to", to, 0, rate_most);
  values.duration("at", at);
  return RateCurve{}.knot(0s, from * scale).knot(at, from * scale).knot(at, to * scale);
}

RateCurve diurnal(NamedValues& values, Duration length, double scale, Prng&) {
  double rate = 10, swing = 0.6, peak = 14, weekend = 1;
  values.number("rate", rate, 0, rate_most);
  values.number("swing", swing, 0, 1);
  values.number("peak", peak, 0, 24);
  values.number("weekend", weekend, 0, 100);
  RateCurve curve;
  const auto spacing = std::max<Duration>(10min, length / static_cast<std::int64_t>(knots_most));
  for (Duration at{}; at <= length; at += spacing) {
    const double turn = (seconds(at) / 3600 - peak) / 24 * 2 * std::numbers::pi;
    const bool is_weekend = at / day % 7 >= 5;
    curve.knot(at, rate * scale * (1 + swing * std::cos(turn)) * (is_weekend ? weekend : 1));
  }
  return curve;
}

RateCurve flash(NamedValues& values, Duration length, double scale, Prng&) {
  double rate = 5, peak = 8;
  Duration at = length / 2, rise = 1min, fall = 10min;
  values.number("rate", rate, 0, rate_most);
  values.number("peak", peak, 1, 10'000);
  values.duration("at", at);
  values.duration("rise", rise);
  values.duration("fall", fall);
  RateCurve curve;
  curve.knot(0s, rate * scale).knot(at, rate * scale).knot(at + rise, rate * scale * peak);
  // Halves every `fall`, in straight pieces of a quarter of it.
  for (int quarter = 1; quarter <= 40; ++quarter)
    curve.knot(at + rise + fall * quarter / 4, rate * scale * (1 + (peak - 1) * std::exp2(-quarter / 4.0)));
  return curve;
}

RateCurve mmpp(NamedValues& values, Duration length, double scale, Prng& random) {
  double rate = 2, high = 10;
  Duration low_for = 10min, high_for = 2min;
  values.number("rate", rate, 0, rate_most);
  values.number("high", high, 0, rate_most);
  values.duration("low_for", low_for);
  values.duration("high_for", high_for);
  Steps steps;
  for (bool is_high = false; steps.at() < length && !steps.is_full(); is_high = !is_high)
    steps.hold((is_high ? high : rate) * scale,
               from_seconds(random.exponential(seconds(is_high ? high_for : low_for))));
  return steps.take();
}

RateCurve onoff(NamedValues& values, Duration length, double scale, Prng& random) {
  double rate = 5;
  Duration on = 5min, off = 15min;
  values.number("rate", rate, 0, rate_most);
  values.duration("on", on);
  values.duration("off", off);
  Steps steps;
  for (bool is_on = true; steps.at() < length && !steps.is_full(); is_on = !is_on)
    steps.hold(is_on ? rate * scale : 0, from_seconds(random.exponential(seconds(is_on ? on : off))));
  return steps.take();
}

RateCurve regime(NamedValues& values, Duration length, double scale, Prng& random) {
  double rate = 5, spread = 0.8;
  Duration every = 6h;
  values.number("rate", rate, 0, rate_most);
  values.number("spread", spread, 0, 3);
  values.duration("every", every);
  Steps steps;
  while (steps.at() < length && !steps.is_full()) {
    const double drawn = random.lognormal(rate * std::exp(-spread * spread / 2), spread);
    steps.hold(std::min(drawn, rate_most) * scale, from_seconds(random.exponential(seconds(every))));
  }
  return steps.take();
}

RateCurve sparse(NamedValues& values, Duration, double scale, Prng&) {
  Duration every = 20min;
  values.duration("every", every);
  return RateCurve{}.knot(0s, scale / std::max(1e-3, seconds(every)));
}

using Maker = RateCurve (*)(NamedValues&, Duration, double, Prng&);
struct Kind {
  std::string_view name;
  Maker make;
  Duration length;
};
constexpr std::array<Kind, 9> kinds{{{"constant", constant, 1h},
                                     {"ramp", ramp, 1h},
                                     {"step", step, 1h},
                                     {"diurnal", diurnal, 7 * day},
                                     {"flash", flash, 1h},
                                     {"mmpp", mmpp, 6h},
                                     {"onoff", onoff, 6h},
                                     {"regime", regime, 2 * day},
                                     {"sparse", sparse, day}}};

RequestFeed part_feed(const Part& part, Duration shift, const GenerateOptions& options, const Prng& random) {
  auto arrivals = renewal_arrivals(part.curve, part.burst, random.split(1));
  auto feed = feed_of(std::move(arrivals), options.sizes, random.split(2));
  return until(later(std::move(feed), -shift), part.length);
}

// The expected requests, and the highest mean of 10 minutes, from the curve itself.
void measure(const Part& part, Duration shift, GeneratedTraffic& all) {
  const Duration window = std::min<Duration>(10min, part.length);
  const auto steps = std::clamp<std::int64_t>(part.length / (window / 60), 1, 1'000'000);
  const Duration width = part.length / steps;
  double in_window = 0;
  std::vector<double> counts;
  for (std::int64_t i = 0; i < steps; ++i) {
    counts.push_back(part.curve.rate(shift + width * i + width / 2) * seconds(width));
    all.requests += counts.back();
    in_window += counts.back();
    const auto wide = static_cast<std::size_t>(std::max<std::int64_t>(1, window / width));
    if (counts.size() > wide) in_window -= counts[counts.size() - 1 - wide];
    all.peak_rate = std::max(all.peak_rate, in_window / seconds(std::max(window, width)));
  }
}

Result<void> add_part(std::string_view text, std::size_t number, const GenerateOptions& options,
                      GeneratedTraffic& all) {
  const std::size_t colon = text.find(':');
  const auto* kind = std::ranges::find(kinds, text.substr(0, colon), &Kind::name);
  if (kind == kinds.end()) {
    std::string names;
    for (const auto& one : kinds) names += fmt::format("{}{}", names.empty() ? "" : ", ", one.name);
    return fail(ErrorKind::invalid,
                fmt::format("no traffic is called '{}'; there are {}", text.substr(0, colon), names));
  }
  NamedValues values(colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1));
  Part part{.length = kind->length};
  Duration shift{};
  std::int32_t repeat = 1;
  values.duration("length", part.length);
  values.duration("shift", shift);
  values.number("burst", part.burst, 0, 100);
  values.whole("repeat", repeat, 1, 10'000);
  const Prng random = Prng{options.seed}.split(number);
  Prng shape = random.split(3);
  part.curve = kind->make(values, part.length + shift, options.scale, shape);
  if (auto read = values.finish(); !read)
    return fail(ErrorKind::invalid, fmt::format("{}: {}", kind->name, read.error().message));
  if (part.length <= Duration::zero()) return fail(ErrorKind::invalid, "a length is more than nothing");
  for (std::int32_t i = 0; i < repeat; ++i) {
    const auto draws = random.split(10 + static_cast<std::uint64_t>(i));
    all.feed = followed_by(std::move(all.feed), all.length, part_feed(part, shift, options, draws));
    all.length += part.length;
    measure(part, shift, all);
  }
  return {};
}

}  // namespace

Result<GeneratedTraffic> generate_traffic(std::string_view text, const GenerateOptions& options) {
  GeneratedTraffic all{.feed = feed_of(std::vector<SimulatedRequest>{})};
  for (std::size_t number = 1;; ++number) {
    const std::size_t end = text.find(';');
    if (auto added = add_part(text.substr(0, end), number, options, all); !added) return std::unexpected(added.error());
    if (end == std::string_view::npos) return all;
    text.remove_prefix(end + 1);
  }
}

}  // namespace tidegate

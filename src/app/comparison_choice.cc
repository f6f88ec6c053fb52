#include "app/comparison_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "lab/sim/named_values.h"

namespace tidegate {
namespace {

constexpr std::size_t requests_kept_most = 24'000'000;  // 384 MB
constexpr Duration window = 10min;

RequestFeed shared_feed(std::shared_ptr<const std::vector<SimulatedRequest>> requests) {
  return [requests = std::move(requests), at = std::size_t{0}](std::span<SimulatedRequest> into) mutable {
    const std::size_t count = std::min(into.size(), requests->size() - at);
    std::copy_n(requests->begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
    at += count;
    return Result<std::size_t>{count};
  };
}

// A day is what a daily pattern takes to be seen.
Duration usual_warm_up(Duration length) {
  if (length >= 48h) return 24h;
  return length >= 1h ? Duration{10min} : Duration::zero();
}

// The highest mean rate over ten whole minutes, from counts a minute.
class PeakRate {
 public:
  void add(Duration at) { ++minutes_[at / 1min]; }
  [[nodiscard]] double rate(Duration length) const {
    double inside = 0, most = 0;
    auto first = minutes_.begin();
    for (const auto& [minute, count] : minutes_) {
      inside += count;
      for (; first->first <= minute - window / 1min; ++first) inside -= first->second;
      most = std::max(most, inside);
    }
    return most / std::clamp(seconds(length), 1.0, seconds(window));
  }

 private:
  std::map<std::int64_t, double> minutes_;
};

Result<std::optional<Duration>> span_in(const Arguments& given, std::string_view name) {
  const auto text = given.value(name);
  if (!text) return std::nullopt;
  const auto span = read_span(*text);
  if (!span) return fail(ErrorKind::invalid, fmt::format("{} wants a time, as 90s, 2h or 7d, not '{}'", name, *text));
  return *span;
}

// The traffic of each --trace (SERVICE=FILE names the one service there is), or the generated one.
Result<std::vector<TrafficChoice>> choices_of(const Arguments& given, const std::string& service) {
  const auto base = read_traffic_choice(given, service, 1);
  if (!base) return std::unexpected(base.error());
  if (base->trace.empty()) return std::vector{*base};
  std::vector<TrafficChoice> choices;
  for (auto path : given.values("--trace")) {
    if (path.starts_with(service + "=")) path.erase(0, service.size() + 1);
    choices.push_back(*base);
    choices.back().trace = path;
  }
  return choices;
}

Result<ComparisonChoice> choice_for(const Arguments& given, SimulatedService service,
                                    const std::vector<TrafficChoice>& traffics, Terminal& terminal) {
  ComparisonChoice choice{.service = std::move(service), .seed = traffics.front().seed};
  const auto tick = span_in(given, "--tick");
  if (!tick) return std::unexpected(tick.error());
  choice.tick = tick->value_or(1s);
  if (choice.tick < 100ms || choice.tick > 1h) return fail(ErrorKind::invalid, "--tick is from 100ms to 1h");
  const auto warm_up = span_in(given, "--warm-up");
  if (!warm_up) return std::unexpected(warm_up.error());
  for (const auto& traffic : traffics) {
    auto shared = SharedTraffic::open(traffic, choice.service, *warm_up);
    if (!shared) return std::unexpected(shared.error());
    choice.traces.push_back(std::move(*shared));
  }
  const double most = choice.service.spec.guardrails.replicas_max.value();
  if (const double peak = choice.scale().peak_replicas; peak > most)
    terminal.say(fmt::format("tidegate: the busiest 10 minutes of {} need {:.1f} replicas, at most {:g} are allowed",
                             choice.traces.front().name(), peak, most));
  return choice;
}

}  // namespace

Result<std::size_t> count_between(const Arguments& given, std::string_view name, std::size_t least, std::size_t most,
                                  std::size_t fallback) {
  const auto number = given.number(name);
  if (!number) return std::unexpected(number.error());
  if (!*number) return fallback;
  const double value = **number;
  if (!(value >= static_cast<double>(least) && value <= static_cast<double>(most)) || value != std::floor(value))
    return fail(ErrorKind::invalid, fmt::format("{} wants a whole number from {} to {}", name, least, most));
  return static_cast<std::size_t>(value);
}

Result<OpenTraffic> SharedTraffic::reopen(std::uint64_t seed) const {
  TrafficChoice choice = choice_;
  choice.seed = seed;
  return open_traffic(choice, *service_);
}

Result<SharedTraffic> SharedTraffic::open(const TrafficChoice& choice, const SimulatedService& service,
                                          std::optional<Duration> warm_up) {
  SharedTraffic traffic;
  traffic.choice_ = choice;
  traffic.service_ = std::make_shared<const SimulatedService>(service);
  auto open = traffic.reopen(choice.seed);
  if (!open) return std::unexpected(open.error());
  traffic.name_ = open->name;
  traffic.length_ = open->length;
  traffic.origin_ = open->origin;
  traffic.warm_up_ = std::min(warm_up.value_or(usual_warm_up(open->length)), open->length);
  auto feed = traffic.feed(choice.seed);
  if (!feed) return std::unexpected(feed.error());
  PeakRate peak;
  std::vector<SimulatedRequest> batch(4096);
  for (;;) {
    const auto count = (*feed)(batch);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) break;
    for (std::size_t i = 0; i < *count; ++i) peak.add(batch[i].at);
  }
  traffic.peak_rate_ = peak.rate(traffic.length_);
  if (traffic.peak_rate_ <= 0) return fail(ErrorKind::failed, fmt::format("{} has no requests", traffic.name_));
  return traffic;
}

Result<RequestFeed> SharedTraffic::feed(std::uint64_t seed) const {
  const std::lock_guard guard(kept_->lock);
  if (kept_->requests && kept_->seed == seed) return shared_feed(kept_->requests);
  auto open = reopen(seed);
  if (!open) return std::unexpected(open.error());
  if (kept_->too_many) return std::move(open->feed);
  auto all = std::make_shared<std::vector<SimulatedRequest>>();
  for (std::size_t count = 1; count > 0;) {
    const std::size_t before = all->size();
    all->resize(before + 65'536);
    const auto read = open->feed(std::span{*all}.subspan(before));
    if (!read) return std::unexpected(read.error());
    count = *read;
    all->resize(before + count);
    if (all->size() <= requests_kept_most) continue;
    kept_->too_many = true;
    open = reopen(seed);
    if (!open) return std::unexpected(open.error());
    return std::move(open->feed);
  }
  kept_->seed = seed;
  kept_->requests = std::move(all);
  return shared_feed(kept_->requests);
}

KnobScale ComparisonChoice::scale() const {
  const auto& pool = service.pools.front();
  const double rate = full_rate(pool.work, pool.server);
  return {
      .slots = static_cast<double>(pool.work.slots), .rate = rate, .peak_replicas = traces.front().peak_rate() / rate};
}

SimulationSpec ComparisonChoice::simulation(std::size_t trace, std::uint64_t of_seed) const {
  const SharedTraffic& traffic = traces[trace];
  return {.service = service.spec,
          .pools = service.pools,
          .tick = tick,
          .start = first_day + traffic.origin(),
          .warm_up = traffic.warm_up(),
          .length = traffic.length(),
          .seed = of_seed,
          .trace = traffic.name()};
}

BoundedRun ComparisonChoice::bounded_run(std::size_t trace) const {
  return {.spec = simulation(trace, seed),
          .traffic = [this, trace] { return traces[trace].feed(seed); },
          .length = traces[trace].length()};
}

std::vector<Option> comparison_options() {
  auto options = service_options();
  for (auto& option : traffic_options()) {
    if (option.name == "--trace")
      option.help =
          "traffic: request, rate or per-function CSV, Mooncake, Azure LLM, BurstGPT; .gz, .zst; several for several";
    options.push_back(std::move(option));
  }
  options.push_back(
      {.name = "--warm-up",
       .value = "D",
       .help = "played but not scored (default: 1d of two days or more, 10m of an hour or more, else 0s)"});
  options.push_back({.name = "--tick", .value = "D", .help = "time between two decisions", .fallback = "1s"});
  return options;
}

Result<ComparisonChoice> read_comparison_choice(const Arguments& given, Terminal& terminal) {
  auto services = read_services(given);
  if (!services) return std::unexpected(services.error());
  if (services->size() != 1)
    return fail(ErrorKind::invalid, "the configuration has several services; choose one with --service NAME");
  const auto traffics = choices_of(given, services->front().spec.name);
  if (!traffics) return std::unexpected(traffics.error());
  return choice_for(given, std::move(services->front()), *traffics, terminal);
}

Result<ComparisonChoice> recorded_choice(const Arguments& given, SimulatedService service, const TrafficChoice& traffic,
                                         Terminal& terminal) {
  for (auto& pool : service.pools) {
    const auto found = std::ranges::find(traffic.recorded->pools, pool.life.name, &RecordedPool::name);
    if (found != traffic.recorded->pools.end() && !found->sizes.empty())
      pool.life.initial = static_cast<std::int32_t>(std::lround(found->sizes.front()));
  }
  auto choice = choice_for(given, std::move(service), {traffic}, terminal);
  if (choice) choice->recorded = traffic.recorded;
  return choice;
}

}  // namespace tidegate

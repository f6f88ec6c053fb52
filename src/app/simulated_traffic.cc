#include "app/simulated_traffic.h"

#include <fmt/format.h>

#include <algorithm>

#include "edge/files/byte_file.h"
#include "lab/sim/generate.h"
#include "lab/sim/named_values.h"
#include "lab/sim/traffic.h"

namespace tidegate {
namespace {

constexpr std::size_t splices_most = 16;  // each opens two files

Result<void> read_number(const Arguments& given, std::string_view name, double least, double most, double& into) {
  const auto number = given.number(name);
  if (!number) return std::unexpected(number.error());
  if (!*number) return {};
  if (!(**number >= least && **number <= most))
    return fail(ErrorKind::invalid, fmt::format("{} wants a number from {:g} to {:g}", name, least, most));
  into = **number;
  return {};
}

Result<std::optional<Duration>> read_time(const Arguments& given, std::string_view name) {
  const auto text = given.value(name);
  if (!text) return std::nullopt;
  const auto span = read_span(*text);
  if (!span) return fail(ErrorKind::invalid, fmt::format("{} wants a time, as 90s, 2h or 7d, not '{}'", name, *text));
  return span;
}

// --trace FILE for a single service, --trace SERVICE=FILE for one of several.
Result<std::string> trace_for(const Arguments& given, const std::string& service, std::size_t count) {
  std::string plain, named;
  for (const auto& text : given.values("--trace")) {
    if (text.starts_with(service + "="))
      named = text.substr(service.size() + 1);
    else if (text.find('=') == std::string::npos || count == 1)
      plain = text;
  }
  if (!named.empty()) return named;
  if (!plain.empty() && count > 1)
    return fail(ErrorKind::invalid, "with several services say which one a trace is for: --trace SERVICE=FILE");
  return plain;
}

// FILE@FROM or FILE@FROM:TO, with SERVICE= before it for one of several.
Result<Splice> read_splice(const std::string& text) {
  const std::size_t at = text.rfind('@');
  const auto wrong = fail(ErrorKind::invalid,
                          fmt::format("--splice wants FILE@FROM or FILE@FROM:TO, as crowd.csv@2h:3h, not '{}'", text));
  if (at == std::string::npos || at == 0) return wrong;
  Splice splice{.trace = text.substr(0, at)};
  const std::string when = text.substr(at + 1);
  const std::size_t colon = when.find(':');
  const auto from = read_span(when.substr(0, colon));
  if (!from) return wrong;
  splice.from = *from;
  if (colon == std::string::npos) return splice;
  splice.to = read_span(when.substr(colon + 1));
  if (!splice.to || *splice.to <= splice.from) return wrong;
  return splice;
}

Result<std::vector<Splice>> read_splices(const Arguments& given, const std::string& service, std::size_t count) {
  std::vector<Splice> splices;
  for (auto text : given.values("--splice")) {
    if (text.starts_with(service + "="))
      text.erase(0, service.size() + 1);
    else if (count > 1 && text.find('=') != std::string::npos)
      continue;  // of another service
    else if (count > 1)
      return fail(ErrorKind::invalid,
                  "with several services say which one a splice is for: --splice SERVICE=FILE@FROM:TO");
    auto splice = read_splice(text);
    if (!splice) return std::unexpected(splice.error());
    splices.push_back(std::move(*splice));
  }
  if (splices.size() > splices_most)
    return fail(ErrorKind::invalid, fmt::format("at most {} times --splice", splices_most));
  return splices;
}

TrafficOptions options_of(const TrafficChoice& choice, double scale) {
  return {.scale = scale,
          .burstiness = choice.burstiness,
          .sizes = choice.sizes,
          .function = choice.function,
          .seed = choice.seed};
}

Result<OpenTraffic> open_generated(const TrafficChoice& choice, double replica_rate) {
  GenerateOptions options{.scale = choice.scale, .sizes = choice.sizes, .seed = choice.seed};
  if (choice.replicas_at_peak) {
    const auto plain = generate_traffic(choice.generated, options);
    if (!plain) return std::unexpected(plain.error());
    if (plain->peak_rate > 0) options.scale *= *choice.replicas_at_peak * replica_rate / plain->peak_rate;
  }
  auto traffic = generate_traffic(choice.generated, options);
  if (!traffic) return fail(ErrorKind::invalid, fmt::format("--generate: {}", traffic.error().message));
  return OpenTraffic{
      .feed = std::move(traffic->feed), .length = traffic->length, .name = choice.generated, .scale = options.scale};
}

OpenTraffic open_recorded(const TrafficChoice& choice) {
  return {.feed = recorded_feed(choice.recorded, choice.burstiness, choice.sizes, choice.seed),
          .length = choice.recorded->length(),
          .origin = choice.recorded->start - first_day,
          .name = choice.recorded_name};
}

Result<OpenTraffic> open_trace(const TrafficChoice& choice, double replica_rate) {
  if (choice.trace == "-") return fail(ErrorKind::invalid, "a trace to simulate is read twice, so it cannot be stdin");
  auto first = open_bytes(choice.trace);
  if (!first) return std::unexpected(first.error());
  const auto summary = summarize_traffic(*first, choice.trace, options_of(choice, 1));
  if (!summary) return std::unexpected(summary.error());
  double scale = choice.scale;
  if (choice.replicas_at_peak) scale *= scale_for_peak(*summary, replica_rate, *choice.replicas_at_peak);
  if (!(scale > 0) || scale > 1e6)
    return fail(ErrorKind::invalid, fmt::format("{}: the traffic cannot be scaled by {:g}", choice.trace, scale));
  const std::size_t slash = choice.trace.rfind('/');
  OpenTraffic open{.feed = feed_of(std::vector<SimulatedRequest>{}),
                   .origin = summary->first,
                   .name = choice.trace.substr(slash == std::string::npos ? 0 : slash + 1),
                   .scale = scale};
  // A trace of requests ends with its last one, which is part of it; one of bins with the end of its last bin.
  const Duration span = summary->span() + (has_bins(summary->format) ? 0ns : 1ns);
  for (std::int32_t i = 0; i < choice.repeat; ++i) {
    auto bytes = open_bytes(choice.trace);
    if (!bytes) return std::unexpected(bytes.error());
    auto options = options_of(choice, scale);
    options.seed += static_cast<std::uint64_t>(i) << 32;
    auto reader = TrafficReader::open(*bytes, choice.trace, options);
    if (!reader) return std::unexpected(reader.error());
    open.feed = followed_by(std::move(open.feed), open.length, feed_of(std::move(*reader), summary->first));
    open.length += span;
  }
  return open;
}

Result<OpenTraffic> open_plain(const TrafficChoice& choice, double replica_rate) {
  return choice.trace.empty() ? open_generated(choice, replica_rate) : open_trace(choice, replica_rate);
}

// A feed can be read only once, so what goes on after a splice is the trace opened again.
Result<OpenTraffic> open_spliced(const TrafficChoice& choice, double replica_rate) {
  auto whole = open_plain(choice, replica_rate);
  Duration taken{};
  for (std::size_t i = 0; whole && i < choice.splices.size(); ++i) {
    const auto& splice = choice.splices[i];
    if (splice.from < taken || splice.from > whole->length)
      return fail(ErrorKind::invalid,
                  fmt::format("--splice {}@{}: the times are within the trace, in order, and none over another",
                              splice.trace, to_text(splice.from)));
    auto other = choice;
    other.trace = splice.trace;
    other.scale = whole->scale;
    other.replicas_at_peak.reset();
    other.repeat = 1;
    other.seed += (i + 1) << 48;
    auto inserted = open_trace(other, replica_rate);
    auto rest = open_plain(choice, replica_rate);
    if (!inserted || !rest) return inserted ? std::move(rest) : std::move(inserted);
    taken = splice.to.value_or(splice.from + inserted->length);
    whole->feed =
        followed_by(std::move(whole->feed), splice.from, until(std::move(inserted->feed), taken - splice.from));
    whole->feed = followed_by(std::move(whole->feed), taken, later(std::move(rest->feed), -taken));
    whole->length = std::max(whole->length, taken);
    whole->name += "+" + inserted->name;
  }
  return whole;
}

}  // namespace

std::vector<Option> traffic_options() {
  return {
      {.name = "--trace",
       .value = "FILE",
       .help = "traffic: request, rate or per-function CSV, Mooncake, Azure LLM, BurstGPT; .gz, .zst; SERVICE=FILE "
               "for one of several services",
       .repeats = true},
      {.name = "--generate",
       .value = "SPEC",
       .help = "made-up traffic: constant, ramp, step, diurnal, flash, mmpp, onoff, regime or sparse, as "
               "diurnal:rate=20,swing=0.6; parts after ; follow one another"},
      {.name = "--scale", .value = "X", .help = "multiply the rate"},
      {.name = "--peak-replicas", .value = "N", .help = "scale so that the busiest 10 minutes need N replicas"},
      {.name = "--burstiness",
       .value = "B",
       .help = "how bursty requests come within the bins of a rate; 0 even, 1 Poisson"},
      {.name = "--tokens", .value = "IN,OUT", .help = "sizes for traces without: fixed, or IN,OUT,SPREAD"},
      {.name = "--function", .value = "NAME", .help = "the one to play of a per-function trace (default: all)"},
      {.name = "--splice",
       .value = "FILE@FROM:TO",
       .help = "that file's traffic between those times of the trace, as crowd.csv@2h:3h (without TO: as long as it "
               "lasts); SERVICE=FILE@... for one of several services",
       .repeats = true},
      {.name = "--shift", .value = "D", .help = "begin that much later in the traffic"},
      {.name = "--repeat", .value = "N", .help = "play a trace N times in a row"},
      {.name = "--duration", .value = "D", .help = "how much of the traffic (default: all)"},
      {.name = "--seed", .value = "N", .help = "of everything drawn by lot", .fallback = "1"}};
}

Result<std::uint64_t> read_seed(const Arguments& given) {
  double seed = 1;
  if (auto read = read_number(given, "--seed", 0, 1e15, seed); !read) return std::unexpected(read.error());
  return static_cast<std::uint64_t>(seed);
}

Result<void> read_luck(const Arguments& given, TrafficChoice& choice) {
  if (auto read = read_number(given, "--burstiness", 0, 100, choice.burstiness); !read) return read;
  if (const auto text = given.value("--tokens")) {
    const auto sizes = read_token_sizes(*text);
    if (!sizes) return fail(ErrorKind::invalid, "--tokens: " + sizes.error().message);
    choice.sizes = *sizes;
  }
  const auto seed = read_seed(given);
  if (!seed) return std::unexpected(seed.error());
  choice.seed = *seed;
  return {};
}

Result<TrafficChoice> read_traffic_choice(const Arguments& given, const std::string& service, std::size_t count) {
  TrafficChoice choice;
  auto trace = trace_for(given, service, count);
  if (!trace) return std::unexpected(trace.error());
  choice.trace = std::move(*trace);
  choice.generated = given.value("--generate").value_or("");
  if (choice.trace.empty() == choice.generated.empty())
    return fail(ErrorKind::invalid,
                fmt::format("{}: give its traffic, either --trace FILE or --generate SPEC", service));
  double peak = 0, repeat = 1;
  if (auto read = read_number(given, "--scale", 1e-6, 1e6, choice.scale); !read) return std::unexpected(read.error());
  if (auto read = read_number(given, "--peak-replicas", 0.01, 1e4, peak); !read) return std::unexpected(read.error());
  if (auto read = read_number(given, "--repeat", 1, 1000, repeat); !read) return std::unexpected(read.error());
  if (peak > 0) choice.replicas_at_peak = peak;
  choice.repeat = static_cast<std::int32_t>(repeat);
  if (auto read = read_luck(given, choice); !read) return std::unexpected(read.error());
  choice.function = given.value("--function").value_or("");
  auto splices = read_splices(given, service, count);
  if (!splices) return std::unexpected(splices.error());
  choice.splices = std::move(*splices);
  const auto shift = read_time(given, "--shift");
  if (!shift) return std::unexpected(shift.error());
  choice.shift = shift->value_or(Duration::zero());
  const auto length = read_time(given, "--duration");
  if (!length) return std::unexpected(length.error());
  choice.length = *length;
  return choice;
}

Result<OpenTraffic> open_traffic(const TrafficChoice& choice, const SimulatedService& service) {
  const auto& pool = service.pools.front();
  const double replica_rate = full_rate(pool.work, pool.server);
  auto open = choice.recorded ? Result<OpenTraffic>{open_recorded(choice)} : open_spliced(choice, replica_rate);
  if (!open) return open;
  open->feed = later(std::move(open->feed), -choice.shift);
  open->length = std::max(Duration::zero(), open->length - choice.shift);
  open->origin += choice.shift;
  if (choice.length) open->length = std::min(open->length, *choice.length);
  open->feed = until(std::move(open->feed), open->length);
  return open;
}

}  // namespace tidegate

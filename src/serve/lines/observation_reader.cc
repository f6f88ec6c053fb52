#include "serve/lines/observation_reader.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <map>
#include <vector>

#include "serve/config/schema.h"

namespace tidegate {
namespace {

namespace dom = simdjson::dom;

constexpr double count_max = 1e15;
constexpr double seconds_max = 1e9;
constexpr double now_max = 9e9;  // nanoseconds since 1970 end in 2262
constexpr std::int64_t replicas_max = 1'000'000;
constexpr std::size_t cold_starts_max = 10'000;

struct ReadingField {
  std::string_view name;
  Reading Observation::* reading;
  double max = count_max;
};
constexpr ReadingField reading_fields[] = {
    {"arrivals", &Observation::arrivals},         {"completions", &Observation::completions},
    {"in_flight", &Observation::in_flight},       {"queued", &Observation::queued},
    {"within_slo", &Observation::within_slo},     {"missed_slo", &Observation::missed_slo},
    {"input_tokens", &Observation::input_tokens}, {"output_tokens", &Observation::output_tokens},
    {"gpu_util", &Observation::gpu_util, 1},      {"gpu_memory", &Observation::gpu_memory, 1},
    {"kv_usage", &Observation::kv_usage, 1},
};

struct CountField {
  std::string_view name;
  std::int32_t PoolObservation::* count;
};
constexpr CountField count_fields[] = {
    {"ready", &PoolObservation::ready},
    {"starting", &PoolObservation::starting},  // requested, starting and loading together
    {"draining", &PoolObservation::draining},
    {"failed", &PoolObservation::failed},
};

std::unexpected<Error> bad(std::string message) { return fail(ErrorKind::invalid, std::move(message)); }

// Enough of a name to be recognised, cut between characters.
std::string shortened(std::string_view name) {
  constexpr std::size_t most = 64;
  if (name.size() <= most) return std::string{name};
  auto end = most;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
  return std::string{name.substr(0, end)} + "...";
}

std::string unknown(std::string_view what, std::string_view name, std::span<const std::string_view> known) {
  const auto nearest = nearest_word(name, known);
  if (!nearest.empty()) return fmt::format("unknown {} \"{}\": did you mean \"{}\"?", what, shortened(name), nearest);
  return fmt::format("unknown {} \"{}\": known are {}", what, shortened(name), fmt::join(known, ", "));
}

std::string_view type_name(dom::element value) {
  switch (value.type()) {
    case dom::element_type::ARRAY:
      return "a list";
    case dom::element_type::OBJECT:
      return "an object";
    case dom::element_type::STRING:
      return "text";
    case dom::element_type::BOOL:
      return "true or false";
    case dom::element_type::NULL_VALUE:
      return "null";
    default:
      return "a number";
  }
}

struct Range {
  double least = 0;
  double most = count_max;
};

Result<double> number(std::string_view name, dom::element value, Range range) {
  double read = 0;
  if (value.get_double().get(read)) return bad(fmt::format("\"{}\" wants a number, not {}", name, type_name(value)));
  if (read < range.least || read > range.most)
    return bad(fmt::format("\"{}\" must be between {} and {}: it is {}", name, range.least, range.most, read));
  return read;
}

Result<std::int32_t> replica_count(std::string_view name, dom::element value) {
  const auto read = number(name, value, {.most = static_cast<double>(replicas_max)});
  if (!read) return std::unexpected(read.error());
  const auto whole = static_cast<std::int32_t>(*read);
  if (static_cast<double>(whole) != *read)
    return bad(fmt::format("\"{}\" wants a whole number: it is {}", name, *read));
  return whole;
}

// "ttft_p99": the reading of that latency; null when it is no such name.
Reading* latency_reading(Observation& seen, std::string_view name) {
  const auto split = name.rfind('_');
  if (split == std::string_view::npos) return nullptr;
  const auto kind = from_text<LatencyKind>(name.substr(0, split));
  const auto percentile = from_text<Percentile>(name.substr(split + 1));
  return kind && percentile ? &seen.latency(*kind, *percentile) : nullptr;
}

const std::vector<std::string_view>& field_names() {
  static const auto names = [] {
    std::vector<std::string_view> all{"now", "service", "pools", "cold_starts"};
    for (const auto& field : reading_fields) all.push_back(field.name);
    static std::vector<std::string> latencies;
    for (const auto& kind : enum_texts<LatencyKind>)
      for (const auto& percentile : enum_texts<Percentile>)
        latencies.push_back(fmt::format("{}_{}", kind.text, percentile.text));
    all.insert(all.end(), latencies.begin(), latencies.end());
    return all;
  }();
  return names;
}

// Refuses a name that stands twice in one object, which JSON allows and which always is a mistake here.
class Names {
 public:
  [[nodiscard]] Result<void> add(std::string_view name) {
    if (has(name)) return bad(fmt::format("\"{}\" stands twice", shortened(name)));
    seen_.push_back(name);
    return {};
  }
  [[nodiscard]] bool has(std::string_view name) const { return std::ranges::find(seen_, name) != seen_.end(); }

 private:
  std::vector<std::string_view> seen_;
};

// One line being read for one service.
class LineReading {
 public:
  // `counts` are as told last, and then as this line tells them.
  LineReading(const ServiceSpec& spec, std::vector<PoolObservation>& counts, Observation& seen)
      : spec_(spec), counts_(counts), seen_(seen) {
    seen_.service = spec.name;
  }

  Result<void> field(std::string_view name, dom::element value) {
    if (name == "now") {
      const auto now = number(name, value, {.least = -now_max, .most = now_max});
      if (!now) return bad(now.error().message + "; it is in seconds");
      seen_.now = instant_at(*now);
      return {};
    }
    if (name == "service") return {};
    if (name == "pools") return each(name, value, [&](dom::object one) { return pool(one); });
    if (name == "cold_starts") return each(name, value, [&](dom::object one) { return cold_start(one); });
    for (const auto& known : reading_fields)
      if (known.name == name) return reading(name, value, seen_.*known.reading, known.max);
    if (auto* latency = latency_reading(seen_, name)) return reading(name, value, *latency, seconds_max);
    return bad(unknown("field", name, field_names()));
  }

  [[nodiscard]] bool names_pool(std::string_view name) const { return pool_names_.has(name); }

 private:
  static Result<void> reading(std::string_view name, dom::element value, Reading& into, double most) {
    const auto read = number(name, value, {.most = most});
    if (!read) return std::unexpected(read.error());
    into = Reading::of(*read);
    return {};
  }

  template <class One>
  static Result<void> each(std::string_view name, dom::element value, One one) {
    dom::array list;
    if (value.get_array().get(list)) return bad(fmt::format("\"{}\" wants a list, not {}", name, type_name(value)));
    for (const auto element : list) {
      dom::object object;
      if (element.get_object().get(object))
        return bad(fmt::format("\"{}\" wants a list of objects, not of {}", name, type_name(element)));
      if (auto done = one(object); !done) return bad(fmt::format("{}: {}", name, done.error().message));
    }
    return {};
  }

  Result<std::size_t> pool_index(dom::object one) const {
    std::string_view name;
    if (one["pool"].get_string().get(name)) return bad("an entry without the name of its \"pool\"");
    const auto found = std::ranges::find(spec_.pools, name, &PoolSpec::name);
    if (found != spec_.pools.end()) return static_cast<std::size_t>(found - spec_.pools.begin());
    std::vector<std::string_view> known;
    for (const auto& pool : spec_.pools) known.push_back(pool.name);
    return bad(unknown("pool", name, known));
  }

  Result<void> pool(dom::object one) {
    const auto index = pool_index(one);
    if (!index) return std::unexpected(index.error());
    auto& counts = counts_[*index];
    if (auto once = pool_names_.add(counts.pool); !once) return once;
    Names names;
    for (const auto [name, value] : one) {
      if (auto once = names.add(name); !once) return once;
      if (name == "pool" || value.is_null()) continue;
      if (auto read = pool_field(counts, name, value); !read) return read;
    }
    return {};
  }

  static Result<void> pool_field(PoolObservation& counts, std::string_view name, dom::element value) {
    const auto known = std::ranges::find(count_fields, name, &CountField::name);
    if (known == std::end(count_fields) && name != "available") {
      constexpr std::string_view names[] = {"pool", "ready", "starting", "draining", "failed", "available"};
      return bad(unknown("field", name, names));
    }
    const auto count = replica_count(name, value);
    if (!count) return std::unexpected(count.error());
    if (name == "available")
      counts.available = *count;
    else
      counts.*known->count = *count;
    return {};
  }

  Result<void> cold_start(dom::object one) {
    const auto index = pool_index(one);
    if (!index) return std::unexpected(index.error());
    if (seen_.cold_starts.size() == cold_starts_max) return bad(fmt::format("more than {} entries", cold_starts_max));
    Names names;
    std::optional<double> took;
    for (const auto [name, value] : one) {
      if (auto once = names.add(name); !once) return once;
      if (name == "pool") continue;
      constexpr std::string_view known[] = {"pool", "seconds"};
      if (name != "seconds") return bad(unknown("field", name, known));
      const auto read = number(name, value, {.most = seconds_max});
      if (!read) return std::unexpected(read.error());
      took = *read;
    }
    if (!took) return bad("an entry without \"seconds\"");
    seen_.cold_starts.push_back({.pool = spec_.pools[*index].name, .took = from_seconds(*took)});
    return {};
  }

  const ServiceSpec& spec_;
  std::vector<PoolObservation>& counts_;
  Observation& seen_;
  Names pool_names_;
};

std::string json_problem(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY:
      return "an empty line: every line is one JSON object";
    case simdjson::UTF8_ERROR:
      return "the line is not UTF-8";
    default:
      return fmt::format("the line is not one JSON object: {}", simdjson::error_message(error));
  }
}

}  // namespace

class ObservationReader::Memory {
 public:
  explicit Memory(const FleetSpec& fleet)
      : fleet_(fleet), told_(fleet.services.size()), ordered_(fleet.services.size()) {
    for (std::size_t i = 0; i < fleet.services.size(); ++i) {
      index_.emplace(fleet.services[i].name, i);
      for (const auto& pool : fleet.services[i].pools) told_[i].push_back({.pool = pool.name});
    }
  }

  Result<ObservedLine> read(std::string_view line) {
    if (line.size() > line_bytes_max) return bad(fmt::format("the line is longer than {} bytes", line_bytes_max));
    dom::element root;
    if (const auto error = parser_.parse(line.data(), line.size()).get(root)) return bad(json_problem(error));
    dom::object object;
    if (root.get_object().get(object)) return bad(fmt::format("a line is one JSON object, not {}", type_name(root)));
    const auto service = service_of(object);
    if (!service) return std::unexpected(service.error());
    ObservedLine read{.service = *service, .seen = {}};
    auto counts = told_[*service];
    LineReading reading{fleet_.services[*service], counts, read.seen};
    Names names;
    bool has_now = false;
    for (const auto [name, value] : object) {
      if (auto once = names.add(name); !once) return std::unexpected(once.error());
      if (value.is_null() && std::ranges::find(field_names(), name) != field_names().end()) continue;
      if (auto done = reading.field(name, value); !done) return std::unexpected(done.error());
      has_now = has_now || name == "now";
    }
    if (!has_now) return bad("\"now\" is missing: the end of the observed interval, in seconds");
    told_[*service] = counts;
    for (std::size_t i = 0; i < counts.size(); ++i)
      if (!reading.names_pool(counts[i].pool) && i < ordered_[*service].size())
        counts[i] = carried_out(counts[i], ordered_[*service][i].replicas.value());
    read.seen.pools = std::move(counts);
    return read;
  }

  void order(std::size_t service, const Decision& decision) {
    if (fleet_.services[service].mode == Mode::act) ordered_[service] = decision.pools;
  }

 private:
  static PoolObservation carried_out(PoolObservation counts, std::int32_t ordered) {
    counts.ready = std::min(counts.ready, ordered);
    counts.starting = ordered - counts.ready;
    return counts;
  }

  Result<std::size_t> service_of(dom::object object) const {
    dom::element given;
    if (object["service"].get(given))
      return bad("\"service\" is missing: the name of the service in the configuration");
    std::string_view name;
    if (given.get_string().get(name)) return bad(fmt::format("\"service\" wants text, not {}", type_name(given)));
    const auto found = index_.find(name);
    if (found != index_.end()) return found->second;
    std::vector<std::string_view> known;
    for (const auto& service : fleet_.services) known.push_back(service.name);
    if (known.size() > 8 && nearest_word(name, known).empty())
      return bad(fmt::format("unknown service \"{}\": it is not in the configuration", shortened(name)));
    return bad(unknown("service", name, known));
  }

  const FleetSpec& fleet_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::vector<std::vector<PoolObservation>> told_;  // of each service
  std::vector<std::vector<PoolDecision>> ordered_;
  dom::parser parser_;
};

ObservationReader::ObservationReader(const FleetSpec& fleet) : memory_(std::make_unique<Memory>(fleet)) {}
ObservationReader::~ObservationReader() = default;
Result<ObservedLine> ObservationReader::read(std::string_view line) { return memory_->read(line); }
void ObservationReader::order(std::size_t service, const Decision& decision) { memory_->order(service, decision); }

}  // namespace tidegate

// What routing by prompt prefix is worth: a trace with shared prefixes against replicas with prefix caches, in
// virtual time, once with the gateway's affinity and once without. Prints JSON rows of a benchmark.
//
//   affinity_plant [--trace FILE] [--replicas 4] [--slots 16] [--scale 2] [--minutes 30] [--cache 0.5]
//
// The routing is the gateway's own (AffinityKeys over the bytes of the prompt, AffinityTable, pick_replica, one
// queue in order of arrival); the replicas are lab/sim engines of the profile llama-3.1-8b-h100. A replica's prefix
// cache holds the blocks of 512 tokens used last, as many as half of its KV cache (--cache: that share; above 1 a
// cache in host memory); the blocks a prompt begins with that are in it are not computed again. Without a trace:
// conversations of several turns, each turn's prompt the whole conversation so far. Deterministic.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "edge/files/byte_file.h"
#include "edge/gateway/balancer.h"
#include "edge/load/request_text.h"
#include "lab/sim/engine.h"
#include "lab/sim/profiles.h"
#include "lab/sim/traffic.h"

namespace tidegate {
namespace {

struct Setup {
  std::string trace;
  int replicas = 4;
  int slots = 16;
  double scale = 2;
  Duration length = 30min;
  double cache = 0.5;  // of the KV cache's tokens
};

// Blocks used last, dropped in order of use.
class PrefixCache {
 public:
  explicit PrefixCache(std::size_t blocks_max) : blocks_max_(blocks_max) {}

  [[nodiscard]] std::size_t hits(const std::vector<std::uint64_t>& prefix) const {
    std::size_t count = 0;
    while (count < prefix.size() && places_.contains(prefix[count])) ++count;
    return count;
  }
  void use(const std::vector<std::uint64_t>& prefix) {
    // From the end, so that a block is never kept longer than those before it.
    for (auto id = prefix.rbegin(); id != prefix.rend(); ++id) {
      if (const auto known = places_.find(*id); known != places_.end()) order_.erase(known->second);
      order_.push_front(*id);
      places_[*id] = order_.begin();
    }
    for (; order_.size() > blocks_max_; order_.pop_back()) places_.erase(order_.back());
  }

 private:
  std::size_t blocks_max_;
  std::list<std::uint64_t> order_;
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> places_;
};

struct Replica {
  Engine engine;
  PrefixCache cache;
  ReplicaLoad load;
  Instant step_ends{};
  bool stepping = false;
  std::vector<EngineEvent> events{};
};

struct Request {
  TrafficRequest traffic;
  Instant arrival{};
  AffinityKeys keys;
};

struct Findings {
  std::vector<double> ttft;
  double input = 0, cached = 0;
  double known = 0, found = 0;  // requests with a prefix in some cache; that went where it is
  [[nodiscard]] double quantile(double share) {
    if (ttft.empty()) return 0;
    std::ranges::sort(ttft);
    return ttft[static_cast<std::size_t>(share * static_cast<double>(ttft.size() - 1))];
  }
};

class Plant {
 public:
  Plant(const Setup& setup, bool affinity) : affinity_(affinity) {
    const auto profile = engine_profile(*find_profile("llama-3.1-8b-h100"));
    const auto blocks =
        static_cast<std::size_t>(setup.cache * static_cast<double>(profile.kv_tokens)) / prefix_block_tokens;
    for (int i = 0; i < setup.replicas; ++i)
      replicas_.push_back(
          std::make_unique<Replica>(Engine(profile), PrefixCache(blocks), ReplicaLoad{.slots = setup.slots}));
    for (const auto& replica : replicas_) loads_.push_back(&replica->load);
  }

  void arrive(const TrafficRequest& traffic, std::uint64_t number) {
    advance(Instant{traffic.at});
    Request request{traffic, now_, {}};
    if (affinity_)
      request.keys =
          AffinityKeys::of_prompt("[{\"role\":\"user\",\"content\":\"" + prompt_text(traffic, number) + "\"}]");
    waiting_.push_back(std::move(request));
    dispatch();
  }
  Findings finish() {
    advance(Instant::max());
    return std::move(findings_);
  }

 private:
  void advance(Instant to) {
    for (;;) {
      Replica* next = nullptr;
      for (const auto& replica : replicas_)
        if (replica->stepping && (!next || replica->step_ends < next->step_ends)) next = replica.get();
      if (!next || next->step_ends > to) break;
      now_ = next->step_ends;
      end_step(*next);
    }
    if (to != Instant::max()) now_ = to;
  }

  void end_step(Replica& replica) {
    replica.stepping = false;
    for (const auto& event : replica.events) {
      if (event.kind != EngineEvent::Kind::token) continue;
      if (event.is_first) {
        const auto& request = in_service_.at(event.request);
        findings_.ttft.push_back(seconds(now_ - request.arrival));
        replica.cache.use(request.traffic.prefix);
      }
      if (event.is_last) {
        in_service_.erase(event.request);
        --replica.load.in_flight;
      }
    }
    replica.events.clear();
    dispatch();
    begin_step(replica);
  }

  void begin_step(Replica& replica) {
    if (replica.stepping || replica.engine.is_idle()) return;
    replica.step_ends = now_ + replica.engine.step(replica.events);
    replica.stepping = true;
  }

  void dispatch() {
    while (!waiting_.empty()) {
      const auto& request = waiting_.front();
      const auto known = affinity_ ? table_.find(request.keys) : 0;
      const int place = pick_replica(loads_, now_, static_cast<int>(known) - 1);
      if (place < 0) return;
      serve(*replicas_[static_cast<std::size_t>(place)]);
      if (affinity_) table_.remember(in_service_.at(number_).keys, static_cast<std::uint32_t>(place) + 1);
    }
  }

  void serve(Replica& replica) {
    Request request = std::move(waiting_.front());
    waiting_.pop_front();
    const auto& prefix = request.traffic.prefix;
    const std::size_t hits = replica.cache.hits(prefix);
    std::size_t best = 0;
    for (const auto& one : replicas_) best = std::max(best, one->cache.hits(prefix));
    // One block is the system prompt everybody shares.
    if (best >= 2) {
      ++findings_.known;
      findings_.found += hits == best;
    }
    const auto input = static_cast<std::int32_t>(std::clamp<std::int64_t>(request.traffic.input_tokens, 1, 200'000));
    const auto cached = std::min(static_cast<std::int32_t>(hits * prefix_block_tokens), input - 1);
    findings_.input += input;
    findings_.cached += cached;
    ++replica.load.in_flight;
    const auto output = static_cast<std::int32_t>(std::clamp<std::int64_t>(request.traffic.output_tokens, 1, 20'000));
    in_service_.emplace(++number_, std::move(request));
    const auto answer =
        replica.engine.add({.id = number_, .input_tokens = input, .output_tokens = output, .cached_tokens = cached});
    if (answer != EngineAnswer::queued) std::abort();
    begin_step(replica);
  }

  bool affinity_;
  Instant now_{};
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<const ReplicaLoad*> loads_;
  AffinityTable table_;
  std::deque<Request> waiting_;
  std::map<EngineRequestId, Request> in_service_;
  EngineRequestId number_ = 0;
  Findings findings_;
};

// Conversations of 1 to 12 turns: each adds some 100 to 1500 tokens to a common system prompt of one block.
std::vector<TrafficRequest> conversations(const Setup& setup) {
  constexpr double turns_mean = 6.5;
  Prng random{17};
  std::vector<TrafficRequest> all;
  std::uint64_t next_id = 1;
  const double gap = turns_mean / (1.7 * setup.scale);
  for (double begin = 0; begin < seconds(setup.length); begin += random.exponential(gap)) {
    double at = begin;
    std::int64_t tokens = static_cast<std::int64_t>(prefix_block_tokens);
    std::vector<std::uint64_t> prefix{0};
    const auto turns = 1 + random.below(12);
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
      tokens += 100 + static_cast<std::int64_t>(random.below(3000));
      while (prefix.size() * prefix_block_tokens < static_cast<std::size_t>(tokens)) prefix.push_back(next_id++);
      all.push_back({from_seconds(at), tokens, 20 + static_cast<std::int64_t>(random.below(400)), {}, {}, prefix});
      // The block a turn ends in is filled up by the next one, so it is another then.
      prefix.back() = next_id++;
      at += 15 + random.exponential(30);
    }
  }
  std::ranges::sort(all, {}, &TrafficRequest::at);
  std::erase_if(all, [&](const auto& one) { return one.at >= setup.length; });
  return all;
}

Result<std::vector<TrafficRequest>> requests_of(const Setup& setup) {
  if (setup.trace.empty()) return conversations(setup);
  auto bytes = open_bytes(setup.trace);
  if (!bytes) return std::unexpected(bytes.error());
  auto reader = TrafficReader::open(*bytes, setup.trace, {.scale = setup.scale});
  if (!reader) return std::unexpected(reader.error());
  std::vector<TrafficRequest> all;
  for (;;) {
    auto next = reader->next();
    if (!next) return std::unexpected(next.error());
    if (!*next || (*next)->at - reader->origin() >= setup.length) return all;
    all.push_back(std::move(**next));
  }
}

Findings play(const Setup& setup, const std::vector<TrafficRequest>& requests, bool affinity) {
  Plant plant(setup, affinity);
  for (std::uint64_t number = 0; number < requests.size(); ++number) plant.arrive(requests[number], number);
  return plant.finish();
}

void row(const std::string& name, double on, double off, std::string_view unit) {
  std::cout
      << fmt::format(
             R"({{"name": "{}", "value": {:.5g}, "unit": "{}", "peer": "affinity_off", "peer_value": {:.5g}, "ratio": {:.5g}}})",
             name, on, unit, off, off != 0 ? on / off : 0.0)
      << "\n";
}

int run(const Setup& setup) {
  const auto requests = requests_of(setup);
  if (!requests) {
    std::cerr << requests.error().message << "\n";
    return 1;
  }
  auto on = play(setup, *requests, true);
  auto off = play(setup, *requests, false);
  row("affinity_prefix_found", on.found / on.known, off.found / off.known, "share");
  row("affinity_prompt_cached", on.cached / on.input, off.cached / off.input, "share");
  row("affinity_ttft_p50", on.quantile(0.5), off.quantile(0.5), "s");
  row("affinity_ttft_p99", on.quantile(0.99), off.quantile(0.99), "s");
  return 0;
}

}  // namespace
}  // namespace tidegate

int main(int count, char** words) {
  tidegate::Setup setup;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = words[i], value = words[i + 1];
    if (name == "--trace")
      setup.trace = value;
    else if (name == "--replicas")
      setup.replicas = std::max(1, std::atoi(value.c_str()));
    else if (name == "--slots")
      setup.slots = std::max(1, std::atoi(value.c_str()));
    else if (name == "--scale")
      setup.scale = std::atof(value.c_str());
    else if (name == "--cache")
      setup.cache = std::atof(value.c_str());
    else if (name == "--minutes")
      setup.length = tidegate::from_seconds(60 * std::atof(value.c_str()));
  }
  return tidegate::run(setup);
}

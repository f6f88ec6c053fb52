#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "lab/scenario/runner.h"

namespace tidegate {
namespace {

constexpr Instant beginning{};

// The world a scenario plays in: what is seen at each step, and where decisions go.
class World {
 public:
  virtual ~World() = default;
  virtual void advance(Instant now) = 0;
  [[nodiscard]] virtual Observation observe(std::size_t step) = 0;
  virtual void apply(const Decision& decision) = 0;
  [[nodiscard]] virtual std::optional<Scorecard> close() { return std::nullopt; }
};

class FedWorld : public World {
 public:
  explicit FedWorld(const Scenario& scenario)
      : scenario_(scenario),
        feed_(std::get<Feed>(scenario.drive)),
        life_(lives(scenario), beginning, Prng{scenario.seed}),
        faults_(scenario.faults) {
    for (const auto& series : feed_.series)
      if (PoolObservation counts; series.pool && fed_count(counts, series.signal) != nullptr)
        fed_pools_.push_back(*series.pool);
  }

  void advance(Instant now) override {
    now_ = now;
    for (auto fault = faults_.next(); fault && beginning + *fault <= now; fault = faults_.next()) {
      life_.advance(beginning + *fault);
      faults_.advance(*fault, life_);
    }
    life_.advance(now);
  }

  Observation observe(std::size_t step) override {
    Observation seen{.now = now_, .service = scenario_.service.name};
    for (std::size_t i = 0; i < scenario_.pools.size(); ++i) {
      const bool is_fed = std::ranges::find(fed_pools_, i) != fed_pools_.end();
      auto counted = life_.count(i);
      seen.pools.push_back(is_fed ? PoolObservation{.pool = counted.pool, .available = counted.available} : counted);
    }
    seen.cold_starts = life_.take_cold_starts();
    std::erase_if(seen.cold_starts, [&](const ColdStart& cold) {
      return std::ranges::any_of(fed_pools_, [&](auto i) { return scenario_.pools[i].life.name == cold.pool; });
    });
    for (const auto& series : feed_.series) {
      const auto& item = series.items[std::min(step, series.items.size() - 1)];
      auto* count = series.pool ? fed_count(seen.pools[*series.pool], series.signal) : nullptr;
      if (count != nullptr)
        *count = static_cast<std::int32_t>(item.value);
      else
        *fed_reading(seen, series.signal, series.pool) = item;
    }
    degrade(scenario_.faults, now_ - beginning, last_, seen);
    last_ = seen;
    return seen;
  }

  void apply(const Decision& decision) override {
    for (std::size_t i = 0; i < scenario_.pools.size(); ++i)
      for (const auto& decided : decision.pools)
        if (decided.pool == scenario_.pools[i].life.name) life_.order(i, decided.replicas.value());
    // A start that takes no time is over at once.
    life_.advance(now_);
  }

 private:
  static std::vector<LifecyclePool> lives(const Scenario& scenario) {
    std::vector<LifecyclePool> all;
    for (const auto& pool : scenario.pools) all.push_back(pool.life);
    return all;
  }

  const Scenario& scenario_;
  const Feed& feed_;
  Lifecycle life_;
  FaultClock faults_;
  std::vector<std::size_t> fed_pools_;
  Observation last_;
  Instant now_ = beginning;
};

class RunWorld : public World {
 public:
  explicit RunWorld(const Scenario& scenario) : plant_(spec(scenario), arrivals(scenario)) {}
  void advance(Instant now) override { plant_.advance(now); }
  Observation observe(std::size_t) override { return plant_.observe(); }
  void apply(const Decision& decision) override { plant_.apply(decision); }
  std::optional<Scorecard> close() override { return plant_.close(); }

 private:
  static PlantSpec spec(const Scenario& scenario) {
    return {.service = scenario.service.name,
            .slo = scenario.service.slo,
            .hold = scenario.service.hold,
            .pools = scenario.pools,
            .faults = scenario.faults,
            .start = beginning,
            .seed = scenario.seed};
  }
  static ArrivalStream arrivals(const Scenario& scenario) {
    std::vector<ArrivalStream> streams;
    const Prng random{scenario.seed};
    for (const auto& part : std::get<Run>(scenario.drive).traffic)
      streams.push_back(renewal_arrivals(part.curve, part.burstiness, random.split(100 + streams.size())));
    return merged_arrivals(std::move(streams));
  }
  Plant plant_;
};

// What operators have done up to now.
class Helm {
 public:
  explicit Helm(const Scenario& scenario) : scenario_(scenario) {}

  // Takes up everything due; returns how the controller was restarted meanwhile.
  RestartKind advance(Duration now, Recording& recording) {
    auto restart = RestartKind::none;
    for (; next_ < scenario_.steers.size() && scenario_.steers[next_].at <= now; ++next_) {
      const auto& steer = scenario_.steers[next_];
      if (const auto* how = std::get_if<RestartSteer>(&steer.what)) {
        down_until_ = steer.at + steer.lasts;
        // A lost state stays lost, whatever comes before the next decision.
        if (pending_ != RestartKind::lost) pending_ = how->keeps_state ? RestartKind::kept : RestartKind::lost;
      } else if (const auto* reload = std::get_if<ReloadSteer>(&steer.what)) {
        auto spec = reload->spec;
        if (spec.policies == scenario_.service.policies) spec.policies = recording.specs.front().policies;
        recording.specs.push_back(std::move(spec));
      } else {
        steer_by(steer);
      }
    }
    if (!is_down(now)) restart = std::exchange(pending_, RestartKind::none);
    return restart;
  }

  [[nodiscard]] bool is_down(Duration now) const { return now < down_until_; }

  void mark(Duration now, RestartKind restart, Observation& seen) const {
    seen.pause = pause_;
    seen.manual = manual_;
    seen.rollout = now < rollout_until_;
    seen.restarted = restart == RestartKind::lost;
  }

 private:
  void steer_by(const Steer& steer) {
    const bool ends = steer.lasts > Duration::zero();
    const auto end = beginning + steer.at + steer.lasts;
    if (std::holds_alternative<PauseSteer>(steer.what))
      pause_ = Pause{.expires = ends ? std::optional{end} : std::nullopt, .author = "operator"};
    if (std::holds_alternative<ResumeSteer>(steer.what)) pause_.reset();
    if (std::holds_alternative<RolloutSteer>(steer.what))
      rollout_until_ = ends ? steer.at + steer.lasts : Duration::max();
    if (const auto* manual = std::get_if<OverrideSteer>(&steer.what)) {
      manual_.reset();
      if (manual->kind)
        manual_ = Override{.kind = *manual->kind,
                           .replicas = Replicas{manual->replicas},
                           .expires = ends ? end : beginning + steer.at + 1h,
                           .author = "operator"};
    }
  }

  const Scenario& scenario_;
  std::size_t next_ = 0;
  RestartKind pending_ = RestartKind::none;
  Duration down_until_{};
  Duration rollout_until_{};
  std::optional<Pause> pause_;
  std::optional<Override> manual_;
};

std::string name_policies(const std::vector<PolicySpec>& policies) {
  std::string names;
  for (const auto& policy : policies) names += (names.empty() ? "" : "+") + std::string{policy_name(policy)};
  return names;
}

}  // namespace

Recording play(const Scenario& scenario, std::size_t variant, const MakeDecider& make) {
  CHECK(variant < scenario.variants.size());
  Recording recording{.policies = name_policies(scenario.variants[variant]), .specs = {scenario.service}};
  recording.specs.front().policies = scenario.variants[variant];
  std::unique_ptr<World> world;
  if (std::holds_alternative<Feed>(scenario.drive))
    world = std::make_unique<FedWorld>(scenario);
  else
    world = std::make_unique<RunWorld>(scenario);
  Helm helm{scenario};
  auto decider = make();
  const auto steps = scenario.steps();
  for (std::int64_t step = 0; step < steps; ++step) {
    const auto now = scenario.every * step;
    world->advance(beginning + now);
    const auto restart = helm.advance(now, recording);
    if (helm.is_down(now)) continue;
    StepRecord record{.at = now, .spec = recording.specs.size() - 1, .restart = restart};
    if (restart != RestartKind::none) {
      const auto saved = decider->save();
      decider = make();
      if (restart == RestartKind::kept)
        if (const auto loaded = decider->load(saved); !loaded) recording.broken = loaded.error().message;
    }
    if (step == steps / 3 || step == steps * 2 / 3) record.checkpoint = decider->save();
    record.seen = world->observe(static_cast<std::size_t>(step));
    helm.mark(now, restart, record.seen);
    const auto& spec = recording.specs.back();
    record.decision = decider->decide(spec, record.seen);
    if (spec.mode == Mode::act) world->apply(record.decision);
    recording.steps.push_back(std::move(record));
  }
  recording.card = world->close();
  return recording;
}

}  // namespace tidegate

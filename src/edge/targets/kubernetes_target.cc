#include "edge/targets/kubernetes_target.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "edge/targets/cluster_deeds.h"
#include "edge/targets/cluster_watches.h"
#include "edge/targets/kubernetes_plan.h"

namespace tidegate {
namespace {

constexpr Duration look_period = 250ms;  // after the health of the watches, and whether we lead
constexpr Duration seek_period = 1s;     // after kinds that are not served (yet); discovery bounds what is asked

KubernetesPlanOptions plan_options(const KubernetesTargetOptions& options) {
  return {.default_namespace = options.default_namespace,
          .pool = {.takeover = options.takeover,
                   .field_manager = options.field_manager,
                   .pods = options.patience,
                   .second_owner = options.second_owner}};
}

}  // namespace

// One thread keeps the watches and tells the plan what they show, another one asks where kinds are served, which may
// take a while; the writers carry out what the plan wants. Whoever
// tells the plan anything hands on at once what it answers.
class KubernetesTarget::Loop {
 public:
  Loop(Cluster& cluster, KubernetesTargetOptions options)
      : cluster_(cluster),
        options_(std::move(options)),
        plan_(plan_options(options_)),
        watches_(cluster, {.watch = options_.watch, .client = options_.client, .lost_after = options_.lost_after},
                 [this] { ring(); }) {
    keeper_ = std::jthread([this](const std::stop_token& stop) { keep(stop); });
    seeker_ = std::jthread([this](const std::stop_token& stop) { seek(stop); });
    for (std::size_t number = 0; number < std::max<std::size_t>(options_.writers, 1); ++number)
      writers_.emplace_back([this](const std::stop_token& stop) { write(stop); });
  }
  ~Loop() {
    keeper_.request_stop();
    seeker_.request_stop();
    for (auto& writer : writers_) writer.request_stop();
    ring();
    ready_.notify_all();
    keeper_.join();
    seeker_.join();
    writers_.clear();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  [[nodiscard]] Instant now() const { return cluster_.clock().now(); }

  template <class Function>
  auto with_plan(Function function) {
    const std::lock_guard lock(mutex_);
    if constexpr (std::is_void_v<decltype(function(plan_))>) {
      function(plan_);
      pump();
    } else {
      auto result = function(plan_);
      pump();
      return result;
    }
  }

  void configure(const std::vector<ServiceSpec>& services) {
    ClusterWish wish;
    for (const auto& service : services)
      for (const auto& pool : service.pools)
        if (const auto* target = std::get_if<KubernetesTargetSpec>(&pool.target)) {
          wish.kinds.insert({target->api_version, target->kind});
          if (options_.only_namespaces_in_use)
            wish.spaces.insert(target->name_space.empty() ? options_.default_namespace : target->name_space);
        }
    if (!options_.only_namespaces_in_use) {
      wish.spaces = {options_.namespaces.begin(), options_.namespaces.end()};
      if (wish.spaces.empty()) wish.spaces.insert("");
    }
    with_plan([&](KubernetesPlan& plan) { plan.configure(services, now()); });
    std::unique_lock lock(wish_mutex_);
    const bool is_first = !std::exchange(is_configured_, true);
    wish_ = std::move(wish);
    lock.unlock();
    ring();
    wished_.notify_all();
    if (is_first) wait_for_first_look();
  }

  void leadership_changed() {
    with_plan([](KubernetesPlan& plan) { plan.wake(); });
  }

 private:
  void ring() {
    {
      const std::lock_guard lock(wish_mutex_);
      is_rung_ = true;
    }
    rung_.notify_all();
  }

  // Under mutex_.
  void pump() {
    plan_.let_write(!options_.may_write || options_.may_write());
    auto writes = plan_.step(now());
    if (writes.empty()) return;
    for (auto& write : writes) queue_.push_back(std::move(write));
    ready_.notify_all();
  }

  void keep(const std::stop_token& stop) {
    bool did_lead = false;
    while (!stop.stop_requested()) {
      if (const auto wish = this->wish()) watches_.follow(*wish);
      const bool leads = !options_.may_write || options_.may_write();
      Instant wakes_at;
      {
        const std::lock_guard lock(mutex_);
        watches_.tell(plan_, now());
        if (leads && !did_lead) plan_.wake();
        pump();
        wakes_at = plan_.wakes_at();
      }
      did_lead = leads;
      told_.notify_all();
      std::unique_lock lock(wish_mutex_);
      const Duration wait = std::clamp<Duration>(wakes_at - now(), Duration{1ms}, Duration{look_period});
      rung_.wait_for(lock, stop, wait, [this] { return is_rung_; });
      is_rung_ = false;
    }
  }

  void seek(const std::stop_token& stop) {
    ClusterWish sought;
    while (!stop.stop_requested()) {
      if (const auto wish = this->wish()) {
        watches_.seek(sought = *wish, stop);
        ring();
      }
      std::unique_lock lock(wish_mutex_);
      wished_.wait_for(lock, stop, seek_period, [&] { return is_configured_ && wish_ != sought; });
    }
  }

  // None: nobody has said yet.
  std::optional<ClusterWish> wish() {
    const std::lock_guard lock(wish_mutex_);
    return is_configured_ ? std::optional(wish_) : std::nullopt;
  }

  void wait_for_first_look() {
    std::unique_lock lock(mutex_);
    told_.wait_for(lock, options_.first_look, [this] { return plan_.sees_all(); });
  }

  void write(const std::stop_token& stop) {
    ApiClient client(cluster_, options_.client);
    const DeedOptions deeds{.may_write = options_.may_write, .field_manager = options_.field_manager};
    while (true) {
      ClusterWrite write;
      {
        std::unique_lock lock(mutex_);
        if (!ready_.wait(lock, stop, [this] { return !queue_.empty(); })) return;
        write = std::move(queue_.front());
        queue_.pop_front();
      }
      ClusterAnswer answer;
      if (const auto type = watches_.type_of({write.workload.api_version, write.workload.kind}))
        answer = carry_out(client, *type, write, deeds, stop);
      else
        answer.may_not_write = true;
      with_plan([&](KubernetesPlan& plan) { plan.answered(write, answer, now()); });
    }
  }

  Cluster& cluster_;
  const KubernetesTargetOptions options_;

  std::mutex mutex_;  // of the plan and the queue
  std::condition_variable_any ready_, told_;
  KubernetesPlan plan_;
  std::deque<ClusterWrite> queue_;

  std::mutex wish_mutex_;  // of what follows
  std::condition_variable_any rung_, wished_;
  bool is_rung_ = false;
  bool is_configured_ = false;
  ClusterWish wish_;

  ClusterWatches watches_;  // of the keeper; seek() of the seeker
  std::vector<std::jthread> writers_;
  std::jthread keeper_, seeker_;
};

KubernetesTarget::KubernetesTarget(Cluster& cluster, KubernetesTargetOptions options)
    : loop_(std::make_unique<Loop>(cluster, std::move(options))) {}
KubernetesTarget::~KubernetesTarget() = default;

void KubernetesTarget::configure(const std::vector<ServiceSpec>& services) { loop_->configure(services); }

void KubernetesTarget::order(const std::string& service, const std::vector<Order>& pools) {
  loop_->with_plan([&](KubernetesPlan& plan) { plan.order(service, pools, loop_->now()); });
}

void KubernetesTarget::in_flight(const std::map<std::string, std::int64_t>& by_replica) {
  loop_->with_plan([&](KubernetesPlan& plan) { plan.in_flight(by_replica); });
}

void KubernetesTarget::resume(const std::string& service) {
  loop_->with_plan([&](KubernetesPlan& plan) { plan.resume(service); });
}

Result<void> KubernetesTarget::restart(const std::string& service) {
  return loop_->with_plan([&](KubernetesPlan& plan) { return plan.restart(service); });
}

TargetView KubernetesTarget::look() {
  return loop_->with_plan([](KubernetesPlan& plan) { return plan.look(); });
}

void KubernetesTarget::leadership_changed() { loop_->leadership_changed(); }

}  // namespace tidegate

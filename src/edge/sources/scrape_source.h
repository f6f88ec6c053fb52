// Reads the replicas' own metrics pages, all of a round at once, each with its own deadline. A replica that does not
// answer, or answers with something that is no metrics page, has errors for all signals of its preset; one that is
// no longer in replicas() has no samples at all. A slow replica delays nobody beyond one period.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/model/service_spec.h"
#include "core/signals/presets.h"
#include "edge/net/http_client.h"
#include "edge/ports/clock.h"
#include "edge/ports/source.h"
#include "edge/sources/page_reader.h"
#include "edge/sources/sample_board.h"

namespace tidegate {

// How the replicas of one service are read.
struct ScrapePlan {
  std::string service;
  const Preset* preset = nullptr;
  std::optional<std::uint16_t> port;  // none: the replica's own
  std::string path = "/metrics";
  Duration period = 1s;
  friend bool operator==(const ScrapePlan&, const ScrapePlan&) = default;
};

// Of every service with a preset; an unknown preset or a port that is none is invalid.
[[nodiscard]] Result<std::vector<ScrapePlan>> scrape_plans(std::span<const ServiceSpec> services);

class ScrapeSource : public Source {
 public:
  static constexpr Duration page_timeout_max = 5s;

  explicit ScrapeSource(const Clock& clock);
  ~ScrapeSource() override;

  [[nodiscard]] std::string_view name() const override { return "scrape"; }
  [[nodiscard]] Result<void> configure(const std::vector<ServiceSpec>& services) override;
  [[nodiscard]] std::vector<Sample> latest() override { return board_.all(); }
  void replicas(const std::vector<ScrapeTarget>& targets) override;

 private:
  struct Service {
    std::shared_ptr<const ScrapePlan> plan;
    Instant due{};
  };
  struct Page {
    std::shared_ptr<const ScrapePlan> plan;
    ScrapeTarget target;
  };

  [[nodiscard]] Duration round(const std::stop_token& stop);
  [[nodiscard]] std::vector<Page> due_pages(Instant now);
  void publish(const Page& page, const Result<HttpResponse>& answer, Instant taken);

  const Clock& clock_;
  std::map<const Preset*, std::unique_ptr<PageReader>> readers_;
  HttpClient client_;
  std::mutex mutex_;  // of services_ and targets_, and of putting on the board what is one of the targets
  std::map<std::string, Service> services_;
  std::map<std::string, ScrapeTarget> targets_;  // by service and replica
  SampleBoard board_;
  RoundThread thread_;  // last: everything it uses lives longer
};

// The page of one replica, read once: for `doctor`.
[[nodiscard]] Result<std::vector<SignalFinding>> examine_replica(HttpClient& client, const ScrapePlan& plan,
                                                                 const ScrapeTarget& target);

}  // namespace tidegate

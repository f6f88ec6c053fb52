#include "edge/sources/scrape_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace tidegate {

namespace {

std::string key_of(const ScrapeTarget& target) { return target.service + '\n' + target.replica; }

std::string url_of(const ScrapePlan& plan, const ScrapeTarget& target) {
  const bool is_v6 = target.host.contains(':');
  return fmt::format("http://{}{}{}:{}{}", is_v6 ? "[" : "", target.host, is_v6 ? "]" : "",
                     plan.port.value_or(target.port), plan.path);
}

HttpRequest request_of(const ScrapePlan& plan, const ScrapeTarget& target) {
  return {.url = url_of(plan, target),
          .headers = {{"Accept", "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5"}},
          .timeout = std::clamp<Duration>(plan.period, 250ms, ScrapeSource::page_timeout_max),
          .direct = true};
}

}  // namespace

Result<std::vector<ScrapePlan>> scrape_plans(std::span<const ServiceSpec> services) {
  std::vector<ScrapePlan> plans;
  for (const ServiceSpec& service : services) {
    if (!service.signals.preset) continue;
    const PresetSpec& spec = *service.signals.preset;
    const Preset* preset = find_preset(spec.preset);
    if (preset == nullptr) {
      std::string known;
      for (const Preset& one : presets()) (known += known.empty() ? "" : ", ") += one.name;
      return fail(ErrorKind::invalid,
                  fmt::format("service {}: there is no preset {}; there are: {}", service.name, spec.preset, known));
    }
    ScrapePlan plan{.service = service.name,
                    .preset = preset,
                    .path = spec.path.empty() ? std::string{preset->path} : spec.path,
                    .period = spec.period};
    if (spec.port != "http") {
      std::uint16_t port = 0;
      const auto [end, code] = std::from_chars(spec.port.data(), spec.port.data() + spec.port.size(), port);
      if (code != std::errc{} || end != spec.port.data() + spec.port.size() || port == 0)
        return fail(ErrorKind::invalid, fmt::format("service {}: the metrics port {} is neither \"http\" nor a number "
                                                    "from 1 to 65535",
                                                    service.name, spec.port));
      plan.port = port;
    }
    plans.push_back(std::move(plan));
  }
  return plans;
}

ScrapeSource::ScrapeSource(const Clock& clock)
    : clock_(clock), thread_([this](const std::stop_token& stop) { return round(stop); }) {}

ScrapeSource::~ScrapeSource() = default;

Result<void> ScrapeSource::configure(const std::vector<ServiceSpec>& services) {
  auto plans = scrape_plans(services);
  if (!plans) return std::unexpected(plans.error());
  {
    const std::scoped_lock lock{mutex_};
    std::map<std::string, Service> wanted;
    for (auto& plan : *plans) {
      const std::string service = plan.service;
      const auto known = services_.find(service);
      if (known != services_.end() && *known->second.plan == plan)
        wanted.emplace(service, std::move(known->second));
      else
        wanted.emplace(service, Service{.plan = std::make_shared<const ScrapePlan>(std::move(plan))});
    }
    services_ = std::move(wanted);
    std::erase_if(targets_, [this](const auto& target) { return !services_.contains(target.second.service); });
    board_.retain([this](const std::string& key) { return targets_.contains(key); });
  }
  thread_.wake();
  return {};
}

void ScrapeSource::replicas(const std::vector<ScrapeTarget>& targets) {
  bool is_new = false;
  {
    const std::scoped_lock lock{mutex_};
    std::map<std::string, ScrapeTarget> wanted;
    for (const ScrapeTarget& target : targets)
      if (services_.contains(target.service)) wanted[key_of(target)] = target;
    for (const auto& [key, target] : wanted) {
      const auto known = targets_.find(key);
      if (known != targets_.end() && known->second == target) continue;
      is_new = true;
      services_.at(target.service).due = {};
    }
    targets_ = std::move(wanted);
    board_.retain([this](const std::string& key) { return targets_.contains(key); });
  }
  if (is_new) thread_.wake();
}

std::vector<ScrapeSource::Page> ScrapeSource::due_pages(Instant now) {
  std::vector<Page> pages;
  const std::scoped_lock lock{mutex_};
  for (auto& [name, service] : services_) {
    if (service.due > now) continue;
    // Kept on its grid, unless it fell behind.
    service.due = std::max(service.due + service.plan->period, now + service.plan->period / 2);
    // Keys begin with the service.
    for (auto at = targets_.lower_bound(name + '\n'); at != targets_.end() && at->second.service == name; ++at)
      pages.push_back({service.plan, at->second});
  }
  return pages;
}

Duration ScrapeSource::round(const std::stop_token& stop) {
  const Instant began = clock_.now();
  const std::vector<Page> pages = due_pages(began);
  std::vector<HttpRequest> requests;
  Duration longest = 250ms;
  for (const Page& page : pages) {
    requests.push_back(request_of(*page.plan, page.target));
    longest = std::max(longest, requests.back().timeout);
  }
  const auto answers = client_.fetch_all(requests, 3 * longest, stop);
  if (stop.stop_requested()) return 1ms;
  // The instant before the questions: nothing on the pages is older.
  for (std::size_t i = 0; i < pages.size(); ++i) publish(pages[i], answers[i], began);
  const std::scoped_lock lock{mutex_};
  Instant next = clock_.now() + 1h;
  for (const auto& [name, service] : services_) next = std::min(next, service.due);
  return next - clock_.now();
}

void ScrapeSource::publish(const Page& page, const Result<HttpResponse>& answer, Instant taken) {
  const ScrapePlan& plan = *page.plan;
  const SampleStamp stamp{.taken = taken, .period = plan.period};
  std::unique_ptr<PageReader>& reader = readers_[plan.preset];
  if (!reader) reader = std::make_unique<PageReader>(*plan.preset);
  const auto body = require_ok(answer, url_of(plan, page.target));
  Result<std::vector<SignalFinding>> findings = std::unexpected(Error{});
  if (body)
    findings = reader->read(body->body);
  else
    findings = std::unexpected(body.error());
  std::vector<Sample> samples = findings ? samples_of(*findings, page.target, stamp)
                                         : samples_of_error(*plan.preset, findings.error(), page.target, stamp);
  const std::scoped_lock lock{mutex_};
  const std::string key = key_of(page.target);
  if (targets_.contains(key)) board_.put(key, std::move(samples));
}

Result<std::vector<SignalFinding>> examine_replica(HttpClient& client, const ScrapePlan& plan,
                                                   const ScrapeTarget& target) {
  const HttpRequest request = request_of(plan, target);
  const auto answer = require_ok(client.fetch(request), request.url);
  if (!answer) return std::unexpected(answer.error());
  return PageReader{*plan.preset}.read(answer->body);
}

}  // namespace tidegate

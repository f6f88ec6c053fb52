#include "serve/external_metrics/external_metrics_api.h"

#include <fmt/format.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "edge/kubernetes/api_client.h"
#include "edge/net/http_server.h"
#include "serve/external_metrics/gatekeeper.h"
#include "serve/external_metrics/metric_documents.h"
#include "serve/external_metrics/metric_request.h"

namespace tidegate {
namespace {

constexpr std::size_t threads = 4;
constexpr std::size_t waiting_max = 128;
constexpr std::size_t head_max = 64 * 1024;  // a caller may be in many groups
const ApiClientOptions review_options{.timeout = 3s, .deadline = 5s, .body_max = 1024 * 1024};

ServerResponse refusal(int code, std::string_view message) {
  return {.status = code, .body = status_document(code, message)};
}

ServerResponse refusal(const Error& error) { return refusal(status_code(error.kind), error.message); }

std::string parameter(const ServerRequest& request, const std::string& name) {
  const auto found = request.parameters.find(name);
  return found == request.parameters.end() ? "" : found->second;
}

}  // namespace

// Where requests wait and are answered.
class ExternalMetricsApi::Desk {
 public:
  Desk(const ControlPanel& panel, Cluster& cluster, Log& log, const ExternalMetricsOptions& options)
      : panel_(panel), cluster_(cluster), log_(log), options_(options), gatekeeper_(cluster.clock()) {}

  void open(std::shared_ptr<const ServerTls> tls) {
    tls_ = std::move(tls);
    for (std::size_t i = 0; i < threads; ++i)
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }

  // `document` answers where there is no metric in the address.
  void take(ServerRequest request, LateAnswer answer, std::function<std::string()> document) {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= waiting_max) {
      auto busy = refusal(503, "too many requests are waiting; come again");
      busy.headers.emplace_back("Retry-After", "1");
      return answer(std::move(busy));
    }
    waiting_.push_back({std::move(request), std::move(answer), std::move(document)});
    changed_.notify_one();
  }

 private:
  struct Waiting {
    ServerRequest request;
    LateAnswer answer;
    std::function<std::string()> document;
  };
  // What one thread asks with.
  struct Lines {
    explicit Lines(Cluster& cluster) : api(cluster, review_options) {}
    ApiClient api;
    HttpClient http;
  };

  void work(const std::stop_token& stop) {
    Lines lines(cluster_);
    while (true) {
      Waiting next;
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [&] { return !waiting_.empty(); })) return;
        next = std::move(waiting_.front());
        waiting_.pop_front();
      }
      next.answer(answer(next, lines, stop));
      if (const auto problem = tls_->problem(); !problem.empty()) complain({ErrorKind::invalid, problem});
    }
  }

  ServerResponse answer(const Waiting& asked, Lines& lines, const std::stop_token& stop) {
    const auto caller = gatekeeper_.authenticate(lines.api, asked.request);
    if (!caller) {
      complain(caller.error());
      return caller.error().kind == ErrorKind::denied ? refusal(401, caller.error().message) : refusal(caller.error());
    }
    WantedAccess wanted{.path = asked.request.path};
    if (!asked.document) {
      wanted = {.metric = parameter(asked.request, "metric"), .name_space = parameter(asked.request, "namespace")};
      if (!is_plain_name(wanted.metric) || !is_plain_name(wanted.name_space))
        return refusal(400, "names of metrics and namespaces hold letters, digits, `.`, `_`, `:` and `-` only");
    }
    if (const auto may = gatekeeper_.authorize(lines.api, *caller, wanted); !may) {
      complain(may.error());
      return refusal(may.error());
    }
    if (asked.document) return {.body = asked.document()};
    if (is_our_metric(wanted.metric) || !options_.fallback) return metric(asked.request, wanted);
    auto other =
        ask_other_adapter(*options_.fallback, asked.request, *caller, cluster_.credentials(), lines.http, stop);
    if (other) return *std::move(other);
    complain(other.error());
    return refusal(other.error());
  }

  ServerResponse metric(const ServerRequest& request, const WantedAccess& wanted) {
    const auto selector = request.query.find("labelSelector");
    const auto read = metric_request(wanted.name_space, wanted.metric,
                                     selector == request.query.end() ? "" : selector->second, options_.names);
    if (!read) return refusal(read.error());
    const auto view = panel_.view();
    if (auto current = check_current(*view, cluster_.clock().now(), panel_.spec()->control.tick); !current)
      return refusal(current.error());
    const auto value = answer_of(*read, *view);
    if (!value) return refusal(value.error());
    return {.body = value_list(wanted.metric, value->service, value->value.value, value->value.measured)};
  }

  // Refusals of callers are their own business; what keeps us from deciding is ours.
  void complain(const Error& error) {
    if (error.kind == ErrorKind::denied) return;
    log_.write({.level = LogLevel::warning, .event = "external_metrics", .message = error.message});
  }

  const ControlPanel& panel_;
  Cluster& cluster_;
  Log& log_;
  const ExternalMetricsOptions& options_;
  Gatekeeper gatekeeper_;
  std::shared_ptr<const ServerTls> tls_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Waiting> waiting_;
  std::vector<std::jthread> threads_;  // last: they use the rest
};

ExternalMetricsApi::ExternalMetricsApi(const ControlPanel& panel, Cluster& cluster, Log& log,
                                       ExternalMetricsOptions options)
    : options_(std::move(options)), log_(log), desk_(std::make_unique<Desk>(panel, cluster, log, options_)) {}
ExternalMetricsApi::~ExternalMetricsApi() = default;

Result<std::uint16_t> ExternalMetricsApi::start() {
  auto tls = options_.files ? ServerTls::of_files(*options_.files) : ServerTls::self_signed({});
  if (!tls) return fail(tls.error().kind, fmt::format("external_metrics.tls: {}", tls.error().message));
  server_ = std::make_unique<HttpServer>(HttpServerOptions{.name = "the external metrics API",
                                                           .address = options_.address,
                                                           .port = options_.port,
                                                           .any_host = true,
                                                           .tls = *tls,
                                                           .insecure = true,  // the gatekeeper stands before it
                                                           .head_max = head_max});
  for (const auto* path : {"/healthz", "/livez", "/readyz"})
    server_->route("GET", path,
                   [](const ServerRequest&) { return ServerResponse{.content_type = "text/plain", .body = "ok"}; });
  const auto late = [this](const std::string& path, std::function<std::string()> document) {
    server_->route_late("GET", path, [this, document = std::move(document)](ServerRequest request, LateAnswer answer) {
      desk_->take(std::move(request), std::move(answer), document);
    });
  };
  const std::string own{metrics_path};
  late(own, discovery_document);
  late("/openapi/v2", openapi_v2_document);
  late("/openapi/v3", openapi_v3_index);
  late("/openapi/v3" + own, openapi_v3_document);
  late(own + "/namespaces/{namespace}/{metric}", nullptr);
  desk_->open(*tls);
  return server_->start();
}

}  // namespace tidegate

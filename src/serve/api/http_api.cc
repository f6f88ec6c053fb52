#include "serve/api/http_api.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "core/base/check.h"
#include "serve/api/api_handlers.h"
#include "serve/api/api_routes.h"
#include "serve/api/dashboard.h"
#include "serve/api/view_json.h"

namespace tidegate {
namespace {

constexpr std::size_t events_waiting_max = 256;  // decisions and notices; the oldest go first
constexpr const char* topic = "fleet";

}  // namespace

// Between the control thread, which must not wait, and the server: keeps the newest tick and the decisions and
// notices not yet sent, and renders them.
class HttpApi::Publisher {
 public:
  // On the control thread.
  void take(const FleetEvent& event) {
    if (event.kind == FleetEvent::Kind::tick) counters_.count(*event.view);
    if (event.kind == FleetEvent::Kind::notice && event.notice) counters_.count(*event.notice);
    {
      const std::lock_guard lock(mutex_);
      if (is_closed_) return;
      if (event.kind == FleetEvent::Kind::tick) {
        tick_ = event.view;
      } else {
        if (waiting_.size() == events_waiting_max) waiting_.pop_front();
        waiting_.push_back(event);
      }
    }
    wake_.notify_one();
  }

  void run(HttpServer& server) {
    thread_ = std::jthread([this, &server](const std::stop_token& stop) {
      while (publish_next(server, stop)) {
      }
    });
  }

  void close() {
    {
      const std::lock_guard lock(mutex_);
      is_closed_ = true;
    }
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
  }

  [[nodiscard]] const TickCounters& counters() const { return counters_; }

 private:
  // False: stopped.
  bool publish_next(HttpServer& server, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait(lock, stop, [&] { return tick_ != nullptr || !waiting_.empty(); })) return false;
    const auto tick = std::exchange(tick_, nullptr);
    const auto events = std::exchange(waiting_, {});
    lock.unlock();
    for (const auto& event : events) publish(server, event);
    // Last, so that a new reader, who gets the newest event first, gets the whole picture.
    if (tick) server.publish(topic, "tick", tick_json(*tick));
    return true;
  }

  static void publish(HttpServer& server, const FleetEvent& event) {
    if (event.kind == FleetEvent::Kind::notice && event.notice) {
      server.publish(topic, "notice", event_json(*event.notice));
      return;
    }
    for (const auto& service : event.view->services) {
      if (service.spec->name != event.service) continue;
      JsonWriter json;
      write_decision(json, service.decision);
      server.publish(topic, "decision", json.take());
    }
  }

  TickCounters counters_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::shared_ptr<const FleetView> tick_;
  std::deque<FleetEvent> waiting_;
  bool is_closed_ = false;
  std::jthread thread_;
};

HttpApi::HttpApi(ControlPanel& panel, const Clock& clock, HttpServerOptions options, std::string version)
    : publisher_(std::make_shared<Publisher>()),
      handlers_(std::make_unique<ApiHandlers>(panel, clock, publisher_->counters(), std::move(version))),
      server_(std::move(options)) {
  for (const auto& route : api_routes()) {
    const std::string path{route.path};
    if (route.media == "text/event-stream") {
      server_.events(path, topic);
      continue;
    }
    auto handler = handlers_->handler(route.name);
    CHECK(handler);  // a route without a handler
    server_.route(std::string{route.method}, path, std::move(handler), route.open ? Access::open : Access::token);
  }
  for (const auto& file : dashboard_files())
    server_.asset(std::string{file.path}, std::string{file.content_type}, std::string{file.bytes});
  panel.on_event([publisher = publisher_](const FleetEvent& event) { publisher->take(event); });
}

// Nothing is published any more; then the server takes its requests with it.
HttpApi::~HttpApi() { publisher_->close(); }

Result<std::uint16_t> HttpApi::start() {
  auto port = server_.start();
  if (port) publisher_->run(server_);
  return port;
}

}  // namespace tidegate

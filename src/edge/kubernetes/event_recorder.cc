#include "edge/kubernetes/event_recorder.h"

#include <fmt/format.h>

#include "edge/kubernetes/rfc3339.h"

namespace tidegate {
namespace {

constexpr std::size_t note_max = 1024;
constexpr std::size_t instance_max = 128;
constexpr Duration look_period = 10s;  // for counts that are due

// Cut to at most that many bytes, never within a character.
std::string cut(std::string text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text;
}

// Events of what has no namespace stand in "default", as the API server wants it.
std::string space_of(const ClusterEvent& event) {
  return event.object.key.space.empty() ? "default" : event.object.key.space;
}

}  // namespace

Json event_object(const EventWrite& write, const EventRecorderOptions& options) {
  const ClusterEvent& event = write.event;
  Json object{{"apiVersion", "events.k8s.io/v1"},
              {"kind", "Event"},
              {"metadata", {{"name", write.name}, {"namespace", space_of(event)}}},
              {"eventTime", rfc3339_micro(write.first)},
              {"reportingController", options.controller},
              {"reportingInstance", cut(options.instance, instance_max)},
              {"type", event.type == EventType::warning ? "Warning" : "Normal"},
              {"reason", event.reason},
              {"action", event.action},
              {"note", cut(event.note, note_max)},
              {"regarding",
               {{"apiVersion", event.object.type.api_version()},
                {"kind", event.object.type.kind},
                {"name", event.object.key.name}}}};
  if (!event.object.key.space.empty()) object["regarding"]["namespace"] = event.object.key.space;
  if (!event.uid.empty()) object["regarding"]["uid"] = event.uid;
  if (write.count > 1) object["series"] = {{"count", write.count}, {"lastObservedTime", rfc3339_micro(write.last)}};
  return object;
}

EventRecorder::EventRecorder(Cluster& cluster, EventRecorderOptions options)
    : options_(std::move(options)),
      clock_(cluster.clock()),
      client_(cluster, {.timeout = 5s, .deadline = 15s}),
      series_(options_.limits),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

EventRecorder::~EventRecorder() {
  thread_.request_stop();
  thread_.join();
}

void EventRecorder::record(ClusterEvent event) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= options_.queue_max) {
    queue_.pop_front();
    ++tally_.dropped;
  }
  queue_.push_back({.event = std::move(event), .at = clock_.now()});
  woken_.notify_one();
}

EventTally EventRecorder::tally() const {
  const std::lock_guard lock(mutex_);
  return tally_;
}

void EventRecorder::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      woken_.wait_for(lock, stop, look_period, [this] { return !queue_.empty(); });
    }
    work(false, stop);
  }
  // What waits is written after all, but nobody waits long for it.
  std::stop_source late;
  const std::jthread timer{[&](const std::stop_token& done) {
    if (sleep_unless_stopped(options_.flush_within, done)) late.request_stop();
  }};
  work(true, late.get_token());
}

void EventRecorder::work(bool at_end, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Waiting next;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) break;
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    const std::int64_t dropped = series_.dropped();
    if (const auto wanted = series_.add(next.event, next.at)) write(*wanted, stop);
    const std::lock_guard lock(mutex_);
    tally_.dropped += series_.dropped() - dropped;
  }
  for (const EventWrite& wanted : series_.due(clock_.now(), at_end)) write(wanted, stop);
}

void EventRecorder::write(const EventWrite& write, const std::stop_token& stop) {
  const ObjectRef ref{.type = resources::events, .key = {.space = space_of(write.event), .name = write.name}};
  ApiResult<Json> done;
  if (write.count > 1) {
    const Json change{{"series", {{"count", write.count}, {"lastObservedTime", rfc3339_micro(write.last)}}}};
    done = client_.merge(ref, change, {}, stop);
  }
  // Events live for an hour: a series may outlive its object.
  if (write.count == 1 || (!done && done.error().reason == ApiReason::not_found))
    done = client_.create(ref.type, ref.key.space, event_object(write, options_), {}, stop);
  const std::lock_guard lock(mutex_);
  if (done || done.error().reason == ApiReason::already_exists) {
    ++tally_.written;
    return;
  }
  ++tally_.failed;
  tally_.problem = done.error().message;
  series_.forget(write.event);
}

}  // namespace tidegate

#include "edge/kubernetes/object_watch.h"

#include <fmt/format.h>

namespace tidegate {

ObjectWatch::ObjectWatch(Cluster& cluster, ObjectSelection selection, ObjectSink& sink, ObjectWatchOptions options)
    : selection_(std::move(selection)),
      sink_(sink),
      options_(options),
      clock_(cluster.clock()),
      client_(cluster, options.client),
      plan_(options.times, options.seed),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

ObjectWatch::~ObjectWatch() {
  thread_.request_stop();
  thread_.join();
}

WatchHealth ObjectWatch::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

bool ObjectWatch::wait_until_synced(Duration within) const {
  std::unique_lock lock(mutex_);
  return synced_.wait_for(lock, within, [this] { return health_.is_synced; });
}

void ObjectWatch::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const WatchStep step = plan_.next();
    if (!sleep_unless_stopped(step.wait, stop)) return;
    if (step.lists)
      list(stop);
    else
      watch(step, stop);
  }
}

void ObjectWatch::list(const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    ++health_.lists;
  }
  sink_.list_begins();
  bool is_sound = true;
  std::size_t count = 0;
  auto version = client_.list(
      selection_,
      [&](JsonView object) {
        WatchEvent listed{.kind = WatchKind::added, .space = {}, .name = {}, .resource_version = {}, .object = object};
        is_sound = read_identity(object, listed) && is_sound;
        if (is_sound && ++count <= options_.objects_max) sink_.listed(listed);
      },
      stop, options_.page);
  if (version && count > options_.objects_max)
    version = std::unexpected(ApiError{.reason = ApiReason::too_large,
                                       .message = fmt::format("LIST {}: there are more than {} objects; narrow the "
                                                              "selection",
                                                              selection_.type.text(), options_.objects_max)});
  if (version && !is_sound)
    version = std::unexpected(garbled("LIST " + selection_.type.text(), "an object has no name or resourceVersion"));
  sink_.list_ends(version.has_value());
  if (stop.stop_requested()) return;
  plan_.list_ended(version);
  if (!version) return lost(version.error().message);
  heard();
  const std::lock_guard lock(mutex_);
  health_.is_synced = true;
  synced_.notify_all();
}

void ObjectWatch::watch(const WatchStep& step, const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    ++health_.watches;
  }
  WatchDecoder decoder;
  ApiResult<void> decoded;
  const Instant began = clock_.now();
  auto how = client_.watch(
      selection_, step.resource_version, step.length, options_.idle,
      [&](std::string_view bytes) {
        decoded = decoder.push(bytes, [&](const WatchEvent& event) {
          if (event.kind != WatchKind::bookmark) sink_.changed(event);
          plan_.passed(event.resource_version);
        });
        if (decoded) heard();
        return decoded.has_value();
      },
      stop);
  if (stop.stop_requested()) return;
  if (!decoded) how = std::move(decoded);
  plan_.watch_ended(how, clock_.now() - began);
  if (how) {
    // Between two watches we are as connected as before: the next begins at once.
    heard();
  } else {
    lost(how.error().message);
  }
}

void ObjectWatch::heard() {
  const Instant now = clock_.now();
  const std::lock_guard lock(mutex_);
  health_.is_connected = true;
  health_.last_contact = now;
  health_.problem.clear();
}

void ObjectWatch::lost(const std::string& problem) {
  const std::lock_guard lock(mutex_);
  health_.is_connected = false;
  health_.problem = problem;
}

}  // namespace tidegate

#include "serve/operator/model_steering.h"

#include <fmt/format.h>

#include <charconv>

#include "core/base/enum_text.h"
#include "edge/kubernetes/rfc3339.h"

namespace tidegate {
namespace {

std::optional<JsonView> annotation_of(JsonView object, std::string_view name) {
  return field(object, {"metadata", "annotations", name});
}

std::string annotation_text(JsonView object, std::string_view name) {
  return std::string{text_field(object, {"metadata", "annotations", name})};
}

// "pin 5" into kind and size.
std::optional<std::pair<OverrideKind, std::int32_t>> parse_override(std::string_view text) {
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto kind = from_text<OverrideKind>(text.substr(0, space));
  std::int32_t replicas = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + space + 1, end, replicas);
  if (!kind || read.ec != std::errc{} || read.ptr != end || replicas < 0) return std::nullopt;
  return std::pair{*kind, replicas};
}

std::string unreadable(std::string_view annotation, std::string_view text, std::string_view wanted) {
  return fmt::format("the annotation {} says {:?}, which steers nothing; write {}", annotation, text, wanted);
}

// None and a problem: there is a text, and it is no time.
std::optional<Instant> time_of(JsonView object, std::string_view name, std::string& problem) {
  const auto text = annotation_text(object, name);
  const auto at = parse_rfc3339(text);
  if (!text.empty() && !at) problem = unreadable(name, text, "a time such as 2026-03-01T08:00:00Z");
  return at;
}

}  // namespace

void read_steering(JsonView object, ModelRecord& record) {
  auto& problem = record.steering_problem;
  const auto author = annotation_text(object, steered_by_annotation);
  if (annotation_of(object, paused_annotation)) {
    const auto until = time_of(object, paused_until_annotation, problem);
    // One whose end cannot be read goes on: nothing that was paused starts to move by a slip.
    record.steering.pause =
        Pause{.expires = until, .author = author, .comment = annotation_text(object, paused_annotation)};
  }
  if (!annotation_of(object, override_annotation)) return;
  const auto text = annotation_text(object, override_annotation);
  const auto wish = parse_override(text);
  if (!wish) {
    problem = unreadable(override_annotation, text, "`pin 5`, `floor 3` or `ceiling 8`");
    return;
  }
  const auto until = time_of(object, override_until_annotation, problem);
  if (!until && problem.empty())
    problem = fmt::format("the annotation {} lacks its end; write {}", override_annotation, override_until_annotation);
  if (until)
    record.steering.manual = Override{
        .kind = wish->first, .replicas = Replicas{wish->second}, .expires = *until, .author = author, .comment = ""};
}

Json steering_change(const Steering& steering) {
  Json annotations = Json::object();
  for (const auto name : {paused_annotation, paused_until_annotation, override_annotation, override_until_annotation,
                          steered_by_annotation})
    annotations[std::string{name}] = nullptr;
  const auto say = [&](std::string_view name, std::string text) { annotations[std::string{name}] = std::move(text); };
  if (const auto& pause = steering.pause) {
    say(paused_annotation, pause->comment);
    if (pause->expires) say(paused_until_annotation, rfc3339(*pause->expires));
    say(steered_by_annotation, pause->author);
  }
  if (const auto& manual = steering.manual) {
    say(override_annotation, fmt::format("{} {}", to_text(manual->kind), manual->replicas.value()));
    say(override_until_annotation, rfc3339(manual->expires));
    say(steered_by_annotation, manual->author);
  }
  return {{"metadata", {{"annotations", std::move(annotations)}}}};
}

}  // namespace tidegate

#include "serve/external_metrics/review.h"

#include "serve/external_metrics/metric_documents.h"

namespace tidegate {

Json token_review(const std::string& token) { return {{"spec", {{"token", token}}}}; }

std::optional<Caller> reviewed_caller(const Json& answer) {
  if (!truth_field(answer, {"status", "authenticated"}).value_or(false)) return std::nullopt;
  Caller caller{.name = text_field(answer, {"status", "user", "username"}),
                .uid = text_field(answer, {"status", "user", "uid"})};
  if (caller.name.empty()) return std::nullopt;
  const auto take_texts = [](const Json& list, std::vector<std::string>& into) {
    if (!list.is_array()) return;
    for (const auto& item : list)
      if (item.is_string()) into.push_back(item.get<std::string>());
  };
  if (const auto* groups = field(answer, {"status", "user", "groups"})) take_texts(*groups, caller.groups);
  if (const auto* extra = field(answer, {"status", "user", "extra"}); extra && extra->is_object())
    for (const auto& [key, list] : extra->items()) take_texts(list, caller.extra[key]);
  return caller;
}

Json access_review(const Caller& caller, const WantedAccess& wanted) {
  Json spec{{"user", caller.name}, {"groups", caller.groups}};
  if (!caller.uid.empty()) spec["uid"] = caller.uid;
  if (!caller.extra.empty()) spec["extra"] = caller.extra;
  // Reading what has no name of its own is a `list`.
  if (!wanted.metric.empty())
    spec["resourceAttributes"] = {{"namespace", wanted.name_space},
                                  {"verb", "list"},
                                  {"group", metrics_group},
                                  {"version", metrics_version},
                                  {"resource", wanted.metric}};
  else
    spec["nonResourceAttributes"] = {{"path", wanted.path}, {"verb", "get"}};
  return {{"spec", std::move(spec)}};
}

bool is_allowed(const Json& answer) {
  return truth_field(answer, {"status", "allowed"}).value_or(false) &&
         !truth_field(answer, {"status", "denied"}).value_or(false);
}

}  // namespace tidegate

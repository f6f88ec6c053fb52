#include "edge/gateway/router.h"

#include <algorithm>

#include "edge/net/framing.h"

namespace tidegate {
namespace {

std::string_view without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  return colon == std::string_view::npos || host.ends_with(']') ? host : host.substr(0, colon);
}

// "/v1" covers "/v1", "/v1/x" and "/v1?x", never "/v10".
bool is_under(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/' ||
         path[prefix.size()] == '?';
}

}  // namespace

Router::Router(const RouteTable& table) {
  for (std::size_t i = 0; i < table.routes.size(); ++i) {
    const Route& route = table.routes[i];
    Rule rule{i, route.match.host.value_or(""), route.match.path.value_or(""), route.match.models};
    if (rule.models.empty() && rule.host.empty() && rule.path.empty()) rule.models.push_back(route.service);
    models_.insert(models_.end(), rule.models.begin(), rule.models.end());
    if (rule.models.empty()) models_.push_back(route.service);
    rules_.push_back(std::move(rule));
  }
  std::sort(rules_.begin(), rules_.end(), [](const Rule& a, const Rule& b) {
    if (a.path.size() != b.path.size()) return a.path.size() > b.path.size();
    if (a.host.empty() != b.host.empty()) return b.host.empty();
    if (a.models.empty() != b.models.empty()) return b.models.empty();
    return a.route < b.route;
  });
}

bool Router::fits(const Rule& rule, std::string_view host, std::string_view path) {
  return (rule.host.empty() || equals_ignoring_case(rule.host, host) ||
          equals_ignoring_case(rule.host, without_port(host))) &&
         (rule.path.empty() || is_under(path, rule.path));
}

Router::Match Router::match(std::string_view host, std::string_view path) const {
  for (const Rule& rule : rules_) {
    if (!fits(rule, host, path)) continue;
    return {rule.models.empty() ? Answer::found : Answer::needs_model, rule.route};
  }
  return {};
}

Router::Match Router::match(std::string_view host, std::string_view path, std::string_view model) const {
  for (const Rule& rule : rules_) {
    if (!fits(rule, host, path)) continue;
    if (rule.models.empty() || std::find(rule.models.begin(), rule.models.end(), model) != rule.models.end())
      return {Answer::found, rule.route};
  }
  return {};
}

}  // namespace tidegate

// Which service a request belongs to: by host, path prefix or the model it names. Immutable once built.
//
// A route wants everything its match names; a route that names neither host nor path nor model answers to its
// service's name as model. Of several that fit, the one with the longer path wins, then one with a host, then
// one with a model, then the earlier. `models` beside host or path are wanted too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/ports/gateway_link.h"

namespace tidegate {

class Router {
 public:
  Router() = default;
  explicit Router(const RouteTable& table);

  enum class Answer : std::uint8_t { found, needs_model, unknown };
  struct Match {
    Answer answer = Answer::unknown;
    std::size_t route = 0;  // index in the table
  };
  // By host and path alone: `needs_model` when a route that could win wants to see the model.
  [[nodiscard]] Match match(std::string_view host, std::string_view path) const;
  // With the model known; empty: the request names none.
  [[nodiscard]] Match match(std::string_view host, std::string_view path, std::string_view model) const;
  // Every model some route answers to, in the order of the table.
  [[nodiscard]] const std::vector<std::string>& models() const { return models_; }

 private:
  struct Rule {
    std::size_t route = 0;
    std::string host;
    std::string path;
    std::vector<std::string> models;
  };
  [[nodiscard]] static bool fits(const Rule& rule, std::string_view host, std::string_view path);
  std::vector<Rule> rules_;  // best first
  std::vector<std::string> models_;
};

}  // namespace tidegate

// "name=value,name=value": the small specs of the command line. Each value is asked for once, in its unit; a name
// nobody asked for, or a value that is none, is an error that lists what there is.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"

namespace tidegate {

class NamedValues {
 public:
  explicit NamedValues(std::string_view text);

  // Leaves `into` alone where the name is not given.
  void number(std::string_view name, double& into, double least, double most);
  void whole(std::string_view name, std::int32_t& into, std::int32_t least, std::int32_t most);
  void duration(std::string_view name, Duration& into);  // "800ms", "2.5s", "10m", "1h", "7d"
  [[nodiscard]] std::optional<std::string_view> word(std::string_view name);

  // Once everything was asked for.
  [[nodiscard]] Result<void> finish() const;

 private:
  struct Pair {
    std::string_view name;
    std::string_view value;
    bool taken = false;
  };
  [[nodiscard]] std::optional<std::string_view> take(std::string_view name);
  void complain(std::string message);

  std::vector<Pair> pairs_;
  std::vector<std::string_view> known_;
  std::optional<std::string> problem_;
};

[[nodiscard]] std::optional<Duration> read_span(std::string_view text);

}  // namespace tidegate

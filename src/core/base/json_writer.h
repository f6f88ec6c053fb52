// Writes JSON from front to back into one string. What is not a number is null: a value that was not measured never
// becomes 0. Commas are its own affair; calls out of order are our bug.
//
//   JsonWriter json;
//   json.object().key("rate").value(14.2).key("queued").value(std::optional<double>{}).end();
//   json.take() == R"({"rate":14.2,"queued":null})"
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"

namespace tidegate {

class JsonWriter {
 public:
  JsonWriter& object() { return open('{', '}'); }
  JsonWriter& array() { return open('[', ']'); }
  JsonWriter& end();
  JsonWriter& key(std::string_view name);

  JsonWriter& value(double number);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view{text}); }
  JsonWriter& value(const std::string& text) { return value(std::string_view{text}); }
  JsonWriter& value(std::same_as<bool> auto truth) { return raw(truth ? "true" : "false"); }
  JsonWriter& value(std::integral auto number)
    requires(!std::same_as<decltype(number), bool>)
  {
    return raw(std::to_string(number));
  }
  JsonWriter& value(Duration length) { return value(seconds(length)); }
  JsonWriter& value(Instant at);  // seconds since 1970, to the millisecond
  template <class T>
  JsonWriter& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : null();
  }
  // So that reading it back gives the same bits: a double of seconds since 1970 has no room for nanoseconds.
  JsonWriter& exact(double number);
  JsonWriter& exact(Duration length);
  JsonWriter& exact(Instant at) { return exact(at.time_since_epoch()); }
  JsonWriter& null() { return raw("null"); }
  JsonWriter& raw(std::string_view json);  // JSON already

  [[nodiscard]] std::string take();

 private:
  JsonWriter& open(char begin, char end);
  void separate();

  std::string text_;
  std::vector<char> open_;
  bool comma_ = false;
};

}  // namespace tidegate

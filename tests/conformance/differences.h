// What a reimplementation answered otherwise than the original. Empty: the row passes. A check gathers all of them, so
// that one run of the program says everything.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

using Json = nlohmann::json;

class Differences {
 public:
  // Integers are equal to the last digit, also near 2^63; what is wanted may be written as a float without fraction.
  void integer(std::string_view what, std::int64_t got, const Json& want);
  // |got - want| <= max(absolute, 1e-9 * |want|).
  void number(std::string_view what, double got, const Json& want, double absolute = 0);
  void text(std::string_view what, std::string_view got, const Json& want);
  void truth(std::string_view what, bool got, const Json& want);
  void json(std::string_view what, const Json& got, const Json& want);
  void say(std::string difference) { all_.push_back(std::move(difference)); }

  [[nodiscard]] const std::vector<std::string>& all() const { return all_; }

 private:
  std::vector<std::string> all_;
};

}  // namespace tidegate

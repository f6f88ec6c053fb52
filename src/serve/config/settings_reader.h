// Reads one section of the configuration, setting by setting, as the schema describes it. What is wrong becomes a
// diagnostic and leaves the default in place, so that reading goes on and one run finds every problem.
//
// Invariant, held by CHECK: every setting of the section is asked for by its own kind; a setting that the tables
// list and nobody reads is our bug. Included sections are read by readers of their own over the same node.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/quantity.h"
#include "core/base/time.h"
#include "core/model/secret.h"
#include "core/model/service_spec.h"
#include "serve/config/schema.h"
#include "serve/config/yaml_node.h"

namespace tidegate {

class SettingsReader {
 public:
  // Whether unknown keys are this reader's business (whole), or the including section's (part).
  enum class Scope : std::uint8_t { whole, part };

  SettingsReader(const YamlNode& node, const Section& section, Diagnostics& problems, Scope scope = Scope::whole);
  SettingsReader(const SettingsReader&) = delete;
  SettingsReader& operator=(const SettingsReader&) = delete;
  ~SettingsReader();

  // Given, and not null.
  [[nodiscard]] bool has(std::string_view key) const;
  // The value of a setting, for those that are not one word; null when it is left out. A required one is missed.
  [[nodiscard]] const YamlNode* node(std::string_view key);

  // Reads a setting into its place; left out or wrong, the place keeps what it holds.
  template <class T>
  void read(std::string_view key, T& into);
  template <class T>
  void read(std::string_view key, std::optional<T>& into) {
    const auto* given = node(key);
    T value{};
    if (given && read_into(*given, setting(key), value)) into = std::move(value);
  }
  template <class Enum>
  void choose(std::string_view key, Enum& into) {
    std::string word;
    const auto* given = node(key);
    if (given && read_choice(*given, setting(key), word)) into = from_text<Enum>(word).value();
  }

  // One value by itself, as a shape of `one_of` or `list` describes it. False when it was wrong, and said so.
  bool read_into(const YamlNode& given, const Setting& setting, std::string& into);
  bool read_into(const YamlNode& given, const Setting& setting, bool& into);
  bool read_into(const YamlNode& given, const Setting& setting, std::int32_t& into);
  bool read_into(const YamlNode& given, const Setting& setting, Replicas& into);
  bool read_into(const YamlNode& given, const Setting& setting, double& into);
  bool read_into(const YamlNode& given, const Setting& setting, Duration& into);
  bool read_into(const YamlNode& given, const Setting& setting, Bytes& into);
  bool read_into(const YamlNode& given, const Setting& setting, MicroUsdPerHour& into);
  bool read_into(const YamlNode& given, const Setting& setting, RateLimit& into);
  bool read_into(const YamlNode& given, const Setting& setting, Value& into);
  bool read_into(const YamlNode& given, const Setting& setting, std::vector<std::string>& into);
  bool read_into(const YamlNode& given, const Setting& setting, std::map<std::string, Value>& into);
  bool read_choice(const YamlNode& given, const Setting& setting, std::string& into);

  // Says that the value has the wrong form: "`hold` wants a map, not text".
  void wrong_form(const YamlNode& given, std::string_view what, std::string_view wanted, std::string_view help = {});

  [[nodiscard]] const Setting& setting(std::string_view key) const;
  [[nodiscard]] Diagnostics& problems() { return problems_; }

 private:
  void refuse_unknown_keys();
  bool scalar(const YamlNode& given, const Setting& setting, bool may_be_quoted);
  template <class T, class Reader>
  bool quantity(const YamlNode& given, const Setting& setting, Reader reader, T& into, double scale);
  bool in_range(const YamlNode& given, const Setting& setting, double value);

  const YamlNode& node_;
  const Section& section_;
  Diagnostics& problems_;
  std::set<std::string_view> asked_;
  bool has_unknown_ = false;
};

template <class T>
void SettingsReader::read(std::string_view key, T& into) {
  if (const auto* given = node(key)) {
    T value{};
    if (read_into(*given, setting(key), value)) into = std::move(value);
  }
}

}  // namespace tidegate

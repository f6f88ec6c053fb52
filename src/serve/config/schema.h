// Every setting of the configuration, once: its key, kind, unit, default, bounds and meaning. The reader, the
// did-you-mean, the JSON Schema and docs/reference/configuration.md all come from these tables; a setting without
// help, default or (for plain numbers) unit does not compile, and one that nothing reads fails a CHECK.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_text.h"

namespace tidegate {

enum class SettingKind : std::uint8_t {
  text,
  choice,  // one of `choices`
  boolean,
  integer,
  number,
  share,  // "80%" or 0.8
  duration,
  bytes,
  price,
  rate,     // "4 per 1m"
  value,    // text, {env: NAME} or {file: PATH}
  secret,   // {env: NAME} or {file: PATH} only
  values,   // a map of names to `value`
  section,  // a map with the settings of `section`
  list,     // of shapes[0]
  one_of,   // any of `shapes`
};

// What holds when the setting is left out.
struct Fallback {
  enum class Kind : std::uint8_t { required, literal, described };
  Kind kind = Kind::required;
  std::string_view text;  // literal: as a user would write it; described: in words
};
consteval Fallback required() { return {Fallback::Kind::required, "required"}; }
consteval Fallback literal(std::string_view text) { return {Fallback::Kind::literal, text}; }
consteval Fallback otherwise(std::string_view text) { return {Fallback::Kind::described, text}; }

// Bounds that several tables share, in seconds and replicas.
inline constexpr double hour_seconds = 3600, day_seconds = 24 * hour_seconds;
inline constexpr double replicas_limit = 100'000;

// The words of an enum, for a choice.
template <class Enum>
inline constexpr auto enum_words = [] {
  std::array<std::string_view, enum_texts<Enum>.size()> words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = enum_texts<Enum>[i].text;
  return words;
}();

struct Section;
struct Setting;

struct SettingDetail {
  std::string_view unit;                                  // of a plain number
  double low = -std::numeric_limits<double>::infinity();  // seconds, bytes, the number itself, or items of a list
  double high = std::numeric_limits<double>::infinity();
  std::span<const std::string_view> choices;
  const Section* section = nullptr;
  std::span<const Setting> shapes;
};

// Called only where a table breaks the rules above; not being constexpr, it stops the compilation.
void a_setting_needs_key_default_help_and_unit();

struct Setting {
  consteval Setting(std::string_view its_key, SettingKind its_kind, Fallback its_fallback, std::string_view its_help,
                    SettingDetail its_detail = {})
      : key(its_key), kind(its_kind), fallback(its_fallback), help(its_help), detail(its_detail) {
    const bool plain = kind == SettingKind::integer || kind == SettingKind::number;
    const bool complete = !key.empty() && !help.empty() && !fallback.text.empty() && (!plain || !detail.unit.empty()) &&
                          (kind != SettingKind::choice || !detail.choices.empty()) &&
                          ((kind != SettingKind::list && kind != SettingKind::one_of) || !detail.shapes.empty());
    if (!complete || help.ends_with('.')) a_setting_needs_key_default_help_and_unit();
  }

  std::string_view key;
  SettingKind kind;
  Fallback fallback;
  std::string_view help;  // a phrase, no full stop
  SettingDetail detail;
};

struct Section {
  std::string_view name;   // in the reference and in messages: "service"
  std::string_view where;  // how to get there: "services[]"
  std::string_view help;
  std::span<const Setting> settings;
  std::span<const Section* const> includes;  // their settings may stand here too
  std::span<const std::string_view> later;   // known words that this build refuses by name
};

extern const Section fleet_section;
extern const Section operator_section;  // the file of an operator: a fleet without services
extern const Section machine_section;
extern const Section gpu_section;
extern const Section gateway_section;
extern const Section api_section;
extern const Section keda_section;
extern const Section keda_tls_section;
extern const Section external_metrics_section;
extern const Section certificate_section;
extern const Section metrics_fallback_section;
extern const Section control_section;
extern const Section budget_section;
extern const Section cluster_section;
extern const Section service_section;
extern const Section slo_section;
extern const Section replicas_section;
extern const Section guardrails_section;
extern const Section match_section;
extern const Section hold_section;
extern const Section signals_section;
extern const Section preset_section;
extern const Section query_section;
extern const Section prometheus_section;
extern const Section secret_section;
extern const Section traffic_section;
extern const Section traffic_query_section;
extern const Section policy_section;
extern const Section slo_policy_section;
extern const Section target_policy_section;
extern const Section schedule_policy_section;
extern const Section schedule_entry_section;
extern const Section hpa_policy_section;
extern const Section hpa_metric_section;
extern const Section hpa_scaling_section;
extern const Section keda_policy_section;
extern const Section keda_trigger_section;
extern const Section keda_fallback_section;
extern const Section knative_policy_section;
extern const Section ray_serve_policy_section;
extern const Section nomad_policy_section;
extern const Section nomad_check_section;
extern const Section nomad_target_value_section;
extern const Section nomad_threshold_section;
extern const Section nomad_pass_through_section;
extern const Section nomad_fixed_value_section;
extern const Section nomad_schedule_section;
extern const Section peer_metric_section;
extern const Section aws_target_tracking_policy_section;
extern const Section aws_step_policy_section;
extern const Section aws_step_section;
extern const Section aws_predictive_policy_section;
extern const Section gcp_policy_section;
extern const Section sagemaker_policy_section;
extern const Section dynamo_policy_section;
extern const Section wva_policy_section;
extern const Section aibrix_policy_section;
extern const Section keep_alive_policy_section;
extern const Section static_policy_section;
extern const Section pool_section;
extern const Section replica_section;
extern const Section node_price_section;
extern const Section capacity_section;
extern const Section target_section;
extern const Section process_section;
extern const Section kubernetes_section;
extern const Section ready_section;

// All of them, in the order of the reference.
[[nodiscard]] std::span<const Section* const> all_sections();

// The settings that may stand in a section: its own, then those it includes.
[[nodiscard]] std::vector<const Setting*> settings_of(const Section& section);

// "duration", "list of text", "one of act, shadow"
[[nodiscard]] std::string kind_text(const Setting& setting);
// "replicas, 0 to 100000", "0s to 1h"; empty: neither.
[[nodiscard]] std::string unit_and_range(const Setting& setting);

// The known word nearest to what was typed, if any is near enough to be meant.
[[nodiscard]] std::string_view nearest_word(std::string_view typed, std::span<const std::string_view> known);

// JSON Schema 2020-12 of the whole file.
[[nodiscard]] std::string json_schema();
// docs/reference/configuration.md
[[nodiscard]] std::string configuration_reference();

}  // namespace tidegate

#include "serve/config/settings_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/check.h"
#include "serve/config/quantities.h"

namespace tidegate {
namespace {

// What people write who come from another system, or think of another word.
struct Hint {
  std::string_view typed;
  std::string_view help;
};
constexpr Hint hints[] = {
    {"minReplicas", "write `replicas: {min: N}`"},
    {"maxReplicas", "write `replicas: {max: N}`"},
    {"minReplicaCount", "write `replicas: {min: N}`"},
    {"maxReplicaCount", "write `replicas: {max: N}`"},
    {"min_replicas", "write `replicas: {min: N}`"},
    {"max_replicas", "write `replicas: {max: N}`"},
    {"replicas_min", "write `replicas: {min: N}`"},
    {"min", "write `replicas: {min: N}`"},
    {"max", "write `replicas: {max: N}`"},
    {"cooldown", "how long idle replicas stay follows from their cold start; limits stand in `guardrails:`"},
    {"cooldownPeriod", "how long idle replicas stay follows from their cold start; limits stand in `guardrails:`"},
    {"scaleTargetRef", "write `target: {kubernetes: {deployment: NAME}}`"},
    {"image", "containers are not in this build; give the `command:` of a process"},
    {"model", "write `match: {model: NAME}`"},
    {"models", "write `match: {model: [NAME, ...]}`"},
    {"host", "write `match: {host: NAME}`"},
    {"path", "write `match: {path: /PREFIX}`"},
    {"env", "write `environment: {NAME: value}`"},
    {"cmd", "write `command: [PROGRAM, ARGUMENT, ...]`"},
    {"args", "arguments belong to `command: [PROGRAM, ARGUMENT, ...]`"},
    {"port", "a replica gets its port as {port} in its command"},
    {"queue", "how requests wait stands in `hold:`"},
    {"cost", "write `price: $3.50/h`"},
    {"interval", "the time between decisions is `control: {tick: 1s}`"},
    {"apiVersion", "custom resources are not in this build; write the services under `services:`"},
    {"kind", "custom resources are not in this build; write the services under `services:`"},
};

std::string_view kind_word(const YamlNode& node) {
  switch (node.kind) {
    case YamlKind::null:
      return "nothing";
    case YamlKind::scalar:
      return "text";
    case YamlKind::list:
      return "a list";
    case YamlKind::map:
      return "a map";
  }
  return "";
}

// What a value of this kind is called, with its article.
std::string wanted(const Setting& setting) {
  const bool bare =
      setting.kind == SettingKind::text || setting.kind == SettingKind::choice || setting.kind == SettingKind::boolean;
  return (bare ? "" : "a ") + kind_text(setting);
}

// `vllm serve M --port {port}` as the list it should have been.
std::string as_list(std::string_view key, std::string_view text) {
  std::string list;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (word.empty()) continue;
    const bool quoted = word.find_first_of("{}[]#,:&*!|>'%@`") != std::string_view::npos;
    list += fmt::format("{}{}", list.empty() ? "" : ", ", quoted ? fmt::format("\"{}\"", word) : std::string{word});
  }
  return list.size() > 200 ? fmt::format("write `{}: [...]`", key) : fmt::format("write `{}: [{}]`", key, list);
}

// A bound as its kind is written, for messages.
std::string bound_text(const Setting& setting, double bound) {
  if (setting.kind == SettingKind::duration) return exact_text(from_seconds(bound));
  if (setting.kind == SettingKind::bytes) return exact_text(Bytes{static_cast<std::int64_t>(bound)});
  return fmt::format("{}", bound);
}

}  // namespace

SettingsReader::SettingsReader(const YamlNode& node, const Section& section, Diagnostics& problems, Scope scope)
    : node_(node), section_(section), problems_(problems) {
  if (scope == Scope::part) return;
  if (node.kind != YamlKind::map) {
    wrong_form(node, section.name, "a map of settings",
               section.settings.empty() ? "" : fmt::format("such as `{{{}: ...}}`", section.settings[0].key));
  } else {
    refuse_unknown_keys();
  }
}

SettingsReader::~SettingsReader() {
  for (const auto& listed : section_.settings) CHECK(asked_.contains(listed.key));
}

void SettingsReader::refuse_unknown_keys() {
  std::vector<std::string_view> known;
  for (const auto* listed : settings_of(section_)) known.push_back(listed->key);
  for (const auto& key : node_.keys) {
    if (std::find(known.begin(), known.end(), key.text) != known.end()) continue;
    has_unknown_ = true;
    if (std::find(section_.later.begin(), section_.later.end(), key.text) != section_.later.end()) {
      problems_.error("not_in_this_build", key.at, fmt::format("`{}` is not in this build", key.text),
                      known.size() > 8 ? "remove it" : fmt::format("what is: {}", fmt::join(known, ", ")));
      continue;
    }
    std::string help;
    if (&section_ == &service_section || &section_ == &pool_section || &section_ == &fleet_section)
      for (const auto& hint : hints)
        if (hint.typed == key.text) help = hint.help;
    if (help.empty() && key.text.contains(' ')) help = "a setting is written `key: value`";
    if (const auto nearest = nearest_word(key.text, known); help.empty() && !nearest.empty())
      help = fmt::format("did you mean `{}`?", nearest);
    if (help.empty()) help = fmt::format("known are: {}", fmt::join(known, ", "));
    problems_.error("unknown_key", key.at, fmt::format("`{}` is not a setting of {}", key.text, section_.name), help);
  }
}

const Setting& SettingsReader::setting(std::string_view key) const {
  const auto found = std::find_if(section_.settings.begin(), section_.settings.end(),
                                  [&](const Setting& listed) { return listed.key == key; });
  CHECK(found != section_.settings.end());
  return *found;
}

bool SettingsReader::has(std::string_view key) const {
  const auto* found = node_.find(key);
  return found && found->kind != YamlKind::null;
}

const YamlNode* SettingsReader::node(std::string_view key) {
  asked_.insert(setting(key).key);
  if (node_.kind != YamlKind::map) return nullptr;
  if (has(key)) return node_.find(key);
  // What is missing may be what was misspelt; that has been said.
  if (setting(key).fallback.kind == Fallback::Kind::required && !has_unknown_)
    problems_.error("missing", node_.at, fmt::format("{} lacks `{}`", section_.name, key),
                    fmt::format("`{}` is {}", key, setting(key).help));
  return nullptr;
}

void SettingsReader::wrong_form(const YamlNode& given, std::string_view what, std::string_view wanted,
                                std::string_view help) {
  problems_.error("wrong_form", given.at, fmt::format("`{}` wants {}, not {}", what, wanted, kind_word(given)),
                  std::string{help});
}

bool SettingsReader::scalar(const YamlNode& given, const Setting& setting, bool may_be_quoted) {
  if (given.kind != YamlKind::scalar) {
    wrong_form(given, setting.key, wanted(setting));
    return false;
  }
  if (given.quoted && !may_be_quoted) {
    problems_.error("wrong_form", given.at, fmt::format("`{}` wants {}, not quoted text", setting.key, wanted(setting)),
                    fmt::format("write `{}: {}`", setting.key, given.text));
    return false;
  }
  return true;
}

bool SettingsReader::in_range(const YamlNode& given, const Setting& setting, double value) {
  const auto& [unit, low, high, choices, section, shapes] = setting.detail;
  if (value >= low && value <= high) return true;
  problems_.error("out_of_range", given.at,
                  fmt::format("`{}: {}` is too {}", setting.key, given.text, value < low ? "small" : "large"),
                  value < low ? fmt::format("the least is `{}`", bound_text(setting, low))
                              : fmt::format("the most is `{}`", bound_text(setting, high)));
  return false;
}

template <class T, class Reader>
bool SettingsReader::quantity(const YamlNode& given, const Setting& setting, Reader reader, T& into, double scale) {
  const bool plain = setting.kind == SettingKind::integer || setting.kind == SettingKind::number;
  if (!scalar(given, setting, !plain && setting.kind != SettingKind::boolean)) return false;
  const auto value = reader(given.text);
  if (!value) {
    problems_.error(value.error().code, given.at, fmt::format("`{}`: {}", setting.key, value.error().message),
                    value.error().help);
    return false;
  }
  if constexpr (requires { value->count(); }) {
    if (!in_range(given, setting, seconds(*value))) return false;
  } else if constexpr (requires { value->value(); }) {
    if (!in_range(given, setting, static_cast<double>(value->value()) * scale)) return false;
  } else if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(*value)>>) {
    if (!in_range(given, setting, static_cast<double>(*value))) return false;
  }
  into = static_cast<T>(*value);
  return true;
}

bool SettingsReader::read_into(const YamlNode& given, const Setting& setting, std::string& into) {
  CHECK(setting.kind == SettingKind::text);
  if (!scalar(given, setting, true)) return false;
  if (given.text.empty()) {
    problems_.error("wrong_form", given.at, fmt::format("`{}` is empty", setting.key),
                    "leave it out, or give it a value");
    return false;
  }
  into = given.text;
  return true;
}

bool SettingsReader::read_into(const YamlNode& given, const Setting& setting, bool& into) {
  CHECK(setting.kind == SettingKind::boolean);
  return quantity(given, setting, read_boolean, into, 1);
}

bool SettingsReader::read_into(const YamlNode& given, const Setting& setting, std::int32_t& into) {
  CHECK(setting.kind == SettingKind::integer);
  return quantity(given, setting, read_integer, into, 1);
}

bool SettingsReader::read_into(const YamlNode& given, const Setting& setting, Replicas& into) {
  std::int32_t count = 0;
  if (!read_into(given, setting, count)) return false;
  into = Replicas{count};
  return true;
}

bool SettingsReader::read_into(const YamlNode& given, const Setting& setting, double& into) {
  CHECK(setting.kind == SettingKind::number || setting.kind == SettingKind::share);
  return quantity(given, setting, setting.kind == SettingKind::share ? read_share : read_number, into, 1);
}

bool SettingsReader::read_into(const YamlNode& given, const Setting& setting, Duration& into) {
  CHECK(setting.kind == SettingKind::duration);
  return quantity(given, setting, read_duration, into, 1);
}

bool SettingsReader::read_into(const YamlNode& given, const Setting& setting, Bytes& into) {
  CHECK(setting.kind == SettingKind::bytes);
  return quantity(given, setting, read_bytes, into, 1);
}

bool SettingsReader::read_into(const YamlNode& given, const Setting& setting, MicroUsdPerHour& into) {
  CHECK(setting.kind == SettingKind::price);
  return quantity(given, setting, read_price, into, 1e-6);
}

bool SettingsReader::read_into(const YamlNode& given, const Setting& setting, RateLimit& into) {
  CHECK(setting.kind == SettingKind::rate);
  return quantity(given, setting, read_rate, into, 1);
}

bool SettingsReader::read_into(const YamlNode& given, const Setting& setting, Value& into) {
  CHECK(setting.kind == SettingKind::value || setting.kind == SettingKind::secret ||
        setting.kind == SettingKind::values);
  const std::string help = "write `{env: NAME}` or `{file: /path}`";
  if (given.kind == YamlKind::scalar) {
    if (setting.kind == SettingKind::secret) {
      problems_.add({Severity::error, "plain_secret", given.at,
                     fmt::format("`{}` is a secret, and secrets do not stand in the configuration", setting.key), help,
                     true});
      return false;
    }
    into = given.text;
    return true;
  }
  if (given.kind != YamlKind::map || given.keys.size() != 1 || given.items[0].kind != YamlKind::scalar ||
      given.items[0].text.empty() || (given.keys[0].text != "env" && given.keys[0].text != "file")) {
    problems_.error("bad_reference", given.at, fmt::format("`{}` is not a reference", setting.key), help);
    return false;
  }
  if (given.keys[0].text == "env")
    into = EnvRef{given.items[0].text};
  else
    into = FileRef{given.items[0].text};
  return true;
}

bool SettingsReader::read_into(const YamlNode& given, const Setting& setting, std::vector<std::string>& into) {
  CHECK(setting.kind == SettingKind::list);
  if (given.kind != YamlKind::list) {
    wrong_form(given, setting.key, wanted(setting),
               given.kind == YamlKind::scalar ? as_list(setting.key, given.text)
                                              : fmt::format("write `{}: [...]`", setting.key));
    return false;
  }
  for (const auto& item : given.items) {
    if (item.kind != YamlKind::scalar) {
      const bool braces = item.kind == YamlKind::map && item.keys.size() == 1;
      wrong_form(item, setting.key, "text in its list",
                 braces ? fmt::format("put braces in quotes: `\"{{{}}}\"`", item.keys[0].text) : "");
      return false;
    }
    into.push_back(item.text);
  }
  if (!into.empty()) return true;
  problems_.error("wrong_form", given.at, fmt::format("`{}` is an empty list", setting.key),
                  "leave it out, or fill it");
  return false;
}

bool SettingsReader::read_into(const YamlNode& given, const Setting& setting, std::map<std::string, Value>& into) {
  CHECK(setting.kind == SettingKind::values);
  if (given.kind != YamlKind::map) {
    wrong_form(given, setting.key, "a map of names", fmt::format("write `{}: {{NAME: value}}`", setting.key));
    return false;
  }
  for (std::size_t i = 0; i < given.keys.size(); ++i) {
    Value value;
    if (given.items[i].kind == YamlKind::null) {
      wrong_form(given.items[i], given.keys[i].text, "text or a reference", "an empty value is written `\"\"`");
      return false;
    }
    if (!read_into(given.items[i], setting, value)) return false;
    into.emplace(given.keys[i].text, std::move(value));
  }
  return true;
}

bool SettingsReader::read_choice(const YamlNode& given, const Setting& setting, std::string& into) {
  CHECK(setting.kind == SettingKind::choice);
  if (!scalar(given, setting, true)) return false;
  const auto& choices = setting.detail.choices;
  if (std::find(choices.begin(), choices.end(), given.text) != choices.end()) {
    into = given.text;
    return true;
  }
  const auto nearest = nearest_word(given.text, choices);
  problems_.error("unknown_word", given.at, fmt::format("`{}: {}` is unknown", setting.key, given.text),
                  nearest.empty() ? fmt::format("known are: {}", fmt::join(choices, ", "))
                                  : fmt::format("did you mean `{}`?", nearest));
  return false;
}

}  // namespace tidegate

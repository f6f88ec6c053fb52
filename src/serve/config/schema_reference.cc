// The tables as docs/reference/configuration.md.
#include <fmt/format.h>

#include <cmath>

#include "serve/config/quantities.h"
#include "serve/config/schema.h"

namespace tidegate {
namespace {

constexpr std::string_view preface =
    "# Configuration\n"
    "\n"
    "One YAML file, `tidegate.yaml` by default. `tidegate validate FILE` checks it, `tidegate export schema` prints "
    "its\n"
    "JSON Schema. This page is generated from the same tables that read the file; `./dev bless` rewrites it.\n"
    "\n"
    "- Durations are written `800ms`, `2s`, `5m`, `1h30m` (d, h, m, s, ms, us, ns); sizes `24GiB`, `512MiB`, `80GB`;\n"
    "  prices `$3.50/h`; shares `80%` or `0.8`; rates `4 per 1m`. A number without the unit it needs is an error.\n"
    "- A *reference* is `{env: NAME}` or `{file: /path}`, looked up when it is used. Secrets are given only so.\n"
    "- Unknown and duplicate keys are errors. The file is UTF-8, at most 1 MiB, one document.\n";

std::string escaped(std::string_view text) {
  std::string cell;
  for (const char c : text) cell += c == '|' ? std::string{"\\|"} : std::string(1, c);
  return cell;
}

std::string bound(const Setting& setting, double value) {
  if (setting.kind == SettingKind::duration) return exact_text(from_seconds(value));
  if (setting.kind == SettingKind::bytes) return exact_text(Bytes{static_cast<std::int64_t>(value)});
  return fmt::format("{}", value);
}

std::string row(const Setting& setting) {
  const bool literal = setting.fallback.kind == Fallback::Kind::literal;
  const auto fallback = literal ? fmt::format("`{}`", setting.fallback.text) : std::string{setting.fallback.text};
  const auto range = unit_and_range(setting);
  return fmt::format("| `{}` | {}{} | {} | {} |\n", setting.key, escaped(kind_text(setting)),
                     range.empty() ? "" : fmt::format(" ({})", range), escaped(fallback), escaped(setting.help));
}

}  // namespace

std::string unit_and_range(const Setting& setting) {
  std::string text{setting.detail.unit};
  const bool low = std::isfinite(setting.detail.low), high = std::isfinite(setting.detail.high);
  if (low && high)
    text += fmt::format("{}{} to {}", text.empty() ? "" : ", ", bound(setting, setting.detail.low),
                        bound(setting, setting.detail.high));
  return text;
}

std::string configuration_reference() {
  std::string page{preface};
  for (const auto* section : all_sections()) {
    page += fmt::format("\n## {}\n\n{}", section->name, section->help);
    if (!section->where.empty()) page += fmt::format(" Stands at `{}`.", section->where);
    for (const auto* included : section->includes)
      page += fmt::format(" Also takes the settings of *{}*.", included->name);
    page += "\n\n| key | kind | default | meaning |\n|---|---|---|---|\n";
    for (const auto& setting : section->settings) page += row(setting);
    if (section->later.empty()) continue;
    page += "\nKnown, and not in this build: ";
    for (const auto word : section->later) page += fmt::format("{}`{}`", word == section->later[0] ? "" : ", ", word);
    page += ".\n";
  }
  return page;
}

}  // namespace tidegate

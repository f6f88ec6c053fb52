#include "serve/import/foreign_map.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <utility>

namespace tidegate {
namespace {

constexpr double seconds_most = 3650.0 * 86400;

struct QuantitySuffix {
  std::string_view text;
  double factor;
};
constexpr QuantitySuffix suffixes[] = {
    {"n", 1e-9}, {"u", 1e-6}, {"m", 1e-3},    {"", 1},         {"k", 1e3},        {"M", 1e6},        {"G", 1e9},
    {"T", 1e12}, {"P", 1e15}, {"Ki", 1024.0}, {"Mi", 1 << 20}, {"Gi", 1LL << 30}, {"Ti", 1LL << 40}, {"Pi", 1LL << 50}};

}  // namespace

std::optional<double> kubernetes_quantity(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !std::isfinite(number)) return std::nullopt;
  const std::string_view rest{end, text.data() + text.size()};
  for (const auto& suffix : suffixes)
    if (rest == suffix.text) return number * suffix.factor;
  return std::nullopt;
}

ForeignMap::ForeignMap(const YamlNode* node, std::string path, ImportLog& log)
    : node_(node), path_(std::move(path)), log_(&log) {
  if (node_ && node_->kind == YamlKind::null) node_ = nullptr;
  if (node_ && node_->kind != YamlKind::map) {
    log_->problems.error("wrong_form", node_->at, fmt::format("`{}` is not a map", path_));
    node_ = nullptr;
  }
}

std::string ForeignMap::path_of(std::string_view key) const {
  return fmt::format("{}{}{}", path_, path_.empty() ? "" : ".", key);
}

bool ForeignMap::has(std::string_view key) const {
  const auto* found = node_ ? node_->find(key) : nullptr;
  return found && found->kind != YamlKind::null;
}

const YamlNode* ForeignMap::take(std::string_view key) {
  read_.emplace(key);
  return has(key) ? node_->find(key) : nullptr;
}

ForeignMap ForeignMap::map(std::string_view key) { return {take(key), path_of(key), *log_}; }

std::vector<ForeignMap> ForeignMap::maps(std::string_view key) {
  std::vector<ForeignMap> all;
  const auto* given = take(key);
  if (!given) return all;
  if (given->kind != YamlKind::list) {
    wrong(*given, key, "a list");
    return all;
  }
  for (std::size_t i = 0; i < given->items.size(); ++i)
    all.emplace_back(&given->items[i], fmt::format("{}[{}]", path_of(key), i), *log_);
  return all;
}

void ForeignMap::wrong(const YamlNode& node, std::string_view key, std::string_view wanted) {
  log_->problems.error("wrong_form", node.at, fmt::format("`{}` is not {}", path_of(key), wanted));
}

const YamlNode* ForeignMap::scalar(std::string_view key) {
  const auto* given = take(key);
  if (!given || given->kind == YamlKind::scalar) return given;
  wrong(*given, key, "a single value");
  return nullptr;
}

std::optional<std::string> ForeignMap::text(std::string_view key) {
  const auto* given = scalar(key);
  return given ? std::optional{given->text} : std::nullopt;
}

std::optional<double> ForeignMap::number(std::string_view key) {
  const auto* given = scalar(key);
  if (!given) return std::nullopt;
  const auto value = kubernetes_quantity(given->text);
  if (!value) wrong(*given, key, "a number");
  return value;
}

std::optional<std::int32_t> ForeignMap::integer(std::string_view key) {
  const auto* given = scalar(key);
  if (!given) return std::nullopt;
  std::int32_t value = 0;
  const auto& text = given->text;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size()) return value;
  wrong(*given, key, "a whole number");
  return std::nullopt;
}

std::optional<bool> ForeignMap::boolean(std::string_view key) {
  const auto* given = scalar(key);
  if (!given) return std::nullopt;
  if (given->text == "true" || given->text == "false") return given->text == "true";
  wrong(*given, key, "true or false");
  return std::nullopt;
}

std::optional<Duration> ForeignMap::seconds(std::string_view key) {
  const auto* given = scalar(key);
  if (!given) return std::nullopt;
  const auto value = kubernetes_quantity(given->text);
  if (value && *value >= 0 && *value <= seconds_most) return from_seconds(*value);
  wrong(*given, key, "a number of seconds");
  return std::nullopt;
}

void ForeignMap::pass_over(std::initializer_list<std::string_view> keys) {
  for (const auto key : keys) read_.emplace(key);
}

void ForeignMap::note(std::string_view key, std::string text) {
  const auto* given = node_ && !key.empty() ? node_->find(key) : nullptr;
  log_->notes.push_back(
      {.at = given ? given->at : at(), .field = key.empty() ? path_ : path_of(key), .text = std::move(text)});
}

void ForeignMap::leave_out(std::string_view key, std::string_view why) {
  read_.emplace(key);
  if (has(key)) note(key, std::string{why});
}

void ForeignMap::leave_out_rest(std::string_view why) {
  if (!node_) return;
  for (const auto& key : node_->keys)
    if (!read_.contains(key.text)) note(key.text, std::string{why});
}

}  // namespace tidegate

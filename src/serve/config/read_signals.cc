#include <fmt/format.h>

#include <algorithm>

#include "serve/config/read_parts.h"

namespace tidegate {
namespace {

bool is_http_url(std::string_view url) {
  const auto scheme = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : 0;
  return scheme != 0 && url.size() > static_cast<std::size_t>(scheme) &&
         url.find_first_of(" \"<>") == std::string::npos;
}

void check_url(const YamlNode& node, const Value& url, Diagnostics& problems) {
  const auto* text = std::get_if<std::string>(&url);
  const auto* given = node.find("url");
  if (!text || !given) return;
  if (!is_http_url(*text)) {
    problems.error("bad_url", given->at, fmt::format("`{}` is not the address of a server", *text),
                   "write for example `http://127.0.0.1:9090`");
  } else if (const auto host = text->substr(text->find("//") + 2); host.substr(0, host.find('/')).contains('@')) {
    problems.add({Severity::error, "plain_secret", given->at,
                  "the address holds a name and password, and secrets do not stand in the configuration",
                  "write the whole address as `{env: NAME}` or `{file: /path}`", true});
  }
}

std::optional<Value> read_secret(SettingsReader& reader, std::string_view key, ReadContext context) {
  const auto* given = reader.node(key);
  if (!given) return std::nullopt;
  if (context.envelope == Envelope::file) {
    Value value;
    return reader.read_into(*given, reader.setting(key), value) ? std::optional{value} : std::nullopt;
  }
  if (given->kind == YamlKind::map) {
    SecretRef reference;
    SettingsReader one(*given, secret_section, context.problems);
    one.read("secret", reference.secret);
    one.read("key", reference.key);
    return reference;
  }
  context.problems.add({Severity::error, "plain_secret", given->at,
                        fmt::format("`{}` is a secret, and secrets do not stand in a ScaledModel", key),
                        "write `{secret: NAME, key: KEY}` of a Secret in its namespace", true});
  return std::nullopt;
}

// Reads what `prometheus` and the traffic query share.
void read_server(SettingsReader& reader, const YamlNode& node, PrometheusServerSpec& server, ReadContext context) {
  reader.read("url", server.url);
  if (context.envelope == Envelope::resource && !std::holds_alternative<std::string>(server.url))
    context.problems.error("bad_url", node.find("url")->at, "a ScaledModel names no variable or file of the operator's",
                           "write the address itself, such as `http://prometheus.monitoring:9090`");
  check_url(node, server.url, context.problems);
  server.bearer_token = read_secret(reader, "bearer_token", context);
  reader.read("period", server.period);
  reader.read("timeout", server.timeout);
}

QuerySpec read_query(const YamlNode& node, ReadContext context) {
  QuerySpec query;
  SettingsReader reader(node, query_section, context.problems);
  reader.choose("signal", query.signal);
  reader.read("name", query.name);
  reader.read("query", query.query);
  reader.read("when_empty", query.when_empty);
  if (const auto* server = reader.node("prometheus")) {
    SettingsReader one(*server, prometheus_section, context.problems);
    read_server(one, *server, query.server, context);
  }
  if (!reader.has("signal")) return query;
  const auto word = to_text(query.signal);
  if (query.signal == Signal::custom && query.name.empty())
    context.problems.error("missing", node.at, "a custom signal lacks its `name`", "add `name: NAME`");
  else if (from_text<LatencyKind>(word) && !names_percentile(query.name, word))
    context.problems.error("missing", place_of(node, reader.has("name") ? "name" : "signal"),
                           fmt::format("the query does not say which percentile of {} it measures", word),
                           fmt::format("add for example `name: {}_p99`", word));
  return query;
}

void refuse_later(const YamlNode& node, Diagnostics& problems) {
  const auto& later = signals_section.later;
  const auto& presets = std::vector<std::string_view>{"vllm"};
  if (std::find(later.begin(), later.end(), node.text) != later.end()) {
    problems.error("not_in_this_build", node.at, fmt::format("the source `{}` is not in this build", node.text),
                   "what is: vllm, and explicit Prometheus queries");
    return;
  }
  const auto nearest = nearest_word(node.text, presets);
  problems.error("unknown_word", node.at, fmt::format("there is no preset `{}`", node.text),
                 nearest.empty() ? "known is: vllm" : fmt::format("did you mean `{}`?", nearest));
}

}  // namespace

bool names_percentile(std::string_view name, std::string_view latency) {
  return std::any_of(enum_texts<Percentile>.begin(), enum_texts<Percentile>.end(),
                     [&](const auto& entry) { return name == fmt::format("{}_{}", latency, entry.text); });
}

void read_signals(const YamlNode& node, SignalsSpec& signals, ReadContext context) {
  if (node.kind == YamlKind::scalar) {
    if (node.text == "vllm")
      signals.preset = PresetSpec{};
    else
      refuse_later(node, context.problems);
  } else if (node.kind == YamlKind::list) {
    for (const auto& item : node.items) signals.queries.push_back(read_query(item, context));
  } else {
    SettingsReader reader(node, signals_section, context.problems);
    const auto* vllm = reader.node("vllm");
    const auto* queries = reader.node("queries");
    if (queries && queries->kind != YamlKind::list)
      reader.wrong_form(*queries, "queries", "a list", "begin each query with `- signal:`");
    else if (queries)
      for (const auto& item : queries->items) signals.queries.push_back(read_query(item, context));
    if (!vllm) {
      if (!queries && (node.keys.empty() || node.find("vllm")))
        context.problems.error("missing", node.at, "no preset is named", "write `signals: vllm`");
      return;
    }
    PresetSpec preset;
    SettingsReader one(*vllm, preset_section, context.problems);
    one.read("port", preset.port);
    one.read("path", preset.path);
    one.read("period", preset.period);
    const bool number =
        !preset.port.empty() && preset.port.size() <= 5 &&
        std::all_of(preset.port.begin(), preset.port.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (preset.port != "http" && !(number && std::stoi(preset.port) >= 1 && std::stoi(preset.port) <= 65535))
      context.problems.error("bad_port", vllm->find("port")->at, fmt::format("`{}` is not a port", preset.port),
                             "write `http` for the replica's own port, or a number from 1 to 65535");
    signals.preset = preset;
  }
}

TrafficSpec read_traffic(const YamlNode& node, ReadContext context) {
  TrafficSpec traffic;
  SettingsReader reader(node, traffic_section, context.problems);
  const auto* prometheus = reader.node("prometheus");
  if (!prometheus) return traffic;
  SettingsReader query(*prometheus, traffic_query_section, context.problems);
  query.read("arrivals", traffic.arrivals);
  SettingsReader server(*prometheus, prometheus_section, context.problems, SettingsReader::Scope::part);
  read_server(server, *prometheus, traffic.server, context);
  return traffic;
}

}  // namespace tidegate

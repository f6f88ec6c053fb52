// The parts of the reader, one per noun; only load_configuration and its tests call them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/fleet_spec.h"
#include "serve/config/configuration.h"
#include "serve/config/settings_reader.h"
#include "serve/config/yaml_node.h"

namespace tidegate {

// What the settings stand in. A file is the machine owner's own. A ScaledModel may be anybody's who may write into its
// namespace, so it names no variable and no file of the operator's: only Secrets beside it.
enum class Envelope : std::uint8_t { file, resource };

struct ReadContext {
  const Resolvers& resolvers;
  Diagnostics& problems;
  Envelope envelope = Envelope::file;
};

[[nodiscard]] FleetSpec read_fleet(const YamlNode& root, ReadContext context);
// The file of an operator, whose services are ScaledModels.
[[nodiscard]] FleetSpec read_operator(const YamlNode& root, ReadContext context);
[[nodiscard]] ServiceSpec read_service(const YamlNode& node, ReadContext context);
// The settings of a pool but its name; `node` is the pool, or the service in the short form.
void read_replica(const YamlNode& node, PoolSpec& pool, ReadContext context);
[[nodiscard]] ProcessTargetSpec read_process(const YamlNode& node, SettingsReader::Scope scope, ReadContext context);
void read_signals(const YamlNode& node, SignalsSpec& signals, ReadContext context);
// A custom signal needs its name; a latency is named with its percentile; others need none.
void check_signal_name(const YamlNode& node, Signal signal, std::string& name, Diagnostics& problems);
// "ttft_p99" names a percentile of "ttft".
[[nodiscard]] bool names_percentile(std::string_view name, std::string_view latency);
[[nodiscard]] TrafficSpec read_traffic(const YamlNode& node, ReadContext context);
// One policy or a list of them, each a name or a map with one name.
[[nodiscard]] std::vector<PolicySpec> read_policies(const YamlNode& node, const Setting& setting, ReadContext context);

// A peer's settings.
[[nodiscard]] HpaPolicy read_hpa(const YamlNode& node, ReadContext context);
[[nodiscard]] KedaPolicy read_keda(const YamlNode& node, ReadContext context);
[[nodiscard]] KnativePolicy read_knative(const YamlNode& node, ReadContext context);
[[nodiscard]] NomadPolicy read_nomad(const YamlNode& node, ReadContext context);
[[nodiscard]] RayServePolicy read_ray_serve(const YamlNode& node, ReadContext context);
// What a peer measures, among the settings of `node`.
[[nodiscard]] PeerMetric read_metric(const YamlNode& node, ReadContext context);
// The clouds' and LLM stacks' auto-scalers among the keys of a policy's map.
[[nodiscard]] std::optional<PolicySpec> read_cloud_peer(SettingsReader& reader, ReadContext context);

// Reads every item of a list, which the tables bound; `help` is said when the setting is no list.
template <class Read>
void read_each(SettingsReader& reader, std::string_view key, std::string_view help, Read read) {
  const auto* given = reader.node(key);
  if (!given) return;
  if (given->kind != YamlKind::list) return reader.wrong_form(*given, key, "a list", help);
  const auto most = static_cast<std::size_t>(reader.setting(key).detail.high);
  if (given->items.size() > most)
    reader.problems().error("too_many_values", given->items[most].at,
                            "`" + std::string{key} + "` lists more than " + std::to_string(most),
                            "leave out what decides nothing");
  for (std::size_t i = 0; i < std::min(given->items.size(), most); ++i) read(given->items[i]);
}

// A name must be usable in file names, labels and URLs.
void check_name(const YamlNode& holder, std::string_view what, std::string_view name, Diagnostics& problems);

// What is wrong between settings: errors, then warnings about what will not work well. `fleet` was read from `root`.
void check_fleet(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems);
void advise_fleet(const YamlNode& root, const FleetSpec& fleet, Diagnostics& problems);

// "services.1.pools.0.price", or "services.1.price" where the pool was given in the short form.
[[nodiscard]] std::string pool_path(const YamlNode& root, std::size_t service, std::size_t pool, std::string_view key);

}  // namespace tidegate

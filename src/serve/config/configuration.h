// A configuration text becomes a FleetSpec, or a list of everything that is wrong with it. Nothing is read but the
// text and what the resolvers answer, so loading is a pure function; only load_configuration_file touches the disk.
//
// The result is complete: short forms are spelled out, profiles are resolved into numbers, defaults are filled in.
// Secrets stay references. Warnings do not prevent a load.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/model/fleet_spec.h"
#include "serve/config/diagnostic.h"

namespace tidegate {

// What `replicas: {max: …}` is when left out. GPU slots bound a process target further.
inline constexpr Replicas replicas_max_default{8};

// What a configuration may name that stands elsewhere. A function left empty knows no names.
struct Resolvers {
  std::function<std::optional<CapacityHint>(std::string_view name)> profile;
  std::function<std::vector<std::string>()> profile_names;
};

struct LoadedConfiguration {
  std::string filename;
  std::string text;
  std::optional<FleetSpec> fleet;  // set when there are no errors
  Diagnostics problems;
};

// A fleet's file has services; the operator's has all the rest, as its services are ScaledModels.
enum class ConfigurationUse : std::uint8_t { fleet, operator_ };

[[nodiscard]] LoadedConfiguration load_configuration(std::string text, std::string filename, const Resolvers& resolvers,
                                                     ConfigurationUse use = ConfigurationUse::fleet);

// Fails when the file cannot be read; what is wrong inside it is in the answer's problems. "-" is stdin.
[[nodiscard]] Result<LoadedConfiguration> load_configuration_file(const std::string& path, const Resolvers& resolvers,
                                                                  ConfigurationUse use = ConfigurationUse::fleet);

// The fleet, or one error of kind invalid whose message is the rendered list of problems.
[[nodiscard]] Result<FleetSpec> fleet_of(const LoadedConfiguration& loaded);

// What `tidegate run -- COMMAND` means: one service named after the model, else after the program; one pool; the
// process target; at least one replica. The command must hold {port}.
[[nodiscard]] Result<FleetSpec> fleet_of_command(const std::vector<std::string>& command);

// Policies alone: a name, which gets its defaults, or the text of `policy:` ("{hpa: {target_average: 4}}"). The error
// is the first problem, in one line.
[[nodiscard]] Result<std::vector<PolicySpec>> read_policy_text(const std::string& text);

// What was understood, a few lines a service.
[[nodiscard]] std::string summary(const ServiceSpec& service);
[[nodiscard]] std::string summary(const FleetSpec& fleet);

}  // namespace tidegate

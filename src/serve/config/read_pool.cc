#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "serve/config/model_command.h"
#include "serve/config/read_parts.h"

namespace tidegate {
namespace {

void read_price(SettingsReader& replica, PoolSpec& pool, ReadContext context) {
  const auto* node = replica.node("price");
  if (!node) return;
  if (node->kind != YamlKind::map) {
    MicroUsdPerHour price{0};
    if (replica.read_into(*node, replica.setting("price").detail.shapes[0], price)) pool.price = price;
    return;
  }
  SettingsReader reader(*node, node_price_section, context.problems);
  std::optional<MicroUsdPerHour> price;
  std::optional<std::int32_t> gpus;
  reader.read("node", price);
  reader.read("gpus", gpus);
  if (!price || !gpus) return;
  const double used = pool.gpus_each();
  if (used <= 0 || used > *gpus) {
    context.problems.error("price_of_node", node->at,
                           fmt::format("a replica with {} GPUs has no part in a node of {}", used, *gpus),
                           "set `gpus` or `gpu_share` of the pool to what a replica uses, or give a replica's price");
    return;
  }
  pool.price = MicroUsdPerHour{std::llround(static_cast<double>(price->value()) * used / *gpus)};
  pool.pays_nodes = true;
}

void read_capacity(const YamlNode& node, CapacityHint& capacity, ReadContext context) {
  SettingsReader reader(node, capacity_section, context.problems);
  std::string name;
  reader.read("profile", name);
  if (!name.empty()) {
    const auto& resolvers = context.resolvers;
    auto found = resolvers.profile ? resolvers.profile(name) : std::nullopt;
    if (found) {
      capacity = std::move(*found);
      capacity.profile = name;
    } else {
      const auto names = resolvers.profile_names ? resolvers.profile_names() : std::vector<std::string>{};
      const std::vector<std::string_view> views(names.begin(), names.end());
      const auto nearest = nearest_word(name, views);
      context.problems.error("unknown_profile", reader.node("profile")->at,
                             fmt::format("there is no profile `{}`", name),
                             !nearest.empty() ? fmt::format("did you mean `{}`?", nearest)
                             : names.empty()  ? "leave it out: capacity is learned"
                                              : fmt::format("known are: {}", fmt::join(names, ", ")));
    }
  }
  // What is given beside a profile corrects it.
  reader.read("slots", capacity.slots);
  reader.read("service", capacity.service);
  reader.read("slots_max", capacity.slots_max);
}

bool looks_secret(std::string_view name) {
  std::string upper{name};
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c == '-' ? '_' : c;
  });
  for (const std::string_view word : {"AUTHORIZATION", "COOKIE", "PASSWORD", "SECRET", "API_KEY", "ACCESS_KEY"})
    if (upper.contains(word)) return true;
  return upper == "TOKEN" || upper.ends_with("_TOKEN");
}

// Names that hold secrets everywhere must not hold plain text here.
void refuse_plain_secrets(const YamlNode* node, const std::map<std::string, Value>& values, Diagnostics& problems) {
  for (const auto& [name, given] : values)
    if (std::holds_alternative<std::string>(given) && !std::get<std::string>(given).empty() && looks_secret(name))
      problems.add({Severity::error, "plain_secret", node->find(name)->at,
                    fmt::format("`{}` is a secret, and secrets do not stand in the configuration", name),
                    "write `{env: NAME}` or `{file: /path}`", true});
}

// "--api-key X" and "--api-key=X": a command line is shown by ps, in logs and by `tidegate status`.
void refuse_secret_arguments(const YamlNode& command, Diagnostics& problems) {
  for (std::size_t i = 0; i < command.items.size(); ++i) {
    const std::string_view word = command.items[i].text;
    const auto option = word.substr(0, word.find('='));
    if (!is_secret_option(option)) continue;
    const bool apart = option.size() == word.size();
    if (apart && i + 1 == command.items.size()) continue;
    problems.add(
        {Severity::error, "plain_secret", command.items[apart ? i + 1 : i].at,
         fmt::format("the command gives a secret to `{}`, and secrets do not stand in the configuration", option),
         "give it by `environment: {NAME: {env: NAME}}`; vLLM reads VLLM_API_KEY and HF_TOKEN", true});
  }
}

ReadinessSpec read_ready(const YamlNode& node, ReadContext context) {
  ReadinessSpec ready;
  SettingsReader reader(node, ready_section, context.problems);
  reader.read("path", ready.path);
  if (!ready.path.starts_with('/'))
    context.problems.error("bad_path", reader.node("path")->at,
                           fmt::format("the path `{}` does not begin with `/`", ready.path),
                           fmt::format("write `/{}`", ready.path));
  std::int32_t status = ready.status;
  reader.read("status", status);
  ready.status = status;
  reader.read("model", ready.model);
  reader.read("body_contains", ready.body_contains);
  reader.read("headers", ready.headers);
  refuse_plain_secrets(reader.node("headers"), ready.headers, context.problems);
  reader.read("period", ready.period);
  reader.read("deadline", ready.deadline);
  return ready;
}

// {prot} for {port}: a word in braces that nothing replaces. JSON arguments hold more than one word.
void check_placeholders(const YamlNode& command, const ProcessTargetSpec& process, Diagnostics& problems) {
  constexpr std::string_view known[] = {"port", "gpu", "weights"};
  bool has_port = false, misspelt = false;
  for (std::size_t i = 0; i < process.command.size(); ++i) {
    const std::string& word = process.command[i];
    has_port = has_port || word.contains("{port}");
    if (word.contains("{weights}") && process.weights.empty())
      problems.error("no_weights", command.items[i].at, "the command holds {weights}, and no weights are given",
                     "add `weights: PATH`");
    for (auto open = word.find('{'); open != std::string::npos; open = word.find('{', open + 1)) {
      const auto close = word.find('}', open);
      if (close == std::string::npos) break;
      const auto name = std::string_view{word}.substr(open + 1, close - open - 1);
      const bool is_word = !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
      if (!is_word || std::find(std::begin(known), std::end(known), name) != std::end(known)) continue;
      const auto nearest = nearest_word(name, known);
      if (nearest.empty()) continue;
      misspelt = true;
      problems.error("unknown_placeholder", command.items[i].at, fmt::format("{{{}}} stands for nothing", name),
                     fmt::format("did you mean {{{}}}?", nearest));
    }
  }
  if (!has_port && !misspelt)
    problems.error("no_port", command.at, "the command does not hold {port}, so every replica would use the same port",
                   "add for example `--port, \"{port}\"`");
}

// A number, or a name as Kubernetes gives to ports.
bool is_port(std::string_view text) {
  const bool is_number = text.find_first_not_of("0123456789") == std::string_view::npos;
  if (is_number) return text.size() <= 5 && std::stoi(std::string{text}) >= 1 && std::stoi(std::string{text}) <= 65535;
  return text.size() <= 15 && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

KubernetesTargetSpec read_kubernetes(const YamlNode& node, ReadContext context) {
  KubernetesTargetSpec target;
  SettingsReader reader(node, kubernetes_section, context.problems);
  std::string deployment, statefulset, kind;
  reader.read("deployment", deployment);
  reader.read("statefulset", statefulset);
  reader.read("api_version", target.api_version);
  reader.read("kind", kind);
  reader.read("name", target.name);
  reader.read("namespace", target.name_space);
  reader.read("port", target.port);
  if (!target.port.empty() && !is_port(target.port))
    context.problems.error("bad_port", node.find("port")->at, fmt::format("`{}` is not a port", target.port),
                           "write a number from 1 to 65535, or the name of a container port such as `http`");
  reader.choose("second_owner", target.second_owner);
  const int named = !deployment.empty() + !statefulset.empty() + !kind.empty();
  if (named != 1 || kind.empty() != target.name.empty())
    context.problems.error("missing", node.at, "a Kubernetes target names one object",
                           "write `deployment: NAME`, `statefulset: NAME`, or `api_version`, `kind` and `name`");
  if (!kind.empty()) target.kind = kind;
  if (!deployment.empty()) target.name = deployment;
  if (!statefulset.empty()) target.kind = "StatefulSet", target.name = statefulset;
  return target;
}

}  // namespace

ProcessTargetSpec read_process(const YamlNode& node, SettingsReader::Scope scope, ReadContext context) {
  ProcessTargetSpec process;
  SettingsReader reader(node, process_section, context.problems, scope);
  reader.read("command", process.command);
  reader.read("environment", process.environment);
  refuse_plain_secrets(reader.node("environment"), process.environment, context.problems);
  reader.read("working_directory", process.working_directory);
  reader.read("log_directory", process.log_directory);
  reader.read("weights", process.weights);
  if (const auto* ready = reader.node("ready")) process.ready = read_ready(*ready, context);
  reader.read("drain_deadline", process.drain_deadline);
  reader.read("kill_after", process.kill_after);
  if (!process.command.empty()) {
    check_placeholders(*node.find("command"), process, context.problems);
    refuse_secret_arguments(*node.find("command"), context.problems);
  }
  return process;
}

void read_replica(const YamlNode& node, PoolSpec& pool, ReadContext context) {
  SettingsReader reader(node, replica_section, context.problems, SettingsReader::Scope::part);
  reader.read("gpus", pool.gpus);
  reader.read("gpu_share", pool.gpu_share);
  read_price(reader, pool, context);
  reader.read("gpu_memory", pool.gpu_memory);
  reader.read("startup", pool.startup);
  if (const auto* capacity = reader.node("capacity")) read_capacity(*capacity, pool.capacity, context);
  const auto* target = reader.node("target");
  const Setting* direct = nullptr;
  for (const auto& setting : process_section.settings)
    if (node.find(setting.key)) direct = &setting;
  if (target && direct) {
    context.problems.error("two_targets", place_of(node, direct->key),
                           fmt::format("`{}` stands beside `target`", direct->key),
                           "move it into `target: {process: {...}}`");
  }
  if (target) {
    SettingsReader targets(*target, target_section, context.problems);
    const auto* process = targets.node("process");
    const auto* kubernetes = targets.node("kubernetes");
    if (process && kubernetes)
      context.problems.error("two_targets", kubernetes->at, "`target` names two", "a pool has one target");
    if (process)
      pool.target = read_process(*process, SettingsReader::Scope::whole, context);
    else if (kubernetes)
      pool.target = read_kubernetes(*kubernetes, context);
    else if (target->kind == YamlKind::map && target->keys.empty())
      context.problems.error("missing", target->at, "`target` names none",
                             "write `target: {process: {command: [...]}}`");
  } else if (direct) {
    pool.target = read_process(node, SettingsReader::Scope::part, context);
  }
}

}  // namespace tidegate

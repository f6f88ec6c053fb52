#include "serve/config/first_configuration.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "serve/config/model_command.h"
#include "serve/config/quantities.h"

namespace tidegate {
namespace {

// A word as YAML reads it back unchanged, inside a flow list too.
std::string yaml_word(std::string_view word) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' ||
           c == '_' || c == '-' || c == '=';
  };
  const bool begins_plain = !word.empty() && word[0] != '-' && word[0] != '=' && word[0] != '.';
  const bool option = word.size() > 2 && word.starts_with("--");
  if ((begins_plain || option) && std::all_of(word.begin(), word.end(), is_plain) && word != "null" && word != "Null" &&
      word != "NULL")
    return std::string{word};
  std::string quoted = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\')
      quoted += fmt::format("\\{}", c);
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      quoted += c;
  }
  return quoted + "\"";
}

std::string command_list(const std::vector<std::string>& command) {
  std::vector<std::string> words;
  for (const auto& word : command) words.push_back(yaml_word(word));
  return fmt::format("[{}]", fmt::join(words, ", "));
}

// The variable a server reads instead of the option: vLLM's own for its key, else the option's name.
std::string variable_of(std::string_view option) {
  std::string name = option == "--api-key" ? "VLLM" : "";
  for (const char c : option.substr(name.empty() ? 2 : 1))
    name += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

struct Template {
  std::vector<std::string> command;   // {port} instead of the port, no secrets
  std::set<std::string> environment;  // variables that must hold what was left out
};

Template template_of(const FoundServer& server) {
  Template made;
  bool has_port = false;
  for (std::size_t i = 0; i < server.command.size(); ++i) {
    const std::string& word = server.command[i];
    const auto option = std::string_view{word}.substr(0, word.find('='));
    if (is_secret_option(option)) {
      made.environment.insert(variable_of(option));
      // Several keys may follow one option.
      if (word == option)
        while (i + 1 < server.command.size() && !server.command[i + 1].starts_with('-')) ++i;
    } else if (word == "--port" && i + 1 < server.command.size()) {
      made.command.insert(made.command.end(), {word, "{port}"});
      has_port = true;
      ++i;
    } else if (word.starts_with("--port=")) {
      made.command.emplace_back("--port={port}");
      has_port = true;
    } else {
      made.command.push_back(word);
    }
  }
  if (!has_port) made.command.insert(made.command.end(), {"--port", "{port}"});
  return made;
}

// Text for a double-quoted PromQL string inside a single-quoted YAML one.
std::string label_value(std::string_view text) {
  std::string value;
  for (const char c : text) {
    if (c == '"' || c == '\\') value += '\\';
    if (c == '\'') value += '\'';
    value += c;
  }
  return value;
}

std::string vllm_queries(std::uint16_t prometheus, std::string_view model) {
  const auto server = fmt::format("http://127.0.0.1:{}", prometheus);
  const auto label = label_value(model);
  const auto query = [&](std::string_view signal, std::string_view text) {
    return fmt::format("      - signal: {}\n        query: '{}'\n        prometheus: {{url: {}}}\n", signal, text,
                       server);
  };
  return "    signals:\n" +
         query("in_flight", fmt::format(R"(sum(vllm:num_requests_running{{model_name="{}"}}))", label)) +
         query("queued", fmt::format(R"(sum(vllm:num_requests_waiting{{model_name="{}"}}))", label)) +
         query("ttft\n        name: ttft_p99",
               fmt::format("histogram_quantile(0.99, sum by (le) "
                           R"((rate(vllm:time_to_first_token_seconds_bucket{{model_name="{}"}}[1m]))))",
                           label));
}

std::string header(const Findings& findings) {
  std::string text =
      "# Written by `tidegate init`. Check it with `tidegate validate`, start it with `tidegate run`.\n"
      "# Every setting: docs/reference/configuration.md. Your editor completes it with the schema that\n"
      "# `tidegate export schema` prints.\n#\n# Found on this machine:\n";
  if (findings.gpus.empty()) text += "#   no GPU\n";
  for (const auto& gpu : findings.gpus)
    text += fmt::format(
        "#   GPU {}{}{}\n", gpu.index, gpu.name.empty() ? "" : ": " + gpu.name,
        gpu.memory ? fmt::format(", {:.0f} GiB", static_cast<double>(gpu.memory->value()) / (1 << 30)) : "");
  text += findings.prometheus ? fmt::format("#   a Prometheus server on 127.0.0.1:{}\n", *findings.prometheus)
                              : "#   no Prometheus server on 127.0.0.1\n";
  for (const auto& server : findings.servers)
    text += fmt::format("#   a vLLM server, pid {}, on port {}\n", server.pid, server.port);
  return text + "\nservices:\n";
}

// Servers of one model are replicas of one service; the oldest one's command stands for all.
struct Group {
  Template made;
  ModelCommand said;
  std::vector<const FoundServer*> servers;
};

std::vector<Group> groups_of(const std::vector<FoundServer>& servers) {
  std::vector<Group> groups;
  for (const auto& server : servers) {
    const auto said = model_command(server.command);
    const auto same = std::find_if(groups.begin(), groups.end(),
                                   [&](const Group& group) { return group.said.served == said.served; });
    if (same != groups.end())
      same->servers.push_back(&server);
    else
      groups.push_back({template_of(server), said, {&server}});
  }
  return groups;
}

std::string running_service(const Group& group, const std::string& name, const Findings& findings) {
  std::vector<std::int64_t> pids;
  for (const auto* server : group.servers) pids.push_back(server->pid);
  const auto count = group.servers.size();
  std::string text = fmt::format(
      "  # Runs already (pid {}). In shadow mode tidegate decides and reports, and touches nothing. To hand it over,\n"
      "  # stop your own server, write `mode: act`, and send clients to the gateway.\n"
      "  - name: {}\n    mode: shadow\n    slo: {{ttft_p99: 2s}}        # 99 % of requests see their first token "
      "within 2 s\n"
      "    replicas: {{min: {}, max: {}}}\n",
      fmt::join(pids, ", "), name, count, std::max<std::size_t>(count, 8));
  const auto served = group.said.served.value_or(name);
  if (served != name) text += fmt::format("    match: {{model: {}}}\n", yaml_word(served));
  if (findings.prometheus)
    text += vllm_queries(*findings.prometheus, served);
  else
    text +=
        "    # Without a Prometheus server that reads your servers, tidegate sees nothing of their load in shadow "
        "mode:\n"
        "    # signals: [{signal: in_flight, query: ..., prometheus: {url: ...}}]\n";
  text +=
      "    # Arrivals are best seen where requests are admitted, at your ingress:\n"
      "    # traffic: {prometheus: {url: http://127.0.0.1:9090, arrivals: 'sum(rate(...[1m]))'}}\n";
  if (group.said.gpus > 0) text += fmt::format("    gpus: {}\n", group.said.gpus);
  text += "    # price: $3.50/h             # without it GPU-hours are the cost\n";
  if (!group.made.environment.empty()) {
    std::vector<std::string> references;
    for (const auto& variable : group.made.environment)
      references.push_back(fmt::format("{0}: {{env: {0}}}", variable));
    text += fmt::format(
        "    # Keys on the command line were not copied; put them into tidegate's environment.\n"
        "    environment: {{{}}}\n",
        fmt::join(references, ", "));
  }
  return text + fmt::format("    command: {}\n", command_list(group.made.command));
}

std::string new_service(const Findings& findings) {
  std::string text =
      "  - name: chat                 # clients ask for this model at the gateway, http://127.0.0.1:8080/v1\n"
      "    slo: {ttft_p99: 2s}        # 99 % of requests see their first token within 2 s\n";
  text += fmt::format("    replicas: {{min: 0, max: {}}}  # none while nobody asks\n",
                      std::max<std::size_t>(1, findings.gpus.empty() ? 4 : findings.gpus.size()));
  text +=
      "    hold: {max_age: 3m}        # how long a first request waits for a replica to start\n"
      "    compare_with: [hpa]        # what Kubernetes would do, shown beside every decision\n";
  if (findings.gpus.empty())
    return text +
           "    # No GPU was found, so the emulated model server stands in. Put your own command here.\n"
           "    startup: 20s\n"
           "    command: [tidegate, emulate, --profile, llama-3.1-8b-h100, --startup, 20s, --port, \"{port}\"]\n";
  return text +
         "    gpus: 1                    # of one replica\n"
         "    startup: 60s               # a first guess, learned from then on\n"
         "    # price: $3.50/h           # without it GPU-hours are the cost\n"
         "    command: [vllm, serve, Qwen/Qwen2.5-7B-Instruct, --served-model-name, chat, --port, \"{port}\"]\n";
}

}  // namespace

std::string first_configuration(const Findings& findings) {
  std::string text = header(findings);
  std::set<std::string> names;
  for (const auto& group : groups_of(findings.servers)) {
    const auto wanted = service_name_of(group.said.served.value_or("vllm"));
    auto name = wanted;
    for (int n = 2; !names.insert(name).second; ++n) name = fmt::format("{}-{}", wanted.substr(0, 59), n);
    text += running_service(group, name, findings);
  }
  if (findings.servers.empty()) text += new_service(findings);
  if (!findings.gpus.empty()) {
    std::vector<std::int32_t> indices;
    for (const auto& gpu : findings.gpus) indices.push_back(gpu.index);
    text += fmt::format("\nmachine: {{gpus: [{}]}}        # those that replicas may use\n", fmt::join(indices, ", "));
  }
  return text;
}

}  // namespace tidegate

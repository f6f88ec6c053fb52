#include "serve/config/configuration.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "serve/config/schema.h"

namespace tidegate {
namespace {

const CapacityHint known_hint{.residence_base = 900ms, .residence_slope = 12ms, .slots_max = 256};

Resolvers resolvers() {
  Resolvers known;
  known.profile = [](std::string_view name) {
    return name == "llama-3.1-8b-h100" ? std::optional{known_hint} : std::nullopt;
  };
  return known;
}

LoadedConfiguration load(std::string text) { return load_configuration(std::move(text), "f", resolvers()); }

FleetSpec fleet(const std::string& text) {
  const auto loaded = load(text);
  EXPECT_TRUE(loaded.fleet) << render(loaded.problems, loaded.filename, loaded.text);
  return loaded.fleet.value_or(FleetSpec{});
}

// The one error of a text, as "line:column code".
std::string error_of(std::string text) {
  const auto loaded = load(std::move(text));
  EXPECT_EQ(loaded.problems.errors(), 1U) << render(loaded.problems, loaded.filename, "");
  if (!loaded.problems.has_errors()) return "";
  const auto first = loaded.problems.sorted().front();
  return fmt::format("{}:{} {}", first.at.line, first.at.column, first.code);
}

TEST(Configuration, an_operator_has_no_gateway_and_no_ports_of_replicas) {
  const auto read = load_configuration(R"(
api: {listen: "127.0.0.1:8080"}
keda: {listen: "127.0.0.1:20000"}
)",
                                       "f", resolvers(), ConfigurationUse::operator_);
  EXPECT_TRUE(read.fleet) << render(read.problems, read.filename, read.text);
  EXPECT_EQ(error_of(R"(
services: [{name: chat, command: [serve, "{port}"]}]
keda: {listen: "127.0.0.1:20000"}
)"),
            "3:16 port_conflict");
}

TEST(Configuration, short_form_is_one_pool_with_a_process) {
  const auto read = fleet(R"(
services:
  - {name: chat, slo: {ttft_p99: 2s}, gpus: 1, command: [vllm, serve, M, --port, "{port}"]}
)");
  ASSERT_EQ(read.services.size(), 1U);
  const auto& chat = read.services[0];
  EXPECT_EQ(chat.name, "chat");
  EXPECT_EQ(chat.mode, Mode::act);
  EXPECT_EQ(chat.slo.objectives, (std::vector{Objective{LatencyKind::ttft, Percentile::p99, 2s}}));
  EXPECT_EQ(chat.guardrails.replicas_min, Replicas{0});
  EXPECT_EQ(chat.guardrails.replicas_max, replicas_max_default);
  EXPECT_EQ(chat.policies, (std::vector<PolicySpec>{SloPolicy{}}));
  ASSERT_EQ(chat.pools.size(), 1U);
  EXPECT_EQ(chat.pools[0].name, "default");
  EXPECT_EQ(chat.pools[0].gpus, 1);
  const auto& process = std::get<ProcessTargetSpec>(chat.pools[0].target);
  EXPECT_EQ(process.command, (std::vector<std::string>{"vllm", "serve", "M", "--port", "{port}"}));
}

TEST(Configuration, full_form_fills_every_noun) {
  const auto read = fleet(R"yaml(
services:
  - name: code
    mode: act
    slo: {ttft_p99: 2s, itl_p95: 50ms}
    replicas: {min: 0, max: 16}
    guardrails: {step_up: 4, step_down: 1, rate_up: 4 per 1m, rate_down: 2 per 5m, dwell: 90s}
    match: {model: [code, code-lora], host: null, path: null}
    hold: {max_age: 5m, heartbeat: sse}
    signals: {vllm: {port: http}}
    traffic:
      prometheus: {url: {env: PROM_URL}, bearer_token: {file: /run/token}, arrivals: 'sum(rate(x{s="code"}[1m]))'}
    policy: [slo, {target: {signal: kv_usage, target: 0.8, per_replica: false, tolerance: 5%}}]
    compare_with: [hpa]
    timezone: Europe/Berlin
    affinity: false
    pools:
      - name: h100
        price: $3.50/h
        gpus: 1
        startup: 60s
        capacity: {profile: llama-3.1-8b-h100, slots: 40}
        target:
          process: {command: [serve, "{port}"], ready: {path: /health, model: code, headers: {Authorization: {env: KEY}}}}
      - name: l4
        price: {node: $2.80/h, gpus: 4}
        gpus: 2
        replicas_max: 3
machine: {gpus: [4, {index: 5, memory: 80GiB}], state_directory: /var/lib/tidegate}
gateway: {listen: "127.0.0.1:8081", body_max: 1MiB}
api: {listen: "0.0.0.0:7070", token: {file: /run/api}}
control: {tick: 100ms, history: 7d}
budget: {price_max: $40/h, gpus_max: 8}
)yaml");
  ASSERT_EQ(read.services.size(), 1U);
  const auto& code = read.services[0];
  EXPECT_EQ(code.slo.objectives, (std::vector{Objective{LatencyKind::ttft, Percentile::p99, 2s},
                                              Objective{LatencyKind::itl, Percentile::p95, 50ms}}));
  EXPECT_EQ(code.guardrails, (Guardrails{Replicas{0}, Replicas{16}, Replicas{4}, Replicas{1},
                                         RateLimit{Replicas{4}, 1min}, RateLimit{Replicas{2}, 5min}, 90s}));
  EXPECT_EQ(code.match, (MatchSpec{.models = {"code", "code-lora"}}));
  EXPECT_EQ(code.hold, (HoldSpec{.max_age = 5min, .heartbeat = Heartbeat::sse}));
  EXPECT_EQ(code.signals.preset, PresetSpec{});
  ASSERT_TRUE(code.signals.traffic);
  EXPECT_EQ(code.signals.traffic->server.url, Value{EnvRef{"PROM_URL"}});
  EXPECT_EQ(code.signals.traffic->server.bearer_token, Value{FileRef{"/run/token"}});
  EXPECT_EQ(code.signals.traffic->arrivals, R"(sum(rate(x{s="code"}[1m])))");
  const TargetPolicy kv{.signal = Signal::kv_usage, .target = 0.8, .per_replica = false, .tolerance = 0.05};
  EXPECT_EQ(code.policies, (std::vector<PolicySpec>{SloPolicy{}, kv}));
  EXPECT_EQ(code.compare_with, (std::vector<PolicySpec>{HpaPolicy{}}));
  EXPECT_EQ(code.timezone, "Europe/Berlin");
  EXPECT_FALSE(code.affinity);
  ASSERT_EQ(code.pools.size(), 2U);
  auto hint = known_hint;
  hint.profile = "llama-3.1-8b-h100";
  hint.slots = 40;
  EXPECT_EQ(code.pools[0].capacity, hint);
  EXPECT_EQ(code.pools[0].price, MicroUsdPerHour{3'500'000});
  const auto& ready = std::get<ProcessTargetSpec>(code.pools[0].target).ready;
  EXPECT_EQ(ready.headers.at("Authorization"), Value{EnvRef{"KEY"}});
  EXPECT_EQ(code.pools[1].price, MicroUsdPerHour{1'400'000});  // two of the node's four GPUs
  EXPECT_EQ(code.pools[1].replicas_max, Replicas{3});
  EXPECT_TRUE(std::holds_alternative<std::monostate>(code.pools[1].target));
  EXPECT_EQ(read.machine.gpus, (std::vector<GpuSpec>{{4, std::nullopt}, {5, Bytes{80LL << 30}}}));
  EXPECT_EQ(read.gateway.body_max, Bytes{1 << 20});
  EXPECT_EQ(read.api.token, Value{FileRef{"/run/api"}});
  EXPECT_EQ(read.control, (ControlSpec{100ms, std::chrono::hours{24 * 7}}));
  EXPECT_EQ(read.budget, (BudgetSpec{MicroUsdPerHour{40'000'000}, 8}));
}

// "key: default" of every setting whose default is literal, as a flow map.
std::string literal_defaults(const Section& section) {
  std::string map;
  for (const auto* setting : settings_of(section))
    if (setting->fallback.kind == Fallback::Kind::literal)
      map += fmt::format("{}{}: {}", map.empty() ? "" : ", ", setting->key, setting->fallback.text);
  return "{" + map + "}";
}

std::string cloud_peers_with_defaults() {
  std::string list;
  for (const auto* section :
       {&knative_policy_section, &ray_serve_policy_section, &nomad_policy_section, &aws_target_tracking_policy_section,
        &aws_step_policy_section, &aws_predictive_policy_section, &gcp_policy_section, &sagemaker_policy_section,
        &dynamo_policy_section, &wva_policy_section, &aibrix_policy_section, &keep_alive_policy_section})
    list += fmt::format("{}{{{}: {}}}", list.empty() ? "" : ", ", section->name.substr(0, section->name.find(' ')),
                        literal_defaults(*section));
  return list;
}

TEST(Configuration, defaults_in_the_tables_are_those_of_the_nouns) {
  const auto with = fleet(fmt::format(
      R"(
services:
  - name: a
    mode: act
    replicas: {}
    hold: {}
    policy: {}
    compare_with: [{{target: {}}}, {{hpa: {}}}, {{keda: {}}}, {}, {{static: {}}}]
    timezone: UTC
    affinity: true
    signals: {{vllm: {}}}
    traffic: {{prometheus: {}}}
    pools:
      - name: default
        gpus: 0
        target: {{process: {}}}
machine: {}
gateway: {}
api: {}
control: {}
)",
      literal_defaults(replicas_section),
      // A heartbeat period is only read beside a heartbeat without a warning; warnings do not matter here.
      literal_defaults(hold_section), "slo", literal_defaults(target_policy_section),
      literal_defaults(hpa_policy_section), literal_defaults(keda_policy_section), cloud_peers_with_defaults(),
      literal_defaults(static_policy_section), literal_defaults(preset_section),
      "{url: \"http://h\", arrivals: up, " + literal_defaults(prometheus_section).substr(1),
      "{command: [a, \"{port}\"], ready: " + literal_defaults(ready_section) + ", " +
          literal_defaults(process_section).substr(1),
      literal_defaults(machine_section), literal_defaults(gateway_section), literal_defaults(api_section),
      literal_defaults(control_section)));
  FleetSpec plain;
  ServiceSpec service{.name = "a"};
  service.guardrails.replicas_max = replicas_max_default;
  service.compare_with = {TargetPolicy{},
                          HpaPolicy{},
                          KedaPolicy{},
                          KnativePolicy{},
                          RayServePolicy{},
                          NomadPolicy{},
                          AwsTargetTrackingPolicy{},
                          AwsStepPolicy{},
                          AwsPredictivePolicy{},
                          GcpPolicy{},
                          SageMakerPolicy{},
                          DynamoPolicy{},
                          WvaPolicy{},
                          AibrixPolicy{},
                          KeepAlivePolicy{},
                          StaticPolicy{}};
  service.signals.preset = PresetSpec{};
  service.signals.traffic = TrafficSpec{.server = {.url = "http://h"}, .arrivals = "up"};
  service.pools.push_back(PoolSpec{.target = ProcessTargetSpec{.command = {"a", "{port}"}}});
  plain.services.push_back(service);
  EXPECT_EQ(with, plain);
}

TEST(Configuration, doors_for_other_autoscalers_are_closed_unless_asked_for) {
  const std::string service = "services: [{name: a, command: [serve, \"{port}\"]}]\n";
  EXPECT_FALSE(fleet(service).keda);
  EXPECT_FALSE(fleet(service).external_metrics);
  const auto open = fleet(service + "keda: " + literal_defaults(keda_section) +
                          "\nexternal_metrics: " + literal_defaults(external_metrics_section) + "\n");
  EXPECT_EQ(open.keda, KedaSpec{});
  EXPECT_EQ(open.external_metrics, ExternalMetricsSpec{});
  const auto full = fleet(service + R"(
keda: {listen: "127.0.0.1:1", tls: {certificate: c, key: k, client_authorities: a}}
external_metrics:
  listen: "127.0.0.1:2"
  tls: {certificate: c, key: k}
  fallback: {url: "https://adapter.keda:443", authorities: a}
)");
  EXPECT_EQ(full.keda, (KedaSpec{"127.0.0.1:1", KedaTlsSpec{"c", "k", "a"}}));
  EXPECT_EQ(full.external_metrics, (ExternalMetricsSpec{"127.0.0.1:2", CertificateSpec{"c", "k"},
                                                        MetricsFallbackSpec{"https://adapter.keda:443", "a"}}));
}

TEST(Configuration, an_hpa_has_metrics_and_behaviours) {
  const auto read = fleet(R"(
services:
  - name: a
    policy:
      hpa:
        signal: gpu_util
        type: utilization
        target_average: 0.8
        metrics:
          - {signal: queued, type: average_value, target: 4}
          - {signal: custom, name: tokens, type: value, target: 100}
        tolerance_down: 20%
        up_select: min
        up_policies: [{pods: 2, period: 30s}, {percent: 50, period: 60s}]
        down_select: disabled
)");
  HpaPolicy hpa{
      .signal = Signal::gpu_util, .target_average = 0.8, .type = HpaTarget::utilization, .tolerance_down = 0.2};
  hpa.metrics = {{.signal = Signal::queued, .type = HpaTarget::average_value, .target = 4},
                 {.signal = Signal::custom, .name = "tokens", .type = HpaTarget::value, .target = 100}};
  hpa.up_select = HpaSelect::min;
  hpa.up_policies = {{.unit = HpaScalingUnit::pods, .value = 2, .period = 30s},
                     {.unit = HpaScalingUnit::percent, .value = 50, .period = 60s}};
  hpa.down_select = HpaSelect::disabled;
  EXPECT_EQ(read.services.at(0).policies, (std::vector<PolicySpec>{hpa}));
}

TEST(Configuration, a_scaled_object_has_triggers_and_a_fallback) {
  const auto read = fleet(R"(
services:
  - name: a
    policy:
      keda:
        triggers: [{signal: queued, threshold: 5, activation_threshold: 2, use_cached_metrics: true}]
        polling_interval: 10s
        idle_replicas: 0
        fallback: {failure_threshold: 5, replicas: 6, behavior: current_replicas_if_higher}
        stabilize_down: 1m
)");
  KedaPolicy keda{.polling_interval = 10s};
  keda.triggers = {{.signal = Signal::queued, .threshold = 5, .activation_threshold = 2, .use_cached_metrics = true}};
  keda.idle_replicas = Replicas{0};
  keda.fallback = KedaFallback{
      .failure_threshold = 5, .replicas = Replicas{6}, .behavior = KedaFallbackBehavior::current_replicas_if_higher};
  keda.stabilize_down = 1min;
  EXPECT_EQ(read.services.at(0).policies, (std::vector<PolicySpec>{keda}));
}

TEST(Configuration, tables_are_complete) {
  for (const auto* section : all_sections()) {
    std::set<std::string_view> keys;
    for (const auto* setting : settings_of(*section)) {
      EXPECT_TRUE(keys.insert(setting->key).second) << section->name << " lists " << setting->key << " twice";
      EXPECT_FALSE(kind_text(*setting).empty());
      if (setting->kind == SettingKind::section) {
        ASSERT_NE(setting->detail.section, nullptr) << setting->key;
        const auto all = all_sections();
        EXPECT_NE(std::find(all.begin(), all.end(), setting->detail.section), all.end()) << setting->key;
      }
    }
    EXPECT_TRUE(section->help.ends_with('.')) << section->name;
  }
}

TEST(Configuration, replicas_may_be_a_number) {
  const auto read = fleet("services: [{name: a, replicas: 3}]");
  EXPECT_EQ(read.services[0].guardrails.replicas_min, Replicas{3});
  EXPECT_EQ(read.services[0].guardrails.replicas_max, Replicas{3});
  EXPECT_EQ(fleet("services: [{name: a, replicas: {min: 20}}]").services[0].guardrails.replicas_max, Replicas{20});
}

TEST(Configuration, aliases_are_copied) {
  const auto read = fleet("services:\n  - {name: a, slo: &promise {ttft_p99: 3s}}\n  - {name: b, slo: *promise}\n");
  EXPECT_EQ(read.services[0].slo, read.services[1].slo);
  EXPECT_EQ(read.services[1].slo.objectives[0].bound, 3s);
}

TEST(Configuration, bytes_that_are_no_text_are_named) {
  EXPECT_EQ(error_of("services:\n  - name: \xff\xfe\n"), "2:11 not_utf8");
  EXPECT_EQ(error_of("services:\n  - name: \xc3\x28\n"), "2:11 not_utf8");
  EXPECT_EQ(error_of("services:\n  - name: \xed\xa0\x80\n"), "2:11 not_utf8");
  EXPECT_EQ(error_of(std::string("services:\n  - name: a\0b\n", 23)), "2:12 control_character");
  EXPECT_EQ(error_of("services:\n\t- name: chat\n"), "2:1 tab");
  EXPECT_EQ(error_of("services:\n  - name: chat\n  \tmode: act\n"), "3:3 tab");
  EXPECT_EQ(error_of("\xff\xfes\0e\0"), "1:1 not_utf8");
  // Columns count characters.
  EXPECT_EQ(error_of("services: [{name: a, command: [\"\xc3\xa4\xc3\xa4{port}\"], replcas: 1}]"), "1:45 unknown_key");
  EXPECT_EQ(fleet("\xef\xbb\xbfservices: [{name: a}]").services[0].name, "a");
  EXPECT_EQ(fleet("services:\r\n  - name: a\r\n    mode: act\r\n").services[0].name, "a");
}

TEST(Configuration, size_depth_and_aliases_are_bounded) {
  EXPECT_EQ(error_of(std::string((1 << 20) + 1, '#')), "1:1 too_large");
  EXPECT_EQ(error_of("services: " + std::string(40, '[') + std::string(40, ']')), "1:42 too_deep");
  EXPECT_EQ(error_of("services: " + std::string(100'000, '[')), "1:100010 yaml");
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += fmt::format("a{0}: &a{0} [", i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("{}*a{}", j ? ", " : "", i - 1);
    bomb += "]\n";
  }
  EXPECT_EQ(load(bomb).problems.sorted().at(0).code, "too_many_values");
}

TEST(Configuration, every_error_of_a_file_is_reported_and_bounded) {
  const auto loaded = load("services:\n  - {name: a, gpus: -1, mode: x, zebra: 1}\napi: {lisen: 1}\n");
  EXPECT_EQ(loaded.problems.errors(), 4U);
  std::string many = "services: [{name: a}]\n";
  for (int i = 0; i < 50; ++i) many += fmt::format("zebra{}: 1\n", i);
  const auto bounded = load(many);
  EXPECT_EQ(bounded.problems.errors(), 50U);
  EXPECT_EQ(bounded.problems.sorted().size(), Diagnostics::most);
  EXPECT_TRUE(render(bounded.problems, "f", many).contains("50 errors"));
}

TEST(Configuration, a_secret_is_never_shown) {
  for (const std::string text :
       {"api: {token: hunter2}\nservices: [{name: a}]\n", "services: [{name: a, environment: {HF_TOKEN: hunter2}}]\n",
        "services:\n- {name: a, ready: {headers: {X-Api-Key: hunter2}}}\n",
        "services:\n- {name: a, traffic: {prometheus: {url: 'http://u:hunter2@h', arrivals: x}}}\n"}) {
    const auto loaded = load(text);
    EXPECT_TRUE(loaded.problems.has_errors()) << text;
    EXPECT_FALSE(render(loaded.problems, "f", text).contains("hunter2")) << text;
    EXPECT_FALSE(to_json(loaded.problems, "f").contains("hunter2")) << text;
  }
}

TEST(Configuration, examples_load_without_a_warning) {
  namespace fs = std::filesystem;
  std::size_t examples = 0;
  for (const auto& entry : fs::directory_iterator{fs::path{TIDEGATE_SOURCE_DIR} / "examples"}) {
    if (entry.path().extension() != ".yaml") continue;
    ++examples;
    const auto loaded = load_configuration_file(entry.path(), resolvers());
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_TRUE(loaded->fleet && loaded->problems.warnings() == 0)
        << render(loaded->problems, loaded->filename, loaded->text);
    EXPECT_FALSE(loaded->fleet && summary(*loaded->fleet).empty());
  }
  EXPECT_GE(examples, 4U);
}

TEST(Configuration, a_file_that_cannot_be_read_is_named) {
  const auto missing = load_configuration_file("/nonexistent/tidegate.yaml", resolvers());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  EXPECT_TRUE(missing.error().message.contains("/nonexistent/tidegate.yaml"));
  const auto folder = load_configuration_file("/tmp", resolvers());
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().kind, ErrorKind::invalid);
}

TEST(Configuration, fleet_of_says_all_that_is_wrong) {
  const auto wrong = fleet_of(load("services: [{name: a, mode: x}]"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::invalid);
  EXPECT_TRUE(wrong.error().message.contains("f:1:28: error[unknown_word]")) << wrong.error().message;
  EXPECT_TRUE(fleet_of(load("services: [{name: a}]")));
}

struct CommandCase {
  std::vector<std::string> command;
  std::string name;
  std::vector<std::string> models;
  std::int32_t gpus;
};

TEST(FleetOfCommand, names_the_service_after_the_model) {
  const CommandCase cases[] = {
      {{"vllm", "serve", "meta-llama/Llama-3.1-8B", "--port", "{port}"},
       "llama-3.1-8b",
       {"llama-3.1-8b", "meta-llama/Llama-3.1-8B"},
       1},
      {{"vllm", "serve", "M", "--served-model-name", "chat", "-tp", "2", "-pp=2", "--port={port}"},
       "m",
       {"m", "chat"},
       4},
      {{"python3", "-m", "vllm.entrypoints.openai.api_server", "--model=/models/Qwen2", "--port", "{port}"},
       "qwen2",
       {"qwen2", "/models/Qwen2"},
       1},
      {{"/opt/llama-server", "-m", "a.gguf", "--port", "{port}"}, "a.gguf", {"a.gguf"}, 0},
      {{"./my server", "{port}"}, "my-server", {"my-server"}, 0},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    const auto made = fleet_of_command(one.command);
    ASSERT_TRUE(made);
    const auto& service = made->services.at(0);
    EXPECT_EQ(service.name, one.name);
    EXPECT_EQ(service.match.models, one.models);
    EXPECT_EQ(service.guardrails.replicas_min, Replicas{1});
    EXPECT_EQ(service.pools.at(0).gpus, one.gpus);
    EXPECT_EQ(std::get<ProcessTargetSpec>(service.pools[0].target).command, one.command);
    EXPECT_EQ(service.signals.preset.has_value(), one.gpus > 0);
  }
  EXPECT_FALSE(fleet_of_command({}));
  EXPECT_TRUE(fleet_of_command({"vllm", "serve", "M"}).error().message.contains("{port}"));
}

}  // namespace
}  // namespace tidegate

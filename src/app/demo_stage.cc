#include "app/demo_stage.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>

#include "edge/targets/spawn.h"

namespace tidegate {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// A replica serves eight requests at once and takes six seconds to start, so that a burst on the smallest machine
// needs several of them and a cold start can be watched.
constexpr std::string_view configuration = R"(services:
  - name: chat
    slo: {{ttft_p99: 2s}}
    replicas: {{min: 0, max: 4}}
    hold: {{max_age: 1m}}
    pools:
      - name: emulated
        price: $3.50/h
        startup: 6s
        capacity: {{slots: 8, service: 2s}}
        target:
          process:
            command: ['{program}', emulate, --profile, llama-3.1-8b-h100, --running-max, '8', --startup, 6s,
                      --model, chat, --port, '{{port}}']
            environment: {{{marker_name}: '{marker_value}'}}
            ready: {{path: /health, model: chat, period: 200ms}}
            drain_deadline: 5m
gateway: {{listen: '{gateway}', link: '{folder}/link'}}
api: {{listen: '{api}'}}
machine: {{state_directory: '{folder}/state'}}
control: {{tick: 500ms}}
)";
constexpr std::string_view marker_name = "TIDEGATE_DEMO";

std::string read_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

Result<std::string> address(std::int32_t usual, const std::vector<std::uint16_t>& taken) {
  const auto port = free_port(usual, usual + 900, usual, taken);
  if (!port) return std::unexpected(port.error());
  return fmt::format("127.0.0.1:{}", *port);
}

// As the API orders them: newest first.
std::vector<StageDecision> decisions_of(const Json& answer) {
  std::vector<StageDecision> all;
  for (const auto& one : answer.at("decisions")) {
    StageDecision decision{
        .id = one.at("id"), .now = one.at("now"), .verdict = one.at("verdict"), .reason = one.at("reason")};
    for (const auto& pool : one.at("pools")) decision.replicas += pool.at("replicas").get<int>();
    all.push_back(std::move(decision));
  }
  return all;
}

std::optional<double> number_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? std::optional{found->get<double>()} : std::nullopt;
}

// What the API answers is read in one place; an answer of another shape is our bug or another program's port.
template <class Function>
auto reading(const Result<std::string>& text, Function function) -> Result<decltype(function(Json{}))> {
  if (!text) return std::unexpected(text.error());
  try {
    return function(Json::parse(*text));
  } catch (const Json::exception& problem) {
    return fail(ErrorKind::failed, fmt::format("the API gave an answer that is not its own: {}", problem.what()));
  }
}

}  // namespace

DemoStage::DemoStage(std::string folder, std::string gateway, std::string api)
    : folder_(std::move(folder)),
      marker_(fmt::format("{}={}", marker_name, folder_)),
      gateway_(std::move(gateway)),
      api_(std::move(api)) {}

Result<std::unique_ptr<DemoStage>> DemoStage::open(const std::function<bool()>& goes_on) {
  std::error_code problem;
  auto pattern = (fs::temp_directory_path(problem) / "tidegate-demo-XXXXXX").string();
  if (problem || ::mkdtemp(pattern.data()) == nullptr)
    return fail(ErrorKind::denied, fmt::format("cannot create a folder {}; is TMPDIR writable?", pattern));
  const auto gateway = address(8080, {});
  const auto api = address(7070, {});
  for (const auto* one : {&gateway, &api})
    if (!*one) {
      fs::remove_all(pattern, problem);
      return std::unexpected(one->error());
    }
  std::unique_ptr<DemoStage> stage{new DemoStage(pattern, *gateway, *api)};
  if (auto started = stage->start(goes_on); !started) return std::unexpected(started.error());
  return stage;
}

DemoStage::~DemoStage() {
  // The controller first: it ends its replicas.
  while (!processes_.empty()) {
    processes_.back().end(20s);
    processes_.pop_back();
  }
  sweep(marker_);
  std::error_code problem;
  fs::remove_all(folder_, problem);
}

ChildOptions DemoStage::child(std::vector<std::string> words, const std::string& name) const {
  words.insert(words.begin(), this_program());
  return {.command = std::move(words),
          .environment = {marker_},
          .output = fmt::format("{}/{}.out", folder_, name),
          .log = fmt::format("{}/{}.log", folder_, name)};
}

Result<void> DemoStage::start(const std::function<bool()>& goes_on) {
  const auto path = folder_ + "/tidegate.yaml";
  std::ofstream{path} << fmt::format(configuration, fmt::arg("program", this_program()), fmt::arg("folder", folder_),
                                     fmt::arg("marker_name", marker_name), fmt::arg("marker_value", folder_),
                                     fmt::arg("gateway", gateway_), fmt::arg("api", api_));
  for (const auto& options :
       {child({"gateway", "--listen", gateway_, "--link", folder_ + "/link", "--drain", "1"}, "gateway"),
        child({"run", path, "--drain", "1"}, "controller")}) {
    auto process = ChildProcess::start(options);
    if (!process) return std::unexpected(process.error());
    processes_.push_back(std::move(*process));
  }
  return wait_until_ready(goes_on);
}

Result<void> DemoStage::wait_until_ready(const std::function<bool()>& goes_on) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < deadline) {
    for (auto& process : processes_)
      if (!process.runs()) return fail(ErrorKind::failed, fmt::format("the demo could not start:\n{}", log_tail()));
    if (get("/readyz")) return {};
    if (!goes_on()) return fail(ErrorKind::failed, "interrupted");
    std::this_thread::sleep_for(50ms);
  }
  return fail(ErrorKind::unreachable, fmt::format("the controller did not answer within a minute:\n{}", log_tail()));
}

Result<std::string> DemoStage::get(const std::string& path) {
  const auto url = api_url() + path;
  auto answer = require_ok(http_.fetch({.url = url, .timeout = 5s, .direct = true}), url);
  if (!answer) return std::unexpected(answer.error());
  return std::move(answer->body);
}

Result<StageView> DemoStage::look() {
  return reading(get("/api/v1/services"), [](const Json& answer) {
    const auto& service = answer.at("services").at(0);
    StageView view{
        .now = answer.at("now"), .queued = number_of(service, "queued"), .in_flight = number_of(service, "in_flight")};
    for (const auto& pool : service.at("pools")) {
      view.ready += pool.at("ready").get<int>();
      for (const auto* state : {"requested", "starting", "loading"}) view.warming += pool.at(state).get<int>();
      view.draining += pool.at("draining").get<int>();
    }
    return view;
  });
}

Result<std::vector<StageDecision>> DemoStage::decisions(double from) {
  return reading(get(fmt::format("/api/v1/services/chat/decisions?from={:.3f}&limit=500", from)),
                 [](const Json& answer) {
                   auto all = decisions_of(answer);
                   std::ranges::reverse(all);
                   return all;
                 });
}

Result<std::string> DemoStage::explanation(const StageDecision& decision) {
  return reading(get(fmt::format("/api/v1/services/chat/explain?decision={}", decision.id)),
                 [](const Json& answer) { return answer.at("text").get<std::string>(); });
}

Result<void> DemoStage::set_ceiling(int replicas, std::string_view comment) {
  const auto url = api_url() + "/api/v1/services/chat/override";
  const Json body{
      {"kind", "ceiling"}, {"replicas", replicas}, {"for_seconds", 60}, {"author", "demo"}, {"comment", comment}};
  const auto answer = require_ok(http_.fetch({.method = "POST",
                                              .url = url,
                                              .headers = {{"Content-Type", "application/json"}},
                                              .body = body.dump(),
                                              .direct = true}),
                                 url);
  return answer ? Result<void>{} : std::unexpected(answer.error());
}

void DemoStage::freeze_gateway() { processes_.front().signal(SIGSTOP); }
void DemoStage::thaw_gateway() { processes_.front().signal(SIGCONT); }

Result<ChildProcess> DemoStage::send(const std::string& requests) {
  const auto trace = folder_ + "/requests.csv";
  std::ofstream{trace} << "t_seconds,input_tokens,output_tokens\n" << requests;
  std::error_code problem;
  fs::remove(folder_ + "/load.out", problem);
  return ChildProcess::start(child({"load", "--trace", trace, "--url", "http://" + gateway_, "--model", "chat",
                                    "--ignore-eos", "-o", "json", "--quiet"},
                                   "load"));
}

std::string DemoStage::report() const { return read_file(folder_ + "/load.out"); }

std::string DemoStage::log_tail() const {
  std::string text;
  for (const auto* name : {"gateway", "controller"}) {
    const auto log = read_file(fmt::format("{}/{}.log", folder_, name));
    text += log.size() > 2000 ? log.substr(log.size() - 2000) : log;
  }
  return text;
}

}  // namespace tidegate

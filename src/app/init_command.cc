// `tidegate init`: looks at the machine and writes a first, commented configuration. It starts nothing, asks only
// this machine, and never replaces a file unless told to.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "app/command.h"
#include "app/exit_status.h"
#include "edge/machine/file_descriptor.h"
#include "edge/machine/gpu_inventory.h"
#include "edge/machine/system_clock.h"
#include "edge/targets/readiness_probe.h"
#include "serve/config/configuration.h"
#include "serve/config/first_configuration.h"
#include "serve/config/model_command.h"

namespace tidegate {
namespace {

constexpr Duration answer_timeout = 500ms;
constexpr std::size_t command_line_max = 64 << 10;
constexpr std::size_t servers_max = 64;

// Whether GET path on a port of this machine answers 200 within half a second.
bool answers(std::uint16_t port, const std::string& path) {
  const SystemClock clock;
  const Instant deadline = clock.now() + answer_timeout;
  ReadinessProbe probe({.path = path}, {}, port, clock.now());
  while (clock.now() < deadline) {
    const auto answer = probe.advance(clock.now());
    if (answer) return answer->readiness == Readiness::ready;
    pollfd waiting{probe.fd(), static_cast<short>(probe.wants_write() ? POLLOUT : POLLIN), 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock.now());
    ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
  }
  return false;
}

std::vector<FoundGpu> found_gpus(Terminal& terminal) {
  const GpuInventory inventory(MachineSpec{});
  const auto readings = inventory.read();
  std::vector<FoundGpu> found;
  if (!readings) {
    terminal.say(fmt::format("GPUs: {}", readings.error().message));
    return found;
  }
  for (const auto& gpu : *readings) {
    const bool memory_known = gpu.memory_total.value() > 0;
    found.push_back({gpu.index, gpu.name, memory_known ? std::optional{gpu.memory_total} : std::nullopt});
  }
  return found;
}

std::vector<std::string> command_line(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/cmdline", std::ios::binary);
  std::string bytes(command_line_max, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  std::vector<std::string> words;
  for (std::size_t start = 0; start < bytes.size();) {
    const auto end = std::min(bytes.find('\0', start), bytes.size());
    words.push_back(bytes.substr(start, end - start));
    start = end + 1;
  }
  return words;
}

// vLLM's servers as the process table shows them, that answer. Its workers rename themselves and do not show.
std::vector<FoundServer> found_servers() {
  std::vector<FoundServer> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const auto name = entry.path().filename().string();
    FoundServer server;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), server.pid);
    if (error != std::errc{} || end != name.data() + name.size()) continue;
    server.command = command_line(name);
    const auto said = model_command(server.command);
    if (!said.is_vllm || !said.model || found.size() >= servers_max) continue;
    server.port = said.port.value_or(8000);
    found.push_back(std::move(server));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
  // A launcher and its child share a command line and a port; the older one is the server.
  std::vector<FoundServer> distinct;
  for (auto& server : found) {
    const bool known = std::any_of(distinct.begin(), distinct.end(),
                                   [&](const FoundServer& other) { return other.port == server.port; });
    if (!known && answers(server.port, "/v1/models")) distinct.push_back(std::move(server));
  }
  return distinct;
}

Result<void> write_new(const std::string& path, const std::string& text, bool replaces) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (replaces ? O_TRUNC : O_EXCL);
  const FileDescriptor file(::open(path.c_str(), flags, 0644));
  if (file.get() < 0 && errno == EEXIST)
    return fail(ErrorKind::failed, fmt::format("{} exists and is left as it is; --force replaces it", path));
  if (file.get() < 0)
    return fail(errno == EACCES ? ErrorKind::denied : ErrorKind::failed,
                fmt::format("cannot write {}: {}", path, errno_text(errno)));
  for (std::size_t done = 0; done < text.size();) {
    const auto written = ::write(file.get(), text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail(ErrorKind::failed, fmt::format("cannot write {}: {}", path, errno_text(errno)));
    done += static_cast<std::size_t>(written);
  }
  return {};
}

int init(const Arguments& given, Terminal& terminal) {
  const auto path = *given.value("--out");
  const auto port = given.number("--prometheus-port");
  if (!port) return report(terminal, port.error());
  if (**port < 1 || **port > 65535)
    return report(terminal, {ErrorKind::invalid, "--prometheus-port wants a number from 1 to 65535"});
  std::error_code ignored;
  if (path != "-" && !given.flag("--force") && std::filesystem::exists(path, ignored))
    return report(terminal,
                  {ErrorKind::failed, fmt::format("{} exists and is left as it is; --force replaces it", path)});

  Findings findings{.gpus = found_gpus(terminal), .servers = found_servers()};
  const auto prometheus = static_cast<std::uint16_t>(**port);
  if (answers(prometheus, "/-/ready")) findings.prometheus = prometheus;
  terminal.say(fmt::format("found {} GPUs, {} vLLM servers, {}", findings.gpus.size(), findings.servers.size(),
                           findings.prometheus ? "a Prometheus server" : "no Prometheus server"));
  const auto text = first_configuration(findings);
  if (path == "-") {
    terminal.data_raw(text);
    return exit_ok;
  }
  if (const auto written = write_new(path, text, given.flag("--force")); !written)
    return report(terminal, written.error());
  terminal.say(fmt::format("wrote {}; look through it, then: tidegate run {}", path, path));
  return exit_ok;
}

}  // namespace

extern const Command init_command;
const Command init_command{
    .name = "init",
    .group = CommandGroup::run,
    .summary = "look at this machine and write a first configuration",
    .examples = {"tidegate init", "tidegate init --out - | less"},
    .options = {{.name = "--out", .value = "FILE", .help = "where to write; - is stdout", .fallback = "tidegate.yaml"},
                {.name = "--force", .help = "replace the file if it exists"},
                {.name = "--prometheus-port",
                 .value = "PORT",
                 .help = "where a Prometheus server of this machine would listen",
                 .fallback = "9090"}},
    .run = init};

}  // namespace tidegate

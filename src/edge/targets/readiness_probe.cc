#include "edge/targets/readiness_probe.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <nlohmann/json.hpp>

namespace tidegate {

namespace {

std::optional<std::size_t> content_length(std::string_view head) {
  while (!head.empty()) {
    const auto end = std::min(head.find("\r\n"), head.size());
    const auto line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    constexpr std::string_view name = "content-length:";
    const bool is_it = line.size() > name.size() &&
                       std::equal(name.begin(), name.end(), line.begin(),
                                  [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
    if (!is_it) continue;
    auto value = line.substr(name.size());
    while (value.starts_with(' ')) value.remove_prefix(1);
    std::size_t length = 0;
    if (std::from_chars(value.data(), value.data() + value.size(), length).ec == std::errc{}) return length;
  }
  return std::nullopt;
}

}  // namespace

std::optional<HttpAnswer> parse_answer(const std::string& bytes, bool closed) {
  const auto head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string::npos || !bytes.starts_with("HTTP/1.") || bytes.size() < 12) return std::nullopt;
  HttpAnswer answer;
  if (std::from_chars(bytes.data() + 9, bytes.data() + 12, answer.status).ec != std::errc{}) return std::nullopt;
  answer.body = bytes.substr(head_end + 4);
  const auto length = content_length(std::string_view(bytes).substr(0, head_end));
  if (closed || (length && answer.body.size() >= *length) || bytes.size() >= probe_bytes_max) return answer;
  return std::nullopt;
}

bool lists_model(const std::string& body, const std::string& model) {
  // Tolerant of chunk marks around the document: it is looked for from the first brace to the last.
  const auto first = body.find('{'), last = body.rfind('}');
  if (first == std::string::npos || last == std::string::npos || last < first) return false;
  const auto json = nlohmann::json::parse(body.substr(first, last - first + 1), nullptr, false);
  if (!json.is_object() || !json.contains("data") || !json["data"].is_array()) return false;
  return std::ranges::any_of(json["data"], [&](const auto& entry) {
    return entry.is_object() && entry.contains("id") && entry["id"] == model;
  });
}

ReadinessProbe::ReadinessProbe(const ReadinessSpec& spec, std::map<std::string, std::string> headers,
                               std::uint16_t port, Instant now)
    : spec_(spec), headers_(std::move(headers)), port_(port), deadline_(now + probe_timeout) {
  begin(spec_.path);
}

void ReadinessProbe::begin(const std::string& path) {
  path_ = path;
  received_.clear();
  connected_ = false;
  request_ = fmt::format("GET {} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nAccept: */*\r\nConnection: close\r\n", path, port_);
  for (const auto& [name, value] : headers_) request_ += name + ": " + value + "\r\n";
  request_ += "\r\n";
  socket_ = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connect_error_ = 0;
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS)
    connect_error_ = errno;
}

std::string ReadinessProbe::broken_text(int code) const {
  return fmt::format("GET {} on port {} broke off: {}", path_, port_, errno_text(code));
}

std::optional<ProbeAnswer> ReadinessProbe::advance(Instant now) {
  if (now >= deadline_)
    return ProbeAnswer{connected_ ? Readiness::loading : Readiness::refused,
                       fmt::format("GET {} on port {} has no answer within {}", path_, port_, to_text(probe_timeout))};
  int code = connect_error_;
  socklen_t size = sizeof code;
  if (code == 0) ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &code, &size);
  if (code != 0 && !connected_)
    return ProbeAnswer{Readiness::refused, fmt::format("does not listen on port {} yet", port_)};
  if (code != 0) return ProbeAnswer{Readiness::loading, broken_text(code)};
  while (!request_.empty()) {
    const ssize_t sent = ::send(socket_.get(), request_.data(), request_.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN)) return std::nullopt;
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return ProbeAnswer{Readiness::loading, broken_text(errno)};
    connected_ = true;
    request_.erase(0, static_cast<std::size_t>(sent));
  }
  return read();
}

std::optional<ProbeAnswer> ReadinessProbe::read() {
  char block[16384];
  while (true) {
    const ssize_t count = ::recv(socket_.get(), block, sizeof block, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return std::nullopt;
    if (count < 0) return ProbeAnswer{Readiness::loading, broken_text(errno)};
    received_.append(block, static_cast<std::size_t>(count));
    const auto answer = parse_answer(received_, count == 0);
    if (answer) return judge(*answer);
    if (count == 0 || received_.size() >= probe_bytes_max)
      return ProbeAnswer{Readiness::loading, fmt::format("GET {} on port {} is not answered in HTTP", path_, port_)};
  }
}

std::optional<ProbeAnswer> ReadinessProbe::judge(const HttpAnswer& answer) {
  const int expected = asks_models_ ? 200 : spec_.status;
  if (answer.status != expected)
    return ProbeAnswer{Readiness::loading,
                       fmt::format("GET {} answers {} instead of {}", path_, answer.status, expected)};
  if (!asks_models_ && spec_.body_contains && !answer.body.contains(*spec_.body_contains))
    return ProbeAnswer{Readiness::loading,
                       fmt::format("the answer of GET {} lacks \"{}\"", path_, *spec_.body_contains)};
  if (!spec_.model) return ProbeAnswer{Readiness::ready, {}};
  if (asks_models_)
    return lists_model(answer.body, *spec_.model)
               ? ProbeAnswer{Readiness::ready, {}}
               : ProbeAnswer{Readiness::loading, fmt::format("GET /v1/models does not list {}", *spec_.model)};
  asks_models_ = true;
  begin("/v1/models");
  return std::nullopt;
}

}  // namespace tidegate

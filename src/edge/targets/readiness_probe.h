// Asks one replica whether it is ready, without ever blocking: GET `path` must answer `status` (and hold
// `body_contains`), then GET /v1/models must list `model`, if one is given. A small HTTP/1.0 client of its own over
// loopback: bounded in bytes and in time, one connection a request.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/base/time.h"
#include "core/model/target_spec.h"
#include "edge/machine/file_descriptor.h"
#include "edge/targets/process_plan.h"

namespace tidegate {

inline constexpr Duration probe_timeout = 5s;  // a loading server may be slow to answer
inline constexpr std::size_t probe_bytes_max = 1 << 20;

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// None: not complete yet. `closed`: nothing more will come.
[[nodiscard]] std::optional<HttpAnswer> parse_answer(const std::string& bytes, bool closed);

[[nodiscard]] bool lists_model(const std::string& body, const std::string& model);

class ReadinessProbe {
 public:
  ReadinessProbe(const ReadinessSpec& spec, std::map<std::string, std::string> headers, std::uint16_t port,
                 Instant now);

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] bool wants_write() const { return !request_.empty(); }
  [[nodiscard]] Instant deadline() const { return deadline_; }
  // Goes on as far as it can; call it when fd() is ready, and at the deadline. fd() may be another one afterwards.
  [[nodiscard]] std::optional<ProbeAnswer> advance(Instant now);

 private:
  void begin(const std::string& path);
  [[nodiscard]] std::optional<ProbeAnswer> judge(const HttpAnswer& answer);
  [[nodiscard]] std::optional<ProbeAnswer> read();
  [[nodiscard]] std::string broken_text(int code) const;

  ReadinessSpec spec_;
  std::map<std::string, std::string> headers_;
  std::uint16_t port_;
  Instant deadline_;
  FileDescriptor socket_;
  bool asks_models_ = false;
  bool connected_ = false;
  int connect_error_ = 0;
  std::string path_;
  std::string request_;  // what is not sent yet
  std::string received_;
};

}  // namespace tidegate

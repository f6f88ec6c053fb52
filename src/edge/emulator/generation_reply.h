// What an emulated server says in answer to a generation request: server-sent events token by token, or one JSON
// object at the end. Every token is a blank and three letters, so that about four bytes make a token there and back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/time.h"
#include "edge/emulator/generation_request.h"

namespace tidegate {

struct GenerationTicket {  // what tells one answer from the others
  std::uint64_t number = 0;
  Instant arrival{};
};

class GenerationReply {
 public:
  GenerationReply(const GenerationRequest& request, const GenerationTicket& ticket);

  // Appends the event of the next token to a stream; the first of a chat is preceded by its role. The last one
  // carries the reason and is followed by the counts, where asked for, and the end mark.
  void append_token(std::string& stream, bool is_last);
  // The whole answer, for requests without a stream.
  [[nodiscard]] std::string whole() const;

  [[nodiscard]] std::int32_t produced() const { return produced_; }
  [[nodiscard]] const GenerationRequest& request() const { return request_; }

 private:
  void append_event(std::string& stream, std::string_view choice) const;
  [[nodiscard]] std::string usage() const;
  [[nodiscard]] std::string_view word(std::int32_t index) const;

  GenerationRequest request_;
  std::string head_;  // {"id":…,"choices":[
  std::uint64_t number_ = 0;
  std::int32_t produced_ = 0;
};

struct ServerAnswer {
  int status = 200;
  std::string_view type;     // "NotFoundError"; made up for people, the status is what programs read
  std::string_view param{};  // empty: null
};
// {"error": {"message", "type", "param", "code"}}, as vLLM writes it.
[[nodiscard]] std::string server_error_json(const ServerAnswer& answer, std::string_view message);
[[nodiscard]] std::string json_text(std::string_view text);

}  // namespace tidegate

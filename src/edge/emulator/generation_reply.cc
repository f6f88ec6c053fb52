#include "edge/emulator/generation_reply.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace tidegate {
namespace {

constexpr std::array<std::string_view, 16> words = {" the", " sea", " ran", " out", " and", " all", " who", " saw",
                                                    " had", " one", " day", " for", " sun", " may", " yet", " now"};

}  // namespace

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string server_error_json(const ServerAnswer& answer, std::string_view message) {
  return fmt::format(R"({{"error":{{"message":{},"type":"{}","param":{},"code":{}}}}})", json_text(message),
                     answer.type, answer.param.empty() ? "null" : json_text(answer.param), answer.status);
}

GenerationReply::GenerationReply(const GenerationRequest& request, const GenerationTicket& ticket)
    : request_(request), number_(ticket.number) {
  const bool chat = request.kind == GenerationKind::chat;
  const std::string_view object = !chat            ? "text_completion"
                                  : request.stream ? "chat.completion.chunk"
                                                   : "chat.completion";
  head_ = fmt::format(R"({{"id":"{}-{:016x}","object":"{}","created":{},"model":{},"choices":[)",
                      chat ? "chatcmpl" : "cmpl", number_, object, static_cast<std::int64_t>(seconds(ticket.arrival)),
                      json_text(request.model));
}

std::string_view GenerationReply::word(std::int32_t index) const {
  return words[(number_ * 7 + static_cast<std::uint64_t>(index) * 5) % words.size()];
}

std::string GenerationReply::usage() const {
  return fmt::format(R"({{"prompt_tokens":{},"total_tokens":{},"completion_tokens":{}}})", request_.input_tokens,
                     request_.input_tokens + produced_, produced_);
}

void GenerationReply::append_event(std::string& stream, std::string_view choice) const {
  stream.append("data: ").append(head_).append(choice);
  if (request_.continuous_usage)
    stream.append("],\"usage\":").append(usage()).append("}\n\n");
  else
    stream.append("]}\n\n");
}

void GenerationReply::append_token(std::string& stream, bool is_last) {
  const bool chat = request_.kind == GenerationKind::chat;
  if (chat && produced_ == 0)
    append_event(stream,
                 R"({"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null})");
  const std::string_view text = word(produced_++);
  const std::string_view reason = !is_last ? "null" : request_.is_cut ? "\"length\"" : "\"stop\"";
  char choice[160];
  const auto written =
      chat ? fmt::format_to_n(choice, sizeof choice,
                              R"({{"index":0,"delta":{{"content":"{}"}},"logprobs":null,"finish_reason":{}}})", text,
                              reason)
           : fmt::format_to_n(choice, sizeof choice, R"({{"index":0,"text":"{}","logprobs":null,"finish_reason":{}}})",
                              text, reason);
  append_event(stream, {choice, written.size});
  if (!is_last) return;
  if (request_.include_usage)
    stream.append("data: ").append(head_).append("],\"usage\":").append(usage()).append("}\n\n");
  stream.append("data: [DONE]\n\n");
}

std::string GenerationReply::whole() const {
  std::string text;
  for (std::int32_t index = 0; index < request_.output_tokens; ++index) text += word(index);
  const std::string_view reason = request_.is_cut ? "length" : "stop";
  const std::string choice =
      request_.kind == GenerationKind::chat
          ? fmt::format(
                R"({{"index":0,"message":{{"role":"assistant","content":"{}"}},"logprobs":null,"finish_reason":"{}"}})",
                text, reason)
          : fmt::format(R"({{"index":0,"text":"{}","logprobs":null,"finish_reason":"{}"}})", text, reason);
  return fmt::format(R"({}{}],"usage":{{"prompt_tokens":{},"total_tokens":{},"completion_tokens":{}}}}})", head_,
                     choice, request_.input_tokens, request_.input_tokens + request_.output_tokens,
                     request_.output_tokens);
}

}  // namespace tidegate

// Finds what routing needs in a JSON body as it arrives: the top-level "model", "stream", the session and the
// place of the prompt. Scans once, strictly, in bounded memory, in pieces of any size.
//
// It is no JSON validator: numbers and literals inside nested values pass unread. It refuses what a server
// might read otherwise: a body that is no object, broken structure, "model" twice or not a string, nesting
// beyond 128.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidegate {

class BodyScanner {
 public:
  enum class State : std::uint8_t { scanning, done, bad };

  // Takes the next bytes of the body.
  State feed(std::string_view bytes);

  [[nodiscard]] State state() const { return state_; }
  // A literal, when bad.
  [[nodiscard]] std::string_view reason() const { return reason_; }
  [[nodiscard]] const std::optional<std::string>& model() const { return model_; }
  [[nodiscard]] std::optional<bool> stream() const { return stream_; }
  // "session_id", else "prompt_cache_key", else "user"; empty: none seen.
  [[nodiscard]] std::string_view session() const;
  // Offsets in the body of the value of "messages", "prompt" or "input"; end 0: not seen yet.
  [[nodiscard]] std::uint64_t prompt_begin() const { return prompt_begin_; }
  [[nodiscard]] std::uint64_t prompt_end() const { return prompt_end_; }

 private:
  enum class At : std::uint8_t {
    before_object,
    key_or_end,
    key,
    colon,
    value,
    string,
    nested,
    scalar,
    comma_or_end,
    key_start,
    after,
  };
  enum class Key : std::uint8_t { other, model, stream, session, cache_key, user, prompt };

  State bad(std::string_view reason);
  [[nodiscard]] bool step(char c);
  [[nodiscard]] bool begin_value(char c);
  [[nodiscard]] bool string_byte(char c);
  [[nodiscard]] bool escape_byte(char c);
  [[nodiscard]] bool end_string();
  [[nodiscard]] bool nested_byte(char c);
  [[nodiscard]] bool end_value();
  void capture(std::uint32_t code_point);

  static constexpr std::size_t depth_max = 128;
  static constexpr std::size_t capture_max = 256;

  State state_ = State::scanning;
  At at_ = At::before_object;
  Key key_ = Key::other;
  bool in_string_ = false;  // inside a nested value
  bool escaped_ = false;
  bool capturing_ = false;
  std::uint8_t unicode_left_ = 0;
  std::uint32_t unicode_ = 0;
  std::uint32_t surrogate_ = 0;
  std::size_t depth_ = 0;
  std::bitset<depth_max> is_object_;
  std::string text_;  // the key or value being captured
  std::string_view reason_;
  std::uint64_t offset_ = 0;  // of the byte being read
  std::uint64_t prompt_begin_ = 0;
  std::uint64_t prompt_end_ = 0;
  std::optional<std::string> model_;
  std::optional<bool> stream_;
  std::string session_;
  std::string cache_key_;
  std::string user_;
};

}  // namespace tidegate

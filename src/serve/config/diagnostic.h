// What is wrong with a configuration text, and where. Problems are collected, so that one run shows them all; at
// most 20 errors and 20 warnings are kept, the others are counted.
//
// Lines and columns count from 1; columns count characters, not bytes. A problem that concerns a secret `masks` its
// source line, so that no key ends up in a log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/error.h"

namespace tidegate {

struct TextSpan {
  std::int32_t line = 1;
  std::int32_t column = 1;
  std::int32_t width = 1;  // characters the caret underlines
  friend auto operator<=>(const TextSpan&, const TextSpan&) = default;
};

enum class Severity : std::uint8_t { error, warning };
template <>
inline constexpr auto enum_texts<Severity> =
    std::to_array<EnumText<Severity>>({{Severity::error, "error"}, {Severity::warning, "warning"}});

struct Diagnostic {
  Severity severity = Severity::error;
  std::string code;  // stable, spelled with underscores: "unknown_key"
  TextSpan at;
  std::string message;  // one sentence: what and where
  std::string help;     // what to do; may be empty
  bool masks = false;
  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

class Diagnostics {
 public:
  static constexpr std::size_t most = 20;  // of each severity

  void add(Diagnostic problem);
  void error(std::string code, TextSpan at, std::string message, std::string help = {});
  void warning(std::string code, TextSpan at, std::string message, std::string help = {});

  [[nodiscard]] bool has_errors() const { return errors_ > 0; }
  [[nodiscard]] std::size_t errors() const { return errors_; }
  [[nodiscard]] std::size_t warnings() const { return warnings_; }
  // Ordered by place; problems of one place in the order they were found.
  [[nodiscard]] std::vector<Diagnostic> sorted() const;

 private:
  std::vector<Diagnostic> kept_;
  std::size_t errors_ = 0;
  std::size_t warnings_ = 0;
};

// "tidegate.yaml:14:22: error[missing_unit]: ..."
[[nodiscard]] std::string headline(const Diagnostic& problem, std::string_view filename);

// The source line with a caret and the help, as lines to print under the headline:
//
//    14 |     slo: {ttft_p99: 800}
//       |                     ^^^
//       = help: write `800ms` or `800s`
[[nodiscard]] std::string excerpt(const Diagnostic& problem, std::string_view text);

// "1 error, 2 warnings", and whether some are not shown.
[[nodiscard]] std::string counts(const Diagnostics& problems);

// Every problem with its excerpt, and a last line that counts them.
[[nodiscard]] std::string render(const Diagnostics& problems, std::string_view filename, std::string_view text);

// {"file", "errors", "warnings", "problems": [{"severity", "code", "line", "column", "message", "help"}]}
[[nodiscard]] std::string to_json(const Diagnostics& problems, std::string_view filename);

}  // namespace tidegate

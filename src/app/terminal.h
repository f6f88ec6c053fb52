// How a command speaks: data on stdout, talk on stderr, colour and progress only where a person watches.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidegate {

enum class OutputFormat : std::uint8_t { text, json };
enum class ColorChoice : std::uint8_t { automatic, always, never };
enum class Tone : std::uint8_t { plain, strong, dim, good, warning, bad, accent };

struct TerminalOptions {
  OutputFormat format = OutputFormat::text;
  ColorChoice color = ColorChoice::automatic;
  bool quiet = false;
  bool verbose = false;
  std::string server = "http://127.0.0.1:7070";  // the running controller's API
};

class Terminal {
 public:
  explicit Terminal(TerminalOptions options);

  [[nodiscard]] bool wants_json() const { return options_.format == OutputFormat::json; }
  [[nodiscard]] bool is_verbose() const { return options_.verbose; }
  [[nodiscard]] bool is_quiet() const { return options_.quiet; }
  [[nodiscard]] const std::string& server() const { return options_.server; }

  // Data: stdout, one line each, flushed, so that pipes see it at once.
  void data(std::string_view line);
  // Data that already ends as it should.
  void data_raw(std::string_view text);
  // Talk: stderr, left out when --quiet.
  void say(std::string_view line);
  // Failures: stderr, always.
  void complain(std::string_view line);

  // A line that is redrawn in place, on a terminal only; clear_progress wipes it.
  void progress(std::string_view line);
  void clear_progress();
  [[nodiscard]] bool shows_progress() const { return shows_progress_; }

  // The text in a tone, when stdout (or stderr, for talk) shows colour.
  [[nodiscard]] std::string paint(Tone tone, std::string_view text) const;
  [[nodiscard]] std::string paint_talk(Tone tone, std::string_view text) const;
  [[nodiscard]] std::size_t width() const;

 private:
  TerminalOptions options_;
  bool color_data_ = false;
  bool color_talk_ = false;
  bool shows_progress_ = false;
  bool progress_shown_ = false;
};

// "[=====>    ] 42 %": `done` from 0 to 1, `width` columns for the bar itself.
[[nodiscard]] std::string progress_bar(double done, std::size_t width = 24);

}  // namespace tidegate

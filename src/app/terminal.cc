#include "app/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace tidegate {
namespace {

bool has_color(ColorChoice choice, int descriptor) {
  if (choice != ColorChoice::automatic) return choice == ColorChoice::always;
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  if (term != nullptr && std::string_view{term} == "dumb") return false;
  return ::isatty(descriptor) == 1;
}

std::string painted(Tone tone, std::string_view text, bool color) {
  static constexpr std::string_view codes[] = {"", "1", "2", "32", "33", "31", "36"};
  if (!color || tone == Tone::plain) return std::string{text};
  return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<std::size_t>(tone)], text);
}

void put(std::FILE* stream, std::string_view text) { std::fwrite(text.data(), 1, text.size(), stream); }

}  // namespace

Terminal::Terminal(TerminalOptions options)
    : options_(std::move(options)),
      color_data_(has_color(options_.color, STDOUT_FILENO)),
      color_talk_(has_color(options_.color, STDERR_FILENO)),
      shows_progress_(!options_.quiet && ::isatty(STDERR_FILENO) == 1) {}

void Terminal::data(std::string_view line) {
  clear_progress();
  put(stdout, line);
  put(stdout, "\n");
  std::fflush(stdout);
}

void Terminal::data_raw(std::string_view text) {
  clear_progress();
  put(stdout, text);
  std::fflush(stdout);
}

void Terminal::say(std::string_view line) {
  if (!options_.quiet) complain(line);
}

void Terminal::complain(std::string_view line) {
  clear_progress();
  put(stderr, line);
  put(stderr, "\n");
}

void Terminal::progress(std::string_view line) {
  if (!shows_progress_) return;
  put(stderr, "\r\x1b[K");
  put(stderr, line.substr(0, width() - 1));
  std::fflush(stderr);
  progress_shown_ = true;
}

void Terminal::clear_progress() {
  if (!progress_shown_) return;
  put(stderr, "\r\x1b[K");
  std::fflush(stderr);
  progress_shown_ = false;
}

std::string Terminal::paint(Tone tone, std::string_view text) const { return painted(tone, text, color_data_); }
std::string Terminal::paint_talk(Tone tone, std::string_view text) const { return painted(tone, text, color_talk_); }

std::size_t Terminal::width() const {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) return size.ws_col;
  return 100;
}

std::string progress_bar(double done, std::size_t width) {
  done = std::clamp(done, 0.0, 1.0);
  const auto full = static_cast<std::size_t>(done * static_cast<double>(width));
  std::string bar(full, '=');
  if (full < width) bar += '>';
  bar.resize(width, ' ');
  return fmt::format("[{}] {:3.0f} %", bar, done * 100);
}

}  // namespace tidegate

// `tidegate top`: the fleet, redrawn every second until q or Ctrl-C. Off a terminal it shows once and ends.
#include <fmt/format.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <limits>

#include "app/command.h"
#include "app/controller_client.h"
#include "app/exit_status.h"
#include "app/status_text.h"
#include "serve/api/fact_text.h"

namespace tidegate {
namespace {

constexpr int redraw_ms = 1000;
constexpr std::size_t trend_length = 40;

volatile std::sig_atomic_t interrupted = 0;

// The other screen of the terminal, keys as they are typed, no cursor; all of it undone at the end.
class Screen {
 public:
  Screen() {
    is_raw_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (is_raw_) {
      auto raw = before_;
      raw.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO));
      ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    std::signal(SIGINT, [](int) { interrupted = 1; });
    std::signal(SIGTERM, [](int) { interrupted = 1; });
    put("\x1b[?1049h\x1b[?25l");
  }
  ~Screen() {
    put("\x1b[?25h\x1b[?1049l");
    if (is_raw_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // From the top, each line to its end, then nothing below: no flicker.
  static void draw(const std::string& text) {
    std::string frame = "\x1b[H";
    for (const char c : text) {
      if (c == '\n') frame += "\x1b[K";
      frame += c;
    }
    put(frame + "\x1b[J");
  }

  // True: a key that ends it, an interrupt, or nobody there any more.
  static bool wants_out() {
    pollfd keys{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&keys, 1, redraw_ms);
    if (interrupted != 0) return true;
    if (ready <= 0) return false;
    char key = 0;
    const auto got = ::read(STDIN_FILENO, &key, 1);
    return got <= 0 || key == 'q' || key == 'Q' || key == 3 || key == 27;
  }

 private:
  static void put(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }
  termios before_{};
  bool is_raw_ = false;
};

using Trends = std::map<std::string, std::vector<double>>;

void remember(Trends& trends, const FleetStatus& fleet) {
  for (const auto& service : fleet.services) {
    auto& values = trends[service.name];
    values.push_back(service.rate.value_or(std::numeric_limits<double>::quiet_NaN()));
    if (values.size() > trend_length) values.erase(values.begin());
  }
}

std::string totals(const FleetStatus& fleet) {
  double cost = 0;
  double gpus = 0;
  int ready = 0;
  for (const auto& service : fleet.services) {
    cost += service.cost_per_hour.value_or(0);
    gpus += service.gpus;
    for (const auto& pool : service.pools) ready += pool.ready;
  }
  return fmt::format("{} services, {} replicas ready, {:.4g} GPUs, ${:.2f}/h", fleet.services.size(), ready, gpus,
                     cost);
}

int watch(ControllerClient& client, Terminal& terminal) {
  Trends trends;
  const Screen screen;
  std::string shown;
  do {
    const auto fleet = client.fleet();
    if (fleet) {
      remember(trends, *fleet);
      shown = fmt::format("{}  {}  {}\n\n{}", terminal.paint(Tone::strong, "tidegate"),
                          time_text(instant_at(fleet->now)), totals(*fleet), fleet_text(*fleet, terminal, &trends));
    }
    const auto problem = fleet ? "" : "\n" + terminal.paint(Tone::bad, fleet.error().message) + "\n";
    Screen::draw(shown + problem + "\n" + terminal.paint(Tone::dim, "q ends") + "\n");
  } while (!Screen::wants_out());
  return exit_ok;
}

int top(const Arguments& given, Terminal& terminal) {
  auto client = ControllerClient::connect(given, terminal);
  if (!client) return report(terminal, client.error());
  const auto fleet = client->fleet();
  if (!fleet) return report(terminal, fleet.error());
  if (terminal.wants_json())
    terminal.data(fleet->json);
  else if (::isatty(STDOUT_FILENO) == 1 && ::isatty(STDIN_FILENO) == 1)
    return watch(*client, terminal);
  else
    terminal.data_raw(fleet_text(*fleet, terminal));
  return exit_ok;
}

}  // namespace

extern const Command top_command;
const Command top_command{.name = "top",
                          .group = CommandGroup::run,
                          .summary = "watch the fleet, redrawn every second",
                          .examples = {"tidegate top"},
                          .options = {config_option()},
                          .run = top};

}  // namespace tidegate

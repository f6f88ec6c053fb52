#include "app/steering.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>

#include "app/exit_status.h"
#include "serve/config/quantities.h"

namespace tidegate {
namespace {

// "ada@box": whoever runs this.
std::string user_here() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const passwd* user = ::getpwuid(::getuid());
  return fmt::format("{}@{}", user != nullptr ? user->pw_name : std::to_string(::getuid()), host.data());
}

}  // namespace

Option author_option() {
  return {.name = "--author", .value = "NAME", .help = "who does it (default: you, at this machine)"};
}

Option comment_option(bool required) {
  return {.name = "--comment", .value = "TEXT", .help = "why, for whoever sees it later", .required = required};
}

SteeringWords words_of(const Arguments& given, std::string_view comment_fallback) {
  return {.author = given.value("--author").value_or(user_here()),
          .comment = given.value("--comment").value_or(std::string{comment_fallback})};
}

Result<std::optional<double>> length_of(const Arguments& given, std::string_view option) {
  const auto text = given.value(option);
  if (!text) return std::optional<double>{};
  const auto length = read_duration(*text);
  if (!length)
    return fail(ErrorKind::invalid, fmt::format("{}: {}; {}", option, length.error().message, length.error().help));
  return std::optional{seconds(*length)};
}

int steer(const Arguments& given, Terminal& terminal, const std::string& action, const SteeringWords& words,
          const std::string& done) {
  auto client = ControllerClient::connect(given, terminal);
  if (!client) return report(terminal, client.error());
  const auto asked = client->steer(*given.value("SERVICE"), action, words);
  if (!asked) return report(terminal, asked.error());
  if (terminal.wants_json())
    terminal.data(client->last_body());
  else
    terminal.say(done);
  return exit_ok;
}

}  // namespace tidegate

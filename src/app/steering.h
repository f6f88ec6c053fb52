// What the commands that steer share: who asks, for how long, and what they print when it is done.
#pragma once

#include <optional>
#include <string>

#include "app/command.h"
#include "app/controller_client.h"

namespace tidegate {

// --author, --comment
[[nodiscard]] Option author_option();
[[nodiscard]] Option comment_option(bool required);

// Author and comment as given; the author is the user's name at this machine when left out.
[[nodiscard]] SteeringWords words_of(const Arguments& given, std::string_view comment_fallback = "");

// "30m" as seconds; nothing when the option was left out.
[[nodiscard]] Result<std::optional<double>> length_of(const Arguments& given, std::string_view option);

// Asks for it and says what came of it.
[[nodiscard]] int steer(const Arguments& given, Terminal& terminal, const std::string& action,
                        const SteeringWords& words, const std::string& done);

}  // namespace tidegate

// Turns a Value into its text at the moment it is used. The text is never logged and never stored; errors name
// the reference, not what it holds. A file's one trailing newline is not part of the secret.
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/model/secret.h"

namespace tidegate {

[[nodiscard]] Result<std::string> resolve(const Value& value);

// The reference as configuration spells it: "env:KEY", "file:/etc/key", "secret:NAME/KEY", or "text:..." for plain
// text.
[[nodiscard]] std::string reference_text(const Value& value);

}  // namespace tidegate

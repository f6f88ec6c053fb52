// Whom a client's certificate speaks for. Pure but for the cryptography: time and authorities are told to it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"

namespace tidegate {

// The common name of the first certificate of a chain (DER each, as a connection showed them), if the chain leads to
// one of the authorities (PEM) and is good for a client now. denied: it does not, or is not; the message says why.
// invalid: the authorities cannot be read.
[[nodiscard]] Result<std::string> certified_name(std::span<const std::string> chain, const std::string& authorities,
                                                 Instant now);

}  // namespace tidegate

// Signals as a descriptor, so that waiting for them and for anything else is one poll. The signals are blocked from
// then on: open it before any thread starts, or that thread gets them.
#pragma once

#include <initializer_list>

#include "edge/machine/file_descriptor.h"

namespace tidegate {

[[nodiscard]] FileDescriptor open_signals(std::initializer_list<int> signals);

// The number of the next one; 0: none waits.
[[nodiscard]] int next_signal(const FileDescriptor& signals);

}  // namespace tidegate

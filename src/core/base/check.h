// CHECK(condition): an invariant of our own code. Always on; a failure is our bug and aborts with the place.
// Bad input and outside failures never come here: they are Result or Quality.
#pragma once

namespace tidegate {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define CHECK(condition) ((condition) ? static_cast<void>(0) : ::tidegate::check_failed(#condition, __FILE__, __LINE__))

// What the program's exit status says; scripts rely on it.
#pragma once

#include "core/base/error.h"

namespace tidegate {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_difference = 4;
inline constexpr int exit_not_found = 5;
inline constexpr int exit_unreachable = 6;
inline constexpr int exit_permission = 7;
inline constexpr int exit_invalid_configuration = 78;
inline constexpr int exit_objective_missed = 99;
inline constexpr int exit_interrupted = 130;

[[nodiscard]] constexpr int exit_status(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return exit_invalid_configuration;
    case ErrorKind::not_found:
      return exit_not_found;
    case ErrorKind::unreachable:
      return exit_unreachable;
    case ErrorKind::denied:
      return exit_permission;
    case ErrorKind::failed:
    case ErrorKind::too_large:
      return exit_failure;
  }
  return exit_failure;
}

}  // namespace tidegate

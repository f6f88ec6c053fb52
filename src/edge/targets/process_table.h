// What /proc says of processes: when one started, whether it is ours by its mark, how one of ours ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidegate {

// Clock ticks since boot at which the process started. With the boot id it names one process for all time, however
// often its pid is used again. None: no such process, or it is a zombie.
[[nodiscard]] std::optional<std::uint64_t> process_start_time(std::int64_t pid);

// Another text after every boot of the machine.
[[nodiscard]] std::string boot_id();

// Processes whose environment holds NAME=VALUE for the given mark, leaders of their session only.
[[nodiscard]] std::vector<std::int64_t> find_marked(const std::string& name, const std::string& value);

// The session a process belongs to: the pid of the replica that it is or that started it. None: not visible.
[[nodiscard]] std::optional<std::int64_t> session_of(std::int64_t pid);

// "exited with status 1", "was killed by signal 9 (Killed)" from waitid's code and status.
[[nodiscard]] std::string exit_text(int code, int status);

}  // namespace tidegate

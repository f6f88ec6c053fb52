// What must be known of a replica to find it again after the controller was killed: one small file each, replaced
// as a whole. Written before the process is started (pid 0: an intent) and again once its pid is known.
//
// A record names a living process only if the boot id, the pid and the start time all agree. An intent is looked up
// by the mark that every replica carries in its environment: TIDEGATE_REPLICA=<nonce>.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/quantity.h"
#include "edge/ports/target.h"

namespace tidegate {

inline constexpr const char* replica_mark = "TIDEGATE_REPLICA";

struct ReplicaRecord {
  Replica replica;
  std::optional<Bytes> gpu_memory;
  std::string nonce;
  std::string boot_id;
  std::uint64_t start_time = 0;  // of the process, in ticks since boot
  std::string log_path;
  friend bool operator==(const ReplicaRecord&, const ReplicaRecord&) = default;
};

[[nodiscard]] std::string to_json(const ReplicaRecord& record);
[[nodiscard]] Result<ReplicaRecord> record_from_json(const std::string& text);

[[nodiscard]] std::string record_path(const std::string& folder, const std::string& id);
[[nodiscard]] Result<void> write_record(const std::string& folder, const ReplicaRecord& record);
void remove_record(const std::string& folder, const std::string& id);

struct Recovery {
  std::vector<ReplicaRecord> living;
  std::vector<std::string> problems;  // one sentence each: files that could not be read
};

// Reads every record, finds the processes that still live, and removes the records of those that do not. A process
// between fork and exec does not show its mark yet, so intents without a process are looked up again for up to
// 300 ms.
[[nodiscard]] Recovery recover(const std::string& folder);

}  // namespace tidegate

#include "edge/targets/replica_record.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "edge/machine/file_descriptor.h"
#include "edge/targets/process_table.h"

namespace tidegate {

namespace {

constexpr int format_version = 1;
constexpr int intent_attempts = 3;
constexpr auto intent_pause = std::chrono::milliseconds(100);

// Fills in what a record's process looks like now; false: it lives no more.
bool find_process(ReplicaRecord& record) {
  if (record.boot_id != boot_id()) return false;
  if (record.replica.pid != 0) return process_start_time(record.replica.pid) == record.start_time;
  const auto marked = find_marked(replica_mark, record.nonce);
  if (marked.empty()) return false;
  const auto start_time = process_start_time(marked.front());
  if (!start_time) return false;
  record.replica.pid = marked.front();
  record.start_time = *start_time;
  return true;
}

}  // namespace

std::string to_json(const ReplicaRecord& record) {
  const Replica& replica = record.replica;
  nlohmann::ordered_json json{
      {"version", format_version},
      {"id", replica.id},
      {"service", replica.service},
      {"pool", replica.pool},
      {"state", std::string(to_text(replica.state))},
      {"since", replica.since.time_since_epoch().count()},
      {"created", replica.created.time_since_epoch().count()},
      {"revision", replica.revision},
      {"host", replica.host},
      {"port", replica.port},
      {"gpus", replica.gpus},
      {"pid", replica.pid},
      {"start_time", record.start_time},
      {"boot_id", record.boot_id},
      {"nonce", record.nonce},
      {"log", record.log_path},
  };
  if (record.gpu_memory) json["gpu_memory"] = record.gpu_memory->value();
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Result<ReplicaRecord> record_from_json(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    if (json.at("version") != format_version)
      return fail(ErrorKind::invalid, fmt::format("version {} is not known here", json.at("version").dump()));
    ReplicaRecord record;
    Replica& replica = record.replica;
    const auto state = from_text<ReplicaState>(json.at("state").get<std::string>());
    if (!state) return fail(ErrorKind::invalid, "its state is not known here");
    replica.id = json.at("id");
    replica.service = json.at("service");
    replica.pool = json.at("pool");
    replica.state = *state;
    replica.since = Instant{Duration{json.at("since").get<std::int64_t>()}};
    replica.created = Instant{Duration{json.at("created").get<std::int64_t>()}};
    replica.revision = json.at("revision");
    replica.host = json.at("host");
    replica.port = json.at("port");
    replica.gpus = json.at("gpus").get<std::vector<std::int32_t>>();
    replica.pid = json.at("pid");
    record.start_time = json.at("start_time");
    record.boot_id = json.at("boot_id");
    record.nonce = json.at("nonce");
    record.log_path = json.at("log");
    if (json.contains("gpu_memory")) record.gpu_memory = Bytes{json.at("gpu_memory").get<std::int64_t>()};
    return record;
  } catch (const nlohmann::json::exception& problem) {
    return fail(ErrorKind::invalid, problem.what());
  }
}

std::string record_path(const std::string& folder, const std::string& id) { return folder + "/" + id + ".json"; }

Result<void> write_record(const std::string& folder, const ReplicaRecord& record) {
  return replace_file(record_path(folder, record.replica.id), to_json(record));
}

void remove_record(const std::string& folder, const std::string& id) { ::unlink(record_path(folder, id).c_str()); }

Recovery recover(const std::string& folder) {
  Recovery recovery;
  std::vector<ReplicaRecord> intents;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code)) {
    const std::string path = entry.path().string();
    if (path.ends_with(".new")) ::unlink(path.c_str());  // left by a crash in the middle of a write
    if (!path.ends_with(".json")) continue;
    const auto text = read_file(path, 1 << 20);
    auto record = text ? record_from_json(*text) : std::unexpected(text.error());
    if (!record) {
      recovery.problems.push_back(
          fmt::format("cannot read the replica record {}: {}; if a process of it still runs, stop it by hand", path,
                      record.error().message));
      std::filesystem::rename(path, path + ".unreadable", code);
      continue;
    }
    if (find_process(*record))
      recovery.living.push_back(std::move(*record));
    else if (record->replica.pid == 0 && record->boot_id == boot_id())
      intents.push_back(std::move(*record));
    else
      remove_record(folder, record->replica.id);
  }
  for (int attempt = 1; !intents.empty() && attempt <= intent_attempts; ++attempt) {
    std::this_thread::sleep_for(intent_pause);
    std::erase_if(intents, [&](ReplicaRecord& intent) {
      if (find_process(intent)) {
        recovery.living.push_back(intent);
        return true;
      }
      if (attempt == intent_attempts) remove_record(folder, intent.replica.id);
      return false;
    });
  }
  return recovery;
}

}  // namespace tidegate

// A decision as bytes and back. A Decision names its facts and notes by literals, which cost nothing while it is
// made but cannot be read back: a StoredDecision therefore owns its text. Enums are stored as numbers of this
// version; a record of another version, or with a number that this build does not know, is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/archive.h"
#include "core/base/error.h"
#include "core/model/decision.h"

namespace tidegate {

struct StoredFact {
  std::string name;
  double value = 0;
  friend bool operator==(const StoredFact&, const StoredFact&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(name, value);
  }
};

struct StoredStage {
  Stage stage = Stage::observe;
  double before = 0;
  double after = 0;
  Reason reason = Reason::steady;
  std::string note;
  std::vector<StoredFact> facts;
  friend bool operator==(const StoredStage&, const StoredStage&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(stage, before, after, reason, note, facts);
  }
};

struct StoredPool {
  std::string pool;
  Replicas replicas{0};
  double slots = 0;
  double weight = 1;
  friend bool operator==(const StoredPool&, const StoredPool&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(pool, replicas, slots, weight);
  }
};

struct StoredPeer {
  std::string policy;
  Replicas replicas{0};
  friend bool operator==(const StoredPeer&, const StoredPeer&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(policy, replicas);
  }
};

struct StoredDecision {
  Instant now{};
  std::string service;
  Verdict verdict = Verdict::hold;
  Reason reason = Reason::steady;
  std::vector<StoredPool> pools;
  Band band;
  std::vector<StoredStage> stages;
  std::vector<StoredPeer> peers;
  Duration lead_time{};
  Duration hold_time{};
  double demand_rate = 0;
  double demand_expected = 0;
  std::optional<Instant> unlocks;
  friend bool operator==(const StoredDecision&, const StoredDecision&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(now, service, verdict, reason, pools, band, stages, peers, lead_time, hold_time, demand_rate, demand_expected,
       unlocks);
  }
};

[[nodiscard]] StoredDecision stored(const Decision& decision);

// A Decision whose literals point into `owner`, for everything that renders decisions: valid as long as it lives.
[[nodiscard]] Decision view_of(const StoredDecision& owner);

[[nodiscard]] std::vector<std::byte> to_bytes(const StoredDecision& decision);
[[nodiscard]] Result<StoredDecision> decision_from_bytes(std::span<const std::byte> bytes);

}  // namespace tidegate

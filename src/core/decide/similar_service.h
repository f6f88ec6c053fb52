// What a new service starts from where another of the fleet runs the same replicas: how long they take to start and
// what they carry is known there, and need not be learned again under load.
//
// Pools are alike when a replica of each is the same thing: the same GPUs or share of one, and the same profile; where
// neither names a profile, the same command with the same weights and environment. Traffic, size and promise may
// differ: what was held against the other's objectives is left behind, and what is taken weighs as much as a hint (ten
// windows, thirty completions at each concurrency) until the service's own evidence says otherwise. Of several alike
// the one most was measured of teaches, of capacity and of cold starts each for itself.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>

#include "core/decide/state.h"
#include "core/model/service_spec.h"

namespace tidegate {

struct KnownService {
  const ServiceSpec& spec;
  const ServiceState& state;
};

struct Taught {
  std::map<std::string, PoolMemory> pools;  // of the new service, by name; empty: nobody is alike
  std::set<std::string> teachers;           // names of services
};

[[nodiscard]] bool are_alike(const PoolSpec& one, const PoolSpec& other);
[[nodiscard]] Taught taught_by(std::span<const KnownService> fleet, const ServiceSpec& added);

}  // namespace tidegate

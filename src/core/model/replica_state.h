// The life of a replica: requested -> starting -> loading -> ready -> draining -> gone, or failed on the way.
#pragma once

#include <cstdint>

#include "core/base/enum_text.h"

namespace tidegate {

enum class ReplicaState : std::uint8_t { requested, starting, loading, ready, draining, gone, failed };
template <>
inline constexpr auto enum_texts<ReplicaState> = std::to_array<EnumText<ReplicaState>>({
    {ReplicaState::requested, "requested"},
    {ReplicaState::starting, "starting"},
    {ReplicaState::loading, "loading"},
    {ReplicaState::ready, "ready"},
    {ReplicaState::draining, "draining"},
    {ReplicaState::gone, "gone"},
    {ReplicaState::failed, "failed"},
});

}  // namespace tidegate

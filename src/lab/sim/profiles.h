// What is known of model servers on hardware before anything is measured here: a small table compiled into the
// program from profiles/profiles.csv (profiles/README.md says where every figure comes from).
//
// Decided here: how a row becomes an engine, and what it promises about a replica's capacity. For requests of I input
// and O output tokens, c of them at once, the step model gives
//   time between tokens(c) = alpha + c * (beta * (I + O) / (O + 1) + gamma * (I + O / 2))
//   residence(c) = prefill + O * time between tokens(c),  prefill = (beta + gamma) * I
// so residence_base = prefill + O * alpha and residence_slope = O * (the factor of c). Worked for one 8B model
// (alpha 6.7, beta 0.0208, gamma 4.91e-5), I 1155, O 211: 1.44 s and 41 ms.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_text.h"
#include "core/model/service_spec.h"
#include "lab/sim/engine.h"

namespace tidegate {

enum class ProfileBasis : std::uint8_t { measured, derived };
template <>
inline constexpr auto enum_texts<ProfileBasis> =
    std::to_array<EnumText<ProfileBasis>>({{ProfileBasis::measured, "measured"}, {ProfileBasis::derived, "derived"}});

struct Profile {
  std::string_view name;
  std::string_view model;
  std::string_view gpu;
  std::int32_t gpus = 1;
  std::string_view precision;
  std::string_view server;
  std::string_view server_version;  // "-": the source does not say
  double alpha_ms = 0;
  double beta_ms = 0;
  double gamma_ms = 0;
  std::int64_t kv_tokens = 0;
  std::int32_t running_max = 0;
  std::int32_t step_tokens_max = 0;
  double weights_gb = 0;
  ProfileBasis basis = ProfileBasis::measured;
  std::string_view source;  // a paragraph of profiles/README.md
};

[[nodiscard]] std::span<const Profile> profiles();
// None of that name: nullptr.
[[nodiscard]] const Profile* find_profile(std::string_view name);
[[nodiscard]] std::vector<std::string> profile_names();

[[nodiscard]] EngineProfile engine_profile(const Profile& profile);

// The means of a recorded hour of conversations (Azure LLM inference trace 2023): a typical request where none is
// known.
struct RequestSize {
  double input_tokens = 1155;
  double output_tokens = 211;
};
// Slots are left open: they follow from the SLO. slots_max: what the server admits at once and its cache holds.
[[nodiscard]] CapacityHint capacity_hint(const Profile& profile, const RequestSize& size = {});

}  // namespace tidegate

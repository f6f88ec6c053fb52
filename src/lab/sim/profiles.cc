#include "lab/sim/profiles.h"

#include <algorithm>
#include <cmath>

namespace tidegate {

const Profile* find_profile(std::string_view name) {
  const auto table = profiles();
  const auto found = std::ranges::find(table, name, &Profile::name);
  return found == table.end() ? nullptr : &*found;
}

std::vector<std::string> profile_names() {
  std::vector<std::string> names;
  for (const Profile& profile : profiles()) names.emplace_back(profile.name);
  return names;
}

EngineProfile engine_profile(const Profile& profile) {
  return {.name = std::string{profile.name},
          .alpha_ms = profile.alpha_ms,
          .beta_ms = profile.beta_ms,
          .gamma_ms = profile.gamma_ms,
          .kv_tokens = profile.kv_tokens,
          .running_max = profile.running_max,
          .step_tokens_max = profile.step_tokens_max};
}

CapacityHint capacity_hint(const Profile& profile, const RequestSize& size) {
  const double input = size.input_tokens, output = size.output_tokens;
  const double per_request =
      profile.beta_ms * (input + output) / (output + 1) + profile.gamma_ms * (input + output / 2);
  const double prefill = (profile.beta_ms + profile.gamma_ms) * input;
  const double fits = std::floor(static_cast<double>(profile.kv_tokens) / (input + output));
  return {.profile = std::string{profile.name},
          .residence_base = from_seconds((prefill + output * profile.alpha_ms) * 1e-3),
          .residence_slope = from_seconds(output * per_request * 1e-3),
          .slots_max = std::clamp(fits, 1.0, static_cast<double>(profile.running_max))};
}

}  // namespace tidegate

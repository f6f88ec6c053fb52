// The policies a command was asked to play: "slo,hpa,{static: {replicas: 4}}" becomes contestants, each with the spec
// the configuration would read from it.
//
// A word is a policy: as the configuration has it (`policy:` or `compare_with:`), else with the usual value of each
// knob for this service (lab/sweep/knobs.h). When swept, every point of its table. A flow mapping is taken as it is.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/model/service_spec.h"
#include "lab/sweep/comparison.h"

namespace tidegate {

struct ContestantTerms {
  const ServiceSpec& service;
  KnobScale scale;
  bool swept = false;
};

[[nodiscard]] Result<std::vector<Contestant>> read_contestants(const std::string& text, const ContestantTerms& terms);

[[nodiscard]] Result<Contestant> contestant_at(const KnobTable& table, const KnobValues& values,
                                               const KnobScale& scale);

}  // namespace tidegate

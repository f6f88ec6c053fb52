#include "edge/sources/gateway_source.h"

#include <utility>

namespace tidegate {

std::vector<Sample> GatewaySource::latest() {
  GatewayReadings readings = link_.latest();
  for (Sample& sample : readings.samples) sample.origin = Origin::gateway;
  return std::move(readings.samples);
}

}  // namespace tidegate

// What a controller of services from a file and one of ScaledModels are both put together from.
#pragma once

#include "core/model/fleet_spec.h"
#include "edge/net/http_server.h"
#include "edge/ports/clock.h"
#include "serve/runtime/control_loop.h"

namespace tidegate {

// Sources of everything that services may want measured.
[[nodiscard]] Sources make_sources(const Clock& clock);

[[nodiscard]] Result<HttpServerOptions> api_options(const ApiSpec& spec);

}  // namespace tidegate

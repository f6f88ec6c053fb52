// A source collects samples in the background, on its own period and deadline; reading it never blocks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"
#include "core/model/service_spec.h"
#include "core/signals/sample.h"

namespace tidegate {

// A replica whose own page can be read.
struct ScrapeTarget {
  std::string service;
  std::string pool;
  std::string replica;
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const ScrapeTarget&, const ScrapeTarget&) = default;
};

class Source {
 public:
  virtual ~Source() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  // The services it is to measure from now on (start-up and every reload). What stays the same goes on undisturbed.
  // `invalid`: one of them cannot be measured as it asks to be, and nothing has changed.
  [[nodiscard]] virtual Result<void> configure(const std::vector<ServiceSpec>&) { return {}; }
  // The newest samples, each once per call round: repeated as they are until newer ones come. Thread-safe.
  [[nodiscard]] virtual std::vector<Sample> latest() = 0;
  // Tells which replicas are ready to be read. Sources that read none ignore it. Thread-safe.
  virtual void replicas(const std::vector<ScrapeTarget>&) {}
};

}  // namespace tidegate

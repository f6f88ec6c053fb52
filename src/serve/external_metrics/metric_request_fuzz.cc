// The address of a metric and its label selector come from whoever may ask: a namespace, a metric and a selector, one a
// line.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "serve/external_metrics/metric_documents.h"
#include "serve/external_metrics/metric_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto first = std::min(text.find('\n'), text.size());
  const auto second = std::min(text.find('\n', std::min(first + 1, text.size())), text.size());
  const auto name_space = text.substr(0, first);
  const auto metric = text.substr(std::min(first + 1, second), second - std::min(first + 1, second));
  const auto selector = text.substr(std::min(second + 1, text.size()));
  const auto labels = tidegate::equal_labels(selector);
  if (labels)
    for (const auto& [key, value] : *labels)
      if (!tidegate::is_plain_name(key) || !tidegate::is_plain_name(value)) std::abort();
  const auto request = tidegate::metric_request(name_space, metric, selector, tidegate::ServiceNames::plain);
  if (request ? request->service.empty() : tidegate::status_document(400, request.error().message).empty())
    std::abort();
  return 0;
}

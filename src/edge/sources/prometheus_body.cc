#include "edge/sources/prometheus_body.h"

#include <fmt/format.h>

#include "edge/net/http_client.h"
#include "edge/sources/exposition.h"

namespace tidegate {

namespace dom = simdjson::dom;

std::unexpected<Error> no_prometheus_answer(std::string_view what) {
  return fail(ErrorKind::failed,
              fmt::format("the answer is none of Prometheus ({}); does the URL lead to a Prometheus server?", what));
}

Result<PrometheusPoint> prometheus_point_of(dom::element pair) {
  dom::array fields;
  if (pair.get_array().get(fields) || fields.size() != 2) return no_prometheus_answer("a value that is no pair");
  PrometheusPoint point;
  std::string_view text;
  if (fields.at(0).get_double().get(point.at) || fields.at(1).get_string().get(text))
    return no_prometheus_answer("a value that is no pair of time and text");
  const auto value = parse_sample_value(text);
  if (!value) return no_prometheus_answer("a value that is no number");
  point.value = *value;
  return point;
}

Result<PrometheusResult> prometheus_result_of(dom::parser& parser, std::string_view body) {
  dom::element root;
  if (parser.parse(simdjson::padded_string{body}).get(root)) return no_prometheus_answer("not JSON");
  std::string_view status;
  if (root["status"].get_string().get(status)) return no_prometheus_answer("no status");
  if (status != "success") {
    std::string_view kind = "error", message;
    if (root["error"].get_string().get(message)) return no_prometheus_answer("an error without a message");
    if (root["errorType"].get_string().get(kind)) kind = "error";
    return fail(kind == "bad_data" ? ErrorKind::invalid : ErrorKind::failed,
                fmt::format("Prometheus says {}: {}", printable_excerpt(kind), printable_excerpt(message)));
  }
  PrometheusResult result;
  if (root["data"]["resultType"].get_string().get(result.type) || root["data"]["result"].get(result.content))
    return no_prometheus_answer("no result");
  return result;
}

}  // namespace tidegate

#include "edge/gateway/head_rewrite.h"

namespace tidegate {
namespace {

// A Connection field may name further fields of this hop; never those the message depends on.
bool is_named_by_connection(const Head& head, const HeadField& field) {
  switch (field.field) {
    case Field::host:
    case Field::content_length:
    case Field::transfer_encoding:
    case Field::content_type:
      return false;
    default:
      break;
  }
  if (equals_ignoring_case(field.name, "authorization")) return false;
  for (const auto& one : head.all())
    if (one.field == Field::connection && lists_token(one.value, field.name)) return true;
  return false;
}

bool is_dropped(const Head& head, const HeadField& field, bool keep_upgrade) {
  switch (field.field) {
    case Field::connection:
    case Field::keep_alive:
    case Field::proxy_connection:
    case Field::proxy_authorization:
    case Field::te:
      return true;
    case Field::upgrade:
      return !keep_upgrade;
    default:
      return head.has_hop_by_hop && is_named_by_connection(head, field);
  }
}

}  // namespace

void append_request_head(std::string& out, const Head& head, const RequestRewrite& rewrite) {
  out.append(head.method).append(" ").append(head.target);
  out.append(head.is_http_10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  std::string forwarded_for;
  for (const auto& field : head.all()) {
    if (field.field == Field::x_forwarded) {
      if (!rewrite.trust_forwarded) continue;
      if (equals_ignoring_case(field.name, "x-forwarded-for")) {
        forwarded_for.append(field.value).append(", ");
        continue;
      }
    }
    // The gateway answers the expectation itself.
    if (field.field == Field::expect || is_dropped(head, field, head.wants_upgrade)) continue;
    out.append(field.line);
  }
  if (head.wants_upgrade) out.append("Connection: Upgrade\r\n");
  out.append("X-Forwarded-For: ");
  out.append(forwarded_for).append(rewrite.peer).append("\r\n");
  const bool told_proto = rewrite.trust_forwarded && [&] {
    for (const auto& field : head.all())
      if (field.field == Field::x_forwarded && equals_ignoring_case(field.name, "x-forwarded-proto")) return true;
    return false;
  }();
  if (!told_proto) out.append("X-Forwarded-Proto: http\r\n");
  out.append("\r\n");
}

bool passes_unchanged(const Head& head, const ResponseRewrite& rewrite) {
  return !rewrite.close && rewrite.added.empty() && !head.has_hop_by_hop && !head.is_http_10;
}

void append_response_head(std::string& out, const Head& head, const ResponseRewrite& rewrite) {
  out.append("HTTP/1.1").append(head.start_line.substr(8));
  for (const auto& field : head.all())
    if (!is_dropped(head, field, rewrite.upgrade)) out.append(field.line);
  if (rewrite.upgrade)
    out.append("Connection: Upgrade\r\n");
  else if (rewrite.close)
    out.append("Connection: close\r\n");
  out.append(rewrite.added).append("\r\n");
}

}  // namespace tidegate

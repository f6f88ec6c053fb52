#include "edge/net/route_tree.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

#include "core/base/check.h"

namespace tidegate {

namespace {

constexpr std::size_t worth_packing = 1024;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0;;) {
    const std::size_t end = text.find(separator, at);
    parts.emplace_back(text.substr(at, end - at));
    if (end == std::string_view::npos) return parts;
    at = end + 1;
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The kind of an error for programs, as docs/reference/api.md lists them.
std::string_view code_of(int status) {
  switch (status) {
    case 400:
      return "invalid";
    case 401:
    case 403:
      return "denied";
    case 404:
    case 405:
      return "not_found";
    case 413:
    case 431:
      return "too_large";
    default:
      return "failed";
  }
}

std::string header_of(const ServerRequest& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? "" : found->second;
}

// "example.org:7070" -> "example.org", "[::1]:7070" -> "[::1]"
std::string without_port(const std::string& host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

// Four decimal numbers, or anything in brackets: a name server had no say in these.
bool is_address(const std::string& host) {
  if (host.starts_with('[')) return host.ends_with(']');
  const auto parts = split(host, '.');
  return parts.size() == 4 && std::ranges::all_of(parts, [](const std::string& part) {
           return !part.empty() && part.size() <= 3 && part.find_first_not_of("0123456789") == std::string::npos;
         });
}

// Takes as long for a wrong token as for a right one.
bool is_same_secret(std::string_view given, std::string_view wanted) {
  unsigned difference = given.size() == wanted.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i)
    difference |= static_cast<unsigned>(given[i] ^ (wanted.empty() ? 0 : wanted[i % wanted.size()]));
  return difference == 0;
}

std::string gzipped(const std::string& plain) {
  z_stream stream{};
  CHECK(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, static_cast<uLong>(plain.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

bool takes_gzip(const ServerRequest& request) {
  for (std::string& part : split(header_of(request, "accept-encoding"), ',')) {
    std::erase(part, ' ');
    if (part == "gzip" || (part.starts_with("gzip;q=") && part.find_first_of("123456789") != std::string::npos))
      return true;
  }
  return false;
}

// The parameters if the path fits the pattern.
std::optional<std::map<std::string, std::string>> fit(const std::vector<std::string>& pattern,
                                                      const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  std::map<std::string, std::string> parameters;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const std::string& segment = pattern[i];
    if (segment.starts_with('{') && segment.ends_with('}')) {
      const auto value = percent_decoded(path[i], false);
      if (!value || value->empty()) return std::nullopt;
      parameters[segment.substr(1, segment.size() - 2)] = *value;
    } else if (segment != path[i]) {
      return std::nullopt;
    }
  }
  return parameters;
}

std::optional<std::map<std::string, std::string>> parse_query(std::string_view text) {
  std::map<std::string, std::string> query;
  if (text.empty()) return query;
  for (const std::string& part : split(text, '&')) {
    const std::size_t equal = part.find('=');
    const auto name = percent_decoded(part.substr(0, equal), true);
    const auto value = percent_decoded(equal == std::string::npos ? "" : part.substr(equal + 1), true);
    if (!name || !value) return std::nullopt;
    if (!name->empty()) query[*name] = *value;
  }
  return query;
}

}  // namespace

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      plain += ' ';
      continue;
    }
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
    plain += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return plain;
}

ServerResponse error_answer(int status, std::string_view message) {
  // Messages are our own, fixed texts: nothing in them needs escaping.
  return {.status = status,
          .body = fmt::format(R"({{"error":{{"message":"{}","code":"{}"}}}})", message, code_of(status))};
}

void RouteTree::route(const std::string& method, const std::string& pattern, HttpServer::Handler handler,
                      Access access) {
  routes_.push_back(
      {.method = method, .segments = split(pattern, '/'), .handler = std::move(handler), .access = access});
}

void RouteTree::route_late(const std::string& method, const std::string& pattern, HttpServer::LateHandler handler,
                           Access access) {
  routes_.push_back(
      {.method = method, .segments = split(pattern, '/'), .late_handler = std::move(handler), .access = access});
}

void RouteTree::events(const std::string& pattern, const std::string& topic) {
  routes_.push_back({.method = "GET", .segments = split(pattern, '/'), .topic = topic});
}

void RouteTree::asset(const std::string& path, const std::string& content_type, std::string bytes) {
  Asset made{.content_type = content_type, .bytes = std::move(bytes)};
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(made.bytes.data()), made.bytes.size());
  made.etag = fmt::format("\"{:08x}-{:x}\"", crc, made.bytes.size());
  if (made.bytes.size() >= worth_packing) made.packed = gzipped(made.bytes);
  if (made.packed.size() >= made.bytes.size()) made.packed.clear();
  assets_[path] = std::move(made);
}

std::optional<ServerResponse> RouteTree::refusal(const ServerRequest& request) const {
  const std::string host = lower_case(header_of(request, "host"));
  const std::string name = without_port(host);
  const bool known = options_.any_host || name == "localhost" || is_address(name) ||
                     std::ranges::find(options_.hosts, name) != options_.hosts.end();
  if (!known) return error_answer(403, "this host name is not ours; add it to the names the API is known by");
  const std::string origin = lower_case(header_of(request, "origin"));
  if (!origin.empty() && origin != "http://" + host && origin != "https://" + host)
    return error_answer(403, "requests from pages of other origins are refused");
  return std::nullopt;
}

bool RouteTree::has_token(const ServerRequest& request) const {
  if (!options_.token) return true;
  const std::string given = header_of(request, "authorization");
  constexpr std::string_view scheme = "Bearer ";
  return given.starts_with(scheme) && is_same_secret(std::string_view{given}.substr(scheme.size()), *options_.token);
}

ServerResponse RouteTree::serve_asset(const Asset& asset, const ServerRequest& request) const {
  ServerResponse response{
      .content_type = asset.content_type,
      .headers = {{"ETag", asset.etag}, {"Cache-Control", "no-cache"}, {"Vary", "Accept-Encoding"}}};
  if (header_of(request, "if-none-match").contains(asset.etag)) {
    response.status = 304;
    return response;
  }
  const bool packed = !asset.packed.empty() && takes_gzip(request);
  if (packed) response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = packed ? asset.packed : asset.bytes;
  return response;
}

Reply RouteTree::answer(ServerRequest request, std::string_view target) const {
  if (auto refused = refusal(request)) return *std::move(refused);
  const std::size_t mark = target.find('?');
  const std::string_view raw = target.substr(0, mark);
  const auto path = percent_decoded(raw, false);
  auto query = parse_query(mark == std::string_view::npos ? "" : target.substr(mark + 1));
  if (!path || !query || !raw.starts_with('/')) return error_answer(400, "the address is malformed");
  request.target = target;
  request.path = *path;
  request.query = *std::move(query);
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (const auto found = assets_.find(request.path); found != assets_.end() && reads)
    return serve_asset(found->second, request);
  const auto segments = split(raw, '/');
  std::string allowed;
  for (const Route& route : routes_) {
    auto parameters = fit(route.segments, segments);
    if (!parameters) continue;
    const bool fits =
        request.method == route.method || (request.method == "HEAD" && route.method == "GET" && route.handler);
    if (!fits) {
      allowed += (allowed.empty() ? "" : ", ") + route.method;
      continue;
    }
    if (route.access == Access::token && !has_token(request)) {
      ServerResponse refused = error_answer(401, "give the API's token as Authorization: Bearer TOKEN");
      refused.headers.emplace_back("WWW-Authenticate", "Bearer");
      return refused;
    }
    request.parameters = *std::move(parameters);
    if (route.handler) return route.handler(request);
    if (route.late_handler) return LateCall{route.late_handler, std::move(request)};
    return EventTopic{route.topic};
  }
  if (allowed.empty()) return error_answer(404, "there is nothing at this address");
  ServerResponse refused = error_answer(405, "this address does not take that method");
  refused.headers.emplace_back("Allow", allowed);
  return refused;
}

}  // namespace tidegate

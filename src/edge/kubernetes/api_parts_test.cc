// The parts of the client that touch no network: errors, names, patches, retries, rates, what is served.
#include <gtest/gtest.h>

#include "edge/kubernetes/api_client.h"
#include "edge/kubernetes/api_error.h"
#include "edge/kubernetes/base64.h"
#include "edge/kubernetes/resource_list.h"

namespace tidegate {
namespace {

HttpResponse answer(int status, std::string body, std::string retry_after = "") {
  HttpResponse made{.status = status, .body = std::move(body)};
  if (!retry_after.empty()) made.headers.emplace_back("retry-after", retry_after);
  return made;
}

TEST(ApiError, KnowsEveryReason) {
  const auto reason = [](int status, const std::string& word) {
    return api_error_of(answer(status, R"({"kind": "Status", "reason": ")" + word + R"(", "message": "m"})"), "X")
        .reason;
  };
  EXPECT_EQ(reason(409, "Conflict"), ApiReason::conflict);
  EXPECT_EQ(reason(409, "AlreadyExists"), ApiReason::already_exists);
  EXPECT_EQ(reason(410, "Expired"), ApiReason::expired);
  EXPECT_EQ(reason(410, "Gone"), ApiReason::expired);
  EXPECT_EQ(reason(404, "NotFound"), ApiReason::not_found);
  EXPECT_EQ(reason(403, "Forbidden"), ApiReason::forbidden);
  EXPECT_EQ(reason(401, "Unauthorized"), ApiReason::unauthorized);
  EXPECT_EQ(reason(422, "Invalid"), ApiReason::invalid);
  EXPECT_EQ(reason(429, "TooManyRequests"), ApiReason::too_many_requests);
  EXPECT_EQ(reason(504, "Timeout"), ApiReason::unavailable);
  // By its status where the word says nothing, or nothing is said.
  EXPECT_EQ(reason(409, "Strange"), ApiReason::conflict);
  EXPECT_EQ(api_error_of(answer(502, "<html>Bad Gateway</html>"), "X").reason, ApiReason::unavailable);
  EXPECT_EQ(api_error_of(answer(302, ""), "X").reason, ApiReason::other);
}

TEST(ApiError, KeepsWhatThePersonNeeds) {
  const auto invalid = api_error_of(answer(422, R"({"kind": "Status", "reason": "Invalid",
    "message": "ScaledModel \"x\" is invalid", "details": {"retryAfterSeconds": 7, "causes": [
      {"reason": "FieldValueInvalid", "message": "must be at least 1", "field": "spec.replicas.max"}, {}]}})"),
                                    "PUT /apis/x");
  EXPECT_EQ(invalid.message, "PUT /apis/x: answered 422: ScaledModel \"x\" is invalid");
  ASSERT_EQ(invalid.causes.size(), 2u);
  EXPECT_EQ(invalid.causes[0], (FieldCause{"spec.replicas.max", "must be at least 1"}));
  EXPECT_EQ(invalid.retry_after, Duration{7s});
  EXPECT_EQ(to_error(invalid).kind, ErrorKind::invalid);
  EXPECT_EQ(api_error_of(answer(429, "", "3"), "X").retry_after, Duration{3s});
  EXPECT_FALSE(api_error_of(answer(429, "", "Wed, 21 Oct 2026 07:28:00 GMT"), "X").retry_after);
  EXPECT_FALSE(api_error_of(answer(429, "", "99999999999"), "X").retry_after);
  EXPECT_EQ(api_error_of(Error{ErrorKind::denied, "no"}, "X").reason, ApiReason::untrusted);
  EXPECT_EQ(api_error_of(Error{ErrorKind::unreachable, "no"}, "X").message, "X: no");
}

TEST(Resource, PathsAreThoseOfTheApi) {
  const ObjectRef code{resources::deployments, {"default", "code"}};
  EXPECT_EQ(object_path(code), "/apis/apps/v1/namespaces/default/deployments/code");
  EXPECT_EQ(object_path(code, "scale"), "/apis/apps/v1/namespaces/default/deployments/code/scale");
  EXPECT_EQ(collection_path(resources::pods, ""), "/api/v1/pods");
  EXPECT_EQ(collection_path(resources::pods, "a"), "/api/v1/namespaces/a/pods");
  EXPECT_EQ(object_path({resources::nodes, {"", "n1"}}), "/api/v1/nodes/n1");
  EXPECT_EQ(object_path({resources::pods, {"a/../b", "c d"}}), "/api/v1/namespaces/a%2F..%2Fb/pods/c%20d");
  EXPECT_EQ(code.text(), "deployments.apps default/code");
  std::string group, version;
  EXPECT_TRUE(split_api_version("apps/v1", group, version) && group == "apps" && version == "v1");
  EXPECT_TRUE(split_api_version("v1", group, version) && group.empty() && version == "v1");
  for (const char* wrong : {"", "/v1", "apps/", "a/b/c", "Apps/v1"})
    EXPECT_FALSE(split_api_version(wrong, group, version));
  EXPECT_TRUE(is_object_name("a-b.c9"));
  for (const char* wrong : {"", "-a", "a-", "A", "a/b", "a b"}) EXPECT_FALSE(is_object_name(wrong)) << wrong;
}

TEST(JsonPatch, BuildsOperationsInOrder) {
  const auto patch = JsonPatch{}
                         .test({"metadata", "resourceVersion"}, "12")
                         .replace({"spec", "replicas"}, 4)
                         .add({"metadata", "annotations", "a/b~c"}, "x")
                         .remove({"status"});
  EXPECT_EQ(Json::parse(patch.text()), Json::parse(R"([
    {"op": "test", "path": "/metadata/resourceVersion", "value": "12"},
    {"op": "replace", "path": "/spec/replicas", "value": 4},
    {"op": "add", "path": "/metadata/annotations/a~1b~0c", "value": "x"},
    {"op": "remove", "path": "/status"}])"));
  EXPECT_TRUE(JsonPatch{}.is_empty());
}

TEST(JsonPatch, TheSmallestMergePatchTurnsOneIntoTheOther) {
  const Json before = Json::parse(R"({"a": 1, "b": {"c": 2, "d": [1, 2]}, "e": null, "g": 5})");
  const Json after = Json::parse(R"({"a": 1, "b": {"c": 3, "d": [1, 2, 3]}, "f": {"x": 1}})");
  const Json patch = merge_patch_between(before, after);
  EXPECT_EQ(patch, Json::parse(R"({"b": {"c": 3, "d": [1, 2, 3]}, "e": null, "f": {"x": 1}, "g": null})"));
  Json patched = before;
  patched.merge_patch(patch);
  EXPECT_EQ(patched, after);
  EXPECT_TRUE(merge_patch_between(after, after).empty());
}

TEST(Backoff, DoublesUpToItsLongestAndStartsOver) {
  Backoff backoff{{.first = 1s, .longest = 30s, .jitter = 0.5}, 7};
  const Duration highest[] = {1s, 2s, 4s, 8s, 16s, 30s, 30s};
  for (const Duration high : highest) {
    const Duration delay = backoff.next();
    EXPECT_LE(delay, high);
    EXPECT_GE(delay, high / 2);
  }
  backoff.reset();
  EXPECT_LE(backoff.next(), Duration{1s});
  Backoff again{{.first = 1s, .longest = 30s, .jitter = 0}, 7};
  EXPECT_EQ(again.next(), Duration{1s});
  for (int i = 0; i < 100; ++i) static_cast<void>(again.next());
  EXPECT_EQ(again.next(), Duration{30s});
}

TEST(Retry, OnlyWhatIsWorthIt) {
  const auto delay = [](ApiReason reason, Repeat repeat, std::optional<Duration> after = {},
                        std::int32_t attempts = 1) {
    Backoff backoff{{.first = 1s, .longest = 1s, .jitter = 0}, 1};
    return retry_delay({.reason = reason, .retry_after = after}, repeat, attempts, {}, backoff);
  };
  EXPECT_EQ(delay(ApiReason::unreachable, Repeat::harmless), Duration{1s});
  EXPECT_EQ(delay(ApiReason::unavailable, Repeat::harmless), Duration{1s});
  EXPECT_EQ(delay(ApiReason::garbled, Repeat::harmless), Duration{1s});
  EXPECT_FALSE(delay(ApiReason::unreachable, Repeat::never));
  EXPECT_FALSE(delay(ApiReason::unavailable, Repeat::never));
  EXPECT_EQ(delay(ApiReason::too_many_requests, Repeat::never), Duration{1s});
  EXPECT_EQ(delay(ApiReason::too_many_requests, Repeat::never, 9s), Duration{9s});
  EXPECT_EQ(delay(ApiReason::unavailable, Repeat::never, 2s), Duration{2s});
  EXPECT_FALSE(delay(ApiReason::too_many_requests, Repeat::harmless, 31s));
  EXPECT_FALSE(delay(ApiReason::unreachable, Repeat::harmless, {}, 4));
  for (const ApiReason reason : {ApiReason::conflict, ApiReason::forbidden, ApiReason::not_found, ApiReason::invalid,
                                 ApiReason::expired, ApiReason::untrusted, ApiReason::already_exists})
    EXPECT_FALSE(delay(reason, Repeat::harmless)) << to_text(reason);
}

TEST(TokenBucket, KeepsBurstAndRate) {
  TokenBucket bucket{10, 2};
  const Instant start{1000s};
  EXPECT_EQ(bucket.take(start, 1h), Duration{});
  EXPECT_EQ(bucket.take(start, 1h), Duration{});
  EXPECT_EQ(bucket.take(start, 1h), Duration{100ms});
  EXPECT_EQ(bucket.take(start, 1h), Duration{200ms});
  // Who would not wait takes nothing.
  EXPECT_FALSE(bucket.take(start, 100ms));
  EXPECT_EQ(bucket.take(start, 300ms), Duration{300ms});
  EXPECT_EQ(bucket.take(start + 400ms, 1h), Duration{});
  EXPECT_EQ(bucket.take(start + 100s, 1h), Duration{});
  EXPECT_EQ(bucket.take(start + 100s, 1h), Duration{});
  EXPECT_FALSE(bucket.take(start + 100s, Duration{}));
}

TEST(ResourceList, FindsKindsAndTheirSubresources) {
  const auto types = parse_resource_list(R"({"kind": "APIResourceList", "groupVersion": "x.io/v1", "resources": [
      {"name": "leaderworkersets/scale", "kind": "Scale", "group": "autoscaling", "version": "v1", "namespaced": true},
      {"name": "leaderworkersets", "singularName": "leaderworkerset", "namespaced": true, "kind": "LeaderWorkerSet",
       "shortNames": ["lws"]},
      {"name": "leaderworkersets/status", "kind": "LeaderWorkerSet"}, {"name": "nodes", "kind": "Node", "namespaced": false},
      {"name": 5}, "rubbish"]})",
                                         "x.io/v1");
  ASSERT_TRUE(types);
  ASSERT_EQ(types->size(), 2u);
  for (const char* called : {"LeaderWorkerSet", "leaderworkersets", "leaderworkerset", "lws", "LWS"}) {
    const ServedType* found = find_type(*types, called);
    ASSERT_NE(found, nullptr) << called;
    EXPECT_EQ(found->type, (ResourceType{"x.io", "v1", "leaderworkersets", "LeaderWorkerSet"}));
    EXPECT_TRUE(found->has_scale && found->has_status);
  }
  EXPECT_FALSE(find_type(*types, "Node")->type.namespaced);
  EXPECT_FALSE(find_type(*types, "Node")->has_scale);
  EXPECT_EQ(find_type(*types, "Nod"), nullptr);
  EXPECT_FALSE(parse_resource_list("{}", "v1"));
  EXPECT_FALSE(parse_resource_list("rubbish", "v1"));
  EXPECT_FALSE(parse_group_list("[]"));
}

TEST(JsonFields, WhatIsMissingOrOtherwiseIsNothing) {
  const auto json = parse_json(R"({"a": {"b": "text", "n": 5, "t": true, "l": [1]}})");
  ASSERT_TRUE(json);
  EXPECT_EQ(text_field(*json, {"a", "b"}), "text");
  EXPECT_EQ(text_field(*json, {"a", "n"}), "");
  EXPECT_EQ(integer_field(*json, {"a", "n"}), 5);
  EXPECT_FALSE(integer_field(*json, {"a", "b"}));
  EXPECT_EQ(truth_field(*json, {"a", "t"}), true);
  EXPECT_EQ(field(*json, {"a", "l", "x"}), nullptr);
  EXPECT_FALSE(parse_json("{"));
  EXPECT_FALSE(parse_json(std::string(200, '[') + std::string(200, ']')));
  EXPECT_TRUE(parse_json(std::string(100, '[') + std::string(100, ']')));
  EXPECT_TRUE(parse_json(R"("[[[[[")"));
}

TEST(Base64, IsReadAndWritten) {
  EXPECT_EQ(decode_base64("aGVsbG8="), "hello");
  EXPECT_EQ(decode_base64("aGVs\nbG8=\n"), "hello");
  EXPECT_FALSE(decode_base64(""));
  EXPECT_FALSE(decode_base64("not base64!"));
  const std::string bytes{"\0\xff\x10", 3};
  EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
}

TEST(Scale, ZerosMayBeLeftOut) {
  const auto scale = scale_of(Json::parse(
      R"({"kind": "Scale", "metadata": {"resourceVersion": "7"}, "spec": {}, "status": {"replicas": 2, "selector": "a=b"}})"));
  ASSERT_TRUE(scale);
  EXPECT_EQ(scale->replicas, 0);
  EXPECT_EQ(scale->status_replicas, 2);
  EXPECT_EQ(scale->selector, "a=b");
  EXPECT_FALSE(scale_of(Json::object()));
}

}  // namespace
}  // namespace tidegate

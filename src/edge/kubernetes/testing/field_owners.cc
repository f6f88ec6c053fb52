#include "edge/kubernetes/testing/field_owners.h"

namespace tidegate {
namespace {

void collect(const Json* before, const Json& after, FieldPath& path, std::set<FieldPath>& into) {
  if (after.is_object() && !after.empty()) {
    for (const auto& [name, value] : after.items()) {
      const Json* old = before != nullptr && before->is_object() && before->contains(name) ? &(*before)[name] : nullptr;
      path.push_back(name);
      collect(old, value, path, into);
      path.pop_back();
    }
  } else if (before == nullptr || *before != after) {
    into.insert(path);
  }
}

Json* find_fields(Json& fields, const FieldPath& path, bool makes) {
  Json* at = &fields;
  for (const std::string& name : path) {
    if (!makes && !at->contains("f:" + name)) return nullptr;
    at = &(*at)["f:" + name];
    if (at->is_null()) *at = Json::object();
  }
  return at;
}

// False: nothing is left below.
bool erase_fields(Json& fields, const FieldPath& path, std::size_t depth = 0) {
  if (depth == path.size()) return false;
  const std::string name = "f:" + path[depth];
  if (fields.contains(name) && !erase_fields(fields[name], path, depth + 1)) fields.erase(name);
  return !fields.empty();
}

}  // namespace

std::set<FieldPath> changed_fields(const Json& before, const Json& after) {
  std::set<FieldPath> fields;
  for (const auto& [name, value] : after.items()) {
    if (name == "metadata" || name == "apiVersion" || name == "kind") continue;
    FieldPath path{name};
    collect(before.contains(name) ? &before[name] : nullptr, value, path, fields);
  }
  return fields;
}

void own_fields(Json& object, const std::set<FieldPath>& fields, const FieldWriter& writer, const std::string& time) {
  if (fields.empty()) return;
  Json& owners = object["metadata"]["managedFields"];
  if (!owners.is_array()) owners = Json::array();
  Json* ours = nullptr;
  for (Json& owner : owners) {
    const bool is_ours = owner["manager"] == writer.manager && owner["operation"] == writer.operation &&
                         text_field(owner, {"subresource"}) == writer.subresource;
    if (is_ours) ours = &owner;
    if (!is_ours)
      for (const FieldPath& path : fields) erase_fields(owner["fieldsV1"], path);
  }
  if (ours == nullptr) {
    owners.push_back({{"manager", writer.manager},
                      {"operation", writer.operation},
                      {"apiVersion", text_field(object, {"apiVersion"})},
                      {"fieldsType", "FieldsV1"},
                      {"fieldsV1", Json::object()}});
    ours = &owners.back();
    if (!writer.subresource.empty()) (*ours)["subresource"] = writer.subresource;
  }
  (*ours)["time"] = time;
  for (const FieldPath& path : fields) find_fields((*ours)["fieldsV1"], path, true);
  for (auto it = owners.begin(); it != owners.end();) it = (*it)["fieldsV1"].empty() ? owners.erase(it) : it + 1;
}

std::vector<std::pair<std::string, FieldPath>> foreign_fields(const Json& object, const std::set<FieldPath>& fields,
                                                              const std::string& manager) {
  std::vector<std::pair<std::string, FieldPath>> foreign;
  const Json* owners = field(object, {"metadata", "managedFields"});
  if (owners == nullptr) return foreign;
  for (Json owner : *owners)
    for (const FieldPath& path : fields)
      if (owner["manager"] != manager && find_fields(owner["fieldsV1"], path, false) != nullptr)
        foreign.emplace_back(owner["manager"], path);
  return foreign;
}

}  // namespace tidegate

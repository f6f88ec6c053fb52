#include "serve/import/manifests.h"

#include <fmt/format.h>

#include <utility>

namespace tidegate {
namespace {

std::string scalar_at(const YamlNode& node, std::string_view key) {
  const auto* found = node.find(key);
  return found && found->kind == YamlKind::scalar ? found->text : "";
}

void add(YamlNode node, std::vector<Manifest>& manifests, Diagnostics& problems) {
  if (node.kind == YamlKind::null) return;
  if (node.kind != YamlKind::map) {
    problems.error("wrong_form", node.at, "a manifest is a map", "begin with `apiVersion:` and `kind:`");
    return;
  }
  const auto* items = node.find("items");
  if (scalar_at(node, "kind").ends_with("List") && items && items->kind == YamlKind::list) {
    for (const auto& item : items->items) add(item, manifests, problems);
    return;
  }
  if (manifests.size() == manifests_most) {
    problems.error("too_many_values", node.at, fmt::format("a file holds more than {} manifests", manifests_most),
                   "import it in parts");
    return;
  }
  if (manifests.size() > manifests_most) return;
  Manifest manifest;
  manifest.api_version = scalar_at(node, "apiVersion");
  manifest.kind = scalar_at(node, "kind");
  if (const auto* metadata = node.find("metadata")) {
    manifest.name = scalar_at(*metadata, "name");
    manifest.name_space = scalar_at(*metadata, "namespace");
  }
  manifest.node = std::move(node);
  manifests.push_back(std::move(manifest));
}

}  // namespace

std::vector<std::string> split_documents(std::string_view text) {
  std::vector<std::string> documents;
  std::string document;
  std::size_t lines = 0;
  bool has_text = false;
  const auto finish = [&] {
    if (has_text) documents.push_back(std::move(document));
    document = std::string(lines, '\n');
    has_text = false;
  };
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end == std::string_view::npos ? text.size() : end + 1);
    text.remove_prefix(line.size());
    ++lines;
    // Three dashes in the first column end a document wherever they stand, even inside a block of text.
    const bool marks = line.starts_with("---") && (line.size() == 3 || std::string_view{" \t\r\n"}.contains(line[3]));
    if (marks) {
      finish();
      continue;
    }
    document += line;
    const auto first = line.find_first_not_of(" \t\r\n");
    has_text = has_text || (first != std::string_view::npos && line[first] != '#');
  }
  finish();
  return documents;
}

std::vector<Manifest> read_manifests(std::string_view text, Diagnostics& problems) {
  std::vector<Manifest> manifests;
  for (const auto& document : split_documents(text))
    if (auto root = parse_yaml(document, problems)) add(std::move(*root), manifests, problems);
  return manifests;
}

}  // namespace tidegate

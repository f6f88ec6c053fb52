#include "edge/kubernetes/kubeconfig.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "edge/kubernetes/base64.h"
#include "edge/kubernetes/exec_plugin.h"
#include "edge/machine/file_descriptor.h"

namespace tidegate {
namespace {

// One map of a file: "user alice". Remembers the first thing that is wrong with what is asked of it; after that every
// answer is empty.
class ConfigSection {
 public:
  ConfigSection(std::string path, std::string label, YAML::Node node)
      : path_(std::move(path)), label_(std::move(label)), node_(std::move(node)) {
    if (!node_.IsMap() && !node_.IsNull()) wrong(node_, "is no map");
  }

  [[nodiscard]] bool has(const char* key) const {
    if (!node_.IsMap()) return false;
    const YAML::Node value = node_[key];
    return value.IsDefined() && !value.IsNull() && !(value.IsScalar() && value.Scalar().empty());
  }
  [[nodiscard]] YAML::Node node(const char* key) const { return node_[key]; }

  [[nodiscard]] std::string text(const char* key) {
    if (!has(key)) return {};
    if (!node(key).IsScalar()) return wrong(node(key), fmt::format("{} is no text", key)), "";
    return node(key).Scalar();
  }
  [[nodiscard]] bool truth(const char* key) {
    const std::string word = text(key);
    if (word.empty() || word == "false") return false;
    if (word != "true") wrong(node(key), fmt::format("{} is neither true nor false", key));
    return word == "true";
  }
  // A file of this one's folder unless its path is absolute.
  [[nodiscard]] std::string path(const char* key) {
    const std::string named = text(key);
    return named.empty() ? "" : beside(named);
  }
  [[nodiscard]] std::string beside(const std::string& named) const {
    return (std::filesystem::path{path_}.parent_path() / named).string();
  }
  // Inline data stands above the file, as kubectl has it.
  [[nodiscard]] PemSource pem(const char* data_key, const char* file_key) {
    if (!has(data_key)) return {.path = path(file_key)};
    PemSource source{.text = decode_base64(text(data_key)).value_or("")};
    if (!source.text.contains("-----BEGIN "))
      wrong(node(data_key), fmt::format("{} is no PEM in base64; is it cut off?", data_key));
    return source;
  }
  [[nodiscard]] std::vector<std::string> texts(const char* key) {
    std::vector<std::string> all;
    if (!has(key)) return all;
    if (!node(key).IsSequence()) return wrong(node(key), fmt::format("{} is no list", key)), all;
    for (const YAML::Node& item : node(key)) {
      if (!item.IsScalar()) return wrong(item, fmt::format("{} has an item that is no text", key)), all;
      all.push_back(item.Scalar());
    }
    return all;
  }

  void wrong(const YAML::Node& where, const std::string& what) {
    const YAML::Mark mark = where.Mark();
    if (!error_)
      error_ = Error{ErrorKind::invalid, fmt::format("{}:{}: {}: {}", path_, std::max(0, mark.line) + 1, label_, what)};
  }
  [[nodiscard]] Result<void> verdict() const {
    if (error_) return std::unexpected(*error_);
    return {};
  }
  [[nodiscard]] const std::string& file() const { return path_; }
  [[nodiscard]] const std::string& label() const { return label_; }

 private:
  std::string path_;
  std::string label_;
  YAML::Node node_;
  std::optional<Error> error_;
};

struct ParsedFile {
  std::string path;
  YAML::Node root;
};

Result<ParsedFile> parse_file(const KubeconfigText& file) {
  if (file.text.size() > kubeconfig_bytes_max)
    return fail(ErrorKind::too_large, fmt::format("{}: the kubeconfig is larger than {} bytes; is it the right file?",
                                                  file.path, kubeconfig_bytes_max));
  try {
    YAML::Node root = YAML::Load(file.text);
    if (!root.IsMap() && !root.IsNull())
      return fail(ErrorKind::invalid, fmt::format("{}: this is no kubeconfig: it is no map", file.path));
    return ParsedFile{file.path, root};
  } catch (const YAML::Exception& error) {
    return fail(ErrorKind::invalid,
                fmt::format("{}:{}: this is no YAML: {}", file.path, std::max(0, error.mark.line) + 1, error.msg));
  }
}

// The entry of that name in `list` ("users"), and in it the map `inner` ("user"), of the first file that has one.
Result<ConfigSection> find_entry(const std::vector<ParsedFile>& files, const char* list, const char* inner,
                                 const std::string& name) {
  std::string known;
  for (const ParsedFile& file : files) {
    if (!file.root.IsMap() || !file.root[list].IsDefined() || !file.root[list].IsSequence()) continue;
    for (const YAML::Node& entry : file.root[list]) {
      if (!entry.IsMap() || !entry["name"].IsDefined() || !entry["name"].IsScalar()) continue;
      const std::string& its_name = entry["name"].Scalar();
      if (its_name != name) {
        known += (known.empty() ? "" : ", ") + its_name;
        continue;
      }
      const YAML::Node content = entry[inner];
      return ConfigSection{file.path, fmt::format("{} {}", inner, name),
                           content.IsDefined() ? content : YAML::Node{YAML::NodeType::Null}};
    }
  }
  return fail(ErrorKind::not_found,
              fmt::format("{}: there is no {} {}; {} has: {}", files.front().path, inner, printable_excerpt(name), list,
                          known.empty() ? "nothing" : printable_excerpt(known, 1000)));
}

Result<std::string> chosen_context(const std::vector<ParsedFile>& files, const std::optional<std::string>& context) {
  if (context && !context->empty()) return *context;
  for (const ParsedFile& file : files) {
    if (!file.root.IsMap()) continue;
    ConfigSection whole{file.path, "kubeconfig", file.root};
    std::string current = whole.text("current-context");
    if (auto fine = whole.verdict(); !fine) return std::unexpected(fine.error());
    if (!current.empty()) return current;
  }
  return fail(
      ErrorKind::not_found,
      fmt::format("{}: current-context is not set; set it ('kubectl config use-context NAME'), or give a context",
                  files.front().path));
}

Result<void> read_cluster(ConfigSection& cluster, ClusterAccess& access) {
  access.server = cluster.text("server");
  while (access.server.ends_with('/')) access.server.pop_back();
  if (!access.server.starts_with("https://") && !access.server.starts_with("http://"))
    cluster.wrong(cluster.has("server") ? cluster.node("server") : YAML::Node{},
                  "server must be a URL that begins with https://");
  access.authorities = cluster.pem("certificate-authority-data", "certificate-authority");
  access.tls_server_name = cluster.text("tls-server-name");
  access.insecure = cluster.truth("insecure-skip-tls-verify");
  if (access.insecure && access.authorities.is_given())
    cluster.wrong(cluster.node("insecure-skip-tls-verify"),
                  "certificate-authority and insecure-skip-tls-verify exclude each other; remove the latter");
  if (const std::string proxy = cluster.text("proxy-url"); !proxy.empty()) access.proxy = proxy;
  return cluster.verdict();
}

ExecPlugin read_exec(ConfigSection& user) {
  ConfigSection exec{user.file(), user.label() + ": exec", user.node("exec")};
  ExecPlugin plugin{.api_version = exec.text("apiVersion"),
                    .install_hint = exec.text("installHint"),
                    .wants_cluster = exec.truth("provideClusterInfo")};
  if (!is_exec_api_version(plugin.api_version))
    exec.wrong(user.node("exec"), fmt::format("apiVersion is {}; known are client.authentication.k8s.io/v1 and "
                                              "client.authentication.k8s.io/v1beta1",
                                              plugin.api_version.empty() ? "missing" : plugin.api_version));
  std::string program = exec.text("command");
  if (program.empty()) exec.wrong(user.node("exec"), "command is missing");
  // A bare name is looked for in PATH; a path is of the file's folder.
  if (program.contains('/')) program = exec.beside(program);
  plugin.command = exec.texts("args");
  plugin.command.insert(plugin.command.begin(), program);
  if (exec.text("interactiveMode") == "Always")
    exec.wrong(exec.node("interactiveMode"),
               "the program wants a terminal (interactiveMode: Always) and gets none here");
  if (exec.has("env") && exec.node("env").IsSequence())
    for (const YAML::Node& pair : exec.node("env")) {
      ConfigSection variable{user.file(), exec.label() + ": env", pair};
      plugin.environment.emplace_back(variable.text("name"), variable.text("value"));
      if (auto fine = variable.verdict(); !fine || plugin.environment.back().first.empty())
        exec.wrong(pair, "env has an item that is no name and value");
    }
  if (auto fine = exec.verdict(); !fine) user.wrong(user.node("exec"), fine.error().message);
  return plugin;
}

void read_impersonation(ConfigSection& user, ClusterAccess& access) {
  auto& headers = access.impersonation;
  if (user.has("as")) headers.emplace_back("Impersonate-User", user.text("as"));
  if (user.has("as-uid")) headers.emplace_back("Impersonate-Uid", user.text("as-uid"));
  for (const std::string& group : user.texts("as-groups")) headers.emplace_back("Impersonate-Group", group);
  if (user.has("as-user-extra")) {
    ConfigSection extra{user.file(), user.label() + ": as-user-extra", user.node("as-user-extra")};
    if (user.node("as-user-extra").IsMap())
      for (const auto& pair : user.node("as-user-extra"))
        for (const std::string& value : extra.texts(pair.first.Scalar().c_str()))
          headers.emplace_back("Impersonate-Extra-" + percent_encoded(pair.first.Scalar()), value);
    if (auto fine = extra.verdict(); !fine) user.wrong(user.node("as-user-extra"), fine.error().message);
  }
  if (!headers.empty() && headers.front().first != "Impersonate-User")
    user.wrong(YAML::Node{}, "as-uid, as-groups and as-user-extra need as");
}

Result<void> read_user(ConfigSection& user, ClusterAccess& access) {
  access.certificate = user.pem("client-certificate-data", "client-certificate");
  access.key = user.pem("client-key-data", "client-key");
  if (access.certificate.is_given() != access.key.is_given())
    user.wrong(YAML::Node{}, access.certificate.is_given() ? "client-certificate is given without client-key"
                                                           : "client-key is given without client-certificate");
  if (user.has("auth-provider"))
    user.wrong(user.node("auth-provider"), "auth-provider is no longer part of Kubernetes; use exec or a token");
  if (user.has("token")) access.login = TokenText{user.text("token")};
  // As kubectl has it: the file's content stands above the text, which may be a fallback for other programs.
  if (user.has("tokenFile")) access.login = TokenFile{user.path("tokenFile")};
  if (user.has("username")) {
    if (!std::holds_alternative<std::monostate>(access.login))
      user.wrong(user.node("username"), "a token and a username exclude each other");
    access.login = PasswordLogin{user.text("username"), user.text("password")};
  }
  if (user.has("exec")) {
    if (!std::holds_alternative<std::monostate>(access.login))
      user.wrong(user.node("exec"), "exec excludes token, tokenFile and username");
    access.login = read_exec(user);
  }
  read_impersonation(user, access);
  return user.verdict();
}

}  // namespace

Result<ClusterAccess> access_of(std::span<const KubeconfigText> files, const std::optional<std::string>& context) try {
  std::vector<ParsedFile> parsed;
  for (const KubeconfigText& file : files) {
    auto one = parse_file(file);
    if (!one) return std::unexpected(one.error());
    parsed.push_back(std::move(*one));
  }
  if (parsed.empty()) return fail(ErrorKind::not_found, "there is no kubeconfig");
  const auto name = chosen_context(parsed, context);
  if (!name) return std::unexpected(name.error());
  auto chosen = find_entry(parsed, "contexts", "context", *name);
  if (!chosen) return std::unexpected(chosen.error());

  ClusterAccess access{.origin = fmt::format("context {} of {}", printable_excerpt(*name), chosen->file())};
  const std::string cluster_name = chosen->text("cluster"), user_name = chosen->text("user");
  if (const std::string space = chosen->text("namespace"); !space.empty()) access.default_namespace = space;
  if (cluster_name.empty()) chosen->wrong(YAML::Node{}, "cluster is missing");
  if (auto fine = chosen->verdict(); !fine) return std::unexpected(fine.error());
  auto cluster = find_entry(parsed, "clusters", "cluster", cluster_name);
  if (!cluster) return std::unexpected(cluster.error());
  if (auto fine = read_cluster(*cluster, access); !fine) return std::unexpected(fine.error());
  if (user_name.empty()) return access;
  auto user = find_entry(parsed, "users", "user", user_name);
  if (!user) return std::unexpected(user.error());
  if (auto fine = read_user(*user, access); !fine) return std::unexpected(fine.error());
  return access;
} catch (const YAML::Exception& error) {
  // Nothing above asks a node for what it is not; should it, that is the file's fault as much as ours.
  return fail(ErrorKind::invalid, fmt::format("{}:{}: this is no kubeconfig: {}", files.front().path,
                                              std::max(0, error.mark.line) + 1, error.msg));
}

std::vector<std::string> kubeconfig_paths(const std::optional<std::string>& given) {
  if (given) return {*given};
  std::vector<std::string> paths;
  if (const char* listed = std::getenv("KUBECONFIG"); listed != nullptr && *listed != '\0') {
    std::string_view rest = listed;
    while (!rest.empty()) {
      const std::string_view one = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      if (!one.empty() && std::ranges::find(paths, one) == paths.end()) paths.emplace_back(one);
    }
  } else if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    paths.push_back(std::string{home} + "/.kube/config");
  }
  return paths;
}

Result<ClusterAccess> kubeconfig_access(const std::optional<std::string>& given,
                                        const std::optional<std::string>& context) {
  const auto paths = kubeconfig_paths(given);
  std::vector<KubeconfigText> files;
  for (const std::string& path : paths) {
    auto text = read_file(path, kubeconfig_bytes_max);
    if (text) {
      files.push_back({path, std::move(*text)});
    } else if (given || text.error().kind != ErrorKind::not_found) {
      return fail(text.error().kind, "the kubeconfig: " + text.error().message);
    }
  }
  if (!files.empty()) return access_of(files, context);
  std::string looked;
  for (const std::string& path : paths) looked += (looked.empty() ? "" : ", ") + path;
  return fail(ErrorKind::not_found, fmt::format("there is no kubeconfig at {}; set KUBECONFIG, or name one",
                                                looked.empty() ? "$KUBECONFIG or ~/.kube/config" : looked));
}

Result<ClusterAccess> cluster_access(const std::optional<std::string>& kubeconfig,
                                     const std::optional<std::string>& context) {
  auto access = kubeconfig_access(kubeconfig, context);
  const char* listed = std::getenv("KUBECONFIG");
  const bool is_asked_for = kubeconfig || (context && !context->empty()) || (listed != nullptr && *listed != '\0');
  if (access || is_asked_for || access.error().kind != ErrorKind::not_found) return access;
  auto pod = in_cluster_access();
  if (pod || pod.error().kind != ErrorKind::not_found) return pod;
  return fail(ErrorKind::not_found, fmt::format("{}; {}", access.error().message, pod.error().message));
}

}  // namespace tidegate

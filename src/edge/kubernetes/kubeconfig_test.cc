#include "edge/kubernetes/kubeconfig.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "edge/kubernetes/base64.h"
#include "edge/machine/file_descriptor.h"

namespace tidegate {
namespace {

const std::string pem = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n";

std::string whole() {
  return R"(apiVersion: v1
kind: Config
current-context: test
clusters:
- name: one
  cluster: {server: "https://10.0.0.1:6443/", certificate-authority-data: )" +
         encode_base64(pem) + R"(, tls-server-name: kubernetes.test, proxy-url: "socks5://127.0.0.1:1080"}
- name: two
  cluster: {server: "https://10.0.0.2", insecure-skip-tls-verify: true}
users:
- name: alice
  user: {client-certificate: pki/alice.crt, client-key: /pki/alice.key}
- name: bob
  user: {token: s3cret, tokenFile: token}
- name: carol
  user: {username: carol, password: hush, as: root, as-groups: [admins, others]}
- name: dave
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: ./bin/login
      args: [get, token]
      env: [{name: REGION, value: here}]
      installHint: install it first
      provideClusterInfo: true
      interactiveMode: IfAvailable
contexts:
- name: test
  context: {cluster: one, user: alice, namespace: models}
- name: bob
  context: {cluster: two, user: bob}
- name: carol
  context: {cluster: one, user: carol}
- name: dave
  context: {cluster: one, user: dave}
- name: nobody
  context: {cluster: one}
)";
}

Result<ClusterAccess> read(const std::string& text, std::optional<std::string> context = {}) {
  const KubeconfigText file{"/home/me/.kube/config", text};
  return access_of(std::span{&file, 1}, context);
}

std::string refusal(const std::string& text, std::optional<std::string> context = {}) {
  const auto access = read(text, std::move(context));
  return access ? "it was read" : access.error().message;
}

TEST(Kubeconfig, ReadsTheCurrentContext) {
  const auto access = read(whole());
  ASSERT_TRUE(access) << access.error().message;
  EXPECT_EQ(access->origin, "context test of /home/me/.kube/config");
  EXPECT_EQ(access->server, "https://10.0.0.1:6443");
  EXPECT_EQ(access->default_namespace, "models");
  EXPECT_EQ(access->authorities, PemSource{.text = pem});
  EXPECT_EQ(access->tls_server_name, "kubernetes.test");
  EXPECT_EQ(access->proxy, "socks5://127.0.0.1:1080");
  EXPECT_EQ(access->certificate, PemSource{.path = "/home/me/.kube/pki/alice.crt"});
  EXPECT_EQ(access->key, PemSource{.path = "/pki/alice.key"});
  EXPECT_TRUE(access->warnings().empty());
}

TEST(Kubeconfig, ReadsEveryKindOfLogin) {
  const auto bob = read(whole(), "bob");
  ASSERT_TRUE(bob) << bob.error().message;
  EXPECT_EQ(bob->login, Login{TokenFile{"/home/me/.kube/token"}});
  EXPECT_EQ(bob->default_namespace, "default");
  const auto carol = read(whole(), "carol");
  ASSERT_TRUE(carol) << carol.error().message;
  EXPECT_EQ(carol->login, (Login{PasswordLogin{"carol", "hush"}}));
  ASSERT_EQ(carol->impersonation.size(), 3u);
  EXPECT_EQ(carol->impersonation[0], (std::pair<std::string, std::string>{"Impersonate-User", "root"}));
  EXPECT_EQ(carol->impersonation[2], (std::pair<std::string, std::string>{"Impersonate-Group", "others"}));
  const auto dave = read(whole(), "dave");
  ASSERT_TRUE(dave) << dave.error().message;
  EXPECT_EQ(dave->login, (Login{ExecPlugin{.api_version = "client.authentication.k8s.io/v1",
                                           .command = {"/home/me/.kube/./bin/login", "get", "token"},
                                           .environment = {{"REGION", "here"}},
                                           .install_hint = "install it first",
                                           .wants_cluster = true}}));
  EXPECT_EQ(read(whole(), "nobody")->login, Login{});
}

TEST(Kubeconfig, UnverifiedAndUnencryptedAreSaidLoudly) {
  const auto bob = read(whole(), "bob");
  ASSERT_TRUE(bob);
  ASSERT_EQ(bob->warnings().size(), 1u);
  EXPECT_TRUE(bob->warnings()[0].contains("NOT VERIFIED")) << bob->warnings()[0];
  ClusterAccess plain{.origin = "x", .server = "http://10.0.0.1", .login = TokenText{"t"}};
  ASSERT_EQ(plain.warnings().size(), 1u);
  EXPECT_TRUE(plain.warnings()[0].contains("UNENCRYPTED"));
}

TEST(Kubeconfig, OfSeveralFilesTheFirstWins) {
  const std::vector<KubeconfigText> files{
      {"a/one", "clusters: [{name: c, cluster: {server: 'https://first'}}]\nusers:\n"},
      {"b/two",
       "current-context: x\nclusters: [{name: c, cluster: {server: 'https://second'}}]\n"
       "contexts: [{name: x, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {tokenFile: t}}]"},
      {"c/three", "current-context: y\nusers: [{name: u, user: {token: other}}]"}};
  const auto access = access_of(files, std::nullopt);
  ASSERT_TRUE(access) << access.error().message;
  EXPECT_EQ(access->server, "https://first");
  EXPECT_EQ(access->login, Login{TokenFile{"b/t"}});
  EXPECT_EQ(access->origin, "context x of b/two");
}

TEST(Kubeconfig, WhatIsWrongIsNamedWithFileAndField) {
  const std::string file = "/home/me/.kube/config";
  EXPECT_EQ(refusal("- a\n- b"), file + ": this is no kubeconfig: it is no map");
  EXPECT_TRUE(refusal("a: [1,\nb").starts_with(file + ":2: this is no YAML")) << refusal("a: [1,\nb");
  EXPECT_TRUE(refusal("kind: Config").contains("current-context is not set"));
  EXPECT_TRUE(refusal(whole(), "prod").contains("there is no context prod; contexts has: test, bob, carol, dave"));
  const auto broken = [&](std::string_view from, std::string_view to, const char* context) {
    std::string text = whole();
    text.replace(text.find(from), from.size(), to);
    return refusal(text, context);
  };
  EXPECT_TRUE(broken("cluster: two, user", "cluster: three, user", "bob").contains("there is no cluster three"));
  EXPECT_TRUE(broken("\"https://10.0.0.2\"", "10.0.0.2", "bob").contains(":8: cluster two: server must be a URL"))
      << broken("\"https://10.0.0.2\"", "10.0.0.2", "bob");
  EXPECT_TRUE(broken(encode_base64(pem), "bm9uc2Vuc2U=", "test").contains("certificate-authority-data is no PEM"));
  EXPECT_TRUE(
      broken(", client-key: /pki/alice.key", "", "test").contains("client-certificate is given without client-key"));
  EXPECT_TRUE(broken("token: s3cret", "auth-provider: {name: gcp}", "bob").contains("auth-provider is no longer part"));
  EXPECT_TRUE(broken("token: s3cret", "token: [a]", "bob").contains(":13: user bob: token is no text"))
      << broken("token: s3cret", "token: [a]", "bob");
  EXPECT_TRUE(broken("insecure-skip-tls-verify: true", "insecure-skip-tls-verify: maybe", "bob")
                  .contains("insecure-skip-tls-verify is neither true nor false"));
  EXPECT_TRUE(broken("as: root, ", "", "carol").contains("as-uid, as-groups and as-user-extra need as"));
  EXPECT_TRUE(broken("io/v1", "io/v1alpha1", "dave").contains("apiVersion is client.authentication.k8s.io/v1alpha1"));
  EXPECT_TRUE(broken("IfAvailable", "Always", "dave").contains("wants a terminal"));
  EXPECT_TRUE(broken("command: ./bin/login", "x: y", "dave").contains("command is missing"));
  // What is wrong elsewhere harms nobody.
  EXPECT_EQ(broken("IfAvailable", "Always", "test"), "it was read");
}

class KubeconfigFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "kubeconfig_" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
    for (const char* name : {"KUBECONFIG", "HOME", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}) {
      const char* value = std::getenv(name);
      before_.emplace_back(name, value == nullptr ? std::nullopt : std::optional<std::string>{value});
      ::unsetenv(name);
    }
    ::setenv("HOME", folder_.c_str(), 1);
  }
  void TearDown() override {
    for (const auto& [name, value] : before_) value ? ::setenv(name, value->c_str(), 1) : ::unsetenv(name);
    std::filesystem::remove_all(folder_);
  }

  std::string folder_;
  std::vector<std::pair<const char*, std::optional<std::string>>> before_;
};

TEST_F(KubeconfigFiles, AreLookedForAsKubectlDoes) {
  EXPECT_EQ(kubeconfig_paths({}), std::vector{folder_ + "/.kube/config"});
  ::setenv("KUBECONFIG", ":/a::/b:/a", 1);
  EXPECT_EQ(kubeconfig_paths({}), (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(kubeconfig_paths("/c"), std::vector<std::string>{"/c"});
}

TEST_F(KubeconfigFiles, MissingOnesAreLeftOutUnlessAllAre) {
  ASSERT_TRUE(replace_file(folder_ + "/there", whole()));
  ::setenv("KUBECONFIG", (folder_ + "/missing:" + folder_ + "/there").c_str(), 1);
  const auto access = cluster_access({}, "bob");
  ASSERT_TRUE(access) << access.error().message;
  EXPECT_EQ(access->login, Login{TokenFile{folder_ + "/token"}});
  const auto named = kubeconfig_access(folder_ + "/missing", {});
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().kind, ErrorKind::not_found);
  ::setenv("KUBECONFIG", (folder_ + "/missing").c_str(), 1);
  EXPECT_TRUE(cluster_access({}, {}).error().message.contains("there is no kubeconfig at " + folder_ + "/missing"));
}

TEST_F(KubeconfigFiles, WithoutOneThePodsServiceAccountCounts) {
  const auto neither = cluster_access({}, {});
  ASSERT_FALSE(neither);
  EXPECT_TRUE(neither.error().message.contains("/.kube/config")) << neither.error().message;
  EXPECT_TRUE(neither.error().message.contains("runs in no pod")) << neither.error().message;

  ::setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
  ::setenv("KUBERNETES_SERVICE_PORT", "443", 1);
  EXPECT_TRUE(in_cluster_access(folder_).error().message.contains("not mounted"));
  ASSERT_TRUE(replace_file(folder_ + "/namespace", "serving\n"));
  const auto access = in_cluster_access(folder_);
  ASSERT_TRUE(access) << access.error().message;
  EXPECT_EQ(access->server, "https://[fd00::1]:443");
  EXPECT_EQ(access->default_namespace, "serving");
  EXPECT_EQ(access->login, Login{TokenFile{folder_ + "/token"}});
  EXPECT_EQ(access->authorities.path, folder_ + "/ca.crt");
}

}  // namespace
}  // namespace tidegate

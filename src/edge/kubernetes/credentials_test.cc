// Who we are, kept fresh: files that change, programs that are asked again, and what goes wrong with either.
#include "edge/kubernetes/credentials.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "edge/kubernetes/captured_program.h"
#include "edge/kubernetes/rfc3339.h"
#include "edge/kubernetes/testing/test_clock.h"
#include "edge/machine/file_descriptor.h"

namespace tidegate {
namespace {

namespace fs = std::filesystem;

class CredentialsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "credentials_" + testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // A program that prints an ExecCredential whose token counts how often it was asked.
  ExecPlugin plugin(const std::string& status, const std::string& version = "client.authentication.k8s.io/v1") {
    const std::string path = folder_ + "/login";
    const std::string script = "#!/bin/sh\necho \"$KUBERNETES_EXEC_INFO\" > " + folder_ + "/info\necho x >> " +
                               folder_ + "/asked\nn=$(wc -l < " + folder_ +
                               "/asked)\ncat <<END\n{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": "
                               "\"ExecCredential\", \"status\": " +
                               status + "}\nEND\n";
    EXPECT_TRUE(replace_file(path, script));
    fs::permissions(path, fs::perms::owner_all);
    return {.api_version = version, .command = {path}, .install_hint = "get it from your administrator"};
  }
  [[nodiscard]] std::size_t asked() const {
    const auto lines = read_file(folder_ + "/asked", 10'000);
    return lines ? lines->size() / 2 : 0;
  }
  ClusterAccess access(Login login) {
    return {.origin = "context test", .server = "https://10.0.0.1", .login = std::move(login)};
  }

  std::string folder_;
  TestClock clock_{*parse_rfc3339("2026-03-01T07:00:00Z")};
};

TEST_F(CredentialsTest, ATokenFileIsReadAgain) {
  const std::string path = folder_ + "/token";
  ASSERT_TRUE(replace_file(path, "first\n"));
  Credentials credentials{access(TokenFile{path}), clock_};
  const auto first = credentials.current();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->bearer, "first");
  ASSERT_TRUE(replace_file(path, "second\n"));
  EXPECT_EQ(credentials.current()->bearer, "first");
  clock_.advance(61s);
  const auto second = credentials.current();
  EXPECT_EQ(second->bearer, "second");
  EXPECT_NE(second->generation, first->generation);
  EXPECT_EQ(second->tls, first->tls);
  // At once when the server says no.
  ASSERT_TRUE(replace_file(path, "third\n"));
  credentials.refused(second->generation);
  EXPECT_EQ(credentials.current()->bearer, "third");
  // One that was refused before it changed says nothing about the new one.
  credentials.refused(second->generation);
  EXPECT_EQ(credentials.current()->bearer, "third");
}

TEST_F(CredentialsTest, AFileThatIsGoneLeavesWhatWasReadAndSaysSo) {
  const std::string path = folder_ + "/token";
  Credentials missing{access(TokenFile{path}), clock_};
  const auto none = missing.current();
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().message.starts_with("context test: token: cannot open ")) << none.error().message;
  ASSERT_TRUE(replace_file(path, "first"));
  EXPECT_EQ(missing.current()->bearer, "first");
  EXPECT_EQ(missing.problem(), "");
  fs::remove(path);
  clock_.advance(61s);
  EXPECT_EQ(missing.current()->bearer, "first");
  EXPECT_TRUE(missing.problem().contains("cannot open")) << missing.problem();
}

TEST_F(CredentialsTest, CertificatesComeFromTextAndFiles) {
  ASSERT_TRUE(replace_file(folder_ + "/ca", "-----BEGIN CERTIFICATE-----\nca"));
  ASSERT_TRUE(replace_file(folder_ + "/rubbish", "rubbish"));
  ClusterAccess given = access({});
  given.authorities.path = folder_ + "/ca";
  given.certificate.text = "-----BEGIN CERTIFICATE-----\nours";
  given.key.text = "-----BEGIN PRIVATE KEY-----\nours";
  Credentials credentials{given, clock_};
  const auto login = credentials.current();
  ASSERT_TRUE(login) << login.error().message;
  EXPECT_EQ(login->tls->authorities, "-----BEGIN CERTIFICATE-----\nca");
  EXPECT_EQ(login->tls->certificate, given.certificate.text);
  EXPECT_FALSE(login->bearer);
  given.authorities.path = folder_ + "/rubbish";
  Credentials wrong{given, clock_};
  EXPECT_TRUE(wrong.current().error().message.contains("certificate-authority: " + folder_ + "/rubbish holds no PEM"));
}

TEST_F(CredentialsTest, AProgramIsAskedAgainBeforeWhatItGaveExpires) {
  Credentials credentials{access(plugin(R"({"token": "t$n", "expirationTimestamp": "2026-03-01T07:05:00Z"})")), clock_};
  EXPECT_EQ(credentials.current()->bearer, "t1");
  EXPECT_EQ(credentials.current()->bearer, "t1");
  clock_.advance(3min);
  EXPECT_EQ(credentials.current()->bearer, "t1");
  EXPECT_EQ(asked(), 1u);
  clock_.advance(61s);  // 59 s before it expires
  EXPECT_EQ(credentials.current()->bearer, "t2");
  EXPECT_EQ(asked(), 2u);
}

TEST_F(CredentialsTest, AProgramIsAskedAgainAfterARefusalButNotInALoop) {
  Credentials credentials{access(plugin(R"({"token": "t$n"})")), clock_};
  const auto first = credentials.current();
  ASSERT_TRUE(first) << first.error().message;
  clock_.advance(11s);
  credentials.refused(first->generation);
  const auto second = credentials.current();
  EXPECT_EQ(second->bearer, "t2");
  credentials.refused(second->generation);
  EXPECT_EQ(credentials.current()->bearer, "t2");
  EXPECT_EQ(asked(), 2u);
}

TEST_F(CredentialsTest, AProgramMayGiveACertificateAndLearnsTheCluster) {
  ExecPlugin wants = plugin(R"({"clientCertificateData": "-----BEGIN C", "clientKeyData": "-----BEGIN K"})");
  wants.wants_cluster = true;
  ClusterAccess given = access(wants);
  given.authorities.text = "-----BEGIN CA";
  Credentials credentials{given, clock_};
  const auto login = credentials.current();
  ASSERT_TRUE(login) << login.error().message;
  EXPECT_EQ(login->tls->certificate, "-----BEGIN C");
  EXPECT_EQ(login->tls->key, "-----BEGIN K");
  EXPECT_FALSE(login->bearer);
  const auto info = read_file(folder_ + "/info", 10'000);
  ASSERT_TRUE(info);
  EXPECT_EQ(*info,
            R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"cluster":)"
            R"({"certificate-authority-data":"LS0tLS1CRUdJTiBDQQ==","server":"https://10.0.0.1"},"interactive":false}})"
            "\n");
}

TEST_F(CredentialsTest, AnExpiredAnswerIsNoAnswer) {
  Credentials credentials{access(plugin(R"({"token": "t$n", "expirationTimestamp": "2026-03-01T07:05:00Z"})")), clock_};
  ASSERT_TRUE(credentials.current());
  fs::remove(folder_ + "/login");
  clock_.advance(4min + 30s);
  EXPECT_EQ(credentials.current()->bearer, "t1");
  EXPECT_TRUE(credentials.problem().contains("get it from your administrator")) << credentials.problem();
  clock_.advance(31s);
  const auto gone = credentials.current();
  ASSERT_FALSE(gone);
  EXPECT_TRUE(gone.error().message.contains("cannot start")) << gone.error().message;
  // And still within the pause between two askings.
  clock_.advance(1s);
  EXPECT_FALSE(credentials.current());
}

TEST_F(CredentialsTest, WhatAProgramSaysWrongIsNamed) {
  const auto refusal = [&](const std::string& status, const std::string& version = "client.authentication.k8s.io/v1") {
    Credentials credentials{access(plugin(status, version)), clock_};
    const auto login = credentials.current();
    return login ? "it was taken" : login.error().message;
  };
  EXPECT_TRUE(refusal("{}").ends_with("it gives neither a token nor a client certificate"));
  EXPECT_TRUE(refusal("{").ends_with("it printed no ExecCredential"));
  EXPECT_TRUE(refusal(R"({"token": "t", "expirationTimestamp": "soon"})").contains("is no time: soon"));
  EXPECT_TRUE(refusal(R"({"clientKeyData": "k"})").contains("without the other"));
  EXPECT_TRUE(
      refusal(R"({"token": "t"})", "client.authentication.k8s.io/v1beta1").contains("it answers with apiVersion"));
  // The token stands in no message.
  EXPECT_FALSE(refusal(R"({"token": "s3cret", "expirationTimestamp": "soon"})").contains("s3cret"));
}

TEST_F(CredentialsTest, OthersGoOnWhileOneRefreshes) {
  ExecPlugin slow = plugin(R"({"token": "t$n", "expirationTimestamp": "2026-03-01T07:05:00Z"})");
  Credentials credentials{access(slow), clock_};
  ASSERT_TRUE(credentials.current());
  ASSERT_TRUE(replace_file(folder_ + "/login", "#!/bin/sh\ntouch " + folder_ + "/began\nsleep 20\n"));
  fs::permissions(folder_ + "/login", fs::perms::owner_all);
  clock_.advance(4min + 30s);
  std::stop_source stop;
  std::jthread refreshing{[&] { static_cast<void>(credentials.current(stop.get_token())); }};
  while (!fs::exists(folder_ + "/began")) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  EXPECT_EQ(credentials.current()->bearer, "t1");
  stop.request_stop();
}

TEST(CapturedProgram, IsBoundInTimeAndBytesAndHasNoInput) {
  const auto said = run_captured({.command = {"/bin/sh", "-c", "cat; echo out; echo talk >&2; exit 3"}});
  ASSERT_TRUE(said) << said.error().message;
  EXPECT_EQ(said->output, "out\n");
  EXPECT_EQ(said->talk, "talk\n");
  EXPECT_EQ(said->status, 3);
  const auto slow = run_captured({.command = {"/bin/sh", "-c", "sleep 60 & sleep 60"}, .timeout = 100ms});
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().message, "/bin/sh: it did not end within 100ms");
  const auto loud = run_captured({.command = {"/bin/sh", "-c", "while :; do echo xxxxxxxx; done"}, .output_max = 1000});
  ASSERT_FALSE(loud);
  EXPECT_EQ(loud.error().kind, ErrorKind::too_large);
  EXPECT_EQ(run_captured({.command = {"/no/such/program"}}).error().kind, ErrorKind::not_found);
  const auto killed = run_captured({.command = {"/bin/sh", "-c", "kill -9 $$"}});
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->status, -1);
  // A child that is left behind and holds the pipe does not keep us.
  const auto left = run_captured({.command = {"/bin/sh", "-c", "sleep 5 & echo done"}, .timeout = 4s});
  ASSERT_TRUE(left) << left.error().message;
  EXPECT_EQ(left->output, "done\n");
  const auto variable =
      run_captured({.command = {"/bin/sh", "-c", "echo $TIDEGATE_X"}, .environment = {{"TIDEGATE_X", "y"}}});
  EXPECT_EQ(variable->output, "y\n");
}

}  // namespace
}  // namespace tidegate

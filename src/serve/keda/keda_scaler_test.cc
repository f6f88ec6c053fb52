// The scaler on a loopback port with gRPC's own client, as KEDA's operator has one.
#include "serve/keda/keda_scaler.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <externalscaler.grpc.pb.h>  // generated
#include "edge/kubernetes/testing/test_clock.h"
#include "edge/net/testing/tls_test_server.h"
#include "serve/scale_metrics/testing/scripted_panel.h"

namespace tidegate {
namespace {

namespace wire = externalscaler;
using Metadata = std::map<std::string, std::string>;

wire::ScaledObjectRef ref(const std::string& name, const Metadata& metadata = {}) {
  wire::ScaledObjectRef ref;
  ref.set_name(name);
  ref.set_namespace_("team-a");
  for (const auto& [key, value] : metadata) (*ref.mutable_scalermetadata())[key] = value;
  return ref;
}

// A context with a deadline: a test never hangs.
struct Call {
  Call() { context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20)); }
  grpc::ClientContext* get() { return &context; }
  grpc::ClientContext context;
};

class KedaScalerTest : public testing::Test {
 protected:
  void serve(KedaScalerOptions options = {}) {
    scaler_ = std::make_unique<KedaScaler>(panel_, clock_, std::move(options));
    const auto port = scaler_->start();
    ASSERT_TRUE(port) << port.error().message;
    port_ = *port;
  }
  std::unique_ptr<wire::ExternalScaler::Stub> client(
      const std::shared_ptr<grpc::ChannelCredentials>& credentials = grpc::InsecureChannelCredentials()) {
    // Channels with the same arguments would share one connection, and what was verified when it was made.
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetSslTargetNameOverride("localhost");
    return wire::ExternalScaler::NewStub(
        grpc::CreateCustomChannel(fmt::format("ipv4:127.0.0.1:{}", port_), credentials, arguments));
  }
  void tick(std::vector<ServiceView> services) { panel_.put(clock_.now(), std::move(services)); }

  TestClock clock_;
  ScriptedPanel panel_;
  std::unique_ptr<KedaScaler> scaler_;
  std::uint16_t port_ = 0;
};

TEST_F(KedaScalerTest, answersWhatKedaAsks) {
  serve();
  tick({service_view("chat", 20)});
  const auto stub = client();
  wire::IsActiveResponse active;
  ASSERT_TRUE(stub->IsActive(Call{}.get(), ref("chat"), &active).ok());
  EXPECT_TRUE(active.result());

  wire::GetMetricSpecResponse specs;
  ASSERT_TRUE(stub->GetMetricSpec(Call{}.get(), ref("chat"), &specs).ok());
  ASSERT_EQ(specs.metricspecs_size(), 1);
  EXPECT_EQ(specs.metricspecs(0).metricname(), "desired_replicas");
  EXPECT_EQ(specs.metricspecs(0).targetsizefloat(), 1);
  EXPECT_EQ(specs.metricspecs(0).targetsize(), 1);

  wire::GetMetricsRequest request;
  *request.mutable_scaledobjectref() = ref("chat");
  request.set_metricname("desired_replicas");
  wire::GetMetricsResponse metrics;
  ASSERT_TRUE(stub->GetMetrics(Call{}.get(), request, &metrics).ok());
  ASSERT_EQ(metrics.metricvalues_size(), 1);
  EXPECT_EQ(metrics.metricvalues(0).metricvaluefloat(), 20);
  EXPECT_EQ(metrics.metricvalues(0).metricvalue(), 20);
}

TEST_F(KedaScalerTest, refusalsCarryTheirReason) {
  serve();
  const auto stub = client();
  wire::IsActiveResponse active;
  const auto asked = [&](const wire::ScaledObjectRef& about) { return stub->IsActive(Call{}.get(), about, &active); };
  EXPECT_EQ(asked(ref("chat")).error_code(), grpc::StatusCode::UNAVAILABLE) << "nothing decided yet";
  tick({service_view("chat", 1)});
  EXPECT_EQ(asked(ref("code")).error_code(), grpc::StatusCode::NOT_FOUND);
  const auto invalid = asked(ref("chat", {{"servce", "x"}}));
  EXPECT_EQ(invalid.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(invalid.error_message(), "metadata `servce` is not known; known are service, metric, pool and target");

  grpc::ClientContext context;
  const auto stream = stub->StreamIsActive(&context, ref("chat", {{"metric", "nope"}}));
  EXPECT_FALSE(stream->Read(&active));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(KedaScalerTest, aStreamTellsEachChangeOfActivity) {
  serve();
  const auto stub = client();
  Call call;
  const auto stream = stub->StreamIsActive(&call.context, ref("chat"));
  stream->WaitForInitialMetadata();
  tick({});  // not there yet
  tick({service_view("chat", 0)});
  wire::IsActiveResponse active;
  ASSERT_TRUE(stream->Read(&active));
  EXPECT_FALSE(active.result());
  tick({service_view("chat", 0)});
  const auto before = std::chrono::steady_clock::now();
  tick({service_view("chat", 1)});
  ASSERT_TRUE(stream->Read(&active));
  EXPECT_TRUE(active.result());
  const auto took = std::chrono::steady_clock::now() - before;
  RecordProperty("push_microseconds",
                 std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  call.context.TryCancel();
  EXPECT_FALSE(stream->Read(&active));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(KedaScalerTest, specsAreSaidAtOnceAndTheStreamStays) {
  serve();
  const auto stub = client();
  Call call;
  const auto stream = stub->StreamMetricSpec(&call.context, ref("chat", {{"metric", "queued"}, {"target", "0.5"}}));
  wire::GetMetricSpecResponse specs;
  ASSERT_TRUE(stream->Read(&specs));
  EXPECT_EQ(specs.metricspecs(0).metricname(), "queued");
  EXPECT_EQ(specs.metricspecs(0).targetsizefloat(), 0.5);
  EXPECT_EQ(specs.metricspecs(0).targetsize(), 1) << "an integer that is no zero";
  call.context.TryCancel();
  EXPECT_FALSE(stream->Read(&specs));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(KedaScalerTest, streamsAreBounded) {
  serve({.streams_max = 2});
  tick({service_view("chat", 1)});
  const auto stub = client();
  wire::IsActiveResponse active;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<wire::IsActiveResponse>>> streams;
  for (int i = 0; i < 2; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(stub->StreamIsActive(contexts.back().get(), ref("chat")));
    ASSERT_TRUE(streams.back()->Read(&active));
  }
  {
    Call call;
    const auto refused = stub->StreamIsActive(&call.context, ref("chat"));
    EXPECT_FALSE(refused->Read(&active));
    EXPECT_EQ(refused->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
  contexts[0]->TryCancel();
  EXPECT_EQ(streams[0]->Finish().error_code(), grpc::StatusCode::CANCELLED);
  // The place of one that went is free, once the server has noticed.
  bool is_taken = false;
  for (int i = 0; i < 200 && !is_taken; ++i) {
    Call call;
    const auto next = stub->StreamIsActive(&call.context, ref("chat"));
    is_taken = next->Read(&active);
    call.context.TryCancel();
    next->Finish();
    if (!is_taken) std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  EXPECT_TRUE(is_taken);
  contexts[1]->TryCancel();
  streams[1]->Finish();
}

TEST_F(KedaScalerTest, aStopEndsStreamsWithAWord) {
  serve();
  tick({service_view("chat", 1)});
  const auto stub = client();
  Call call;
  const auto stream = stub->StreamIsActive(&call.context, ref("chat"));
  wire::IsActiveResponse active;
  ASSERT_TRUE(stream->Read(&active));
  scaler_.reset();
  EXPECT_FALSE(stream->Read(&active));
  EXPECT_EQ(stream->Finish().error_message(), "tidegate is stopping");
  tick({service_view("chat", 0)});  // the panel still calls its listeners
}

TEST_F(KedaScalerTest, aPortInUseIsSaid) {
  serve();
  KedaScaler second(panel_, clock_, {.port = port_});
  const auto refused = second.start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            fmt::format("the KEDA scaler cannot listen on 127.0.0.1:{}: is the port in use?", port_));
}

class KedaTlsTest : public KedaScalerTest {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("keda-scaler-test-{}", ::getpid());
    std::filesystem::create_directories(folder_);
    const auto own = authority_.issue("tidegate", {"DNS:localhost"});
    tls_ = {.certificate = write("tls.crt", own.certificate), .key = write("tls.key", own.key)};
  }
  void TearDown() override {
    scaler_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  grpc::StatusCode asked(const grpc::SslCredentialsOptions& options) {
    wire::IsActiveResponse active;
    return client(grpc::SslCredentials(options))->IsActive(Call{}.get(), ref("chat"), &active).error_code();
  }

  TestAuthority authority_{"authority"}, other_{"other"};
  std::filesystem::path folder_;
  KedaTls tls_;
};

TEST_F(KedaTlsTest, onlyThoseWhoTrustItsAuthorityConnect) {
  serve({.tls = tls_});
  tick({service_view("chat", 1)});
  EXPECT_EQ(asked({.pem_root_certs = authority_.certificate()}), grpc::StatusCode::OK);
  EXPECT_EQ(asked({.pem_root_certs = other_.certificate()}), grpc::StatusCode::UNAVAILABLE);
  wire::IsActiveResponse active;
  EXPECT_EQ(client()->IsActive(Call{}.get(), ref("chat"), &active).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(KedaTlsTest, clientsShowACertificateWhereOneIsWanted) {
  tls_.client_authorities = write("clients.crt", authority_.certificate());
  serve({.tls = tls_});
  tick({service_view("chat", 1)});
  const auto roots = authority_.certificate();
  const auto known = authority_.issue("keda", {}), unknown = other_.issue("keda", {});
  EXPECT_EQ(asked({roots, known.key, known.certificate}), grpc::StatusCode::OK);
  EXPECT_EQ(asked({roots, unknown.key, unknown.certificate}), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(asked({.pem_root_certs = roots}), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(KedaTlsTest, aMissingFileIsSaidAtTheStart) {
  tls_.key = "/nowhere/tls.key";
  KedaScaler scaler(panel_, clock_, {.tls = tls_});
  EXPECT_EQ(scaler.start().error().message, "keda.tls.key: /nowhere/tls.key cannot be read");
}

}  // namespace
}  // namespace tidegate

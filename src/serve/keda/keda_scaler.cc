#include "serve/keda/keda_scaler.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <cmath>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <externalscaler.grpc.pb.h>  // generated
#include "serve/keda/scaler_answers.h"

namespace tidegate {
namespace {

namespace wire = externalscaler;

constexpr int message_max = 64 * 1024;
constexpr unsigned certificate_period = 30;  // seconds
constexpr Duration stop_patience = 3s;

grpc::Status status_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::invalid:
      return {grpc::StatusCode::INVALID_ARGUMENT, error.message};
    case ErrorKind::not_found:
      return {grpc::StatusCode::NOT_FOUND, error.message};
    default:
      return {grpc::StatusCode::UNAVAILABLE, error.message};
  }
}

ScaledObject object_of(const wire::ScaledObjectRef& ref) {
  ScaledObject object{.name = ref.name(), .name_space = ref.namespace_()};
  for (const auto& [key, value] : ref.scalermetadata()) object.metadata.emplace(key, value);
  return object;
}

std::int64_t whole(double value) { return static_cast<std::int64_t>(std::ceil(value)); }

Result<wire::GetMetricSpecResponse> spec_answer(const ScaledObject& object) {
  const auto spec = ScalerAnswers::metric_spec(object);
  if (!spec) return std::unexpected(spec.error());
  wire::GetMetricSpecResponse answer;
  auto* one = answer.add_metricspecs();
  one->set_metricname(spec->metric);
  one->set_targetsize(whole(spec->value));
  one->set_targetsizefloat(spec->value);
  return answer;
}

// A call that lives until its client goes or we end it.
class OpenStream {
 public:
  virtual ~OpenStream() = default;
  virtual void look(const FleetView& view) = 0;
  virtual void end() = 0;
};

// Every open stream. A stream leaves when gRPC is done with it.
class OpenStreams {
 public:
  explicit OpenStreams(std::size_t most) : most_(most) {}

  [[nodiscard]] bool add(const std::shared_ptr<OpenStream>& stream) {
    const std::lock_guard lock(mutex_);
    if (is_closed_ || streams_.size() >= most_) return false;
    streams_.insert(stream);
    return true;
  }
  void remove(const std::shared_ptr<OpenStream>& stream) {
    const std::lock_guard lock(mutex_);
    streams_.erase(stream);
    if (streams_.empty()) empty_.notify_all();
  }
  [[nodiscard]] std::vector<std::shared_ptr<OpenStream>> all() const {
    const std::lock_guard lock(mutex_);
    return {streams_.begin(), streams_.end()};
  }
  // Takes no more, and ends those that are there.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      is_closed_ = true;
    }
    for (const auto& stream : all()) stream->end();
  }
  void wait_until_empty(Duration patience) {
    std::unique_lock lock(mutex_);
    empty_.wait_for(lock, patience, [&] { return streams_.empty(); });
  }

 private:
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::condition_variable empty_;
  std::set<std::shared_ptr<OpenStream>> streams_;
  bool is_closed_ = false;
};

// The half of a stream that knows gRPC: one message is on its way at a time, and the newest that waits replaces the one
// before it. Keeps itself alive until gRPC is done.
template <class Message>
class Telling : public grpc::ServerWriteReactor<Message>,
                public OpenStream,
                public std::enable_shared_from_this<Telling<Message>> {
 public:
  explicit Telling(std::shared_ptr<OpenStreams> streams) : streams_(std::move(streams)) {}

  // Once, when it is known to whom it belongs. False: there are too many.
  bool open() {
    self_ = this->shared_from_this();
    if (!streams_->add(self_)) return false;
    const std::lock_guard lock(mutex_);
    // The client learns that the stream stands, however long there is nothing to tell.
    if (!is_finished_) this->StartSendInitialMetadata();
    return true;
  }

  void tell(Message message) {
    const std::lock_guard lock(mutex_);
    if (is_finished_) return;
    next_ = std::move(message);
    if (!is_writing_) write();
  }
  void finish(const grpc::Status& status) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_finished_, true)) return;
    this->Finish(status);
  }
  void look(const FleetView&) override {}
  void end() override { finish({grpc::StatusCode::UNAVAILABLE, "tidegate is stopping"}); }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    is_writing_ = false;
    if (is_finished_) return;
    if (ok && next_) return write();
    if (ok) return;
    is_finished_ = true;
    this->Finish(grpc::Status::CANCELLED);
  }
  void OnCancel() override { finish(grpc::Status::CANCELLED); }
  void OnDone() override {
    const auto last = std::exchange(self_, nullptr);
    streams_->remove(last);
  }

 private:
  void write() {
    written_ = std::move(*next_);
    next_.reset();
    is_writing_ = true;
    this->StartWrite(&written_);
  }

  const std::shared_ptr<OpenStreams> streams_;
  std::shared_ptr<Telling> self_;
  std::mutex mutex_;
  Message written_;  // stays as it is while it is on its way
  std::optional<Message> next_;
  bool is_writing_ = false;
  bool is_finished_ = false;
};

class ActivityStream final : public Telling<wire::IsActiveResponse> {
 public:
  ActivityStream(std::shared_ptr<OpenStreams> streams, ActivityWatch watch)
      : Telling(std::move(streams)), watch_(std::move(watch)) {}

  // Also called when the stream begins, by another thread than that of the ticks.
  void look(const FleetView& view) override {
    const std::lock_guard lock(watch_mutex_);
    const auto active = watch_.look(view);
    if (!active) return;
    wire::IsActiveResponse message;
    message.set_result(*active);
    tell(std::move(message));
  }

 private:
  std::mutex watch_mutex_;
  ActivityWatch watch_;
};

using SpecStream = Telling<wire::GetMetricSpecResponse>;

// Refuses a stream from the start.
template <class Message>
class Refusal final : public grpc::ServerWriteReactor<Message> {
 public:
  explicit Refusal(const grpc::Status& status) { this->Finish(status); }
  void OnDone() override { delete this; }
};

grpc::Status too_many() { return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many streams are open"}; }

class Calls final : public wire::ExternalScaler::CallbackService {
 public:
  Calls(const ControlPanel& panel, const Clock& clock, const KedaScalerOptions& options)
      : panel_(panel),
        answers_(panel, clock, options.names),
        streams_(std::make_shared<OpenStreams>(options.streams_max)) {}

  [[nodiscard]] OpenStreams& streams() { return *streams_; }

  grpc::ServerUnaryReactor* IsActive(grpc::CallbackServerContext* context, const wire::ScaledObjectRef* ref,
                                     wire::IsActiveResponse* answer) override {
    const auto active = answers_.is_active(object_of(*ref));
    if (active) answer->set_result(*active);
    return answered(*context, active ? grpc::Status::OK : status_of(active.error()));
  }

  grpc::ServerUnaryReactor* GetMetricSpec(grpc::CallbackServerContext* context, const wire::ScaledObjectRef* ref,
                                          wire::GetMetricSpecResponse* answer) override {
    auto spec = spec_answer(object_of(*ref));
    if (spec) *answer = std::move(*spec);
    return answered(*context, spec ? grpc::Status::OK : status_of(spec.error()));
  }

  grpc::ServerUnaryReactor* GetMetrics(grpc::CallbackServerContext* context, const wire::GetMetricsRequest* request,
                                       wire::GetMetricsResponse* answer) override {
    const auto metric = answers_.metric(object_of(request->scaledobjectref()), request->metricname());
    if (metric) {
      auto* value = answer->add_metricvalues();
      value->set_metricname(metric->metric);
      value->set_metricvalue(whole(metric->value));
      value->set_metricvaluefloat(metric->value);
    }
    return answered(*context, metric ? grpc::Status::OK : status_of(metric.error()));
  }

  grpc::ServerWriteReactor<wire::IsActiveResponse>* StreamIsActive(grpc::CallbackServerContext*,
                                                                   const wire::ScaledObjectRef* ref) override {
    auto watch = ActivityWatch::of(object_of(*ref), answers_.names());
    if (!watch) return new Refusal<wire::IsActiveResponse>(status_of(watch.error()));
    const auto stream = std::make_shared<ActivityStream>(streams_, std::move(*watch));
    if (!stream->open())
      stream->finish(too_many());
    else
      stream->look(*panel_.view());
    return stream.get();
  }

  grpc::ServerWriteReactor<wire::GetMetricSpecResponse>* StreamMetricSpec(grpc::CallbackServerContext*,
                                                                          const wire::ScaledObjectRef* ref) override {
    auto spec = spec_answer(object_of(*ref));
    if (!spec) return new Refusal<wire::GetMetricSpecResponse>(status_of(spec.error()));
    const auto stream = std::make_shared<SpecStream>(streams_);
    if (!stream->open())
      stream->finish(too_many());
    else
      stream->tell(std::move(*spec));  // it follows from the metadata, so there is no more to come
    return stream.get();
  }

 private:
  static grpc::ServerUnaryReactor* answered(grpc::CallbackServerContext& context, const grpc::Status& status) {
    auto* reactor = context.DefaultReactor();
    reactor->Finish(status);
    return reactor;
  }

  const ControlPanel& panel_;
  const ScalerAnswers answers_;
  const std::shared_ptr<OpenStreams> streams_;
};

// gRPC would only log that a file is missing, and serve nobody.
Result<void> check_readable(const std::string& path, std::string_view setting) {
  if (std::ifstream(path).good()) return {};
  return fail(ErrorKind::invalid, fmt::format("keda.tls.{}: {} cannot be read", setting, path));
}

Result<std::shared_ptr<grpc::ServerCredentials>> credentials_of(const std::optional<KedaTls>& tls) {
  if (!tls) return grpc::InsecureServerCredentials();
  for (const auto& [path, setting] : {std::pair{&tls->certificate, "certificate"}, std::pair{&tls->key, "key"},
                                      std::pair{&tls->client_authorities, "client_authorities"}}) {
    if (path == &tls->client_authorities && path->empty()) continue;
    if (auto readable = check_readable(*path, setting); !readable) return std::unexpected(readable.error());
  }
  using grpc::experimental::FileWatcherCertificateProvider;
  const bool asks = !tls->client_authorities.empty();
  const auto provider =
      asks ? std::make_shared<FileWatcherCertificateProvider>(tls->key, tls->certificate, tls->client_authorities,
                                                              certificate_period)
           : std::make_shared<FileWatcherCertificateProvider>(tls->key, tls->certificate, certificate_period);
  grpc::experimental::TlsServerCredentialsOptions options(provider);
  options.watch_identity_key_cert_pairs();
  if (asks) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(options);
}

void bound(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(message_max);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // A peer that is gone without a word is noticed, so that its streams do not stay.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
}

}  // namespace

class KedaScaler::Server {
 public:
  Server(ControlPanel& panel, const Clock& clock, KedaScalerOptions options)
      : panel_(panel), options_(std::move(options)), calls_(panel, clock, options_) {}

  ~Server() {
    news_->close();
    if (thread_.joinable()) thread_.join();
    if (!server_) return;
    calls_.streams().close();
    server_->Shutdown(std::chrono::system_clock::now() + stop_patience);
    calls_.streams().wait_until_empty(stop_patience);
  }

  Result<std::uint16_t> start() {
    auto credentials = credentials_of(options_.tls);
    if (!credentials) return std::unexpected(credentials.error());
    const auto address = options_.address.contains(':') ? fmt::format("[{}]:{}", options_.address, options_.port)
                                                        : fmt::format("{}:{}", options_.address, options_.port);
    grpc::ServerBuilder builder;
    bound(builder);
    int port = 0;
    builder.AddListeningPort(address, *credentials, &port);
    builder.RegisterService(&calls_);
    server_ = builder.BuildAndStart();
    if (!server_ || port == 0)
      return fail(ErrorKind::failed, fmt::format("the KEDA scaler cannot listen on {}: is the port in use?", address));
    panel_.on_event([news = news_](const FleetEvent& event) {
      if (event.kind == FleetEvent::Kind::tick) news->put(event.view);
    });
    thread_ = std::thread([this] { tell_news(); });
    return static_cast<std::uint16_t>(port);
  }

 private:
  // The newest tick, for the thread that tells it. Outlives us: the panel keeps its listener.
  struct News {
    void put(std::shared_ptr<const FleetView> newest) {
      const std::lock_guard lock(mutex);
      view = std::move(newest);
      changed.notify_one();
    }
    void close() {
      const std::lock_guard lock(mutex);
      is_closed = true;
      changed.notify_one();
    }
    // None: closed.
    std::shared_ptr<const FleetView> next() {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return view || is_closed; });
      return is_closed ? nullptr : std::exchange(view, nullptr);
    }

    std::mutex mutex;
    std::condition_variable changed;
    std::shared_ptr<const FleetView> view;
    bool is_closed = false;
  };

  void tell_news() {
    while (const auto view = news_->next())
      for (const auto& stream : calls_.streams().all()) stream->look(*view);
  }

  ControlPanel& panel_;
  const KedaScalerOptions options_;
  const std::shared_ptr<News> news_ = std::make_shared<News>();
  Calls calls_;
  std::unique_ptr<grpc::Server> server_;
  std::thread thread_;
};

KedaScaler::KedaScaler(ControlPanel& panel, const Clock& clock, KedaScalerOptions options)
    : server_(std::make_unique<Server>(panel, clock, std::move(options))) {}
KedaScaler::~KedaScaler() = default;

Result<std::uint16_t> KedaScaler::start() { return server_->start(); }

}  // namespace tidegate

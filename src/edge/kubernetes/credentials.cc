#include "edge/kubernetes/credentials.h"

#include <fmt/format.h>

#include "edge/machine/file_descriptor.h"

namespace tidegate {
namespace {

constexpr std::size_t pem_bytes_max = 1024 * 1024;
constexpr std::size_t token_bytes_max = 64 * 1024;

Result<std::string> pem_of(const PemSource& source, std::string_view what, const std::string& origin) {
  if (!source.text.empty() || source.path.empty()) return source.text;
  auto text = read_file(source.path, pem_bytes_max);
  if (!text) return fail(text.error().kind, fmt::format("{}: {}: {}", origin, what, text.error().message));
  if (!text->contains("-----BEGIN "))
    return fail(ErrorKind::invalid, fmt::format("{}: {}: {} holds no PEM", origin, what, source.path));
  return text;
}

Result<std::string> token_of(const TokenFile& file, const std::string& origin) {
  auto token = read_file(file.path, token_bytes_max);
  if (!token) return fail(token.error().kind, fmt::format("{}: token: {}", origin, token.error().message));
  while (token->ends_with('\n') || token->ends_with('\r') || token->ends_with(' ')) token->pop_back();
  if (token->empty()) return fail(ErrorKind::invalid, fmt::format("{}: token: {} is empty", origin, file.path));
  return token;
}

bool is_same(const HttpTls& one, const HttpTls& other) {
  return one.authorities == other.authorities && one.certificate == other.certificate && one.key == other.key;
}

}  // namespace

Credentials::Credentials(ClusterAccess access, const Clock& clock) : access_(std::move(access)), clock_(clock) {}

bool Credentials::is_good(Instant now) const {
  return shown_ && !is_refused_ && (!plugged_ || !plugged_->expires || now < *plugged_->expires);
}

bool Credentials::is_due(Instant now) const {
  const bool expires = plugged_ && plugged_->expires && now >= *plugged_->expires - expiry_margin;
  return !is_good(now) || expires || now >= read_at_ + file_period;
}

Result<ShownLogin> Credentials::current(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (true) {
    const Instant now = clock_.now();
    if (is_good(now) && (is_refreshing_ || !is_due(now))) return *shown_;
    if (!is_refreshing_) break;
    refreshed_.wait(lock, stop, [this] { return !is_refreshing_; });
    if (stop.stop_requested()) return fail(ErrorKind::unreachable, fmt::format("{}: stopped", access_.origin));
  }
  is_refreshing_ = true;
  const auto done = refresh(lock, stop);
  is_refreshing_ = false;
  refreshed_.notify_all();
  problem_ = done ? "" : done.error().message;
  const Instant now = clock_.now();
  read_at_ = now;
  const bool has_expired = plugged_ && plugged_->expires && now >= *plugged_->expires;
  if (!shown_ || (!done && has_expired)) return std::unexpected(done ? Error{} : done.error());
  return *shown_;
}

// Called with the lock, which it gives up while it waits for a program.
Result<void> Credentials::refresh(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
  const Instant now = clock_.now();
  const auto* plugin = std::get_if<ExecPlugin>(&access_.login);
  const bool is_gone = !plugged_ || (plugged_->expires && now >= *plugged_->expires);
  const bool is_stale = is_gone || is_refused_ || (plugged_->expires && now >= *plugged_->expires - expiry_margin);
  std::optional<ExecCredential> plugged = plugged_;
  is_refused_ = false;
  if (plugin != nullptr && is_stale && now >= asked_at_ + plugin_pause) {
    asked_at_ = now;
    lock.unlock();
    const auto authorities = pem_of(access_.authorities, "certificate-authority", access_.origin);
    auto answer = authorities ? run_exec_plugin(*plugin, access_, *authorities, plugin_timeout, stop)
                              : Result<ExecCredential>{std::unexpected(authorities.error())};
    lock.lock();
    plugin_error_ = answer ? Error{} : answer.error();
    if (!answer) return std::unexpected(answer.error());
    plugged = std::move(*answer);
  } else if (plugin != nullptr && is_gone) {
    if (!plugin_error_.message.empty()) return std::unexpected(plugin_error_);
    return fail(ErrorKind::denied, fmt::format("{}: the program {} gives credentials that have expired already",
                                               access_.origin, plugin->command.front()));
  }
  auto login = read(plugged);
  if (!login) return std::unexpected(login.error());
  plugged_ = std::move(plugged);
  const bool is_new = !shown_ || shown_->bearer != login->bearer || !is_same(*shown_->tls, *login->tls);
  if (!is_new) return {};
  login->generation = shown_ ? shown_->generation + 1 : 1;
  // The same pointer as long as it says the same: connections are kept by it.
  if (shown_ && is_same(*shown_->tls, *login->tls)) login->tls = shown_->tls;
  shown_ = std::move(*login);
  return {};
}

Result<ShownLogin> Credentials::read(const std::optional<ExecCredential>& plugged) const {
  auto authorities = pem_of(access_.authorities, "certificate-authority", access_.origin);
  if (!authorities) return std::unexpected(authorities.error());
  auto certificate = pem_of(access_.certificate, "client-certificate", access_.origin);
  if (!certificate) return std::unexpected(certificate.error());
  auto key = pem_of(access_.key, "client-key", access_.origin);
  if (!key) return std::unexpected(key.error());
  HttpTls tls{.authorities = std::move(*authorities),
              .certificate = std::move(*certificate),
              .key = std::move(*key),
              .server_name = access_.tls_server_name,
              .insecure = access_.insecure};
  ShownLogin login;
  if (const auto* token = std::get_if<TokenText>(&access_.login)) login.bearer = token->token;
  if (const auto* password = std::get_if<PasswordLogin>(&access_.login))
    login.basic = BasicAuth{password->user, password->password};
  if (const auto* file = std::get_if<TokenFile>(&access_.login)) {
    auto token = token_of(*file, access_.origin);
    if (!token) return std::unexpected(token.error());
    login.bearer = std::move(*token);
  }
  if (plugged) {
    login.bearer = plugged->token;
    if (!plugged->certificate.empty()) tls.certificate = plugged->certificate, tls.key = plugged->key;
  }
  login.tls = std::make_shared<const HttpTls>(std::move(tls));
  return login;
}

void Credentials::refused(std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  if (shown_ && shown_->generation == generation) is_refused_ = true;
}

std::string Credentials::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

}  // namespace tidegate

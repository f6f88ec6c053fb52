#include "edge/net/server_tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

namespace tidegate {
namespace {

constexpr long self_signed_seconds = 10L * 365 * 24 * 3600;
constexpr auto look_period = std::chrono::seconds(1);

std::shared_ptr<SSL_CTX> new_context() {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return nullptr;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  // Asked for, and taken as it is: see the header.
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context.get(), [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
  return context;
}

std::string last_error() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

Result<std::shared_ptr<SSL_CTX>> context_of(const CertificateFiles& files) {
  auto context = new_context();
  if (!context) return fail(ErrorKind::failed, "TLS is not to be had: " + last_error());
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1)
    return fail(ErrorKind::invalid,
                fmt::format("{} holds no certificate in PEM that can be read: {}", files.certificate, last_error()));
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(ErrorKind::invalid, fmt::format("{} holds no key that can be read and belongs to {}: {}", files.key,
                                                files.certificate, last_error()));
  return context;
}

bool add_names(X509* certificate, const std::vector<std::string>& names) {
  std::string text = "DNS:localhost";
  for (const auto& name : names) text += ",DNS:" + name;
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, text.c_str()), X509_EXTENSION_free);
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

}  // namespace

Result<std::shared_ptr<ServerTls>> ServerTls::of_files(CertificateFiles files) {
  std::shared_ptr<ServerTls> tls(new ServerTls);
  tls->files_ = std::move(files);
  tls->read_ = tls->times();
  auto context = context_of(tls->files_);
  if (!context) return std::unexpected(context.error());
  tls->context_ = std::move(*context);
  return tls;
}

Result<std::shared_ptr<ServerTls>> ServerTls::self_signed(const std::vector<std::string>& names) {
  const auto failed = [] { return fail(ErrorKind::failed, "no certificate could be made: " + last_error()); };
  std::shared_ptr<ServerTls> tls(new ServerTls);
  tls->context_ = new_context();
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  if (!tls->context_ || !key || !certificate) return failed();
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);  // clocks differ
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), self_signed_seconds);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("tidegate"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  if (!add_names(certificate.get(), names) || X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0 ||
      SSL_CTX_use_certificate(tls->context_.get(), certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(tls->context_.get(), key.get()) != 1)
    return failed();
  return tls;
}

std::shared_ptr<ssl_ctx_st> ServerTls::current() {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (files_.certificate.empty() || now - looked_ < look_period) return context_;
  looked_ = now;
  const auto changed = times();
  if (changed == read_) return context_;
  auto fresh = context_of(files_);
  problem_ = fresh ? "" : fresh.error().message;
  if (!fresh) return context_;  // tried again at the next look: certificate and key are seldom replaced in one moment
  context_ = std::move(*fresh);
  read_ = changed;
  return context_;
}

std::string ServerTls::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

ServerTls::Times ServerTls::times() const {
  std::error_code ignored;
  return {std::filesystem::last_write_time(files_.certificate, ignored),
          std::filesystem::last_write_time(files_.key, ignored)};
}

}  // namespace tidegate

#include "edge/net/testing/tls_test_server.h"

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <csignal>

#include "core/base/check.h"

namespace tidegate {

namespace {

template <auto release>
struct Release {
  void operator()(auto* what) const { release(what); }
};
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Release<X509_free>>;
using Bio = std::unique_ptr<BIO, Release<BIO_free>>;

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<std::size_t>(length)};
}

std::string pem_of(X509* certificate) {
  const Bio bio{BIO_new(BIO_s_mem())};
  CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return text_of(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
  const Bio bio{BIO_new(BIO_s_mem())};
  CHECK(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return text_of(bio.get());
}

Bio bio_of(const std::string& text) { return Bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))}; }

Key new_key() {
  Key key{EVP_EC_gen("P-256")};
  CHECK(key != nullptr);
  return key;
}

void extend(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  CHECK(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

// Good for a day; not signed yet.
Certificate unsigned_certificate(const std::string& name, EVP_PKEY* key) {
  static std::atomic<long> serial{1};
  Certificate made{X509_new()};
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 24 * 3600);
  X509_set_pubkey(made.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return made;
}

std::string common_name(X509* certificate) {
  if (certificate == nullptr) return {};
  char name[256] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name;
}

// Head and a body by its Content-Length; empty when the other side is gone.
std::string read_request(SSL* ssl) {
  std::string request;
  char bytes[16384];
  while (true) {
    const int got = SSL_read(ssl, bytes, sizeof bytes);
    if (got <= 0) return {};
    request.append(bytes, static_cast<std::size_t>(got));
    const std::size_t head = request.find("\r\n\r\n");
    if (head == std::string::npos) continue;
    const std::size_t length = request.find("Content-Length: ");
    const std::size_t body = length < head ? std::stoul(request.substr(length + 16)) : 0;
    if (request.size() >= head + 4 + body) return request;
  }
}

void serve(SSL_CTX* context, const TlsTestServer::Responder& responder, TestSocket& socket) {
  const std::unique_ptr<SSL, Release<SSL_free>> ssl{SSL_new(context)};
  SSL_set_fd(ssl.get(), socket.fd());
  if (SSL_accept(ssl.get()) != 1) {
    socket.close();
    return;
  }
  const Certificate peer{SSL_get1_peer_certificate(ssl.get())};
  const char* name = SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name);
  for (std::string request = read_request(ssl.get()); !request.empty(); request = read_request(ssl.get())) {
    const std::string answer =
        responder({.head = request, .peer = common_name(peer.get()), .server_name = name == nullptr ? "" : name});
    if (SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size())) <= 0) break;
  }
  socket.close();
}

}  // namespace

struct TestAuthority::Keys {
  Key key;
  Certificate certificate;
};

TestAuthority::TestAuthority(const std::string& name) : keys_(std::make_unique<Keys>()) {
  keys_->key = new_key();
  keys_->certificate = unsigned_certificate(name, keys_->key.get());
  X509* made = keys_->certificate.get();
  X509_set_issuer_name(made, X509_get_subject_name(made));
  extend(made, NID_basic_constraints, "critical,CA:TRUE");
  extend(made, NID_key_usage, "critical,keyCertSign");
  CHECK(X509_sign(made, keys_->key.get(), EVP_sha256()) > 0);
}

TestAuthority::~TestAuthority() = default;

std::string TestAuthority::certificate() const { return pem_of(keys_->certificate.get()); }

TestCertificate TestAuthority::issue(const std::string& name, const std::vector<std::string>& alternative_names) const {
  const Key key = new_key();
  const Certificate made = unsigned_certificate(name, key.get());
  X509_set_issuer_name(made.get(), X509_get_subject_name(keys_->certificate.get()));
  std::string names;
  for (const std::string& one : alternative_names) names += (names.empty() ? "" : ",") + one;
  extend(made.get(), NID_ext_key_usage, names.empty() ? "clientAuth" : "serverAuth");
  if (!names.empty()) extend(made.get(), NID_subject_alt_name, names);
  CHECK(X509_sign(made.get(), keys_->key.get(), EVP_sha256()) > 0);
  return {.certificate = pem_of(made.get()), .key = pem_of(key.get())};
}

TlsTestServer::TlsTestServer(const TestCertificate& own, const std::string& client_authority, Responder responder)
    : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free), responder_(std::move(responder)) {
  // OpenSSL writes to sockets without MSG_NOSIGNAL.
  std::signal(SIGPIPE, SIG_IGN);
  auto* context = static_cast<SSL_CTX*>(context_.get());
  const Certificate certificate{PEM_read_bio_X509(bio_of(own.certificate).get(), nullptr, nullptr, nullptr)};
  const Key key{PEM_read_bio_PrivateKey(bio_of(own.key).get(), nullptr, nullptr, nullptr)};
  CHECK(SSL_CTX_use_certificate(context, certificate.get()) == 1 && SSL_CTX_use_PrivateKey(context, key.get()) == 1);
  if (!client_authority.empty()) {
    const Certificate trusted{PEM_read_bio_X509(bio_of(client_authority).get(), nullptr, nullptr, nullptr)};
    CHECK(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), trusted.get()) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  server_ = std::make_unique<TestServer>([context, this](TestSocket& socket) { serve(context, responder_, socket); });
}

std::string TlsTestServer::url(const std::string& host, const std::string& path) const {
  return fmt::format("https://{}:{}{}", host, server_->port(), path);
}

}  // namespace tidegate

#include "edge/net/client_certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <memory>

namespace tidegate {
namespace {

constexpr std::size_t chain_max = 10;

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Store = std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)>;

Certificate parse(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  return {d2i_X509(nullptr, &at, static_cast<long>(der.size())), X509_free};
}

// How many were read.
std::size_t add_authorities(X509_STORE* store, const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                       BIO_free);
  std::size_t count = 0;
  while (text) {
    const Certificate one(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr), X509_free);
    if (!one) break;
    if (X509_STORE_add_cert(store, one.get()) == 1) ++count;
  }
  ERR_clear_error();  // the end of the text is one
  return count;
}

std::string common_name(X509* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return "";
  unsigned char* text = nullptr;
  const int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (length < 0) return "";
  std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
  OPENSSL_free(text);
  return name;
}

}  // namespace

Result<std::string> certified_name(std::span<const std::string> chain, const std::string& authorities, Instant now) {
  if (chain.empty()) return fail(ErrorKind::denied, "no certificate was shown");
  if (chain.size() > chain_max) return fail(ErrorKind::denied, "the chain of certificates is too long");
  const Store store(X509_STORE_new(), X509_STORE_free);
  if (!store || add_authorities(store.get(), authorities) == 0)
    return fail(ErrorKind::invalid, "the authorities of clients hold no certificate in PEM");

  const Certificate own = parse(chain[0]);
  const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> between(
      sk_X509_new_null(), [](STACK_OF(X509) * stack) { sk_X509_pop_free(stack, X509_free); });
  for (const auto& der : chain.subspan(1))
    if (Certificate one = parse(der); one && sk_X509_push(between.get(), one.get()) > 0)
      static_cast<void>(one.release());
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> check(X509_STORE_CTX_new(),
                                                                              X509_STORE_CTX_free);
  if (!own || !check || X509_STORE_CTX_init(check.get(), store.get(), own.get(), between.get()) != 1)
    return fail(ErrorKind::denied, "the certificate cannot be read");
  X509_STORE_CTX_set_purpose(check.get(), X509_PURPOSE_SSL_CLIENT);
  X509_STORE_CTX_set_time(
      check.get(), 0,
      std::chrono::system_clock::to_time_t(std::chrono::time_point_cast<std::chrono::system_clock::duration>(now)));
  const bool is_good = X509_verify_cert(check.get()) == 1;
  ERR_clear_error();
  if (!is_good)
    return fail(ErrorKind::denied, std::string{"the certificate is not taken: "} +
                                       X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get())));
  return common_name(own.get());
}

}  // namespace tidegate

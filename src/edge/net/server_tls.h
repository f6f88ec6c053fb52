// The TLS of a server: its certificate and key from files that are read again when they change, or one that it signs
// itself, whose clients then cannot tell it from another. TLS 1.2 at least, no session is resumed, so that each
// connection shows its certificate anew.
//
// A client that shows a certificate is heard whatever authority stands behind it: that it holds the key is proven by
// the handshake, whom it is to be taken for is decided by whoever reads its chain (edge/net/client_certificate.h).
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"

struct ssl_ctx_st;

namespace tidegate {

// Paths of PEM files; the certificate with its chain.
struct CertificateFiles {
  std::string certificate;
  std::string key;
  friend bool operator==(const CertificateFiles&, const CertificateFiles&) = default;
};

class ServerTls {
 public:
  // Why they cannot be used, by the name of the file.
  [[nodiscard]] static Result<std::shared_ptr<ServerTls>> of_files(CertificateFiles files);
  // Good for ten years, for these DNS names and "localhost".
  [[nodiscard]] static Result<std::shared_ptr<ServerTls>> self_signed(const std::vector<std::string>& names);

  // What new connections use from here on. Looks after the files at most once a second; those that cannot be used leave
  // what was read before in use, and problem() says so.
  [[nodiscard]] std::shared_ptr<ssl_ctx_st> current();
  // Empty: none.
  [[nodiscard]] std::string problem() const;

 private:
  using Times = std::pair<std::filesystem::file_time_type, std::filesystem::file_time_type>;

  ServerTls() = default;
  [[nodiscard]] Times times() const;

  CertificateFiles files_;  // empty: self-signed
  mutable std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> context_;
  Times read_{};  // when what is in use was changed last
  std::chrono::steady_clock::time_point looked_{};
  std::string problem_;
};

}  // namespace tidegate

// An HTTPS server for tests, and the certificates it and its clients show: made anew, trusted by nobody else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "edge/net/testing/test_sockets.h"

namespace tidegate {

struct TestCertificate {
  std::string certificate;  // PEM
  std::string key;
};

// One authority and what it vouches for.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name);
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  [[nodiscard]] std::string certificate() const;
  // For a server: good for these alternative names, "DNS:example.test" or "IP:127.0.0.1". For a client: none.
  [[nodiscard]] TestCertificate issue(const std::string& name, const std::vector<std::string>& alternative_names) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
};

struct TlsRequest {
  std::string head;  // and body
  std::string peer;  // common name of the client's certificate; empty: it showed none
  std::string server_name;
};

class TlsTestServer {
 public:
  // Gets each request, answers with the bytes of a whole response. `client_authority`: certificates of clients are
  // asked for and verified against it; empty: not asked for.
  using Responder = std::function<std::string(const TlsRequest& request)>;
  TlsTestServer(const TestCertificate& own, const std::string& client_authority, Responder responder);

  [[nodiscard]] std::string url(const std::string& host, const std::string& path = "/") const;

 private:
  std::shared_ptr<void> context_;  // SSL_CTX
  Responder responder_;
  std::unique_ptr<TestServer> server_;
};

}  // namespace tidegate

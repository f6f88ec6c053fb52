// One connection of a server, plain or with TLS, as one of Asio's streams. Only http_server.cc includes this: Asio and
// Beast stay within it.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidegate {

class ServerStream {
 public:
  using Tcp = boost::asio::ip::tcp;
  using executor_type = boost::beast::tcp_stream::executor_type;

  ServerStream(Tcp::socket socket, const std::shared_ptr<SSL_CTX>& tls) {
    if (!tls) {
      plain_.emplace(std::move(socket));
      return;
    }
    SSL_CTX_up_ref(tls.get());  // Asio's context gives one back
    boost::asio::ssl::context context(tls.get());
    secured_.emplace(std::move(socket), context);
  }

  [[nodiscard]] boost::beast::tcp_stream& lowest() { return secured_ ? secured_->next_layer() : *plain_; }
  [[nodiscard]] executor_type get_executor() { return lowest().get_executor(); }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (secured_)
      secured_->async_read_some(buffers, std::forward<Handler>(handler));
    else
      plain_->async_read_some(buffers, std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (secured_)
      secured_->async_write_some(buffers, std::forward<Handler>(handler));
    else
      plain_->async_write_some(buffers, std::forward<Handler>(handler));
  }

  [[nodiscard]] bool is_secured() const { return secured_.has_value(); }
  template <class Handler>
  void async_handshake(Handler&& handler) {
    secured_->async_handshake(boost::asio::ssl::stream_base::server, std::forward<Handler>(handler));
  }
  // What the client showed, its own certificate first; empty: nothing.
  [[nodiscard]] std::vector<std::string> client_chain() {
    std::vector<std::string> chain;
    if (!secured_) return chain;
    // On the side of the server the client's own certificate is not part of the chain.
    const std::unique_ptr<X509, decltype(&X509_free)> own(SSL_get1_peer_certificate(secured_->native_handle()),
                                                          X509_free);
    if (!own) return chain;
    append(own.get(), chain);
    STACK_OF(X509)* others = SSL_get_peer_cert_chain(secured_->native_handle());
    for (int i = 0; i < sk_X509_num(others); ++i) append(sk_X509_value(others, i), chain);
    return chain;
  }

 private:
  static void append(X509* certificate, std::vector<std::string>& chain) {
    unsigned char* bytes = nullptr;
    const int length = i2d_X509(certificate, &bytes);
    if (length <= 0) return;
    chain.emplace_back(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
    OPENSSL_free(bytes);
  }

  std::optional<boost::beast::tcp_stream> plain_;  // one of the two
  std::optional<boost::asio::ssl::stream<boost::beast::tcp_stream>> secured_;
};

}  // namespace tidegate

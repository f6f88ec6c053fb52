// Any bytes are a way to a cluster or one message; also what a plug-in prints.
#include <string>
#include <string_view>

#include "core/base/check.h"
#include "edge/kubernetes/exec_plugin.h"
#include "edge/kubernetes/kubeconfig.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace tidegate;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const KubeconfigText file{"/fuzz/config", text};
  for (const char* context : {"", "a"}) {
    const auto access = access_of(std::span{&file, 1}, std::string{context});
    if (!access) {
      CHECK(!access.error().message.empty());
      continue;
    }
    CHECK(access->server.starts_with("http") && access->certificate.is_given() == access->key.is_given());
    static_cast<void>(access->warnings());
  }
  const ExecPlugin plugin{.api_version = "client.authentication.k8s.io/v1", .command = {"/fuzz/login"}};
  if (const auto credential = parse_exec_credential(text, plugin))
    CHECK(credential->token || !credential->certificate.empty());
  return 0;
}

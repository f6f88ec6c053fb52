#include "core/decide/state.h"

#include "core/base/archive.h"

namespace tidegate {
namespace {

// Raised when the meaning or the order of an archived field changes.
constexpr std::uint32_t state_version = 9;
constexpr std::uint32_t learned_version = 4;

template <class Content>
std::vector<std::byte> with_version(std::uint32_t version, const Content& content) {
  ByteWriter writer;
  writer(version, content);
  return writer.take();
}

template <class Content>
Result<Content> read_version(std::uint32_t expected, std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  std::uint32_t version = 0;
  reader(version);
  if (reader.failed() || version != expected)
    return fail(ErrorKind::invalid, "the state was written by another version of tidegate");
  Content content;
  reader(content);
  if (reader.failed() || !reader.at_end()) return fail(ErrorKind::invalid, "the state is damaged");
  return content;
}

}  // namespace

std::vector<std::byte> state_bytes(const ServiceState& state) { return with_version(state_version, state); }

Result<ServiceState> state_from_bytes(std::span<const std::byte> bytes) {
  return read_version<ServiceState>(state_version, bytes);
}

std::vector<std::byte> learned_bytes(const ServiceState& state) { return with_version(learned_version, state.pools); }

Result<ServiceState> state_from_learned(std::span<const std::byte> bytes) {
  auto pools = read_version<std::map<std::string, PoolMemory>>(learned_version, bytes);
  if (!pools) return std::unexpected(pools.error());
  ServiceState state;
  state.pools = std::move(*pools);
  return state;
}

}  // namespace tidegate

#include "edge/machine/secret_value.h"

#include <fmt/format.h>

#include <cstdlib>

#include "edge/machine/file_descriptor.h"

namespace tidegate {

namespace {
constexpr std::size_t secret_bytes_max = 64 * 1024;

Result<std::string> resolve_env(const std::string& name) {
  const char* text = std::getenv(name.c_str());
  if (text == nullptr)
    return fail(ErrorKind::not_found,
                fmt::format("environment variable {} is not set; set it before tidegate starts", name));
  return std::string(text);
}

Result<std::string> resolve_file(const std::string& path) {
  auto text = read_file(path, secret_bytes_max);
  if (text && text->ends_with('\n')) text->pop_back();
  return text;
}
}  // namespace

Result<std::string> resolve(const Value& value) {
  if (const auto* env = std::get_if<EnvRef>(&value)) return resolve_env(env->name);
  if (const auto* file = std::get_if<FileRef>(&value)) return resolve_file(file->path);
  if (const auto* key = std::get_if<SecretRef>(&value))
    return fail(ErrorKind::not_found,
                fmt::format("the key {} of the Secret {} was not looked up in the cluster", key->key, key->secret));
  return std::get<std::string>(value);
}

std::string reference_text(const Value& value) {
  if (const auto* env = std::get_if<EnvRef>(&value)) return "env:" + env->name;
  if (const auto* file = std::get_if<FileRef>(&value)) return "file:" + file->path;
  if (const auto* key = std::get_if<SecretRef>(&value)) return fmt::format("secret:{}/{}", key->secret, key->key);
  return "text:" + std::get<std::string>(value);
}

}  // namespace tidegate

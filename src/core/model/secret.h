// A secret by reference. Never by text substitution, never printed; edges resolve it when they use it.
#pragma once

#include <string>
#include <variant>

namespace tidegate {

struct EnvRef {
  std::string name;
  friend bool operator==(const EnvRef&, const EnvRef&) = default;
};
struct FileRef {
  std::string path;
  friend bool operator==(const FileRef&, const FileRef&) = default;
};
// A key of a Kubernetes Secret in the namespace of the ScaledModel that names it. Who watches the cluster looks it up
// and puts its text in this place; nobody else can.
struct SecretRef {
  std::string secret;
  std::string key;
  friend bool operator==(const SecretRef&, const SecretRef&) = default;
};

// Text, or where to find it. Fields that hold secrets refuse plain text at load time.
using Value = std::variant<std::string, EnvRef, FileRef, SecretRef>;

}  // namespace tidegate

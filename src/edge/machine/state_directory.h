// Where one controller keeps what must outlive it, and the lock that makes it the only one there. Holding a
// StateDirectory is the proof of the lock: whoever needs it takes one as an argument.
//
// The lock lies on an open file (flock), so it vanishes with the process however that ends.
#pragma once

#include <string>

#include "core/base/error.h"
#include "edge/machine/file_descriptor.h"

namespace tidegate {

class StateDirectory {
 public:
  // Empty: $XDG_STATE_HOME/tidegate, else $HOME/.local/state/tidegate. Creates it, readable by its owner only.
  // Fails when another controller holds it, naming its pid.
  [[nodiscard]] static Result<StateDirectory> open(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  // A folder inside it, created when missing.
  [[nodiscard]] Result<std::string> folder(const std::string& name) const;

 private:
  StateDirectory(std::string path, FileDescriptor lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  FileDescriptor lock_;
};

}  // namespace tidegate

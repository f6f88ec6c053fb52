// Tells when a file may have another content: written in place, replaced by a rename, or reached through a link that
// was switched (as Kubernetes does with mounted configuration). The folder is watched, so the file may vanish and come
// back. Bursts are one change: it is told when nothing has happened for `quiet`, at the latest after `patience`.
#pragma once

#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/base/time.h"

namespace tidegate {

class FileWatch {
 public:
  static constexpr Duration quiet = 200ms;
  static constexpr Duration patience = 2s;

  [[nodiscard]] static Result<FileWatch> open(const std::string& path);
  FileWatch(FileWatch&& other) noexcept;
  FileWatch& operator=(FileWatch&&) = delete;
  ~FileWatch();

  // Readable when something happened in the folder; call `look` then, and when `due` is over.
  [[nodiscard]] int fd() const { return fd_; }
  // Takes what happened. True: the file changed and is quiet again.
  [[nodiscard]] bool look(Instant now);
  // When to look again though nothing is readable; none: not at all.
  [[nodiscard]] std::optional<Instant> due() const;

 private:
  FileWatch(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  [[nodiscard]] bool take_events();

  int fd_ = -1;
  std::string name_;                     // within the folder
  std::optional<Instant> first_, last_;  // of the burst under way
};

}  // namespace tidegate

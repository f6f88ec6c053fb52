#include "edge/files/byte_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

namespace tidegate {
namespace {

constexpr std::size_t piece_bytes = 64 * 1024;
constexpr int zstd_window_log_max = 27;  // 128 MiB, the most zstd itself takes unasked

class RawFile {
 public:
  RawFile(int fd, std::string path) : fd_(fd), path_(std::move(path)), buffer_(piece_bytes) {}
  ~RawFile() {
    if (fd_ > STDIN_FILENO) ::close(fd_);
  }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  Result<std::string_view> next() {
    if (first_ > 0) return std::string_view{buffer_.data(), std::exchange(first_, 0)};
    return fill(0);
  }
  // The first bytes, which next() hands out again; as many as `wanted` unless the file is shorter.
  Result<std::string_view> peek(std::size_t wanted) {
    while (first_ < wanted) {
      const auto got = fill(first_);
      if (!got) return std::unexpected(got.error());
      if (got->empty()) break;
      first_ += got->size();
    }
    return std::string_view{buffer_.data(), first_};
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Result<std::string_view> fill(std::size_t from) {
    for (;;) {
      const auto got = ::read(fd_, buffer_.data() + from, buffer_.size() - from);
      if (got >= 0) return std::string_view{buffer_.data() + from, static_cast<std::size_t>(got)};
      if (errno != EINTR)
        return fail(ErrorKind::failed, fmt::format("cannot read {}: {}", path_, std::strerror(errno)));
    }
  }

  int fd_;
  std::string path_;
  std::vector<char> buffer_;
  std::size_t first_ = 0;  // bytes peeked at
};

class GzipFile {
 public:
  explicit GzipFile(std::unique_ptr<RawFile> file) : file_(std::move(file)), buffer_(piece_bytes) {
    ready_ = inflateInit2(&stream_, 15 + 16) == Z_OK;
  }
  ~GzipFile() { inflateEnd(&stream_); }
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  Result<std::string_view> next() {
    if (!ready_) return fail(ErrorKind::failed, "no memory to unpack gzip");
    stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
    stream_.avail_out = static_cast<uInt>(buffer_.size());
    while (stream_.avail_out == buffer_.size()) {
      if (stream_.avail_in == 0) {
        const auto more = file_->next();
        if (!more) return more;
        if (more->empty()) {
          if (member_ended_) return std::string_view{};
          return fail(ErrorKind::invalid, fmt::format("{}: the gzip file is cut short", file_->path()));
        }
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(more->data()));
        stream_.avail_in = static_cast<uInt>(more->size());
      }
      if (std::exchange(member_ended_, false)) inflateReset(&stream_);
      const int answer = inflate(&stream_, Z_NO_FLUSH);
      if (answer == Z_STREAM_END)
        member_ended_ = true;
      else if (answer != Z_OK && answer != Z_BUF_ERROR)
        return fail(ErrorKind::invalid,
                    fmt::format("{}: not valid gzip: {}", file_->path(), stream_.msg ? stream_.msg : "broken data"));
    }
    return std::string_view{buffer_.data(), buffer_.size() - stream_.avail_out};
  }

 private:
  std::unique_ptr<RawFile> file_;
  std::vector<char> buffer_;
  z_stream stream_{};
  bool ready_ = false;
  bool member_ended_ = false;
};

class ZstdFile {
 public:
  explicit ZstdFile(std::unique_ptr<RawFile> file)
      : file_(std::move(file)), buffer_(piece_bytes), stream_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
    if (stream_) ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, zstd_window_log_max);
  }

  Result<std::string_view> next() {
    if (!stream_) return fail(ErrorKind::failed, "no memory to unpack zstd");
    ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
    while (out.pos == 0) {
      if (in_.pos == in_.size && !more_inside_) {
        const auto more = file_->next();
        if (!more) return more;
        if (more->empty()) {
          if (frame_ended_) return std::string_view{};
          return fail(ErrorKind::invalid, fmt::format("{}: the zstd file is cut short", file_->path()));
        }
        in_ = {more->data(), more->size(), 0};
      }
      const std::size_t left = ZSTD_decompressStream(stream_.get(), &out, &in_);
      if (ZSTD_isError(left))
        return fail(ErrorKind::invalid, fmt::format("{}: not valid zstd: {}", file_->path(), ZSTD_getErrorName(left)));
      frame_ended_ = left == 0;
      more_inside_ = out.pos == out.size && !frame_ended_;
    }
    return std::string_view{buffer_.data(), out.pos};
  }

 private:
  std::unique_ptr<RawFile> file_;
  std::vector<char> buffer_;
  std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> stream_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool frame_ended_ = false;
  bool more_inside_ = false;  // a full buffer came out: there may be more without further input
};

// Keeps the first error, so that asking again after one answers the same.
template <class File>
FileBytes bytes_of(std::shared_ptr<File> file) {
  return [file = std::move(file), error = std::optional<Error>{}]() mutable -> Result<std::string_view> {
    if (error) return std::unexpected(*error);
    auto got = file->next();
    if (!got) error = got.error();
    return got;
  };
}

}  // namespace

Result<FileBytes> open_bytes(const std::string& path) {
  const int fd = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const auto kind = errno == ENOENT ? ErrorKind::not_found : errno == EACCES ? ErrorKind::denied : ErrorKind::failed;
    return fail(kind, fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  }
  auto file = std::make_unique<RawFile>(fd, path == "-" ? "standard input" : path);
  struct stat about{};
  if (::fstat(fd, &about) == 0 && S_ISDIR(about.st_mode))
    return fail(ErrorKind::failed, fmt::format("{} is a folder; name a file", path));
  const auto first = file->peek(4);
  if (!first) return std::unexpected(first.error());
  if (first->starts_with("\x1f\x8b")) return bytes_of(std::make_shared<GzipFile>(std::move(file)));
  if (first->starts_with("\x28\xb5\x2f\xfd")) return bytes_of(std::make_shared<ZstdFile>(std::move(file)));
  return bytes_of(std::shared_ptr<RawFile>(std::move(file)));
}

}  // namespace tidegate

#include "edge/files/byte_file.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace tidegate {
namespace {

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

class ByteFile : public testing::Test {
 protected:
  void SetUp() override {
    auto pattern = (std::filesystem::temp_directory_path() / "tidegate-files-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string written(const std::string& bytes) {
    const auto path = folder_ / "file";
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }
  // The bytes, or the error's message.
  static std::string all_of(const std::string& path) {
    auto bytes = open_bytes(path);
    if (!bytes) return bytes.error().message;
    std::string all;
    for (;;) {
      const auto piece = (*bytes)();
      if (!piece) {
        EXPECT_EQ((*bytes)().error(), piece.error());
        return piece.error().message;
      }
      if (piece->empty()) return all;
      all += *piece;
    }
  }

  std::filesystem::path folder_;
};

// Larger than every buffer, and not too easy to pack.
std::string long_text() {
  std::string text;
  for (unsigned i = 0; text.size() < 700'000; ++i) text += std::to_string(i * 2654435761u) + "\n";
  return text;
}

TEST_F(ByteFile, GivesTheSameBytesPlainGzipAndZstd) {
  for (const std::string& text : {std::string{"t_seconds,requests\n"}, long_text(), std::string(300'000, 'a')}) {
    EXPECT_EQ(all_of(written(text)), text);
    EXPECT_EQ(all_of(written(gzip(text))), text);
    EXPECT_EQ(all_of(written(zstd(text))), text);
  }
}

TEST_F(ByteFile, SeveralMembersAreOneStream) {
  EXPECT_EQ(all_of(written(gzip("one ") + gzip("") + gzip("two"))), "one two");
  EXPECT_EQ(all_of(written(zstd("one ") + zstd("") + zstd("two"))), "one two");
}

TEST_F(ByteFile, ShortFiles) {
  EXPECT_EQ(all_of(written("")), "");
  EXPECT_EQ(all_of(written("\x1f")), "\x1f");
  EXPECT_EQ(all_of(written(gzip(""))), "");
  EXPECT_EQ(all_of(written(zstd(""))), "");
}

TEST_F(ByteFile, ACutFileIsAnErrorAtEveryLength) {
  for (const auto& packed : {gzip("some text to pack"), zstd("some text to pack")})
    for (std::size_t length = 4; length < packed.size(); ++length)
      EXPECT_NE(all_of(written(packed.substr(0, length))).find("cut short"), std::string::npos) << length;
}

TEST_F(ByteFile, BrokenFilesAreNamed) {
  auto packed = gzip(long_text());
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x55);
  EXPECT_NE(all_of(written(packed)).find("not valid gzip"), std::string::npos);
  packed = zstd(long_text());
  packed[20] = static_cast<char>(packed[20] ^ 0x55);
  packed[4] = static_cast<char>(0xff);
  EXPECT_NE(all_of(written(packed)).find("zstd"), std::string::npos);
  EXPECT_NE(all_of((folder_ / "none").string()).find("No such file"), std::string::npos);
  EXPECT_NE(all_of(folder_.string()).find("is a folder"), std::string::npos);
  EXPECT_EQ(open_bytes((folder_ / "none").string()).error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace tidegate

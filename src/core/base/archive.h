// State to bytes and back, field by field. A struct lists its fields once:
//
//   template <class Archive> void archive(Archive& ar) { ar(first, second); }
//
// ByteWriter appends, ByteReader fills in the same order. Bytes are little-endian and the same on every
// machine; the reader is bounded by its input, never throws, and after a short or impossible input stays
// failed() with the remaining fields untouched. Versions are the caller's business (core/decide/state.h).
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace tidegate {

template <class Rep, class Period>
constexpr bool is_duration_impl(const std::chrono::duration<Rep, Period>*) {
  return true;
}
constexpr bool is_duration_impl(const void*) { return false; }

class ByteWriter {
 public:
  static constexpr bool is_reading = false;

  template <class... Fields>
  void operator()(const Fields&... fields) {
    (put(fields), ...);
  }

  [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }
  [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      put(static_cast<std::uint8_t>(value));
    } else if constexpr (std::is_integral_v<T>) {
      auto bits = static_cast<std::make_unsigned_t<T>>(value);
      for (std::size_t i = 0; i < sizeof(T); ++i) {
        bytes_.push_back(static_cast<std::byte>(bits & 0xff));
        if constexpr (sizeof(T) > 1) bits = static_cast<std::make_unsigned_t<T>>(bits >> 8);
      }
    } else if constexpr (std::is_enum_v<T>) {
      put(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_same_v<T, double>) {
      put(std::bit_cast<std::uint64_t>(value));
    } else if constexpr (std::is_same_v<T, float>) {
      put(std::bit_cast<std::uint32_t>(value));
    } else if constexpr (is_duration_impl(static_cast<const T*>(nullptr))) {
      put(static_cast<std::int64_t>(value.count()));
    } else if constexpr (requires { value.time_since_epoch(); }) {
      put(value.time_since_epoch());
    } else if constexpr (requires { std::variant_size<T>::value; }) {
      put(static_cast<std::uint8_t>(value.index()));
      std::visit([&](const auto& alternative) { put(alternative); }, value);
    } else if constexpr (requires {
                           value.has_value();
                           *value;
                         }) {
      put(value.has_value());
      if (value) put(*value);
    } else if constexpr (requires {
                           std::tuple_size<T>::value;
                           value.first;
                         }) {
      put(value.first), put(value.second);
    } else if constexpr (requires {
                           std::tuple_size<T>::value;
                           value.size();
                         }) {
      for (const auto& element : value) put(element);
    } else if constexpr (requires {
                           value.size();
                           value.begin();
                         }) {
      put(static_cast<std::uint32_t>(value.size()));
      for (const auto& element : value) put(element);
    } else if constexpr (std::is_empty_v<T>) {
    } else {
      const_cast<T&>(value).archive(*this);  // archive() is one template for both directions
    }
  }

  std::vector<std::byte> bytes_;
};

class ByteReader {
 public:
  static constexpr bool is_reading = true;

  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class... Fields>
  void operator()(Fields&... fields) {
    (get(fields), ...);
  }

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }
  void fail() { failed_ = true; }

 private:
  template <class T>
  void get(T& value) {
    if (failed_) return;
    if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = 0;
      get(byte);
      if (byte > 1) failed_ = true;
      if (!failed_) value = byte != 0;
    } else if constexpr (std::is_integral_v<T>) {
      if (bytes_.size() < sizeof(T)) {
        failed_ = true;
        return;
      }
      std::make_unsigned_t<T> bits = 0;
      for (std::size_t i = 0; i < sizeof(T); ++i)
        bits = static_cast<std::make_unsigned_t<T>>(
            bits | static_cast<std::make_unsigned_t<T>>(static_cast<std::make_unsigned_t<T>>(bytes_[i]) << (8 * i)));
      bytes_ = bytes_.subspan(sizeof(T));
      value = static_cast<T>(bits);
    } else if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> raw{};
      get(raw);
      if (!failed_) value = static_cast<T>(raw);
    } else if constexpr (std::is_same_v<T, double>) {
      std::uint64_t bits = 0;
      get(bits);
      if (!failed_) value = std::bit_cast<double>(bits);
    } else if constexpr (std::is_same_v<T, float>) {
      std::uint32_t bits = 0;
      get(bits);
      if (!failed_) value = std::bit_cast<float>(bits);
    } else if constexpr (is_duration_impl(static_cast<const T*>(nullptr))) {
      std::int64_t count = 0;
      get(count);
      if (!failed_) value = T{static_cast<typename T::rep>(count)};
    } else if constexpr (requires { value.time_since_epoch(); }) {
      typename T::duration since{};
      get(since);
      if (!failed_) value = T{since};
    } else if constexpr (requires { std::variant_size<T>::value; }) {
      get_variant(value, std::make_index_sequence<std::variant_size_v<T>>{});
    } else if constexpr (requires {
                           value.has_value();
                           *value;
                         }) {
      bool present = false;
      get(present);
      value.reset();
      if (!failed_ && present) get(value.emplace());
    } else if constexpr (requires {
                           std::tuple_size<T>::value;
                           value.first;
                         }) {
      get(value.first), get(value.second);
    } else if constexpr (requires {
                           std::tuple_size<T>::value;
                           value.size();
                         }) {
      for (auto& element : value) get(element);
    } else if constexpr (requires { typename T::mapped_type; }) {
      get_each(
          [&] {
            typename T::key_type key{};
            typename T::mapped_type mapped{};
            get(key), get(mapped);
            if (!failed_) value.insert_or_assign(std::move(key), std::move(mapped));
          },
          value);
    } else if constexpr (requires { value.push_back(typename T::value_type{}); }) {
      get_each(
          [&] {
            typename T::value_type element{};
            get(element);
            if (!failed_) value.push_back(std::move(element));
          },
          value);
    } else if constexpr (std::is_empty_v<T>) {
    } else {
      value.archive(*this);
    }
  }

  template <class One, class Container>
  void get_each(One one, Container& value) {
    std::uint32_t count = 0;
    get(count);
    // Every element takes at least one byte, so a count above what is left is a lie.
    if (failed_ || count > bytes_.size()) {
      failed_ = true;
      return;
    }
    value.clear();
    for (std::uint32_t i = 0; i < count && !failed_; ++i) one();
  }

  template <class Variant, std::size_t... I>
  void get_variant(Variant& value, std::index_sequence<I...>) {
    std::uint8_t index = 0;
    get(index);
    if (failed_ || index >= sizeof...(I)) {
      failed_ = true;
      return;
    }
    ((index == I ? get(value.template emplace<I>()) : void()), ...);
  }

  std::span<const std::byte> bytes_;
  bool failed_ = false;
};

}  // namespace tidegate

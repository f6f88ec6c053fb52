// One table per enum turns enumerators into text and back; text is spelled as the enumerator is.
//
//   template <> inline constexpr auto enum_texts<Colour> = std::to_array<EnumText<Colour>>({{Colour::red, "red"}});
//   to_text(Colour::red) == "red";  from_text<Colour>("red") == Colour::red
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace tidegate {

template <class Enum>
struct EnumText {
  Enum value;
  std::string_view text;
};

template <class Enum>
inline constexpr auto enum_texts = nullptr;

template <class Enum>
  requires(!std::is_null_pointer_v<std::remove_cvref_t<decltype(enum_texts<Enum>)>>)
[[nodiscard]] constexpr std::string_view to_text(Enum value) {
  // Tables list enumerators in order, so the first guess nearly always hits.
  const auto index = static_cast<std::size_t>(value);
  if (index < enum_texts<Enum>.size() && enum_texts<Enum>[index].value == value) return enum_texts<Enum>[index].text;
  for (const auto& entry : enum_texts<Enum>)
    if (entry.value == value) return entry.text;
  return "?";
}

template <class Enum>
[[nodiscard]] constexpr std::optional<Enum> from_text(std::string_view text) {
  for (const auto& entry : enum_texts<Enum>)
    if (entry.text == text) return entry.value;
  return std::nullopt;
}

}  // namespace tidegate

#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

// Reading and writing short texts. Pure, any thread. All of it is ASCII: a byte from 0x80 on is neither a
// letter nor a digit and is never changed, whatever the locale.
namespace pricewire::inline base {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
constexpr bool is_letter(char c) {
    return is_upper(c) || (c >= 'a' && c <= 'z');
}
constexpr bool is_alphanumeric(char c) {
    return is_letter(c) || is_digit(c);
}

bool is_ascii(std::string_view text);

// A character of a token, and a token, as HTTP calls its names (RFC 9110 §5.6.2).
bool is_token_char(char c);
bool is_token(std::string_view text);

constexpr char lower_case(char c) {
    return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}
std::string lower_case(std::string_view text);
std::string upper_case(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);

// `text` without the characters of `blanks` at either end.
std::string_view trimmed(std::string_view text, std::string_view blanks = " \t");

// Removes the part before the first `separator` from `rest`, and the separator with it, and returns that part;
// without a separator that is all of `rest`.
std::string_view take_part(std::string_view& rest, char separator);

// How many characters have to be inserted, removed or replaced to make one text of the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The items of "a, b,,c": trimmed, empty ones left out.
std::vector<std::string_view> split_list(std::string_view text, char separator = ',');

// `text` as a number, if all of it is one that fits in T. No sign but a minus, no spaces, no prefix.
template <std::integral T>
std::optional<T> parse_number(std::string_view text, int base = 10) {
    T value{};
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value, base);
    if (error != std::errc{} || end != last) return std::nullopt;
    return value;
}

// 0 to 15, of either case; -1 for any other character.
constexpr int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    const char lower = lower_case(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Every byte but the unreserved characters of RFC 3986 §2.3 as %XX.
std::string percent_encode(std::string_view text);
// Decodes each %XX; a % that does not begin one is kept.
std::string percent_decode(std::string_view text);
// The same; nullopt if a % does not begin a %XX.
std::optional<std::string> percent_decode_strictly(std::string_view text);

}  // namespace pricewire::inline base

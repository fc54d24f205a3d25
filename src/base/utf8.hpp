#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pricewire::inline base {

// The length of the well-formed UTF-8 sequence at the start of `text` (Unicode 15, table 3-7): 1 to 4 bytes,
// or 0 if there is none.
std::size_t utf8_sequence(std::string_view text);

// The code point of such a sequence, as utf8_sequence() measured it.
char32_t utf8_code_point(std::string_view sequence);

// Appends a code point, which must be neither a surrogate nor above U+10FFFF.
void append_utf8(std::string& out, char32_t code_point);

bool is_utf8(std::string_view text);

// The number of code points in `text`; a byte that is part of none counts as one.
std::size_t count_code_points(std::string_view text);

// The first `count` code points of `text`, or all of it.
std::string_view first_code_points(std::string_view text, std::size_t count);

// Whether a code point is a control character (Unicode's category Cc), tabs and line breaks included.
constexpr bool is_control(char32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

}  // namespace pricewire::inline base

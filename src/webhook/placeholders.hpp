#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "webhook/media_type.hpp"
#include "webhook/values.hpp"

// The placeholders of templates and messages. Pure, any thread.
namespace pricewire::webhook {

struct Placeholder {
    // number    of digits, or empty; may stand outside of a JSON string
    // any_text  of any characters
    // text      ASCII of which only a form escapes any
    enum class Kind : std::uint8_t { number, any_text, text };
    std::string_view name;
    std::size_t longest;  // code points
    Kind kind;
    std::string (*value)(const TemplateValues&);
};

// A part of a body: literal text or a placeholder.
struct Piece {
    enum class Kind : std::uint8_t { text, placeholder, unknown, unclosed };
    Kind kind = Kind::text;
    std::string_view text;  // for a placeholder: its spelling in the body
    const Placeholder* placeholder = nullptr;
    std::size_t at = 0;  // where it starts in the body, in bytes
};
std::vector<Piece> split(std::string_view body);

// Whether each placeholder is known and closed, and the result with the longest values has at most
// max_rendered_template bytes. Error: the first of these that does not hold and where, in words for the user.
Result<void> check_pieces(std::string_view what, std::string_view body, const std::vector<Piece>& pieces,
                          Escaping escaping);

// "line 2, column 8": of the byte `at`.
std::string place_in(std::string_view body, std::size_t at);
// "{{price}}, {{target}} and {{level}}": all whose values are numbers.
std::string number_placeholders();

// Of control characters only these are accepted in users' texts.
constexpr bool is_line_or_tab(char32_t c) {
    return c == '\t' || c == '\n' || c == '\r';
}

void append_value(std::string& out, std::string_view value, Escaping escaping);

}  // namespace pricewire::webhook

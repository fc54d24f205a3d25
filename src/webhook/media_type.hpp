#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"

namespace pricewire::webhook {

// How values are written into a text of some media type.
enum class Escaping : std::uint8_t { json, form, markup, plain };

// The escaping for a content type; webhook/template.hpp has the table, RFC 9110 §8.3.1 the grammar. Error: it
// is too long, malformed, not an accepted type, or its charset is not UTF-8.
Result<Escaping> escaping_of(std::string_view content_type);

}  // namespace pricewire::webhook

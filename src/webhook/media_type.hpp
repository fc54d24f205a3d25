#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"

namespace pricewire::webhook {

// How a value must be written into a text of some media type.
enum class Escaping : std::uint8_t { json, form, markup, plain };

// Which of them a content type asks for; see webhook/template.hpp for the table. Its grammar is that
// of RFC 9110 §8.3.1. Error: it is too long, no media type, none of those that are accepted, or its charset
// is not UTF-8.
Result<Escaping> escaping_of(std::string_view content_type);

}  // namespace pricewire::webhook

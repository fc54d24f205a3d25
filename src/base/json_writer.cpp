#include "base/json_writer.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace pricewire {
namespace {

// Length of the well-formed UTF-8 sequence at the start of `s` (Unicode 15 table 3-7), 0 where there is none.
std::size_t utf8_sequence(std::string_view s) {
    const auto byte = [&](std::size_t i) { return i < s.size() ? static_cast<std::uint8_t>(s[i]) : 0; };
    const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef) {
        if (lead == 0xe0 && byte(1) < 0xa0) return 0;
        if (lead == 0xed && byte(1) > 0x9f) return 0;
        return tail(1) && tail(2) ? 3 : 0;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        if (lead == 0xf0 && byte(1) < 0x90) return 0;
        if (lead == 0xf4 && byte(1) > 0x8f) return 0;
        return tail(1) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const char c = text[0];
        std::size_t used = 1;
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
                    out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
                } else if (const std::size_t n = utf8_sequence(text); n > 0) {
                    out += text.substr(0, n);
                    used = n;
                } else {
                    out += "\\ufffd";
                }
        }
        text.remove_prefix(used);
    }
    out += '"';
}

JsonWriter& JsonWriter::open(char c) {
    separate();
    out_ += c;
    comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::close(char c) {
    out_ += c;
    comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
    separate();
    append_json_string(out_, name);
    out_ += ':';
    comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
    separate();
    append_json_string(out_, text);
    comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::value(double number) {
    return raw(fmt::format("{}", number));
}

JsonWriter& JsonWriter::raw(std::string_view json) {
    separate();
    out_ += json;
    comma_ = true;
    return *this;
}

void JsonWriter::separate() {
    if (comma_) out_ += ',';
}

}  // namespace pricewire

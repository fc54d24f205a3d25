#include "base/json_writer.hpp"

#include <fmt/format.h>

#include "base/utf8.hpp"

namespace pricewire::inline base {

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

}  // namespace pricewire::inline base

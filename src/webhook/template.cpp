#include "webhook/template.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdint>
#include <vector>

#include "base/utf8.hpp"
#include "webhook/placeholders.hpp"

namespace pricewire::webhook {
namespace {

// A position in a JSON text: inside a string or not, and within an escape sequence or not.
class JsonPlace {
public:
    void pass(std::string_view text) {
        for (const char c : text) {
            if (escape_left_ == any_escape) {
                escape_left_ = c == 'u' ? 4 : 0;
            } else if (escape_left_ > 0) {
                --escape_left_;
            } else if (c == '"') {
                in_string_ = !in_string_;
            } else if (c == '\\' && in_string_) {
                escape_left_ = any_escape;
            }
        }
    }
    bool in_string() const { return in_string_; }
    bool in_escape() const { return escape_left_ > 0; }

private:
    static constexpr int any_escape = 5;  // the character after the backslash comes next
    bool in_string_ = false;
    int escape_left_ = 0;
};

// Whether the body is JSON for all values. Inside a string a value is escaped and cannot end the string,
// unless the text before it has begun an escape sequence. Outside it is a number, and the sample has a space
// on either side of it, so that a body in which text touches the number, "1{{price}}", does not parse.
Result<void> check_json(std::string_view body, const std::vector<Piece>& pieces) {
    JsonPlace json;
    std::string sample;
    for (const Piece& piece : pieces) {
        if (piece.placeholder == nullptr) {
            json.pass(piece.text);
            sample += piece.text;
            continue;
        }
        if (json.in_escape()) {
            return fail(
                fmt::format("{} is within an escape sequence at {}", piece.text, place_in(body, piece.at)));
        }
        if (!json.in_string() && piece.placeholder->kind != Placeholder::Kind::number) {
            return fail(fmt::format("{} is outside a JSON string at {}; only {} may", piece.text,
                                    place_in(body, piece.at), number_placeholders()));
        }
        sample += json.in_string() ? "x" : " 1.5 ";
    }
    boost::json::stream_parser parser;
    boost::json::error_code ec;
    const std::size_t used = parser.write_some(sample, ec);
    if (!ec && used < sample.size()) ec = boost::json::error::extra_data;
    if (!ec) parser.finish(ec);
    if (!ec) return {};
    const auto line =
        std::count(sample.begin(), sample.begin() + static_cast<std::ptrdiff_t>(used), '\n') + 1;
    return fail(
        fmt::format("the content type is JSON but the body is not, near line {}: {}", line, ec.message()));
}

// A text of the user's own.
Result<void> check_text(std::string_view what, std::string_view text, std::size_t most) {
    if (text.size() > 4 * most || count_code_points(text) > most) {
        return fail(fmt::format("the {} must have at most {} characters", what, most));
    }
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t used = utf8_sequence(rest);
        if (used == 0) return fail(fmt::format("the {} is not UTF-8", what));
        const char32_t c = utf8_code_point(rest.substr(0, used));
        if (is_control(c) && !is_line_or_tab(c)) {
            return fail(fmt::format(
                "the {} has the control character U+{:04X}; of these, only tabs and line breaks are accepted",
                what, static_cast<std::uint32_t>(c)));
        }
        rest.remove_prefix(used);
    }
    return {};
}

// Within JSON a number that is not known is null, unless it stands in a string.
void append_piece(std::string& out, const Piece& piece, const TemplateValues& values, Escaping escaping,
                  JsonPlace& json) {
    if (piece.placeholder == nullptr) {
        json.pass(piece.text);
        out += piece.text;
        return;
    }
    std::string value = piece.placeholder->value(values);
    if (value.empty() && escaping == Escaping::json && !json.in_string()) value = "null";
    append_value(out, value, escaping);
}

std::string filled(std::string_view body, const TemplateValues& values, Escaping escaping) {
    std::string out;
    JsonPlace json;
    for (const Piece& piece : split(body)) append_piece(out, piece, values, escaping, json);
    return out;
}

}  // namespace

Result<void> check_template(const WebhookTemplate& t) {
    const auto escaping = escaping_of(t.content_type);
    if (!escaping) return std::unexpected(escaping.error());
    if (t.body.empty()) return fail("the body is empty");
    if (t.body.size() > max_template_body) {
        return fail(
            fmt::format("the body has {} bytes; at most {} are accepted", t.body.size(), max_template_body));
    }
    if (!is_utf8(t.body)) return fail("the body is not UTF-8");
    const std::vector<Piece> pieces = split(t.body);
    if (auto ok = check_pieces("body", t.body, pieces, *escaping); !ok) return ok;
    return *escaping == Escaping::json ? check_json(t.body, pieces) : Result<void>();
}

Result<void> check_note(std::string_view note) {
    return check_text("note", note, max_note);
}

Result<void> check_message(std::string_view message) {
    if (auto ok = check_text("message", message, max_message); !ok) return ok;
    return check_pieces("message", message, split(message), Escaping::plain);
}

std::string render(const WebhookTemplate& t, const TemplateValues& values) {
    return filled(t.body, values, escaping_of(t.content_type).value_or(Escaping::plain));
}

std::string render_message(std::string_view message, const TemplateValues& values) {
    return filled(message, values, Escaping::plain);
}

}  // namespace pricewire::webhook

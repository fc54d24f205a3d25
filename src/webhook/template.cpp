#include "webhook/template.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "base/utf8.hpp"
#include "webhook/media_type.hpp"

namespace pricewire::webhook {
namespace {

struct Field {
    std::string_view name;
    std::size_t longest;  // code points
    bool number;
    std::string (*value)(const TemplateValues&);
};

// As many sources as there may be, and commas between them.
constexpr std::size_t longest_sources = 32 * (SourceName::max_size + 1);

// A firing that is not late occurred when it fired.
constexpr std::array<Field, 11> fields{{
    {"ticker", Ticker::max_size, false, [](const TemplateValues& v) { return std::string(v.ticker.view()); }},
    // A sign, 21 digits, a point and 18 places.
    {"price", 41, true, [](const TemplateValues& v) { return v.price.to_string(); }},
    {"target", 41, true, [](const TemplateValues& v) { return v.target.to_string(); }},
    {"condition", condition_names.longest(), false,
     [](const TemplateValues& v) { return std::string(to_string(v.condition)); }},
    {"time", 27, false, [](const TemplateValues& v) { return format_rfc3339(v.time); }},
    {"alert_id", 36, false, [](const TemplateValues& v) { return v.alert_id.to_string(); }},
    {"note", max_note, false, [](const TemplateValues& v) { return v.note; }},
    {"late", 5, false, [](const TemplateValues& v) { return std::string(v.late ? "true" : "false"); }},
    {"occurred_at", 27, false,
     [](const TemplateValues& v) { return format_rfc3339(v.late ? v.late->from : v.time); }},
    {"occurred_until", 27, false,
     [](const TemplateValues& v) { return format_rfc3339(v.late ? v.late->to : v.time); }},
    {"sources", longest_sources, false,
     [](const TemplateValues& v) { return v.late ? source_names(*v.late) : ""; }},
}};

// A part of a body: literal text or a placeholder.
struct Piece {
    enum class Kind : std::uint8_t { text, field, unknown, unclosed };
    Kind kind = Kind::text;
    std::string_view text;  // for a placeholder: its spelling in the body
    const Field* field = nullptr;
    std::size_t at = 0;  // where it starts in the body, in bytes
};

std::vector<Piece> split(std::string_view body) {
    std::vector<Piece> pieces;
    std::size_t at = 0;
    const auto add = [&](Piece::Kind kind, std::size_t size, const Field* field = nullptr) {
        if (size > 0) pieces.push_back({kind, body.substr(at, size), field, at});
        at += size;
    };
    while (at < body.size()) {
        const std::size_t open = body.find("{{", at);
        add(Piece::Kind::text, std::min(open, body.size()) - at);
        if (open == body.npos) break;
        if (body.substr(at).starts_with("{{{{")) {
            add(Piece::Kind::text, 2);
            at += 2;
            continue;
        }
        const std::size_t close = body.find("}}", at + 2);
        if (close == body.npos) {
            add(Piece::Kind::unclosed, body.size() - at);
            break;
        }
        const std::string_view name = body.substr(at + 2, close - at - 2);
        const auto found =
            std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
        const bool known = found != fields.end();
        add(known ? Piece::Kind::field : Piece::Kind::unknown, close + 2 - at, known ? &*found : nullptr);
    }
    return pieces;
}

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

void append_json(std::string& out, std::string_view value) {
    std::string quoted;
    append_json_string(quoted, value);
    out.append(quoted, 1, quoted.size() - 2);
}

std::string_view entity(char32_t c) {
    switch (c) {
        case '&':
            return "&amp;";
        case '<':
            return "&lt;";
        case '>':
            return "&gt;";
        case '"':
            return "&quot;";
        case '\'':
            return "&#39;";
        default:
            return {};
    }
}

bool is_line_or_tab(char32_t c) {
    return c == '\t' || c == '\n' || c == '\r';
}

void append_text(std::string& out, std::string_view value, bool markup) {
    while (!value.empty()) {
        const std::size_t used = utf8_sequence(value);
        if (used == 0) {
            out += "\ufffd";
            value.remove_prefix(1);
            continue;
        }
        const std::string_view sequence = value.substr(0, used);
        value.remove_prefix(used);
        const char32_t c = utf8_code_point(sequence);
        if (is_control(c) && !is_line_or_tab(c)) continue;
        // XML 1.0 §2.2 does not allow these two.
        if (markup && (c == 0xfffe || c == 0xffff)) continue;
        const std::string_view name = markup ? entity(c) : std::string_view();
        out += name.empty() ? sequence : name;
    }
}

void append_value(std::string& out, std::string_view value, Escaping escaping) {
    switch (escaping) {
        case Escaping::json:
            return append_json(out, value);
        case Escaping::form:
            out += percent_encode(value);
            return;
        case Escaping::markup:
            return append_text(out, value, true);
        case Escaping::plain:
            return append_text(out, value, false);
    }
}

// The most bytes that a value can take.
std::size_t longest(const Field& field, Escaping escaping) {
    // A character of a note takes at most four bytes unchanged, six in JSON (\u007f) and in markup (&quot;),
    // and in a form three for each of its bytes. The other values are ASCII, and only a form escapes any of
    // them.
    const bool form = escaping == Escaping::form;
    const std::size_t bytes = field.name != "note"          ? (form ? 3 : 1)
                              : form                        ? 12
                              : escaping == Escaping::plain ? 4
                                                            : 6;
    return field.longest * bytes;
}

std::string place(std::string_view body, std::size_t at) {
    const std::string_view before = body.substr(0, at);
    const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    return fmt::format("line {}, column {}", std::count(before.begin(), before.end(), '\n') + 1,
                       count_code_points(before.substr(line_start)) + 1);
}

Result<void> check_pieces(std::string_view body, const std::vector<Piece>& pieces, Escaping escaping) {
    std::size_t most = 0;
    for (const Piece& piece : pieces) {
        const auto refuse = [&](std::string_view what) {
            return fail(fmt::format("{} at {}", what, place(body, piece.at)));
        };
        if (piece.kind == Piece::Kind::unclosed) {
            return refuse("a placeholder is not closed by \"}}\" (a literal \"{{\" is written \"{{{{\")");
        }
        if (piece.kind == Piece::Kind::unknown) {
            return refuse(fmt::format(
                "unknown placeholder \"{}{}\" (there are {{{{ticker}}}}, {{{{price}}}}, "
                "{{{{target}}}}, {{{{condition}}}}, {{{{time}}}}, {{{{alert_id}}}} and "
                "{{{{note}}}}; a literal \"{{{{\" is written \"{{{{{{{{\")",
                first_code_points(piece.text, 40), count_code_points(piece.text) > 40 ? "…" : ""));
        }
        most += piece.field != nullptr ? longest(*piece.field, escaping) : piece.text.size();
    }
    if (most > max_rendered_template) {
        return fail(
            fmt::format("with its placeholders at their longest, the body would have {} bytes; at most {} "
                        "are sent",
                        most, max_rendered_template));
    }
    return {};
}

// Whether the body is JSON for all values. Inside a string a value is escaped and cannot end the string,
// unless the text before it has begun an escape sequence. Outside it is a number, and the sample has a space
// on either side of it, so that a body in which text touches the number, "1{{price}}", does not parse.
Result<void> check_json(std::string_view body, const std::vector<Piece>& pieces) {
    JsonPlace json;
    std::string sample;
    for (const Piece& piece : pieces) {
        if (piece.field == nullptr) {
            json.pass(piece.text);
            sample += piece.text;
            continue;
        }
        if (json.in_escape()) {
            return fail(
                fmt::format("{} is within an escape sequence at {}", piece.text, place(body, piece.at)));
        }
        if (!json.in_string() && !piece.field->number) {
            return fail(
                fmt::format("{} is outside a JSON string at {}; only {{{{price}}}} and {{{{target}}}} may",
                            piece.text, place(body, piece.at)));
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

}  // namespace

TemplateValues template_values(const Alert& alert) {
    return {.ticker = alert.ticker,
            .price = alert.triggered_price.value_or(Decimal()),
            .target = alert.target,
            .condition = alert.condition,
            .time = alert.triggered_at.value_or(Timestamp()),
            .alert_id = alert.id,
            .note = alert.note,
            .late = alert.late};
}

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
    if (auto ok = check_pieces(t.body, pieces, *escaping); !ok) return ok;
    return *escaping == Escaping::json ? check_json(t.body, pieces) : Result<void>();
}

Result<void> check_note(std::string_view note) {
    if (note.size() > 4 * max_note || count_code_points(note) > max_note) {
        return fail(fmt::format("the note must have at most {} characters", max_note));
    }
    for (std::string_view rest = note; !rest.empty();) {
        const std::size_t used = utf8_sequence(rest);
        if (used == 0) return fail("the note is not UTF-8");
        const char32_t c = utf8_code_point(rest.substr(0, used));
        if (is_control(c) && !is_line_or_tab(c)) {
            return fail(fmt::format(
                "the note has the control character U+{:04X}; of these, only tabs and line breaks "
                "are accepted",
                static_cast<std::uint32_t>(c)));
        }
        rest.remove_prefix(used);
    }
    return {};
}

std::string render(const WebhookTemplate& t, const TemplateValues& values) {
    const Escaping escaping = escaping_of(t.content_type).value_or(Escaping::plain);
    std::string out;
    const std::vector<Piece> pieces = split(t.body);
    for (const Piece& piece : pieces) {
        if (piece.field != nullptr) {
            append_value(out, piece.field->value(values), escaping);
        } else {
            out += piece.text;
        }
    }
    return out;
}

}  // namespace pricewire::webhook

#include "webhook/placeholders.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "base/utf8.hpp"
#include "webhook/template.hpp"

namespace pricewire::webhook {
namespace {

using Values = TemplateValues;
using Kind = Placeholder::Kind;

// A sign, 21 digits, a point and 18 places.
constexpr std::size_t longest_price = 41;
constexpr std::size_t longest_count = 20;
constexpr std::size_t longest_time = 27;
// As many sources as there may be, and commas between them.
constexpr std::size_t longest_sources = 32 * (SourceName::max_size + 1);

std::string text_of(const std::optional<Decimal>& number) {
    return number ? number->to_string() : std::string();
}
std::string text_of(const std::optional<Timestamp>& time) {
    return time ? format_rfc3339(*time) : std::string();
}

std::string sources_of(const Values& v) {
    std::string out;
    if (!v.late) return out;
    for (const SourceName source : v.late->sources) out.append(out.empty() ? "" : ",").append(source.view());
    return out;
}

// A firing that is not late occurred when it fired.
constexpr std::array<Placeholder, 19> placeholders{{
    {"ticker", Ticker::max_size, Kind::text, [](const Values& v) { return std::string(v.ticker.view()); }},
    {"price", longest_price, Kind::number, [](const Values& v) { return text_of(v.price); }},
    {"target", longest_price, Kind::number, [](const Values& v) { return text_of(v.target); }},
    {"condition", condition_names.longest(), Kind::text,
     [](const Values& v) { return std::string(to_string(v.condition)); }},
    {"time", longest_time, Kind::text, [](const Values& v) { return format_rfc3339(v.time); }},
    {"alert_id", 36, Kind::text, [](const Values& v) { return v.alert_id.to_string(); }},
    {"note", max_note, Kind::any_text, [](const Values& v) { return v.note; }},
    {"late", 5, Kind::text, [](const Values& v) { return std::string(v.late ? "true" : "false"); }},
    {"occurred_at", longest_time, Kind::text,
     [](const Values& v) { return format_rfc3339(v.late ? v.late->from : v.time); }},
    {"occurred_until", longest_time, Kind::text,
     [](const Values& v) { return format_rfc3339(v.late ? v.late->to : v.time); }},
    {"sources", longest_sources, Kind::text, sources_of},
    {"rule", max_rule_words, Kind::text, [](const Values& v) { return v.rule; }},
    {"firing", longest_count, Kind::number, [](const Values& v) { return std::to_string(v.firing); }},
    {"level", longest_price, Kind::number, [](const Values& v) { return text_of(v.target); }},
    {"change", longest_price + 1, Kind::text, [](const Values& v) { return v.change; }},
    {"anchor_price", longest_price, Kind::number, [](const Values& v) { return text_of(v.anchor_price); }},
    {"anchor_time", longest_time, Kind::text, [](const Values& v) { return text_of(v.anchor_time); }},
    {"left_out", longest_count, Kind::number, [](const Values& v) { return std::to_string(v.left_out); }},
    {"blind_seconds", longest_count, Kind::number,
     [](const Values& v) { return std::to_string(v.blind_seconds); }},
}};

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

// The most bytes that a value can take.
std::size_t longest(const Placeholder& placeholder, Escaping escaping) {
    // A character of any text takes at most four bytes unchanged, six in JSON (\u007f) and in markup (&quot;),
    // and in a form three for each of its bytes. The other values are ASCII, and only a form escapes any of
    // them.
    const bool form = escaping == Escaping::form;
    const std::size_t bytes = placeholder.kind != Kind::any_text ? (form ? 3 : 1)
                              : form                             ? 12
                              : escaping == Escaping::plain      ? 4
                                                                 : 6;
    return placeholder.longest * bytes;
}

// "{{price}}, {{target}} and {{note}}", of those that `wanted` accepts.
template <typename Wanted>
std::string list(Wanted wanted) {
    std::vector<std::string> names;
    for (const Placeholder& p : placeholders) {
        if (wanted(p)) names.push_back(fmt::format("{{{{{}}}}}", p.name));
    }
    const std::string last = std::move(names.back());
    names.pop_back();
    return fmt::format("{} and {}", fmt::join(names, ", "), last);
}

}  // namespace

std::vector<Piece> split(std::string_view body) {
    std::vector<Piece> pieces;
    std::size_t at = 0;
    const auto add = [&](Piece::Kind kind, std::size_t size, const Placeholder* placeholder = nullptr) {
        if (size > 0) pieces.push_back({kind, body.substr(at, size), placeholder, at});
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
        const auto found = std::ranges::find(placeholders, name, &Placeholder::name);
        const bool known = found != placeholders.end();
        add(known ? Piece::Kind::placeholder : Piece::Kind::unknown, close + 2 - at,
            known ? &*found : nullptr);
    }
    return pieces;
}

std::string place_in(std::string_view body, std::size_t at) {
    const std::string_view before = body.substr(0, at);
    const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    return fmt::format("line {}, column {}", std::count(before.begin(), before.end(), '\n') + 1,
                       count_code_points(before.substr(line_start)) + 1);
}

std::string number_placeholders() {
    return list([](const Placeholder& p) { return p.kind == Kind::number; });
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

Result<void> check_pieces(std::string_view what, std::string_view body, const std::vector<Piece>& pieces,
                          Escaping escaping) {
    std::size_t most = 0;
    for (const Piece& piece : pieces) {
        const auto refuse = [&](std::string_view why) {
            return fail(fmt::format("{} at {}", why, place_in(body, piece.at)));
        };
        if (piece.kind == Piece::Kind::unclosed) {
            return refuse("a placeholder is not closed by \"}}\" (a literal \"{{\" is written \"{{{{\")");
        }
        if (piece.kind == Piece::Kind::unknown) {
            return refuse(fmt::format(
                "unknown placeholder \"{}{}\" (there are {}; a literal \"{{{{\" is written \"{{{{{{{{\")",
                first_code_points(piece.text, 40), count_code_points(piece.text) > 40 ? "…" : "",
                list([](const Placeholder&) { return true; })));
        }
        most += piece.placeholder != nullptr ? longest(*piece.placeholder, escaping) : piece.text.size();
    }
    if (most > max_rendered_template) {
        return fail(
            fmt::format("with its placeholders at their longest, the {} would have {} bytes; at most {} "
                        "are sent",
                        what, most, max_rendered_template));
    }
    return {};
}

}  // namespace pricewire::webhook

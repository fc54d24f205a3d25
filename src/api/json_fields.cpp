#include "api/json_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <optional>
#include <utility>

#include "base/json_writer.hpp"
#include "base/utf8.hpp"

namespace pricewire::api {
namespace {

namespace json = boost::json;
using Kind = JsonField::Kind;

constexpr std::size_t max_fields = 64;
constexpr std::size_t max_depth = 8;

// The byte order mark, which some editors put in front (RFC 8259, section 8.1, lets parsers pass over it).
constexpr std::string_view utf8_mark = "\xef\xbb\xbf";

std::optional<std::string> not_utf8(std::string_view body) {
    // Of a JSON text in UTF-16 or UTF-32 one of the first two bytes is 0, or it begins with a mark.
    if (body.starts_with("\xff\xfe") || body.starts_with("\xfe\xff") || body.substr(0, 2).contains('\0'))
        return "Invalid JSON: the body is in UTF-16 or UTF-32; send it in UTF-8";
    std::size_t at = 0;
    while (at < body.size()) {
        const std::size_t used = utf8_sequence(body.substr(at));
        if (used == 0) return fmt::format("Invalid JSON at byte {}: not valid UTF-8", at);
        at += used;
    }
    return std::nullopt;
}

// Collects the members of the outermost object and of the objects directly inside it; of deeper values the
// text.
class FieldCollector {
public:
    // A name: the document may be an array, which counts as the only member, of that name, of an object.
    explicit FieldCollector(std::string_view bare_list) : bare_list_(bare_list) {}

    static constexpr std::size_t max_object_size = std::size_t(-1);
    static constexpr std::size_t max_array_size = std::size_t(-1);
    static constexpr std::size_t max_key_size = std::size_t(-1);
    static constexpr std::size_t max_string_size = std::size_t(-1);

    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_object_begin(json::error_code& ec) {
        if (depth_ > 0) return open(Kind::object, ec);
        ++depth_;
        return true;
    }
    bool on_object_end(std::size_t, json::error_code&) {
        if (depth_ > 1) nested_.end_object();
        return close();
    }
    bool on_array_begin(json::error_code& ec) {
        if (depth_ == 0 && !bare_list_.empty()) {
            fields.push_back({.name = std::string(bare_list_)});
            depth_ = 1;
        }
        return open(Kind::array, ec);
    }
    bool on_array_end(std::size_t, json::error_code&) {
        nested_.end_array();
        return close();
    }

    bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return append(part); }
    bool on_key(json::string_view part, std::size_t, json::error_code& ec) {
        append(part);
        if (depth_ > 1) nested_.key(text_);
        std::string name = std::exchange(text_, {});
        std::vector<JsonField>* const members = open_members();
        if (members == nullptr) return true;
        std::vector<LocStep> loc{"body"};
        if (depth_ == 2) loc.emplace_back(fields.back().name);
        const auto same = [&](const JsonField& f) { return f.name == name; };
        if (std::any_of(members->begin(), members->end(), same)) {
            loc.emplace_back(std::move(name));
            return refuse({std::move(loc), "Field is given twice", "duplicate"}, ec);
        }
        if (members->size() == max_fields) {
            return refuse({std::move(loc), fmt::format("More than {} fields", max_fields), "too_long"}, ec);
        }
        members->push_back({.name = std::move(name)});
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, json::error_code&) { return append(part); }
    bool on_string(json::string_view part, std::size_t, json::error_code& ec) {
        append(part);
        if (depth_ > 1) nested_.value(text_);
        return scalar(Kind::string, ec);
    }
    bool on_number_part(json::string_view part, json::error_code&) { return append(part); }
    bool on_int64(std::int64_t, json::string_view part, json::error_code& ec) { return number(part, ec); }
    bool on_uint64(std::uint64_t, json::string_view part, json::error_code& ec) { return number(part, ec); }
    bool on_double(double, json::string_view part, json::error_code& ec) { return number(part, ec); }
    bool on_bool(bool value, json::error_code& ec) {
        append(value ? "true" : "false");
        if (depth_ > 1) nested_.value(value);
        return scalar(Kind::boolean, ec);
    }
    bool on_null(json::error_code& ec) {
        if (depth_ > 1) nested_.value(nullptr);
        return scalar(Kind::null, ec);
    }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }

    std::vector<JsonField> fields;
    std::optional<Issue> issue;

private:
    // The members of the object being read; null if they are not kept.
    std::vector<JsonField>* open_members() {
        if (depth_ == 1) return &fields;
        return depth_ == 2 && in_object_ ? &fields.back().members : nullptr;
    }
    bool append(json::string_view part) {
        text_.append(part.data(), part.size());
        return true;
    }
    bool number(json::string_view part, json::error_code& ec) {
        append(part);
        if (depth_ > 1) nested_.raw(text_);
        return scalar(Kind::number, ec);
    }
    bool scalar(Kind kind, json::error_code& ec) {
        if (depth_ == 0) return not_an_object(ec);
        std::string text = std::exchange(text_, {});
        if (auto* const members = open_members(); members != nullptr) {
            members->back().kind = kind;
            members->back().text = std::move(text);
        }
        return true;
    }
    bool open(Kind kind, json::error_code& ec) {
        if (depth_ == 0) return not_an_object(ec);
        if (auto* const members = open_members(); members != nullptr) members->back().kind = kind;
        if (depth_ == 1) in_object_ = kind == Kind::object;
        if (kind == Kind::object) {
            nested_.begin_object();
        } else {
            nested_.begin_array();
        }
        ++depth_;
        return true;
    }
    bool close() {
        if (--depth_ == 1) fields.back().text = std::exchange(nested_, {}).str();
        return true;
    }
    bool not_an_object(json::error_code& ec) {
        return refuse({{"body"}, "Input should be a JSON object", "model_attributes_type"}, ec);
    }
    bool refuse(Issue why, json::error_code& ec) {
        issue = std::move(why);
        ec = json::error::syntax;
        return false;
    }

    std::size_t depth_ = 0;   // 1: inside the outermost object
    bool in_object_ = false;  // the value open at depth 2 is an object
    std::string text_;
    JsonWriter nested_;  // of the value open at depth 2
    const std::string_view bare_list_;
};

std::expected<JsonFields, Issue> parse(std::string_view body, std::string_view bare_list, std::size_t depth) {
    if (body.starts_with(utf8_mark)) body.remove_prefix(utf8_mark.size());
    if (body.empty()) return std::unexpected(Issue{{"body"}, "Field required", "missing"});
    if (const auto reason = not_utf8(body)) return std::unexpected(Issue{{"body"}, *reason, "json_invalid"});
    json::parse_options options;
    options.max_depth = depth;
    json::basic_parser<FieldCollector> parser(options, bare_list);
    json::error_code ec;
    const std::size_t used = parser.write_some(false, body.data(), body.size(), ec);
    if (parser.handler().issue) return std::unexpected(std::move(*parser.handler().issue));
    if (!ec && used < body.size()) ec = json::error::extra_data;
    if (ec) {
        return std::unexpected(
            Issue{{"body"}, fmt::format("Invalid JSON at byte {}: {}", used, ec.message()), "json_invalid"});
    }
    return JsonFields(std::move(parser.handler().fields));
}

// Of an array without white space; at most `most` and one more.
std::vector<std::string> elements_of(std::string_view array, std::size_t most) {
    std::vector<std::string> out;
    std::size_t depth = 0;
    bool in_string = false;
    std::size_t begin = 1;
    for (std::size_t at = 1; at < array.size() && out.size() <= most; ++at) {
        const char c = array[at];
        if (in_string) {
            if (c == '\\') ++at;
            in_string = c != '"';
            continue;
        }
        in_string = c == '"';
        if (c == '{' || c == '[') ++depth;
        if (depth == 0 && (c == ',' || c == ']')) {
            if (at > begin) out.emplace_back(array.substr(begin, at - begin));
            begin = at + 1;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return out;
}

}  // namespace

const JsonField* JsonFields::find(std::string_view name) const {
    const auto found =
        std::find_if(fields_.begin(), fields_.end(), [&](const JsonField& f) { return f.name == name; });
    return found == fields_.end() ? nullptr : &*found;
}

std::expected<JsonFields, Issue> parse_json_object(std::string_view body) {
    return parse(body, {}, max_depth);
}

std::expected<std::vector<std::string>, Issue> parse_json_list(std::string_view body, std::string_view name,
                                                               std::size_t most) {
    const auto fields = parse(body, name, max_depth + 2);
    if (!fields) return std::unexpected(fields.error());
    const auto refuse = [&](std::string message, std::string type) {
        return std::unexpected(Issue{{"body", std::string(name)}, std::move(message), std::move(type)});
    };
    const JsonField* list = fields->find(name);
    if (list == nullptr) return refuse("Field required", "missing");
    if (list->kind != Kind::array) return refuse("Input should be a list", "list_type");
    std::vector<std::string> out = elements_of(list->text, most);
    if (out.empty()) return refuse("Input should have at least 1 element", "too_short");
    if (out.size() > most)
        return refuse(fmt::format("Input should have at most {} elements", most), "too_long");
    return out;
}

}  // namespace pricewire::api

#include "api/json_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <optional>

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

// Collects the members of the outermost object and of the objects directly inside it; of deeper values only
// the kind.
class FieldCollector {
public:
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
    bool on_object_end(std::size_t, json::error_code&) { return close(); }
    bool on_array_begin(json::error_code& ec) { return open(Kind::array, ec); }
    bool on_array_end(std::size_t, json::error_code&) { return close(); }

    bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return append(part); }
    bool on_key(json::string_view part, std::size_t, json::error_code& ec) {
        append(part);
        std::vector<JsonField>* const members = open_members();
        if (members == nullptr) return true;
        const std::string outer = depth_ == 2 ? fields.back().name : std::string();
        const auto same = [&](const JsonField& f) { return f.name == text_; };
        if (std::any_of(members->begin(), members->end(), same)) {
            constexpr const char* message = "Field is given twice";
            return refuse(depth_ == 2 ? Issue{"body", outer, message, "duplicate", text_}
                                      : Issue{"body", text_, message, "duplicate"},
                          ec);
        }
        if (members->size() == max_fields) {
            return refuse({"body", outer, fmt::format("More than {} fields", max_fields), "too_long"}, ec);
        }
        members->push_back({std::move(text_), Kind::null, {}, {}});
        text_.clear();
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, json::error_code&) { return append(part); }
    bool on_string(json::string_view part, std::size_t, json::error_code& ec) {
        append(part);
        return scalar(Kind::string, ec);
    }
    bool on_number_part(json::string_view part, json::error_code&) { return append(part); }
    bool on_int64(std::int64_t, json::string_view part, json::error_code& ec) { return number(part, ec); }
    bool on_uint64(std::uint64_t, json::string_view part, json::error_code& ec) { return number(part, ec); }
    bool on_double(double, json::string_view part, json::error_code& ec) { return number(part, ec); }
    bool on_bool(bool value, json::error_code& ec) {
        append(value ? "true" : "false");
        return scalar(Kind::boolean, ec);
    }
    bool on_null(json::error_code& ec) { return scalar(Kind::null, ec); }
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
        if (open_members() != nullptr) text_.append(part.data(), part.size());
        return true;
    }
    bool number(json::string_view part, json::error_code& ec) {
        append(part);
        return scalar(Kind::number, ec);
    }
    bool scalar(Kind kind, json::error_code& ec) {
        if (depth_ == 0) return not_an_object(ec);
        if (auto* const members = open_members(); members != nullptr) {
            members->back().kind = kind;
            members->back().text = std::move(text_);
            text_.clear();
        }
        return true;
    }
    bool open(Kind kind, json::error_code& ec) {
        if (depth_ == 0) return not_an_object(ec);
        if (auto* const members = open_members(); members != nullptr) members->back().kind = kind;
        if (depth_ == 1) in_object_ = kind == Kind::object;
        ++depth_;
        return true;
    }
    bool close() {
        --depth_;
        return true;
    }
    bool not_an_object(json::error_code& ec) {
        return refuse({"body", "", "Input should be a JSON object", "model_attributes_type"}, ec);
    }
    bool refuse(Issue why, json::error_code& ec) {
        issue = std::move(why);
        ec = json::error::syntax;
        return false;
    }

    std::size_t depth_ = 0;   // 1: inside the outermost object
    bool in_object_ = false;  // the value open at depth 2 is an object
    std::string text_;
};

}  // namespace

const JsonField* JsonFields::find(std::string_view name) const {
    const auto found =
        std::find_if(fields_.begin(), fields_.end(), [&](const JsonField& f) { return f.name == name; });
    return found == fields_.end() ? nullptr : &*found;
}

std::expected<JsonFields, Issue> parse_json_object(std::string_view body) {
    if (body.starts_with(utf8_mark)) body.remove_prefix(utf8_mark.size());
    if (body.empty()) return std::unexpected(Issue{"body", "", "Field required", "missing"});
    if (const auto reason = not_utf8(body))
        return std::unexpected(Issue{"body", "", *reason, "json_invalid"});
    json::parse_options options;
    options.max_depth = max_depth;
    json::basic_parser<FieldCollector> parser(options);
    json::error_code ec;
    const std::size_t used = parser.write_some(false, body.data(), body.size(), ec);
    if (parser.handler().issue) return std::unexpected(std::move(*parser.handler().issue));
    if (!ec && used < body.size()) ec = json::error::extra_data;
    if (ec) {
        return std::unexpected(Issue{
            "body", "", fmt::format("Invalid JSON at byte {}: {}", used, ec.message()), "json_invalid"});
    }
    return JsonFields(std::move(parser.handler().fields));
}

}  // namespace pricewire::api

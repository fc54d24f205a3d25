#include "webhook/media_type.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "base/text.hpp"
#include "webhook/template.hpp"

namespace pricewire::webhook {
namespace {

// Reads a content type from its start. Each function returns whether it found what it reads.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}
    bool at_end() const { return rest_.empty(); }
    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void skip_spaces() {
        while (take(' ') || take('\t')) {
        }
    }
    bool token(std::string& out) {
        const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_token_char);
        out.assign(rest_.begin(), end);
        rest_.remove_prefix(out.size());
        return !out.empty();
    }
    bool quoted(std::string& out) {
        if (!take('"')) return false;
        out.clear();
        while (!rest_.empty() && !rest_.starts_with('"')) {
            take('\\');
            if (rest_.empty() || rest_[0] < ' ' || rest_[0] > '~') return false;
            out += rest_[0];
            rest_.remove_prefix(1);
        }
        return take('"');
    }

private:
    std::string_view rest_;
};

Result<Escaping> escaping_of_type(const std::string& type, const std::string& subtype) {
    if (type == "text" || type == "application") {
        if (subtype == "json" || subtype.ends_with("+json")) return Escaping::json;
        if (subtype == "xml" || subtype.ends_with("+xml")) return Escaping::markup;
        if (type == "text") return subtype == "html" ? Escaping::markup : Escaping::plain;
        if (subtype == "x-www-form-urlencoded") return Escaping::form;
    }
    return fail(
        "the content type must be application/json, application/x-www-form-urlencoded, application/xml, one "
        "that ends in +json or +xml, or text/*");
}

}  // namespace

Result<Escaping> escaping_of(std::string_view content_type) {
    if (content_type.size() > max_template_content_type) {
        return fail(
            fmt::format("the content type must have at most {} characters", max_template_content_type));
    }
    const auto malformed = [] {
        return fail("the content type is not written as type/subtype; name=value, such as application/json");
    };
    Reader in(content_type);
    std::string type, subtype;
    if (!in.token(type) || !in.take('/') || !in.token(subtype)) return malformed();
    for (in.skip_spaces(); !in.at_end(); in.skip_spaces()) {
        std::string name, value;
        if (!in.take(';')) return malformed();
        in.skip_spaces();
        if (!in.token(name) || !in.take('=') || !(in.token(value) || in.quoted(value))) return malformed();
        if (lower_case(name) == "charset" && lower_case(value) != "utf-8") {
            return fail("the body is sent as UTF-8: the content type's charset must be utf-8");
        }
    }
    return escaping_of_type(lower_case(type), lower_case(subtype));
}

}  // namespace pricewire::webhook

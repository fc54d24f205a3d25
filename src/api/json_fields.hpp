#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "api/responses.hpp"

namespace pricewire::api {

// A member of a JSON object. Numbers keep their digits: a document model would turn 65420.15 into a double.
struct JsonField {
    enum class Kind { string, number, boolean, null, array, object };
    std::string name;
    Kind kind = Kind::null;
    // A string's characters (UTF-8), a number's digits, "true" or "false"; of an array or object directly inside the
    // outermost object its JSON, without white space.
    std::string text;
    std::vector<JsonField> members;  // of an object directly inside the outermost one
};

// The members of one JSON object.
class JsonFields {
public:
    explicit JsonFields(std::vector<JsonField> fields = {}) : fields_(std::move(fields)) {}
    // Null if there is none.
    const JsonField* find(std::string_view name) const;
    const std::vector<JsonField>& all() const { return fields_; }

private:
    std::vector<JsonField> fields_;
};

// Parses a request's body: one JSON object (RFC 8259), nested at most 8 levels deep. It and the objects
// directly inside it have at most 64 members each, without duplicate names; the contents of arrays and deeper
// objects are checked for syntax only. The issue names the byte or the member.
std::expected<JsonFields, Issue> parse_json_object(std::string_view body);

// Parses a body that holds a list of such objects: {"name": […]}, or the array alone, with at most `most` elements, each
// of which is valid JSON.
std::expected<std::vector<std::string>, Issue> parse_json_list(std::string_view body, std::string_view name,
                                                               std::size_t most);

}  // namespace pricewire::api

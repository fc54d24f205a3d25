#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "api/responses.hpp"

namespace pricewire::api {

// A member of a JSON object as it was written. Numbers keep their digits: a document model would make a
// double of 65420.15.
struct JsonField {
    enum class Kind { string, number, boolean, null, array, object };
    std::string name;
    Kind kind = Kind::null;
    std::string text;                // a string's characters (UTF-8), a number's digits, "true" or "false"
    std::vector<JsonField> members;  // an object's, where it stands in the outermost one
};

// The members of one JSON object.
class JsonFields {
public:
    explicit JsonFields(std::vector<JsonField> fields = {}) : fields_(std::move(fields)) {}
    // Null where there is none.
    const JsonField* find(std::string_view name) const;

private:
    std::vector<JsonField> fields_;
};

// Reads a request's body: one JSON object (RFC 8259), nested at most 8 deep. The members of it, and of the
// objects right inside it, are at most 64 each and have no name twice; what stands in arrays or deeper is
// checked for its syntax and passed over. The issue names the byte or the member.
std::expected<JsonFields, Issue> parse_json_object(std::string_view body);

}  // namespace pricewire::api

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/bodies.hpp"
#include "api/json_fields.hpp"

namespace pricewire::api {

// Reads fields of a body one by one and collects the errors. `outer` is the member that contains the fields;
// empty for the body itself. An optional field that is null counts as missing.
class BodyReader {
public:
    explicit BodyReader(const JsonFields& fields, std::string outer = {})
        : fields_(fields), outer_(std::move(outer)) {}

    void refuse(std::string_view name, std::string message, std::string_view type) {
        std::vector<LocStep> loc{"body"};
        if (!outer_.empty()) loc.emplace_back(outer_);
        loc.emplace_back(std::string(name));
        issues_.push_back({std::move(loc), std::move(message), std::string(type)});
    }

    // Null if it is missing, which is reported.
    const JsonField* field(std::string_view name) {
        const JsonField* found = fields_.find(name);
        if (found == nullptr) refuse(name, "Field required", "missing");
        return found;
    }
    const JsonField* optional(std::string_view name) const {
        const JsonField* found = fields_.find(name);
        return found == nullptr || found->kind == JsonField::Kind::null ? nullptr : found;
    }

    const std::string* string(std::string_view name) { return text_of(field(name)); }
    const std::string* optional_string(std::string_view name) { return text_of(optional(name)); }

    void add(std::vector<Issue> issues) {
        issues_.insert(issues_.end(), std::make_move_iterator(issues.begin()),
                       std::make_move_iterator(issues.end()));
    }
    std::size_t issue_count() const { return issues_.size(); }
    std::vector<Issue> take_issues() { return std::exchange(issues_, {}); }

    template <typename T>
    Parsed<T> result(T value) {
        if (!issues_.empty()) return std::unexpected(std::move(issues_));
        return value;
    }

private:
    const std::string* text_of(const JsonField* found) {
        if (found == nullptr) return nullptr;
        if (found->kind == JsonField::Kind::string) return &found->text;
        refuse(found->name, "Input should be a valid string", "string_type");
        return nullptr;
    }

    const JsonFields& fields_;
    const std::string outer_;
    std::vector<Issue> issues_;
};

}  // namespace pricewire::api

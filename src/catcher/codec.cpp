#include "catcher/codec.hpp"

#include <cstdint>

#include "base/text.hpp"

namespace pricewire::catcher {
namespace {

void add(std::string& out, std::string_view part) {
    out.append(std::to_string(part.size())).append(1, ':').append(part);
}

// Takes the parts of a text one by one.
class Parts {
public:
    explicit Parts(std::string_view text) : rest_(text) {}

    std::string_view next() {
        const std::size_t colon = rest_.find(':');
        const auto size = parse_number<std::size_t>(rest_.substr(0, colon));
        if (colon == std::string_view::npos || !size || *size > rest_.size() - colon - 1) {
            good_ = false;
            rest_ = {};
            return {};
        }
        const std::string_view part = rest_.substr(colon + 1, *size);
        rest_.remove_prefix(colon + 1 + *size);
        return part;
    }
    Uuid id() {
        const auto id = Uuid::parse(next());
        good_ = good_ && id;
        return id.value_or(Uuid{});
    }
    std::int64_t number() {
        const auto number = parse_number<std::int64_t>(next());
        good_ = good_ && number;
        return number.value_or(0);
    }
    bool any() const { return good_ && !rest_.empty(); }
    bool good() const { return good_; }

private:
    std::string_view rest_;
    bool good_ = true;
};

}  // namespace

std::string address_text(const CatcherAddress& address) {
    std::string out;
    add(out, address.id.to_string());
    add(out, address.user_id.to_string());
    add(out, address.token);
    add(out, std::to_string(to_micros(address.expires_at)));
    return out;
}

std::optional<CatcherAddress> parse_address(std::string_view text) {
    Parts parts(text);
    CatcherAddress out;
    out.id = parts.id();
    out.user_id = parts.id();
    out.token = parts.next();
    out.expires_at = from_micros(parts.number());
    if (!parts.good() || parts.any()) return std::nullopt;
    return out;
}

std::string request_text(const CaughtRequest& request) {
    std::string out;
    add(out, request.id.to_string());
    add(out, std::to_string(to_micros(request.at)));
    add(out, request.method);
    add(out, std::to_string(request.body_bytes));
    add(out, request.body);
    for (const auto& [name, value] : request.headers) {
        add(out, name);
        add(out, value);
    }
    return out;
}

std::optional<CaughtRequest> parse_request(std::string_view text) {
    Parts parts(text);
    CaughtRequest out;
    out.id = parts.id();
    out.at = from_micros(parts.number());
    out.method = parts.next();
    out.body_bytes = static_cast<std::size_t>(parts.number());
    out.body = parts.next();
    while (parts.any()) {
        std::string name(parts.next());
        out.headers.emplace_back(std::move(name), parts.next());
    }
    if (!parts.good()) return std::nullopt;
    return out;
}

}  // namespace pricewire::catcher

#include "api/email.hpp"

#include <algorithm>
#include <cstdint>

#include "base/text.hpp"
#include "net/host_name.hpp"

namespace pricewire::api {
namespace {

constexpr std::size_t max_email = 254;
constexpr std::size_t max_local = 64;
constexpr std::size_t max_label = 63;

// atext of RFC 5322, section 3.2.3.
bool is_atext(char c) {
    return is_alphanumeric(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

// Non-ASCII spaces, direction marks, joiners and control characters.
bool is_invisible(std::uint32_t c) {
    return (c >= 0x80 && c <= 0xa0) || c == 0xad || c == 0x61c || c == 0x1680 || c == 0x180e ||
           (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) ||
           c == 0x3000 || c == 0x3164 || c == 0xfeff || c == 0xffa0 || (c >= 0xfff0 && c <= 0xffff) ||
           (c >= 0xe0000 && c <= 0xe0fff);
}

bool has_invisible(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = static_cast<std::uint8_t>(text[i]);
        const std::size_t length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
        std::uint32_t code = length == 1 ? byte : byte & (0x7fU >> length);
        for (std::size_t k = 1; k < length && i + k < text.size(); ++k) {
            code = code << 6 | (static_cast<std::uint8_t>(text[i + k]) & 0x3fU);
        }
        if (is_invisible(code)) return true;
        i += length;
    }
    return false;
}

bool is_local_part(std::string_view local) {
    if (local.front() == '.' || local.back() == '.' || local.find("..") != std::string_view::npos)
        return false;
    return std::all_of(local.begin(), local.end(), [](char c) { return c == '.' || is_atext(c); });
}

bool is_label(std::string_view label) {
    if (label.empty() || label.size() > max_label || label.front() == '-' || label.back() == '-')
        return false;
    return std::all_of(label.begin(), label.end(), [](char c) { return c == '-' || is_alphanumeric(c); });
}

Result<void> check_domain(std::string_view domain) {
    std::size_t labels = 0;
    std::string_view last;
    while (true) {
        const std::size_t dot = domain.find('.');
        last = domain.substr(0, dot);
        if (!is_label(last)) return fail("the part after the @-sign is not a domain name");
        ++labels;
        if (dot == std::string_view::npos) break;
        domain.remove_prefix(dot + 1);
    }
    if (labels < 2) return fail("the domain after the @-sign has no dot");
    if (std::all_of(last.begin(), last.end(), is_digit)) return fail("the domain must not end in a number");
    return {};
}

// Error: it is not a name, or not the ASCII form that its international one has.
Result<std::string> read_domain(std::string_view text) {
    auto ascii = net::ascii_host(text);
    if (!ascii) return fail("the part after the @-sign is not a domain name: " + ascii.error().message);
    if (const auto checked = check_domain(*ascii); !checked) return std::unexpected(checked.error());
    if (net::ascii_host(net::international_host(*ascii)).value_or("") != *ascii)
        return fail("the part after the @-sign is not a domain name");
    // Only case can differ then, which the storage ignores.
    return is_ascii(text) ? std::string(text) : *ascii;
}

}  // namespace

Result<std::string> parse_email(std::string_view text) {
    const auto too_long = [] { return fail("it is longer than 254 bytes"); };
    if (text.empty()) return fail("it is empty");
    if (text.size() > max_email) return too_long();
    if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= 0x20 || c == 0x7f; }) ||
        has_invisible(text)) {
        return fail("it contains a space or a control character");
    }
    const std::size_t at = text.find('@');
    if (at == std::string_view::npos) return fail("it has no @-sign");
    if (text.find('@', at + 1) != std::string_view::npos) return fail("it has more than one @-sign");
    const std::string_view local = text.substr(0, at);
    if (local.empty()) return fail("there is nothing before the @-sign");
    if (local.size() > max_local) return fail("the part before the @-sign is longer than 64 bytes");
    if (!is_ascii(local)) {
        return fail(
            "the part before the @-sign contains a letter that is not one of a to z, which is not supported");
    }
    if (!is_local_part(local))
        return fail("the part before the @-sign contains a character that is not allowed");
    if (at + 1 == text.size()) return fail("there is nothing after the @-sign");
    const auto domain = read_domain(text.substr(at + 1));
    if (!domain) return std::unexpected(domain.error());
    std::string out = std::string(local) + '@' + *domain;
    if (out.size() > max_email) return too_long();
    return out;
}

std::vector<std::string> email_spellings(std::string_view text) {
    std::vector<std::string> out{std::string(text)};
    const auto add = [&](std::string spelling) {
        if (std::ranges::find(out, spelling) == out.end()) out.push_back(std::move(spelling));
    };
    const auto parsed = parse_email(text);
    if (!parsed) return out;
    add(*parsed);
    const std::size_t domain = parsed->find('@') + 1;
    const std::string ascii = lower_case(parsed->substr(domain));
    if (const std::string international = net::international_host(ascii); international != ascii)
        add(parsed->substr(0, domain) + international);
    return out;
}

}  // namespace pricewire::api

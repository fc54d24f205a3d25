#include "base/trace_context.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "base/crypto.hpp"
#include "base/text.hpp"

namespace pricewire::inline base {
namespace {

constexpr std::size_t id_digits = 32;
constexpr std::size_t most_members = 32;

bool is_hex(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}
bool is_zero(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c == '0'; });
}
bool is_id(std::string_view text, std::size_t digits) {
    return text.size() == digits && is_hex(text) && !is_zero(text);
}
// `flags` are two hexadecimal digits. Other flags are not defined and not passed on.
bool is_sampled(std::string_view flags) {
    return (hex_digit(flags[1]) & 1) != 0;
}

bool is_member(std::string_view text) {
    const std::size_t equals = text.find('=');
    return equals != std::string_view::npos && equals > 0 && equals + 1 < text.size() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// The first members of a tracestate that fit; empty if any member is not valid.
std::string clean_state(std::string_view text) {
    std::string out;
    std::size_t members = 0;
    bool full = false;
    for (const std::string_view member : split_list(text)) {
        if (!is_member(member) || ++members > most_members) return {};
        full = full || out.size() + (out.empty() ? 0 : 1) + member.size() > max_trace_state;
        if (full) continue;
        if (!out.empty()) out += ',';
        out += member;
    }
    return out;
}

std::string random_hex(std::span<std::uint8_t> bytes) {
    std::string out;
    do {
        random_bytes(bytes);
        out = hex_encode(bytes);
    } while (is_zero(out));
    return out;
}

}  // namespace

std::optional<TraceContext> parse_trace_context(std::string_view traceparent, std::string_view tracestate) {
    // version "-" trace-id "-" parent-id "-" trace-flags
    constexpr std::size_t length = 55;
    traceparent = trimmed(traceparent);
    if (traceparent.size() < length) return std::nullopt;
    const std::string_view version = traceparent.substr(0, 2);
    const std::string_view id = traceparent.substr(3, id_digits);
    const std::string_view parent = traceparent.substr(36, 16);
    const std::string_view flags = traceparent.substr(53, 2);
    if (!is_hex(version) || version == "ff" || traceparent[2] != '-' || traceparent[35] != '-' ||
        traceparent[52] != '-' || !is_id(id, id_digits) || !is_id(parent, 16) || !is_hex(flags))
        return std::nullopt;
    // Later versions may append more after a dash.
    if (traceparent.size() > length && (version == "00" || traceparent[length] != '-')) return std::nullopt;
    return TraceContext{std::string(id), is_sampled(flags), clean_state(tracestate)};
}

TraceContext make_trace() {
    std::array<std::uint8_t, 16> bytes{};
    return {random_hex(bytes), false, {}};
}

TraceContext trace_named(const Uuid& id) {
    return {hex_encode(id.bytes), false, {}};
}

std::string make_traceparent(const TraceContext& trace, std::string_view parent_id) {
    return "00-" + trace.id + "-" + std::string(parent_id) + (trace.sampled ? "-01" : "-00");
}

std::string to_text(const TraceContext& trace) {
    std::string out = trace.id + (trace.sampled ? "-01" : "-00");
    if (!trace.state.empty()) out += " " + trace.state;
    return out;
}

std::optional<TraceContext> parse_trace_text(std::string_view text) {
    constexpr std::size_t length = id_digits + 3;
    if (text.size() < length || !is_id(text.substr(0, id_digits), id_digits) || text[id_digits] != '-' ||
        !is_hex(text.substr(id_digits + 1, 2)) || (text.size() > length && text[length] != ' '))
        return std::nullopt;
    return TraceContext{std::string(text.substr(0, id_digits)), is_sampled(text.substr(id_digits + 1, 2)),
                        clean_state(text.substr(length))};
}

}  // namespace pricewire::inline base

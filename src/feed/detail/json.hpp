#pragma once

#include <simdjson.h>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "base/decimal.hpp"

// What the venues' parsers share. Included by their .cpp files only: simdjson is a large header.
namespace pricewire::feed::detail {

namespace ondemand = simdjson::ondemand;

// simdjson reads past the end: the bytes are copied to where there is room for that. The copy is reused.
class JsonReader {
public:
    // The document lives until the next call.
    simdjson::simdjson_result<ondemand::document> read(std::string_view bytes) {
        if (buffer_.size() < bytes.size() + simdjson::SIMDJSON_PADDING) {
            buffer_.resize(bytes.size() + simdjson::SIMDJSON_PADDING);
        }
        std::memcpy(buffer_.data(), bytes.data(), bytes.size());
        std::memset(buffer_.data() + bytes.size(), 0, simdjson::SIMDJSON_PADDING);
        return parser_.iterate(simdjson::padded_string_view(buffer_.data(), bytes.size(), buffer_.size()));
    }

private:
    ondemand::parser parser_;
    std::vector<char> buffer_{std::vector<char>(4096)};
};

// Whether it begins as an object or a list does: what does not is no JSON of any API.
inline bool looks_like_json(std::string_view bytes) {
    const std::size_t first = bytes.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && (bytes[first] == '{' || bytes[first] == '[');
}

// Whether nothing stands after the value that was just read to its end.
inline bool at_end(ondemand::document& read) {
    return read.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

// A scalar's own spelling; simdjson's token runs on to the next one.
inline std::string_view trimmed(std::string_view token) {
    while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' ||
                              token.back() == '\t' || token.back() == '\0')) {
        token.remove_suffix(1);
    }
    return token;
}

// What stands between a string token's quotes; nullopt where it is none, or has an escape: no symbol, price
// or event name of any venue needs one.
inline std::optional<std::string_view> plain_string(std::string_view token) {
    token = trimmed(token);
    if (token.size() < 2 || token.front() != '"' || token.back() != '"') return std::nullopt;
    token = token.substr(1, token.size() - 2);
    if (token.find_first_of("\"\\") != std::string_view::npos) return std::nullopt;
    return token;
}

inline std::optional<std::int64_t> plain_integer(std::string_view token) {
    token = trimmed(token);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
    if (error != std::errc{} || end != token.data() + token.size()) return std::nullopt;
    return value;
}

// A price is a decimal > 0. Digits past the 18th place say nothing about one.
inline std::optional<Decimal> price_of(std::string_view digits) {
    const auto price = Decimal::parse(digits, Decimal::Excess::truncate);
    if (!price || !price->is_positive()) return std::nullopt;
    return *price;
}

// A time that a market may have: from 2009, when there was nothing to trade yet, to 2100.
inline std::optional<Timestamp> market_time(std::int64_t unix_ms) {
    if (unix_ms < 1'230'768'000'000 || unix_ms >= 4'102'444'800'000) return std::nullopt;
    return Timestamp{std::chrono::milliseconds{unix_ms}};
}

}  // namespace pricewire::feed::detail

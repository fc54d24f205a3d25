#include "storage/postgres/values.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/text.hpp"
#include "base/utf8.hpp"

namespace pricewire::storage::postgres {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

// One or more digits from `at` on; moves `at` behind them. -1 if there are none.
int number(std::string_view text, std::size_t& at) {
    int value = -1;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
    if (error != std::errc{} || value < 0) return -1;
    at = static_cast<std::size_t>(end - text.data());
    return value;
}

bool skip(std::string_view text, std::size_t& at, char c) {
    if (at >= text.size() || text[at] != c) return false;
    ++at;
    return true;
}

}  // namespace

Param param(const Uuid& id) {
    return id.to_string();
}

Param param(const Decimal& number) {
    return number.to_string();
}

Param param(Timestamp time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    if (time == Timestamp::max() || static_cast<int>(date.year()) > 9999) return "infinity";
    if (time == Timestamp::min() || static_cast<int>(date.year()) < 1) return "-infinity";
    const std::chrono::hh_mm_ss clock{time - day};
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                       clock.subseconds().count());
}

Param param(Bytes value) {
    return "\\x" +
           hex_encode({reinterpret_cast<const std::uint8_t*>(value.bytes.data()), value.bytes.size()});
}

Param param(std::string_view text) {
    if (is_utf8(text) && text.find('\0') == std::string_view::npos) return std::string(text);
    std::string out;
    while (!text.empty()) {
        const std::size_t length = text.front() == '\0' ? 0 : utf8_sequence(text);
        out += length > 0 ? text.substr(0, length) : replacement;
        text.remove_prefix(length > 0 ? length : 1);
    }
    return out;
}

void Array::append(const Param& element) {
    if (size_++ > 0) elements_ += ',';
    if (!element) {
        elements_ += "NULL";
        return;
    }
    elements_ += '"';
    for (const char c : *element) {
        if (c == '"' || c == '\\') elements_ += '\\';
        elements_ += c;
    }
    elements_ += '"';
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
    if (text == "infinity") return Timestamp::max();
    if (text == "-infinity") return Timestamp::min();
    std::size_t at = 0;
    const int year = number(text, at);
    if (year < 0 || !skip(text, at, '-')) return std::nullopt;
    const int month = number(text, at);
    if (month < 0 || !skip(text, at, '-')) return std::nullopt;
    const int day = number(text, at);
    if (day < 0 || !skip(text, at, ' ')) return std::nullopt;
    const int hour = number(text, at);
    if (hour < 0 || !skip(text, at, ':')) return std::nullopt;
    const int minute = number(text, at);
    if (minute < 0 || !skip(text, at, ':')) return std::nullopt;
    const int second = number(text, at);
    if (second < 0) return std::nullopt;
    int micros = 0;
    if (skip(text, at, '.')) {
        const std::size_t start = at;
        micros = number(text, at);
        if (micros < 0 || at - start > 6) return std::nullopt;
        for (std::size_t places = at - start; places < 6; ++places) micros *= 10;
    }
    if (text.substr(at) != "+00") return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{year},
                                           std::chrono::month{static_cast<unsigned>(month)},
                                           std::chrono::day{static_cast<unsigned>(day)}};
    if (!date.ok()) return std::nullopt;
    return Timestamp{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
           std::chrono::seconds{second} + Duration{micros};
}

std::optional<std::string> parse_bytea(std::string_view text) {
    if (!text.starts_with("\\x") || text.size() % 2 != 0) return std::nullopt;
    std::string out;
    out.reserve(text.size() / 2 - 1);
    for (std::size_t i = 2; i < text.size(); i += 2) {
        const int high = hex_digit(text[i]);
        const int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
    }
    return out;
}

}  // namespace pricewire::storage::postgres

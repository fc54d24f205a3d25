#include "base/decimal.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"

namespace pricewire::inline base {
namespace {

constexpr auto max_raw = static_cast<Decimal::Raw>((static_cast<Decimal::Unsigned>(1) << 127) - 1);
// Digits beyond these could only be zeros; a longer text is refused unread.
constexpr std::size_t max_text = 128;
constexpr int max_exponent = 1000;

}  // namespace

Result<Decimal> Decimal::parse(std::string_view text, Excess excess) {
    if (text.empty() || text.size() > max_text) return fail("not a decimal number");
    std::size_t i = 0;
    const bool negative = text[i] == '-';
    if (negative) ++i;

    const std::size_t int_begin = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    const std::string_view int_digits = text.substr(int_begin, i - int_begin);
    if (int_digits.empty() || (int_digits.size() > 1 && int_digits[0] == '0'))
        return fail("not a decimal number");

    std::string_view frac_digits;
    if (i < text.size() && text[i] == '.') {
        const std::size_t frac_begin = ++i;
        while (i < text.size() && is_digit(text[i])) ++i;
        frac_digits = text.substr(frac_begin, i - frac_begin);
        if (frac_digits.empty()) return fail("not a decimal number");
    }

    int exponent = 0;
    if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
        ++i;
        const bool minus = i < text.size() && text[i] == '-';
        if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
        const std::size_t exp_begin = i;
        for (; i < text.size() && is_digit(text[i]); ++i) {
            exponent = std::min(exponent * 10 + (text[i] - '0'), max_exponent);
        }
        if (i == exp_begin) return fail("not a decimal number");
        if (minus) exponent = -exponent;
    }
    if (i != text.size()) return fail("not a decimal number");

    // The digit at index k has the weight 10^(int_digits.size() - 1 - k + exponent); the last one kept,
    // 10^-18.
    Raw raw = 0;
    bool lost = false;
    const int total = static_cast<int>(int_digits.size() + frac_digits.size());
    const int last_kept = static_cast<int>(int_digits.size()) - 1 + exponent + places;
    for (int k = 0; k < total; ++k) {
        const char c = k < static_cast<int>(int_digits.size())
                           ? int_digits[static_cast<std::size_t>(k)]
                           : frac_digits[static_cast<std::size_t>(k) - int_digits.size()];
        const int digit = c - '0';
        if (k > last_kept) {
            lost = lost || digit != 0;
            continue;
        }
        if (raw > (max_raw - digit) / 10) return fail("number out of range");
        raw = raw * 10 + digit;
    }
    for (int k = std::max(total, 0); k <= last_kept && raw != 0; ++k) {
        if (raw > max_raw / 10) return fail("number out of range");
        raw *= 10;
    }
    if (lost && excess == Excess::refuse) return fail("more than 18 decimal places");
    return from_raw(negative ? -raw : raw);
}

std::string Decimal::to_string() const {
    std::array<char, 48> buffer{};
    char* end = buffer.data() + buffer.size();
    char* p = end;
    auto magnitude = raw_ < 0 ? -static_cast<Unsigned>(raw_) : static_cast<Unsigned>(raw_);
    auto whole = magnitude / static_cast<Decimal::Unsigned>(one_raw);
    auto fraction = static_cast<std::uint64_t>(magnitude % static_cast<Decimal::Unsigned>(one_raw));
    if (fraction != 0) {
        int digits = places;
        for (; fraction % 10 == 0; fraction /= 10) --digits;
        for (; digits > 0; --digits, fraction /= 10) *--p = static_cast<char>('0' + fraction % 10);
        *--p = '.';
    }
    do {
        *--p = static_cast<char>('0' + static_cast<int>(whole % 10));
        whole /= 10;
    } while (whole != 0);
    if (raw_ < 0) *--p = '-';
    return {p, end};
}

double Decimal::to_double() const {
    return static_cast<double>(raw_) / 1e18;
}

}  // namespace pricewire::inline base

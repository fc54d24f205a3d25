#include "base/http_date.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "base/detail/scanner.hpp"

namespace pricewire::inline base {
namespace {

using detail::Scanner;
using std::chrono::seconds;

constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> days{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                               "Thursday", "Friday", "Saturday"};
// The longest wait: more than any date with a year of four digits asks for.
constexpr std::int64_t most_seconds = 400'000'000'000;

struct Date {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;  // month from 0

    void read_time(Scanner& in) {
        hour = in.number(2);
        in.skip(":");
        minute = in.number(2);
        in.skip(":");
        second = in.number(2);
    }
    std::optional<Timestamp> time() const {
        const std::chrono::year_month_day date{std::chrono::year{year},
                                               std::chrono::month{static_cast<unsigned>(month) + 1},
                                               std::chrono::day{static_cast<unsigned>(day)}};
        // 60 is a leap second.
        if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
        return std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
               seconds{second};
    }
};

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<Timestamp> imf_fixdate(std::string_view text) {
    Scanner in(text);
    Date d;
    in.name(days, 3);
    in.skip(", ");
    d.day = in.number(2);
    in.skip(" ");
    d.month = in.name(months);
    in.skip(" ");
    d.year = in.number(4);
    in.skip(" ");
    d.read_time(in);
    in.skip(" GMT");
    return in.complete() ? d.time() : std::nullopt;
}

// "Sunday, 06-Nov-94 08:49:37 GMT"; a year more than 50 years ahead belongs to the century before.
std::optional<Timestamp> rfc850_date(std::string_view text, Timestamp now) {
    Scanner in(text);
    Date d;
    in.name(days);
    in.skip(", ");
    d.day = in.number(2);
    in.skip("-");
    d.month = in.name(months);
    in.skip("-");
    const int year = in.number(2);
    in.skip(" ");
    d.read_time(in);
    in.skip(" GMT");
    if (!in.complete()) return std::nullopt;
    const std::chrono::year_month_day today{std::chrono::floor<std::chrono::days>(now)};
    const int this_year = static_cast<int>(today.year());
    d.year = this_year - this_year % 100 + year;
    if (d.year > this_year + 50) d.year -= 100;
    return d.time();
}

// "Sun Nov  6 08:49:37 1994"
std::optional<Timestamp> asctime_date(std::string_view text) {
    Scanner in(text);
    Date d;
    in.name(days, 3);
    in.skip(" ");
    d.month = in.name(months);
    in.skip(" ");
    d.day = in.next_is(' ') && in.skip(" ") ? in.number(1) : in.number(2);
    in.skip(" ");
    d.read_time(in);
    in.skip(" ");
    d.year = in.number(4);
    return in.complete() ? d.time() : std::nullopt;
}

std::optional<Duration> delta_seconds(std::string_view text) {
    std::int64_t n = 0;
    for (const char c : text) {
        if (!is_digit(c)) return std::nullopt;
        n = std::min(n * 10 + (c - '0'), most_seconds);
    }
    return seconds{n};
}

}  // namespace

std::string format_http_date(Timestamp t) {
    const auto day = std::chrono::floor<std::chrono::days>(t);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{std::chrono::floor<seconds>(t - day)};
    return fmt::format(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", days[std::chrono::weekday{day}.c_encoding()].substr(0, 3),
        static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
        static_cast<int>(date.year()), time.hours().count(), time.minutes().count(), time.seconds().count());
}

std::optional<Timestamp> parse_http_date(std::string_view text, Timestamp now) {
    if (const auto time = imf_fixdate(text)) return time;
    if (const auto time = rfc850_date(text, now)) return time;
    return asctime_date(text);
}

std::optional<Duration> parse_retry_after(std::string_view text, Timestamp now) {
    text = trimmed(text);
    if (text.empty()) return std::nullopt;
    if (const auto wait = delta_seconds(text)) return wait;
    const auto date = parse_http_date(text, now);
    if (!date) return std::nullopt;
    return std::max(Duration::zero(), *date - now);
}

}  // namespace pricewire::inline base

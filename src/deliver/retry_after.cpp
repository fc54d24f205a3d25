#include "deliver/retry_after.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace pricewire::deliver {
namespace {

using std::chrono::seconds;

constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> days{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                               "Thursday", "Friday", "Saturday"};
// What no wait is longer than: enough for every date with a year of four digits.
constexpr std::int64_t most_seconds = 400'000'000'000;

// Reads a text from its beginning; the first thing that does not fit makes it bad for good.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool complete() const { return good_ && rest_.empty(); }
    bool good() const { return good_; }

    bool skip(std::string_view wanted) {
        if (!good_ || !rest_.starts_with(wanted)) return good_ = false;
        rest_.remove_prefix(wanted.size());
        return true;
    }
    // Exactly `count` digits.
    int number(std::size_t count) {
        int n = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (!good_ || rest_.empty() || rest_[0] < '0' || rest_[0] > '9') {
                good_ = false;
                return 0;
            }
            n = n * 10 + (rest_[0] - '0');
            rest_.remove_prefix(1);
        }
        return n;
    }
    // The index of the name that stands here, of its first `letters` where given.
    template <std::size_t N>
    int name(const std::array<std::string_view, N>& names, std::size_t letters = std::string_view::npos) {
        for (std::size_t i = 0; i < N; ++i) {
            const std::string_view name = names[i].substr(0, letters);
            if (good_ && rest_.starts_with(name)) {
                rest_.remove_prefix(name.size());
                return static_cast<int>(i);
            }
        }
        good_ = false;
        return 0;
    }
    bool starts_with(std::string_view text) const { return rest_.starts_with(text); }

private:
    std::string_view rest_;
    bool good_ = true;
};

struct Date {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;  // month from 0

    void read_time(Reader& r) {
        hour = r.number(2);
        r.skip(":");
        minute = r.number(2);
        r.skip(":");
        second = r.number(2);
    }
    std::optional<Timestamp> moment() const {
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
    Reader r(text);
    Date d;
    r.name(days, 3);
    r.skip(", ");
    d.day = r.number(2);
    r.skip(" ");
    d.month = r.name(months);
    r.skip(" ");
    d.year = r.number(4);
    r.skip(" ");
    d.read_time(r);
    r.skip(" GMT");
    return r.complete() ? d.moment() : std::nullopt;
}

// "Sunday, 06-Nov-94 08:49:37 GMT"; a year that would be more than 50 years ahead is of the century before.
std::optional<Timestamp> rfc850_date(std::string_view text, Timestamp now) {
    Reader r(text);
    Date d;
    r.name(days);
    r.skip(", ");
    d.day = r.number(2);
    r.skip("-");
    d.month = r.name(months);
    r.skip("-");
    const int year = r.number(2);
    r.skip(" ");
    d.read_time(r);
    r.skip(" GMT");
    if (!r.complete()) return std::nullopt;
    const std::chrono::year_month_day today{std::chrono::floor<std::chrono::days>(now)};
    const int this_year = static_cast<int>(today.year());
    d.year = this_year - this_year % 100 + year;
    if (d.year > this_year + 50) d.year -= 100;
    return d.moment();
}

// "Sun Nov  6 08:49:37 1994"
std::optional<Timestamp> asctime_date(std::string_view text) {
    Reader r(text);
    Date d;
    r.name(days, 3);
    r.skip(" ");
    d.month = r.name(months);
    r.skip(" ");
    if (r.starts_with(" ")) {
        r.skip(" ");
        d.day = r.number(1);
    } else {
        d.day = r.number(2);
    }
    r.skip(" ");
    d.read_time(r);
    r.skip(" ");
    d.year = r.number(4);
    return r.complete() ? d.moment() : std::nullopt;
}

std::optional<Duration> delta_seconds(std::string_view text) {
    std::int64_t n = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        n = std::min(n * 10 + (c - '0'), most_seconds);
    }
    return seconds{n};
}

}  // namespace

std::optional<Duration> parse_retry_after(std::string_view text, Timestamp now) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    if (text.empty()) return std::nullopt;
    if (const auto wait = delta_seconds(text)) return wait;
    auto moment = imf_fixdate(text);
    if (!moment) moment = rfc850_date(text, now);
    if (!moment) moment = asctime_date(text);
    if (!moment) return std::nullopt;
    return std::max(Duration::zero(), *moment - now);
}

}  // namespace pricewire::deliver

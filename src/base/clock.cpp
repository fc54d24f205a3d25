#include "base/clock.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace pricewire::inline base {
namespace {

using namespace std::chrono;

class SystemClock final : public Clock {
public:
    Timestamp now() const override { return time_point_cast<microseconds>(std::chrono::system_clock::now()); }
    MonoTime mono() const override { return steady_clock::now(); }
};

// Reads exactly `count` digits at `pos` and moves past them.
std::optional<int> fixed_digits(std::string_view text, std::size_t& pos, std::size_t count) {
    if (pos + count > text.size()) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const char c = text[pos + i];
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    pos += count;
    return value;
}

bool take(std::string_view text, std::size_t& pos, std::string_view any_of) {
    if (pos >= text.size() || any_of.find(text[pos]) == std::string_view::npos) return false;
    ++pos;
    return true;
}

struct Unit {
    std::string_view name;
    Duration length;
};
constexpr std::array<Unit, 6> units{{{"d", hours{24}},
                                     {"h", hours{1}},
                                     {"m", minutes{1}},
                                     {"s", seconds{1}},
                                     {"ms", milliseconds{1}},
                                     {"us", microseconds{1}}}};

}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}

std::string format_rfc3339(Timestamp t) {
    const auto day = floor<days>(t);
    const year_month_day date{day};
    const hh_mm_ss time{t - day};
    std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                  time.hours().count(), time.minutes().count(), time.seconds().count());
    if (const auto micros = time.subseconds().count(); micros != 0) {
        out += fmt::format(".{:06}", micros);
        out.erase(out.find_last_not_of('0') + 1);
    }
    out += 'Z';
    return out;
}

Result<Timestamp> parse_rfc3339(std::string_view text) {
    const auto bad = [] { return fail("not a date and time such as 2025-01-01T00:00:00Z"); };
    std::size_t pos = 0;
    const auto y = fixed_digits(text, pos, 4);
    if (!y || !take(text, pos, "-")) return bad();
    const auto mo = fixed_digits(text, pos, 2);
    if (!mo || !take(text, pos, "-")) return bad();
    const auto d = fixed_digits(text, pos, 2);
    if (!d || !take(text, pos, "Tt ")) return bad();
    const auto h = fixed_digits(text, pos, 2);
    if (!h || !take(text, pos, ":")) return bad();
    const auto mi = fixed_digits(text, pos, 2);
    if (!mi || !take(text, pos, ":")) return bad();
    const auto s = fixed_digits(text, pos, 2);
    if (!s) return bad();
    std::int64_t micros = 0;
    if (take(text, pos, ".")) {
        std::int64_t scale = 100'000;
        const std::size_t begin = pos;
        for (; pos < text.size() && text[pos] >= '0' && text[pos] <= '9'; ++pos, scale /= 10) {
            micros += (text[pos] - '0') * scale;
        }
        if (pos == begin) return bad();
    }
    minutes offset{0};
    if (!take(text, pos, "Zz")) {
        if (pos >= text.size() || (text[pos] != '+' && text[pos] != '-')) return bad();
        const bool minus = text[pos++] == '-';
        const auto oh = fixed_digits(text, pos, 2);
        if (!oh || !take(text, pos, ":")) return bad();
        const auto om = fixed_digits(text, pos, 2);
        if (!om || *oh > 23 || *om > 59) return bad();
        offset = hours{*oh} + minutes{*om};
        if (minus) offset = -offset;
    }
    const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
    if (pos != text.size() || !date.ok() || *h > 23 || *mi > 59 || *s > 60) return bad();
    return Timestamp{sys_days{date} + hours{*h} + minutes{*mi} + seconds{*s} + microseconds{micros} - offset};
}

Result<Duration> parse_duration(std::string_view text) {
    const auto bad = [&] {
        return fail(fmt::format("'{}' is not a duration such as 200ms, 10s, 5m or 24h", text));
    };
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || count < 0) return bad();
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const Unit& u : units) {
        if (u.name != unit) continue;
        // A century is longer than any setting means, and keeps later sums far from overflow.
        if (count > duration_cast<Duration>(hours{24 * 36'525}) / u.length) return fail("duration too long");
        return u.length * count;
    }
    return bad();
}

std::string format_duration(Duration d) {
    if (d.count() == 0) return "0s";
    for (const Unit& u : units) {
        // Days are read but not written: "24h" is what people expect to see for a day.
        if (u.name != "d" && d % u.length == Duration::zero())
            return fmt::format("{}{}", d / u.length, u.name);
    }
    return fmt::format("{}us", d.count());
}

}  // namespace pricewire::inline base

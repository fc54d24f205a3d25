#include "base/clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/decimal.hpp"
#include "base/detail/scanner.hpp"

namespace pricewire::inline base {
namespace {

using namespace std::chrono;

class SystemClock final : public Clock {
public:
    Timestamp now() const override { return time_point_cast<microseconds>(std::chrono::system_clock::now()); }
    MonoTime mono() const override { return steady_clock::now(); }
};

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

std::unexpected<Error> not_a_time() {
    return fail("not a date and time such as 2025-01-01T00:00:00Z");
}

// Digits behind a decimal point, in microseconds; those beyond are cut off.
std::int64_t first_micros(std::string_view digits) {
    std::int64_t micros = 0;
    std::int64_t scale = 100'000;
    for (const char c : digits) {
        micros += (c - '0') * scale;
        scale /= 10;
    }
    return micros;
}

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
    detail::Scanner in(text);
    const int y = in.number(4);
    in.skip("-");
    const int mo = in.number(2);
    in.skip("-");
    const int d = in.number(2);
    in.skip_any_of("Tt ");
    const int h = in.number(2);
    in.skip(":");
    const int mi = in.number(2);
    in.skip(":");
    const int s = in.number(2);
    const std::int64_t micros = in.next_is('.') && in.skip(".") ? first_micros(in.digits()) : 0;
    minutes offset{0};
    if (in.next_is('+') || in.next_is('-')) {
        const int sign = in.next_is('-') ? -1 : 1;
        in.skip_any_of("+-");
        const int hours_off = in.number(2);
        in.skip(":");
        const int minutes_off = in.number(2);
        if (hours_off > 23 || minutes_off > 59) return not_a_time();
        offset = sign * (hours{hours_off} + minutes{minutes_off});
    } else {
        in.skip_any_of("Zz");
    }
    const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
    if (!in.complete() || !date.ok() || h > 23 || mi > 59 || s > 60) return not_a_time();
    return Timestamp{sys_days{date} + hours{h} + minutes{mi} + seconds{s} + microseconds{micros} - offset};
}

Result<Duration> parse_duration(std::string_view text) {
    const auto bad = [&] {
        return fail(fmt::format("'{}' is not a duration such as 200ms, 10s, 5m or 24h", text));
    };
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto count = parse_number<std::int64_t>(text.substr(0, digits));
    if (!count) return bad();
    for (const Unit& u : units) {
        if (u.name != text.substr(digits)) continue;
        // A century is longer than any setting needs, and keeps later sums far from overflow.
        if (*count > duration_cast<Duration>(hours{24 * 36'525}) / u.length) return fail("duration too long");
        return u.length * *count;
    }
    return bad();
}

std::optional<Duration> parse_seconds(std::string_view number) {
    const auto seconds = Decimal::parse(number, Decimal::Excess::truncate);
    if (!seconds) return std::nullopt;
    const Decimal::Raw micros = seconds->raw() / (Decimal::one_raw / 1'000'000);
    return Duration{static_cast<std::int64_t>(
        std::clamp(micros, Decimal::Raw{Duration::min().count()}, Decimal::Raw{Duration::max().count()}))};
}

std::string format_duration(Duration d) {
    if (d.count() == 0) return "0s";
    for (const Unit& u : units) {
        // Days are read but not written: a day is written as "24h".
        if (u.name != "d" && d % u.length == Duration::zero())
            return fmt::format("{}{}", d / u.length, u.name);
    }
    return fmt::format("{}us", d.count());
}

}  // namespace pricewire::inline base

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/text.hpp"
#include "domain/rule.hpp"
#include "rule/brute_force_fixture.hpp"

// Random alerts and prices, in which equal values, moments at which several things happen, and edges of windows are common.
namespace pricewire::rule {

// Of a variable that says how many random cases are to be tried, or the first one's number.
inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
    const char* const text = std::getenv(name);
    return text != nullptr ? parse_number<std::uint64_t>(text).value() : otherwise;
}

struct RandomAlert {
    Terms terms;
    brute_force::Life life;
    std::vector<brute_force::Event> events;  // in order of arrival
    bool some_are_late = false;
};

class RandomAlerts {
public:
    explicit RandomAlerts(std::uint64_t seed) : random_(seed) {}

    static constexpr Timestamp origin{std::chrono::hours{24 * 20'000}};

    RandomAlert next() {
        RandomAlert out;
        out.terms = terms();
        out.life = life();
        out.some_are_late = chance(40);
        out.events = events(out.some_are_late);
        if (out.some_are_late) delay_some(out.events);
        return out;
    }
    // Without a new start; of one that was edited as `last` says.
    brute_force::Edit edit(brute_force::Edit last, Timestamp now) {
        const auto soon = [&](int limit) {
            return now + std::chrono::seconds{1 + below(limit)} + std::chrono::milliseconds{500};
        };
        last.time = now;
        const int kind = below(10);
        if (kind < 5) {
            last.snoozed_until = soon(kind < 2 ? 10 : 120);
        } else if (kind < 7) {
            last.snoozed_until.reset();
        } else if (kind == 7) {
            last.expires.reset();
            if (chance(50)) last.expires = soon(300);
        } else if (last.repeat) {
            last.repeat = repeat();
        }
        return last;
    }
    int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
    bool chance(int percent) { return below(100) < percent; }

private:
    template <typename T>
    T one_of(std::initializer_list<T> all) {
        return *(all.begin() + below(static_cast<int>(all.size())));
    }
    static Decimal number(const char* text) { return Decimal::parse(text).value(); }
    // In halves.
    static Decimal halves(int count) { return Decimal::from_raw(Decimal::one_raw / 2 * count); }

    Decimal price(const Ticker& ticker) {
        const bool is_btc = ticker == Ticker("BTC");
        int& at = is_btc ? btc_ : eth_;
        at = std::clamp(at + below(9) - 4, is_btc ? 186 : 86, is_btc ? 214 : 114);
        if (chance(3)) return number("100.000000000000000001");
        if (chance(2)) return number("99.123456789012345678");
        return halves(at);
    }
    Change change() {
        if (chance(40)) return {halves(one_of({-6, -4, -2, -1, 1, 2, 4, 6})), false};
        return {
            number(one_of({"-5", "-3", "-2", "-1", "-0.5", "-0.3333", "0.25", "0.5", "1", "2", "3", "5"})),
            true};
    }
    Change signed_change(bool up) {
        Change out = change();
        if (out.amount.is_positive() != up) out.amount = -out.amount;
        return out;
    }
    Level anchored() {
        Level out;
        out.from = one_of({Anchor::start, Anchor::high, Anchor::low, Anchor::high, Anchor::low});
        if (out.from != Anchor::start && chance(60))
            out.over = one_of({minutes(1), minutes(1), minutes(5), minutes(15), minutes(60)});
        if (out.from == Anchor::start || chance(80)) out.by = change();
        return out;
    }
    Level plain(int halves_of_level) {
        Level out{.number = halves(halves_of_level)};
        if (chance(15)) out.by = change();
        return out;
    }
    static Duration minutes(int count) { return std::chrono::minutes{count}; }

    void set_levels(Rule& rule) {
        const int middle = rule.ticker == Ticker("BTC") ? 200 : 100;
        const bool is_ratio = rule.watched == Watched::ratio;
        const auto any_plain = [&] {
            if (!is_ratio) return plain(middle + below(13) - 6);
            return Level{.number = number(one_of({"0.49", "0.5", "0.505", "2", "1.98"}))};
        };
        if (!is_channel(rule.word)) {
            rule.level = rule.watched != Watched::close && chance(55) ? anchored() : any_plain();
            return;
        }
        if (rule.watched == Watched::close || chance(50)) {
            rule.level = any_plain();
            rule.upper = rule.level;
            rule.level.by.reset();
            rule.upper->by = signed_change(true);
            if (rule.watched == Watched::close) {
                rule.upper->by.reset();
                rule.upper->number = rule.level.number + halves(1 + below(6));
            }
            return;
        }
        rule.level = anchored();
        rule.upper = anchored();
        rule.level.by = signed_change(false);
        rule.upper->by = signed_change(true);
    }
    Word word(bool state_only) { return static_cast<Word>(below(state_only ? 4 : 9)); }
    Rule rule(Joined joined) {
        Rule out;
        out.ticker = Ticker(chance(70) ? "BTC" : "ETH");
        const int kind = below(100);
        if (joined == Joined::one && kind < 12) {
            out.watched = Watched::age;
            out.level.number = Decimal::from_int(one_of({5, 10, 30, 60, 61}));
            return out;
        }
        if (joined == Joined::one && kind < 24) {
            out.watched = Watched::close;
            out.interval = one_of({minutes(1), minutes(1), minutes(5), minutes(60)});
        } else if (kind < 40) {
            out.watched = Watched::ratio;
            out.other = Ticker(out.ticker == Ticker("BTC") ? "ETH" : "BTC");
        }
        out.word = word(joined == Joined::all);
        set_levels(out);
        return out;
    }
    Terms terms() {
        Terms out;
        out.joined = one_of({Joined::one, Joined::one, Joined::one, Joined::all, Joined::any});
        const int count = out.joined == Joined::one ? 1 : 2 + below(3);
        for (int i = 0; i < count; ++i) out.rules.push_back(rule(out.joined));
        const bool has_window = std::any_of(out.rules.begin(), out.rules.end(), [](const Rule& r) {
            return r.level.over > Duration{} || (r.upper && r.upper->over > Duration{});
        });
        if (!has_window && out.rules[0].watched != Watched::age && chance(45))
            out.hold = std::chrono::seconds{one_of({1, 5, 10, 30, 45, 120})};
        if (chance(35)) return out;
        out.repeat = repeat();
        return out;
    }
    Repeat repeat() {
        Repeat out{.cooldown = std::chrono::seconds{one_of({10, 10, 15, 60, 300})}};
        out.rearm = {number(one_of({"0", "0", "0.5", "1", "2"})), !chance(25)};
        if (chance(40)) out.times = 1 + below(4);
        return out;
    }
    brute_force::Life life() {
        const auto seconds = [this](int limit) { return std::chrono::seconds{below(limit)}; };
        brute_force::Life out{origin + (chance(50) ? std::chrono::seconds{0} : seconds(90))};
        if (chance(15)) out.expires = out.begins + seconds(400) + std::chrono::seconds{1};
        if (chance(20)) out.snoozed_until = out.begins + seconds(300);
        return out;
    }
    // `apart`: nothing else has the time of one, since a firing that is imposed comes after everything else of its moment.
    std::vector<brute_force::Event> events(bool apart) {
        std::vector<brute_force::Event> out;
        btc_ = 200 + below(9) - 4;
        eth_ = 100 + below(9) - 4;
        Timestamp time = origin - std::chrono::seconds{one_of({1, 5, 60, 300, 4000})};
        const int count = 8 + below(45);
        const int jump = one_of({0, 2, 6});
        for (int i = 0; i < count; ++i) {
            if (apart) time += std::chrono::microseconds{1 + below(999)};
            const Ticker ticker(chance(65) ? "BTC" : "ETH");
            const bool gone = chance(8);
            out.push_back({time, ticker, gone ? std::nullopt : std::optional(price(ticker))});
            if (!apart && chance(12)) continue;
            time += std::chrono::seconds{chance(jump) ? 600 + below(3600)
                                         : chance(6)  ? 50 + below(30)
                                                      : 1 + below(12)};
        }
        return out;
    }
    // Some arrive after others that were made later, within two minutes.
    void delay_some(std::vector<brute_force::Event>& events) {
        for (int i = 0; i < 3; ++i) {
            const auto from = static_cast<std::size_t>(below(static_cast<int>(events.size())));
            auto to = from;
            const auto limit = from + 1 + static_cast<std::size_t>(below(8));
            while (to + 1 < events.size() && to < limit &&
                   events[to + 1].time - events[from].time < std::chrono::minutes{2})
                ++to;
            std::rotate(events.begin() + static_cast<std::ptrdiff_t>(from),
                        events.begin() + static_cast<std::ptrdiff_t>(from) + 1,
                        events.begin() + static_cast<std::ptrdiff_t>(to) + 1);
        }
    }

    std::mt19937_64 random_;
    int btc_ = 200, eth_ = 100;  // in halves
};

}  // namespace pricewire::rule

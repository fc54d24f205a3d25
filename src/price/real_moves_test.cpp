// Moves of the whole market, as trades at many venues with their own noise, delays and pace: a level that the venues
// cross is crossed by the price within a second, and none that they do not.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "price/market.hpp"

namespace pricewire::price {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp first_moment{std::chrono::seconds{1'700'000'000}};
// How far beyond a level the venues' plain median must be before it counts as crossed: noise and weights differ.
constexpr double clear = 0.0008;

// Dollars every 50 ms.
using Path = std::vector<double>;
constexpr Duration step = 50ms;

struct Venue {
    const char* name;
    const char* currency;
    int weight;
    double noise_bp;
    Duration delay;
    Duration pace;  // between two trades, on average
};
constexpr Venue venues[] = {
    {"binance", "USDT", 4, 1, 40ms, 150ms},    {"coinbase", "USD", 4, 1, 80ms, 200ms},
    {"kraken", "USD", 4, 2, 60ms, 600ms},      {"okx", "USDT", 4, 1, 120ms, 200ms},
    {"bybit", "USDT", 4, 2, 150ms, 250ms},     {"bitstamp", "USD", 2, 4, 90ms, 2s},
    {"bitfinex", "USD", 2, 4, 100ms, 1500ms},  {"gemini", "USD", 2, 6, 200ms, 3s},
    {"kucoin", "USDT", 2, 3, 250ms, 500ms},    {"gateio", "USDT", 2, 3, 300ms, 500ms},
    {"crypto_com", "USD", 2, 4, 180ms, 700ms}, {"bitget", "USDT", 2, 3, 220ms, 500ms},
};
constexpr double usdt = 0.9994;

Decimal decimal(double value) {
    return Decimal::parse(fmt::format("{:.8f}", value)).value();
}

std::vector<Quote> quotes_of(const Path& path, std::mt19937_64& random, double slower) {
    std::vector<Quote> out;
    const Duration length = step * static_cast<std::int64_t>(path.size());
    for (const Venue& venue : venues) {
        std::exponential_distribution<double> pause(1.0 / (slower * static_cast<double>(venue.pace.count())));
        std::uniform_real_distribution<double> noise(-venue.noise_bp / 10'000, venue.noise_bp / 10'000);
        std::uint64_t id = 0;
        const bool is_usdt = std::string_view(venue.currency) == "USDT";
        for (Duration at{static_cast<std::int64_t>(pause(random))}; at < length;
             at += Duration{static_cast<std::int64_t>(pause(random)) + 1}) {
            const double dollars = path[static_cast<std::size_t>(at / step)] * (1 + noise(random));
            Quote quote{venue.name,
                        SourceKind::exchange,
                        "BTC",
                        decimal(dollars / (is_usdt ? usdt : 1)),
                        first_moment + at,
                        first_moment + at + venue.delay,
                        venue.currency};
            quote.trade_id = ++id;
            out.push_back(quote);
        }
    }
    for (Duration at{}; at < length; at += 20s) {
        for (const char* source : {"coinbase", "kraken", "bitfinex"})
            out.push_back({source, SourceKind::exchange, "USDT", decimal(usdt), first_moment + at,
                           first_moment + at, "USD"});
    }
    std::ranges::sort(out, {}, &Quote::received_at);
    return out;
}

// The extremes so far: only a new one crosses anything.
struct Extremes {
    double low = 1e18, high = 0;
    bool extend(double value) {
        const bool is_new = value < low || value > high;
        low = std::min(low, value);
        high = std::max(high, value);
        return is_new;
    }
};

// A level, and when it was crossed by the price, by the truth and by the plain median of the venues' last trades.
struct Level {
    double value;
    bool is_below;  // whether it is crossed by falling below it
    std::optional<Timestamp> by_price;
    std::optional<Timestamp> touched;            // by the truth, or nearly
    std::optional<Timestamp> crossed_by_venues;  // clearly

    bool is_beyond(double price, double margin) const {
        return is_below ? price < value * (1 - margin) : price > value * (1 + margin);
    }
    void note(std::optional<Timestamp>& when, double price, double margin, Timestamp now) const {
        if (!when && is_beyond(price, margin)) when = now;
    }
};

class Move {
public:
    Move(const Path& path, std::vector<Level> levels)
        : path_(path),
          levels_(std::move(levels)),
          market_(std::vector<Ticker>{"BTC"}, policy(),
                  {.price = [this](const Price& price) { on_price(price.value.to_double()); },
                   .price_gone = [this](const PriceGone&) { ++gaps; },
                   .board = [](const TickerBoard&) {}}) {}

    void play(const std::vector<Quote>& quotes) {
        Timestamp refreshed = first_moment;
        for (const Quote& quote : quotes) {
            for (; refreshed + 1s <= quote.received_at; refreshed += 1s) {
                now_ = refreshed + 1s;
                market_.refresh(now_);
            }
            now_ = quote.received_at;
            if (quote.ticker == Ticker("BTC")) note_venues(quote);
            market_.on_quotes({&quote, 1}, now_);
        }
    }

    // What is wrong with a level; empty: nothing.
    std::string verdict(const Level& level) const {
        if (level.crossed_by_venues && *level.crossed_by_venues + 1s < now_ &&
            (!level.by_price || *level.by_price > *level.crossed_by_venues + 1s))
            return fmt::format("{} was crossed by the venues at {} and by the price at {}", level.value,
                               shown(level.crossed_by_venues), shown(level.by_price));
        if (level.by_price && (!level.touched || *level.touched > *level.by_price))
            return fmt::format("{} was crossed by the price at {} and by the market at {}", level.value,
                               shown(level.by_price), shown(level.touched));
        return {};
    }
    const std::vector<Level>& levels() const { return levels_; }

    int gaps = 0;

private:
    static ConsolidationPolicy policy() {
        ConsolidationPolicy out;
        for (const Venue& venue : venues) out.sources[venue.name].weight = venue.weight;
        return out;
    }
    static std::string shown(std::optional<Timestamp> at) {
        return at ? fmt::format("{:.3f} s", static_cast<double>((*at - first_moment).count()) / 1e6)
                  : "no time";
    }
    void on_price(double price) {
        if (!prices_.extend(price)) return;
        for (Level& level : levels_) level.note(level.by_price, price, 0, now_);
    }
    void note_venues(const Quote& quote) {
        const double dollars = quote.price.to_double() * (quote.currency == Currency("USDT") ? usdt : 1);
        last_[quote.source] = dollars;
        const double truth = path_[static_cast<std::size_t>((quote.time - first_moment) / step)];
        if (truths_.extend(truth)) {
            for (Level& level : levels_) level.note(level.touched, truth, -clear, now_);
        }
        if (last_.size() < std::size(venues)) return;
        std::vector<double> sorted;
        for (const auto& [name, value] : last_) sorted.push_back(value);
        std::ranges::sort(sorted);
        const double median = (sorted[sorted.size() / 2 - 1] + sorted[sorted.size() / 2]) / 2;
        if (!medians_.extend(median)) return;
        for (Level& level : levels_) level.note(level.crossed_by_venues, median, clear, now_);
    }

    const Path& path_;
    std::vector<Level> levels_;
    Extremes prices_, truths_, medians_;
    Timestamp now_ = first_moment;
    std::map<SourceName, double> last_;
    Market market_;
};

// Levels on both sides of where the path begins, most of them within its range.
std::vector<Level> levels_of(const Path& path, std::mt19937_64& random) {
    const auto [low, high] = std::ranges::minmax(path);
    std::uniform_real_distribution<double> value(low * 0.995, high * 1.005);
    std::vector<Level> out;
    for (int i = 0; i < 60; ++i) {
        const double at = value(random);
        if (std::abs(at / path.front() - 1) > 0.002) out.push_back({at, at < path.front(), {}, {}, {}});
    }
    return out;
}

void expect_every_crossing(const Path& path, std::uint64_t seed, int most_gaps, double slower = 1) {
    std::mt19937_64 random(seed);
    Move move(path, levels_of(path, random));
    move.play(quotes_of(path, random, slower));
    int crossed = 0;
    for (const Level& level : move.levels()) {
        EXPECT_EQ(move.verdict(level), "") << "seed " << seed;
        crossed += level.crossed_by_venues ? 1 : 0;
    }
    EXPECT_GT(crossed, 5) << "seed " << seed;
    EXPECT_LE(move.gaps, most_gaps) << "seed " << seed;
}

// A fall of 30 % in five minutes that does not come evenly: pauses, recoveries, and steps of up to a per cent.
Path crash(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> wobble(0, 0.0002);
    Path path(20s / step, 65'000);
    double price = 65'000;
    constexpr int steps = 300s / step;
    for (int i = 0; i < steps; ++i) {
        const double rest = std::log(0.7 * 65'000 / price) / (steps - i);
        const double pace = random() % 3 == 0 ? 3.0 : 0.0;
        price *= std::exp(rest * pace + wobble(random));
        if (random() % 400 == 0) price *= 0.99;
        path.push_back(price);
    }
    return path;
}

TEST(RealMoves, ACrashOfThirtyPercentInFiveMinutesCrossesEveryLevelWithinASecond) {
    for (const std::uint64_t seed : {1, 2, 3, 4}) expect_every_crossing(crash(seed), seed, 0);
}

TEST(RealMoves, ACrashAndItsRecoveryInSecondsIsFollowed) {
    for (const std::uint64_t seed : {1, 2, 3}) {
        std::mt19937_64 random(seed);
        Path path(20s / step, 65'000);
        for (int i = 0; i < 5s / step; ++i) path.push_back(path.back() * 0.9985);  // 14 %
        path.insert(path.end(), 5s / step, path.back());
        for (int i = 0; i < 10s / step; ++i) path.push_back(path.back() * 1.0006);
        path.insert(path.end(), 20s / step, path.back());
        expect_every_crossing(path, seed, 3);
    }
}

// ---- Recorded

struct MinuteBar {
    double open, high, low, close;
};

std::vector<MinuteBar> bars_of(const std::filesystem::path& file) {
    std::vector<MinuteBar> out;
    const gzFile in = gzopen(file.c_str(), "rb");
    if (in == nullptr) return out;
    char line[256];
    while (gzgets(in, line, sizeof line) != nullptr) {
        MinuteBar bar{};
        if (std::sscanf(line, "%*[^,],%lf,%lf,%lf,%lf", &bar.open, &bar.high, &bar.low, &bar.close) == 4)
            out.push_back(bar);
    }
    gzclose(in);
    return out;
}

// The hour with the widest range.
std::span<const MinuteBar> steepest_hour(std::span<const MinuteBar> bars) {
    constexpr std::size_t hour = 60;
    std::span<const MinuteBar> best;
    double widest = 0;
    for (std::size_t i = 0; i + hour <= bars.size(); ++i) {
        const auto window = bars.subspan(i, hour);
        const double low = std::ranges::min(window, {}, &MinuteBar::low).low;
        const double high = std::ranges::max(window, {}, &MinuteBar::high).high;
        if ((high - low) / low > widest) {
            widest = (high - low) / low;
            best = window;
        }
    }
    return best;
}

// Through each bar: from its open to one of its ends, to the other, to its close, scaled to bitcoin's size.
Path path_of(std::span<const MinuteBar> bars, std::mt19937_64& random) {
    Path path;
    const double scale = 65'000 / bars.front().open;
    const auto go = [&](double from, double to, std::size_t steps) {
        for (std::size_t i = 1; i <= steps; ++i)
            path.push_back(scale *
                           (from + (to - from) * static_cast<double>(i) / static_cast<double>(steps)));
    };
    constexpr std::size_t steps = 60s / step;
    for (const MinuteBar& bar : bars) {
        const bool falls_first = random() % 2 == 0;
        const std::size_t first = steps / 10 + random() % (steps / 4),
                          second = steps / 10 + random() % (steps / 4);
        go(bar.open, falls_first ? bar.low : bar.high, first);
        go(falls_first ? bar.low : bar.high, falls_first ? bar.high : bar.low, second);
        go(falls_first ? bar.high : bar.low, bar.close, steps - first - second);
    }
    return path;
}

TEST(RealMoves, TheSteepestRecordedHoursCrossEveryLevelWithinASecond) {
    const char* named = std::getenv("PRICEWIRE_RECORDINGS");
    const std::filesystem::path folder =
        std::filesystem::path(named != nullptr ? named : PRICEWIRE_SOURCE_DIR "/../shared/recordings") /
        "minute-bars";
    if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const auto bars = bars_of(entry.path());
        if (bars.size() < 60) continue;
        std::mt19937_64 random(7);
        SCOPED_TRACE(entry.path().filename());
        expect_every_crossing(path_of(steepest_hour(bars), random), 7, 0, 4);
    }
}

}  // namespace
}  // namespace pricewire::price

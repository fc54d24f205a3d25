#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/tally.hpp"
#include "domain/market.hpp"

// Counts of a market's quotes and prices. Written by the market's thread without locks, read by any thread.
namespace pricewire::price {

// The quotes of one source for one ticker.
struct QuoteMeter {
    explicit QuoteMeter(SourceName name) : source(name) {}

    void note(const Quote& quote, std::optional<Verdict> verdict) {
        (verdict ? judged[static_cast<std::size_t>(*verdict)] : outdated).add();
        received_us.store(to_micros(quote.received_at), std::memory_order_relaxed);
    }
    // When the last one arrived; nullopt before the first.
    std::optional<Timestamp> received_at() const {
        const std::int64_t us = received_us.load(std::memory_order_relaxed);
        return us == 0 ? std::nullopt : std::optional(from_micros(us));
    }

    // Its place on the last board.
    void note(const JudgedQuote& quote, bool has_price) {
        counts.store(quote.verdict == Verdict::counted, std::memory_order_relaxed);
        spread.store(has_price && quote.dollars ? quote.spread_bp10 : no_spread, std::memory_order_relaxed);
    }
    // From the price, in tenths of a basis point; nullopt without either.
    std::optional<std::int64_t> spread_bp10() const {
        const std::int64_t value = spread.load(std::memory_order_relaxed);
        return value == no_spread ? std::nullopt : std::optional(value);
    }

    static constexpr std::int64_t no_spread = std::numeric_limits<std::int64_t>::min();

    const SourceName source;
    std::array<Tally, verdict_names.size()> judged;  // by the verdict on arrival
    Tally outdated;                                  // ignored: older than the one before it
    std::atomic<std::int64_t> received_us = 0;
    std::atomic<bool> counts = false;
    std::atomic<std::int64_t> spread = no_spread;
};

struct TickerMeter {
    explicit TickerMeter(Ticker name) : ticker(name) {}

    // Sources are few: a linear search is faster than any index. Null: not one of those given to the market.
    QuoteMeter* of(SourceName source) {
        const auto found = std::ranges::find(quotes, source, &QuoteMeter::source);
        return found == quotes.end() ? nullptr : &*found;
    }
    void note(const TickerBoard& board) {
        sources.store(board.price ? board.sources : 0, std::memory_order_relaxed);
        band_bp10.store(board.price && board.band ? spread_bp10(board.band->high, board.price->value) -
                                                        spread_bp10(board.band->low, board.price->value)
                                                  : 0,
                        std::memory_order_relaxed);
        for (const JudgedQuote& quote : board.quotes) {
            if (QuoteMeter* meter = of(quote.quote.source)) meter->note(quote, board.price.has_value());
        }
    }

    const Ticker ticker;
    Tally prices;
    std::atomic<bool> has_price = false;
    std::atomic<int> sources = 0;             // that agree with the price; 0 without one
    std::atomic<std::int64_t> band_bp10 = 0;  // its width, in tenths of a basis point of the price
    std::deque<QuoteMeter> quotes;            // one per source, in the order given to the market
};

// The meters of the tickers that are watched. Any thread; a TickerMeter is written by the market's alone.
class MarketMeters {
public:
    // How many quotes of a source were judged how, or outdated.
    struct Judged {
        std::array<std::uint64_t, verdict_names.size()> by_verdict{};
        std::uint64_t outdated = 0;

        void add(const QuoteMeter& meter) {
            for (std::size_t v = 0; v < by_verdict.size(); ++v) by_verdict[v] += meter.judged[v].value();
            outdated += meter.outdated.value();
        }
    };

    std::shared_ptr<TickerMeter> add(Ticker ticker, std::span<const SourceName> sources) {
        auto meter = std::make_shared<TickerMeter>(ticker);
        for (const SourceName source : sources) meter->quotes.emplace_back(source);
        MutexLock lock(mutex_);
        meters_[ticker] = meter;
        return meter;
    }
    void remove(Ticker ticker) {
        MutexLock lock(mutex_);
        const auto found = meters_.find(ticker);
        if (found == meters_.end()) return;
        for (const QuoteMeter& quotes : found->second->quotes) former_[quotes.source].add(quotes);
        meters_.erase(found);
    }
    // In the tickers' order.
    std::vector<std::shared_ptr<const TickerMeter>> all() const {
        MutexLock lock(mutex_);
        std::vector<std::shared_ptr<const TickerMeter>> out;
        for (const auto& [ticker, meter] : meters_) out.push_back(meter);
        return out;
    }
    // By source, since the start, with the tickers that are no longer watched.
    std::map<SourceName, Judged> judged() const {
        MutexLock lock(mutex_);
        auto out = former_;
        for (const auto& [ticker, meter] : meters_) {
            for (const QuoteMeter& quotes : meter->quotes) out[quotes.source].add(quotes);
        }
        return out;
    }

private:
    mutable Mutex mutex_;
    std::map<Ticker, std::shared_ptr<TickerMeter>> meters_ GUARDED_BY(mutex_);
    std::map<SourceName, Judged> former_ GUARDED_BY(mutex_);  // of tickers that were removed
};

// What a currency is worth (DollarRate).
struct RateMeter {
    explicit RateMeter(Currency of) : currency(of) {}

    const Currency currency;
    std::atomic<std::int64_t> e5 = 100'000;  // hundred-thousandths of a dollar
    std::atomic<bool> is_known = false;
    std::atomic<bool> is_off_peg = false;
    std::atomic<int> sources = 0;
};
using RateMeters = std::deque<RateMeter>;  // USDT, USDC

}  // namespace pricewire::price

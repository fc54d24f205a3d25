#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_writer.hpp"
#include "bus/price_bus.hpp"
#include "domain/market.hpp"
#include "live/message.hpp"

namespace pricewire::live {

// The members of a price, which `board` has. A feed of an older version gives no band, and no number of sources.
void write_price(JsonWriter& w, const TickerBoard& board);

// The tickers that a client wants, by their index in the configuration.
using TickerSet = std::vector<bool>;

// The market as clients see it, and what of it has changed since a client was last sent it. It reads the bus
// only in its look_at_… functions, so a price costs the feed nothing, however many clients there are. One
// thread.
class MarketView {
public:
    // Writes the array of a ticker's quotes.
    using QuotesJson = std::function<std::string(const TickerBoard&)>;

    // `bus` outlives it.
    MarketView(const bus::PriceBus& bus, std::vector<Ticker> tickers, QuotesJson quotes_json);

    void look_at_prices();
    void look_at_quotes();
    void look_at_sources();

    // How far a client is in the sequence of changes; zero is before all of them.
    using Version = std::uint64_t;
    Version prices_version() const { return prices_.version; }
    Version quotes_version() const { return quotes_.version; }
    Version sources_version() const { return sources_version_; }

    // What of `wanted` has changed after `seen`; nullopt if nothing has. Valid until the next look.
    std::optional<Message> prices(const TickerSet& wanted, Version seen);
    std::optional<Message> quotes(const TickerSet& wanted, Version seen);
    const Message& sources() const { return sources_message_; }

    const std::vector<Ticker>& tickers() const { return tickers_; }

private:
    // One kind of information about each ticker, as JSON text, and when it changed.
    struct Kind {
        std::string_view name;
        std::vector<std::string> text;
        std::vector<Version> changed;
        Version version = 0;
        std::map<std::pair<Version, TickerSet>, std::optional<Message>> made;

        Kind(std::string_view n, std::size_t tickers) : name(n), text(tickers), changed(tickers) {}
        // Replaces a ticker's text. `bumped`: this look has its own version already.
        void put(std::size_t i, std::string json, bool& bumped);
    };

    std::optional<Message> message(Kind& kind, const TickerSet& wanted, Version seen);

    const bus::PriceBus& bus_;
    const std::vector<Ticker> tickers_;
    const QuotesJson quotes_json_;
    Kind prices_;
    Kind quotes_;
    std::vector<std::string> quotes_seen_;  // what has to differ for a ticker's quotes to count as changed
    std::string sources_seen_ = "none";
    Version sources_version_ = 0;
    Message sources_message_;
};

}  // namespace pricewire::live

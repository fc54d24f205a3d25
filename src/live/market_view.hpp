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

// The tickers that a client wants, by their places in the view. May be shorter than the view: the rest is not wanted.
using TickerSet = std::vector<bool>;

// The market as clients see it, and what of it has changed since a client was last sent it. It reads the bus
// only in its look_at_… functions, so a price costs the feed nothing, however many clients there are. One
// thread.
class MarketView {
public:
    // Writes the array of a ticker's quotes.
    using QuotesJson = std::function<std::string(const TickerBoard&)>;

    // `pinned` have the first places, for good. `bus` outlives it.
    MarketView(const bus::PriceBus& bus, const std::vector<Ticker>& pinned, QuotesJson quotes_json);

    // The place of a ticker, which is looked at while somebody holds it: each hold() ends with a drop().
    std::size_t hold(const Ticker& ticker);
    void drop(const Ticker& ticker);
    // nullopt: not held.
    std::optional<std::size_t> place_of(const Ticker& ticker) const;
    std::size_t pinned() const { return pinned_; }
    // Whether a feed watches it, and whether it has a price, as of the last look.
    bool is_watched(std::size_t place) const { return places_[place].is_watched; }
    bool has_price(std::size_t place) const { return prices_.text[place] != "null"; }
    // Of any ticker, now.
    bool has_price_now(const Ticker& ticker) const;

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

private:
    // One kind of information about each ticker, as JSON text, and when it changed.
    struct Kind {
        std::string_view name;
        std::vector<std::string> text;
        std::vector<Version> changed;
        Version version = 0;
        std::map<std::pair<Version, TickerSet>, std::optional<Message>> made;

        explicit Kind(std::string_view n) : name(n) {}
        void resize(std::size_t places);
        // Replaces a ticker's text. `bumped`: this look has its own version already.
        void put(std::size_t i, std::string json, bool& bumped);
    };

    void look_at_price(std::size_t i, bool& bumped);
    void look_at_quotes(std::size_t i, bool& bumped);
    std::optional<Message> message(Kind& kind, const TickerSet& wanted, Version seen);

    struct Place {
        Ticker ticker;
        std::size_t holders = 1;  // none: the place is free
        bool is_watched = false;
        std::string quotes_seen = "nothing";  // what has to differ for the quotes to count as changed
    };

    const bus::PriceBus& bus_;
    const std::size_t pinned_;
    std::vector<Place> places_;
    std::map<Ticker, std::size_t> held_;  // the places of tickers
    const QuotesJson quotes_json_;
    Kind prices_{"prices"};
    Kind quotes_{"quotes"};
    std::string sources_seen_ = "none";
    Version sources_version_ = 0;
    Message sources_message_;
};

}  // namespace pricewire::live

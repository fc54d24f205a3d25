#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "domain/market.hpp"

namespace pricewire::feed {

// A ticker and the name that one venue knows it by: BTC is "BTCUSDT" at Binance, "bitcoin" at CoinGecko.
struct Instrument {
    Ticker ticker;
    std::string symbol;
};

// A venue that lists a ticker, and its symbol there.
struct FoundAt {
    SourceName source;
    std::string symbol;
    friend bool operator==(const FoundAt&, const FoundAt&) = default;
};

// Addresses of a venue.
struct Endpoints {
    std::string ws_url;    // as configured: a slash at its end may matter; empty: no stream
    std::string rest_url;  // of paths, without a slash at its end; empty: no REST
};

// Why bytes of a venue gave no quote.
struct ParseError {
    enum class Kind : std::uint8_t {
        not_json,     // an HTML page, a bare "error code: 1015", truncated, garbage
        wrong_shape,  // JSON, but not what this venue sends
        // the price is not a positive decimal, the symbol was not requested, or the time is impossible
        bad_quote,
        unknown_symbol,  // the venue does not know one of the requested symbols
        rate_limited,    // the venue says that requests come too often, under whatever status
        venue_error,     // any other error of the venue's own
    };
    Kind kind = Kind::not_json;
    std::string text;  // one plain sentence, for the log
};
constexpr std::size_t parse_error_kinds = 6;
std::string_view to_string(ParseError::Kind kind);

// What was left out beside the quotes.
struct Parsed {
    std::size_t refused = 0;  // invalid quotes in a message that was otherwise good
    std::string why;          // of the first of them
};
using ParseResult = std::expected<Parsed, ParseError>;

// What a frame says beside quotes. `instrument` is an index into Venue::instruments().
struct Reply {  // to be sent back at once
    std::string text;
};
struct Acknowledged {
    std::size_t instrument = 0;
};
struct SymbolRefused {
    std::size_t instrument = 0;
    std::string why;
};
struct RateLimited {  // the venue wants fewer messages from us
    std::string why;
};
struct Alive {};         // a heartbeat or a pong
struct Greeting {};      // the venue is ready for messages; see StreamType::greets
struct ServerLeaves {};  // the venue is about to close the connection: a successor should be opened
struct Gap {             // trades between the last frame and this one were lost
    std::size_t instrument = 0;
    std::uint64_t lost = 0;
};
struct LostFrames {};  // likewise, but a sequence over all symbols does not say whose
// All symbols of one subscribe message. `number` is SubscribeMessage::number; nullopt: the oldest message that
// has not been answered.
struct MessageAcknowledged {
    std::optional<std::uint64_t> number;
};
struct MessageRefused {  // likewise; one bad symbol may be the cause, and `culprit` is its instrument
    std::optional<std::uint64_t> number;
    std::string why;
    std::optional<std::size_t> culprit;
};
struct Maintenance {  // the venue is closed for maintenance
    std::string why;
};
struct Resubscribe {};  // maintenance ended on this connection: all symbols have to be subscribed again
using StreamEvent =
    std::variant<Reply, Acknowledged, SymbolRefused, RateLimited, Alive, Greeting, ServerLeaves, Gap,
                 LostFrames, MessageAcknowledged, MessageRefused, Maintenance, Resubscribe>;

// How a trade's figures stood in its frame, for a replay: 65000.10000, 9.2E-7. Found by the quote's own
// figures, since parsers sort quotes and drop some.
struct Spelling {
    Ticker ticker;
    Decimal price;
    Timestamp time;
    std::optional<std::uint64_t> id;
    std::string price_digits;
    std::string trade_id;  // a JSON token: 17, "5c35c02703aa673ceec2a168"; empty: none
};

// What one frame gave. Reused from frame to frame.
struct StreamOutput {
    std::vector<Quote> quotes;  // in the order in which they are to be published, oldest first
    std::vector<StreamEvent> events;
    bool keeps_spellings = false;  // costs time; only a replay wants them
    std::vector<Spelling> spellings;
    void clear() {
        quotes.clear();
        events.clear();
        spellings.clear();
    }
    // Notes the spelling of a quote just added, if that is wanted.
    void spell(const Quote& quote, std::string_view price_digits, std::string_view id_token) {
        if (keeps_spellings)
            spellings.push_back({quote.ticker, quote.price, quote.time, quote.trade_id,
                                 std::string(price_digits), std::string(id_token)});
    }
};

// Parses the frames of one connection, and holds what is known only while that lives (last trade ids, say).
// No I/O, no clock, does not throw on any input. One thread.
class StreamParser {
public:
    virtual ~StreamParser() = default;
    // Appends to `out` only quotes of requested instruments with a price > 0. On an error `out.quotes` is
    // left as it was. Neither an error nor output: a frame that does not concern us. `bytes` are decompressed
    // already.
    virtual ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) = 0;
    // The instrument is subscribed again, or its place was given to another one: what is known of it is forgotten.
    // It may be one that was added to the venue after this parser was made.
    virtual void forget(std::size_t /*instrument*/) {}
    // What the venue calls an instrument's subscription on this connection, where unsubscribing names that.
    virtual std::optional<std::uint64_t> channel_id(std::size_t /*instrument*/) const { return std::nullopt; }
};

enum class Encoding : std::uint8_t {
    text,
    gzip,    // each message is binary: one gzip member
    binary,  // binary messages go to the parser as they are
};

// What keeps a connection open, beside replies that the parser gives. An idle one is asked for a sign of
// life.
struct KeepAlive {
    std::string_view text;  // sent in place of a protocol ping; empty: a protocol ping
    Duration every{};       // after that long without a frame; 0: half of the silence limit
    bool always = false;    // send it every `every`, frames or not
};

// How a venue's stream works.
struct StreamType {
    using seconds = std::chrono::seconds;
    using minutes = std::chrono::minutes;

    std::string_view url;  // default address; empty: the venue has no stream
    Encoding encoding = Encoding::text;
    std::size_t max_instruments = 200;    // on one connection
    std::size_t symbols_per_message = 0;  // in one subscribe message; 0: the URL names the symbols
    bool names_in_url = false;            // the URL names those known on opening, messages later ones
    Duration message_gap{};               // between two messages that subscribe or unsubscribe
    std::size_t messages_per_hour = 0;    // of these on one connection; 0: any
    Duration subscribe_after{};           // from the opening to the first message
    bool greets = false;                  // the first message waits for the venue's Greeting
    Duration ack_within{};  // a symbol not acknowledged by then is reported; 0: there are no acknowledgements
    KeepAlive keep_alive;
    Duration silence_limit = seconds{15};  // reopened when nothing at all has come for this long
    Duration deaf_limit = seconds{60};     // likewise when frames come, but no trade
    // A successor is opened at an age drawn from here. 0: connections have no maximum age.
    Duration renew_from{};
    Duration renew_to{};
};

// How a venue's REST interface is used.
struct RestType {
    std::string_view url;                              // default address
    std::size_t max_instruments = 200;                 // in one request
    std::size_t max_answer = 256 * 1024;               // bytes; a longer answer is an error
    Duration poll_interval = std::chrono::seconds{5};  // default of sources.<name>.poll_interval
    Duration least_interval{};                         // at the default address; 0: any
    std::string_view least_interval_reason;            // for the operator whose poll_interval is shorter
    Duration least_interval_with_key{};                // likewise with a key
    // The header that carries the operator's key to this address; null: the venue has no keys.
    std::string_view (*key_header)(std::string_view url) = nullptr;
};

// What is absent from a venue's list is not traded there any more.
enum class ListingStatus : std::uint8_t { trading, halted };

// A spot market in a venue's own list.
struct Listing {
    std::string symbol;  // as the venue's stream and REST take it: VenueType::is_symbol
    std::string base;    // in capitals, spelled as other venues do: BTC for XBT; need not be a ticker
    Currency quote;      // likewise: USDT for UST
    ListingStatus status = ListingStatus::trading;
    std::string name = {};  // of the coin, where the list has it: "Bitcoin"; aggregators only
    friend bool operator==(const Listing&, const Listing&) = default;
};

using ListingsParser = std::expected<std::vector<Listing>, ParseError>(std::string_view body);

// A venue's list of its markets.
struct ListingType {
    std::string_view path;                      // behind the REST address; empty: the venue has no list
    std::size_t max_answer = 16 * 1024 * 1024;  // bytes
    // Spot markets only. Rows that cannot be read are left out, but many of them, or no market at all, are an error:
    // what is left out of a list counts as delisted.
    ListingsParser* parse = nullptr;
};

struct Candle {
    Timestamp start;
    Decimal open, high, low, close;  // 0 < low <= open, close <= high
    std::optional<Decimal> volume;   // in coins
    bool is_closed = true;           // false: its interval was not over
    friend bool operator==(const Candle&, const Candle&) = default;
};

struct PastTrade {
    Timestamp time;
    Decimal price;                    // > 0
    std::optional<std::uint64_t> id;  // the venue's own, where it has a numeric one
    friend bool operator==(const PastTrade&, const PastTrade&) = default;
};

// A page of trades. `next` is the cursor of the next request; empty: there are no more in the range.
struct PastTrades {
    std::vector<PastTrade> trades;
    std::string next;
};

// One request for candles or trades of [from, to), from < to. An answer is parsed together with its request.
struct PastRequest {
    std::string symbol;
    Timestamp from, to;
    Timestamp now;  // when it is made: some venues answer older ranges elsewhere
    Duration interval = std::chrono::minutes{1};  // of candles
    std::string cursor = {};                      // of trades: PastTrades::next; empty: the first page
};

using PastUrl = std::string(const PastRequest&);  // path and query behind the REST address
using CandlesParser = std::expected<std::vector<Candle>, ParseError>(std::string_view body,
                                                                     const PastRequest&);
using TradesParser = std::expected<PastTrades, ParseError>(std::string_view body, const PastRequest&);

// PastType::has of a venue with candles of 1 min, 1 h and 1 day.
bool has_each_interval(Duration interval);

// What a venue's REST interface has of the past.
struct PastType {
    std::size_t candles_per_request = 0;  // (to - from) / interval is at most that; 0: the venue has none
    Duration reach{};                     // how far back candles of a minute go; 0: all of history
    bool latest_only = false;             // whatever is asked, only the newest candles_per_request come
    Duration least_gap = std::chrono::seconds{1};  // between two requests, leaving room for those for prices
    std::size_t max_answer = 4 * 1024 * 1024;      // bytes
    // Whether there are candles of 1 min, 1 h or 1 day; days begin at midnight UTC.
    bool (*has)(Duration interval) = has_each_interval;
    PastUrl* candles_url = nullptr;
    // Those that begin in [from, to), oldest first, each start once. Rows that contradict themselves, or stand for
    // an interval without a trade, are left out.
    CandlesParser* parse_candles = nullptr;
    Duration trades_window{};  // to - from is at most that; 0: any
    Duration trades_reach{};   // how far back trades go; 0: all of history
    // Null where trades of the past cannot be asked for by time.
    PastUrl* trades_url = nullptr;
    // Those made in [from, to), oldest first within the page; pages may come newest first, and may repeat a trade.
    TradesParser* parse_trades = nullptr;
};

// All that is constant about a venue.
struct VenueType {
    SourceName name;
    std::string_view title;  // as the venue writes its name
    SourceKind kind = SourceKind::exchange;
    std::string_view off_reason;  // empty: enabled by default; else why it is not
    // How much a price of this venue counts: 4 = first tier, 2 = second, 1 = thin or doubtful.
    // sources.<name>.weight overrides it.
    int weight = 4;
    std::string_view owner;  // venues of one owner are not independent; empty: the venue itself
    // Of an aggregator whose figures are minutes old by nature: for how long by their own time they are a second
    // opinion; they never replace an exchange. 0: market.aggregator_ttl.
    Duration figures_ttl{};
    StreamType stream;
    RestType rest;
    ListingType listings;
    PastType past;
    // The venue's symbol by its rule; nullopt where the rule gives none and market.symbols must.
    std::optional<std::string> (*symbol_of)(Ticker ticker) = nullptr;
    // Whether `symbol` is valid: it goes into URLs and messages as it is.
    bool (*is_symbol)(std::string_view symbol) = nullptr;
    // What the prices of a symbol are counted in. Null: US dollars.
    Currency (*currency_of)(std::string_view symbol) = nullptr;
    std::unique_ptr<class Venue> (*create)(std::vector<Instrument> instruments,
                                           Endpoints endpoints) = nullptr;
};

// What a subscribe or unsubscribe message needs to know of its connection.
struct SubscribeMessage {
    std::uint64_t number = 1;  // counts both kinds on the connection: the message's id
    Timestamp now;
    // StreamParser::channel_id() of the one instrument of an unsubscribe message.
    std::optional<std::uint64_t> channel = {};
};

// A request that has to be made before each connection.
struct AddressRequest {
    std::string url;
    bool post = false;  // with an empty body; otherwise GET
};

// The messages, URLs and formats of one venue for instruments that come and go. No I/O, no clock, does not
// throw on any input. One thread.
class Venue {
public:
    Venue(const VenueType& type, std::vector<Instrument> instruments, Endpoints endpoints);
    virtual ~Venue() = default;
    Venue(const Venue&) = delete;
    Venue& operator=(const Venue&) = delete;

    const VenueType& type() const { return type_; }
    // A place whose instrument was removed has an empty symbol until it is taken again.
    std::span<const Instrument> instruments() const { return instruments_; }
    // Its index, which no other has until it is removed. A symbol that is there already keeps its index.
    std::size_t add(Instrument instrument);
    void remove(std::size_t index);
    bool has_rest() const { return !endpoints_.rest_url.empty(); }

    // Empty: no stream. It names instruments()[i] for each i of `named` where StreamType says so.
    virtual std::string stream_url(std::span<const std::size_t> /*named*/ = {}) const {
        return endpoints_.ws_url;
    }
    // For a venue that hands out the address of each connection: the request, and the address in its answer
    // under status 200. The address is a secret. nullopt: stream_url() is the address.
    virtual std::optional<AddressRequest> address_request() const { return std::nullopt; }
    virtual std::expected<std::string, ParseError> parse_address(std::string_view body) const;
    // Sent before the subscribe messages; empty: nothing is.
    virtual std::string opening_message() const { return {}; }
    // Subscribes instruments()[i] for each i of `asked`, which has 1 to symbols_per_message entries.
    virtual std::string subscribe_message(std::span<const std::size_t>, const SubscribeMessage&) const {
        return {};
    }
    // Ends the subscriptions of instruments()[i] for each i of `asked`, which has 1 to symbols_per_message entries, and
    // one where `message.channel` is given. Its acknowledgement must not be taken for one of a subscription. Empty: the
    // venue has no such message; the trades are then dropped until the connection is renewed.
    virtual std::string unsubscribe_message(std::span<const std::size_t>, const SubscribeMessage&) const {
        return {};
    }
    // Sent by the rule of StreamType::keep_alive; empty: a protocol ping is sent.
    virtual std::string keep_alive_text(Timestamp) const { return std::string(type_.stream.keep_alive.text); }
    // For a new connection. The venue outlives it.
    virtual std::unique_ptr<StreamParser> create_parser() const { return nullptr; }
    // The request for the prices of instruments()[i] for each i of `asked`, which is not empty. Empty: no
    // REST.
    virtual std::string rest_url(std::span<const std::size_t> asked) const = 0;
    // A body under status 200, or one that may explain another status. On an error `out` is left as it was.
    virtual ParseResult parse_answer(std::string_view body, Timestamp received_at,
                                     std::vector<Quote>& out) = 0;

    Quote quote(std::size_t instrument, Decimal price, Timestamp time, Timestamp received_at) const {
        return {type_.name, type_.kind,  instruments_[instrument].ticker, price,
                time,       received_at, currencies_[instrument]};
    }
    // The index of the instrument with this symbol; nullopt where there is none. Allocates nothing.
    std::optional<std::size_t> find(std::string_view symbol) const;

protected:
    const Endpoints& endpoints() const { return endpoints_; }
    // Another instrument, or none, is in this place.
    virtual void changed(std::size_t /*instrument*/) {}

private:
    const VenueType& type_;
    std::vector<Instrument> instruments_;
    const Endpoints endpoints_;
    std::vector<Currency> currencies_;    // as instruments_
    std::vector<std::size_t> by_symbol_;  // indexes of instruments_ without free places, sorted by symbol
};

// "USDT" of "BTC-USDT"; empty where there is no separator.
Currency currency_behind(char separator, std::string_view symbol);
// "USDT" of "BTCUSDT" or "btcusdt": the longest of the well-known quote currencies that it ends with.
Currency currency_at_end(std::string_view symbol);
// Likewise: the first of `known`, the quote currencies of one venue in capitals. "BATUSD" is BA in TUSD only where
// there are such pairs.
Currency currency_at_end(std::string_view symbol, std::span<const std::string_view> known);

// The symbol of a ticker's market in USDT, with `separator` before the currency. nullopt for USDT and USDC: a
// venue without dollar markets has none that tells their rate to the dollar.
std::optional<std::string> usdt_market(Ticker ticker, std::string_view separator = {});

// The venues that Pricewire knows; the one place where a venue is registered.
using VenueTypes = std::span<const VenueType* const>;
VenueTypes venue_types();
// Null where there is none with that name.
const VenueType* find_venue_type(std::string_view name, VenueTypes venues = venue_types());

}  // namespace pricewire::feed

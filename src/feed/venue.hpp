#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/market.hpp"

namespace pricewire::feed {

// A ticker and the name that one venue knows it by: BTC is "BTCUSDT" at Binance, "bitcoin" at CoinGecko.
struct Instrument {
    Ticker ticker;
    std::string symbol;
};

// Where a venue is found. Without a trailing slash.
struct Endpoints {
    std::string ws_url;    // empty: no stream
    std::string rest_url;  // empty: no REST
};

// Why bytes of a venue gave no quote.
struct ParseError {
    enum class Kind : std::uint8_t {
        not_json,        // an HTML page, a bare "error code: 1015", cut off, garbage
        wrong_shape,     // JSON, but not what this venue sends
        bad_quote,       // a price that is no positive decimal, a symbol nobody asked for, an impossible time
        unknown_symbol,  // the venue does not know one of the symbols asked for
        rate_limited,    // the venue says that it is asked too often, under whatever status
        venue_error,     // any other error of the venue's own
    };
    Kind kind = Kind::not_json;
    std::string text;  // one plain sentence, for the log
};
constexpr std::size_t parse_error_kinds = 6;
std::string_view to_string(ParseError::Kind kind);

// What was found beside the quotes.
struct Parsed {
    std::size_t refused = 0;     // quotes left out of an answer that held others too
    std::string why;             // of the first of them
    bool server_leaves = false;  // the venue is about to close the stream: a new one should be opened
};
using ParseResult = std::expected<Parsed, ParseError>;

// What a venue is, before anything is asked of it. All of it is constant.
struct VenueType {
    SourceName name;
    SourceKind kind;
    std::size_t max_instruments;  // per stream and per request
    // The venue's symbol by its rule; nullopt where the rule gives none and market.symbols must.
    std::optional<std::string> (*symbol_of)(Ticker ticker);
    // Whether `symbol` could be one: it goes into URLs as it is.
    bool (*is_symbol)(std::string_view symbol);
    std::unique_ptr<class Venue> (*create)(std::vector<Instrument> instruments, const Endpoints& endpoints);
};

// How one venue differs from the others: its URLs, messages and formats, for a given list of instruments.
// The parsers are pure but for buffers they reuse: no I/O, no clock, no throw on any input. They append to
// `out` only what was asked for and has a price > 0. One thread at a time.
class Venue {
public:
    virtual ~Venue() = default;
    virtual const VenueType& type() const = 0;
    virtual std::span<const Instrument> instruments() const = 0;

    // Empty: this venue has no stream.
    virtual std::string stream_url() const = 0;
    // What is sent once the stream is open; empty where the URL says it all.
    virtual std::string subscribe_message() const = 0;
    // The request for the prices of instruments()[i] for each i of `asked`, which is not empty. Empty: no
    // REST.
    virtual std::string rest_url(std::span<const std::size_t> asked) const = 0;

    // A message of the stream. No error and nothing in `out`: one that does not concern us.
    virtual ParseResult parse_frame(std::string_view bytes, Timestamp received_at,
                                    std::vector<Quote>& out) = 0;
    // A body under status 200, or one that may explain another status.
    virtual ParseResult parse_answer(std::string_view body, Timestamp received_at,
                                     std::vector<Quote>& out) = 0;
};

// Every venue that Pricewire speaks to.
std::span<const VenueType* const> venue_types();
// Null where there is none of that name.
const VenueType* find_venue_type(std::string_view name);

// Finds an instrument by its symbol. Built once; the lookup allocates nothing.
class SymbolIndex {
public:
    // `instruments` outlives it.
    explicit SymbolIndex(std::span<const Instrument> instruments);
    const Instrument* find(std::string_view symbol) const;

private:
    std::vector<const Instrument*> by_symbol_;
};

}  // namespace pricewire::feed

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"

namespace pricewire {

// What a venue's bytes turned out to be.
struct Parsed {
    enum class Kind {
        quotes,   // at least one quote was appended
        ignored,  // well formed, and nothing to us (a confirmation, another stream)
        bad,      // not what the venue documents: no JSON, another shape, a price that is none
        refused,  // the venue's own error, which it also sends under status 200
    };
    Kind kind = Kind::ignored;
    std::string reason;  // for bad and refused: one plain sentence
    int status = 0;      // for refused: the HTTP status that the error amounts to, such as 429
};

// A source of quotes, as far as it differs from others: its symbols, its addresses, its bytes. Immutable and
// pure; any thread, but one at a time (parsers keep scratch memory).
class Venue {
public:
    virtual ~Venue() = default;
    virtual SourceName name() const = 0;
    virtual SourceKind kind() const = 0;

    // The WebSocket's URL; nullopt where the venue has no stream.
    virtual std::optional<std::string> stream_url() const = 0;
    // To be sent when it is open.
    virtual std::vector<std::string> subscribe_messages() const = 0;
    // What to GET for all tickers.
    virtual std::string rest_url() const = 0;

    // Appends the quotes of one message of the stream, or of one REST body. Never throws on input.
    virtual Parsed parse_frame(std::string_view frame, Timestamp now, std::vector<Quote>& out) = 0;
    virtual Parsed parse_rest(std::string_view body, Timestamp now, std::vector<Quote>& out) = 0;
};

struct VenueSettings {
    std::vector<Ticker> tickers;
    std::map<std::string, std::string> symbols;  // ticker → symbol, where the venue's rule does not give it
    std::string ws_url;                          // empty: no stream
    std::string rest_url;
};

}  // namespace pricewire

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "feed/recordings.hpp"
#include "feed/venue.hpp"

// What a parser made of bytes, as text, for tests.
namespace pricewire::feed {

// `text` with `to` in place of the first `from`, which it has to hold.
inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
    return text.replace(text.find(from), from.size(), to);
}

inline std::string show(const ParseResult& result, const std::vector<Quote>& quotes) {
    std::string out;
    for (const Quote& q : quotes) {
        out += std::string(q.is_live ? "" : "old ") + std::string(q.ticker.view()) + "=" +
               q.price.to_string() + std::string(q.currency.view()) +
               (q.trade_id ? "#" + std::to_string(*q.trade_id) : "") + "@" + format_rfc3339(q.time) + " ";
    }
    if (!result) {
        out += std::string(to_string(result.error().kind)) + ": " + result.error().text;
    } else if (result->refused > 0) {
        out += std::to_string(result->refused) + " refused: " + result->why;
    }
    while (out.ends_with(' ')) out.pop_back();
    return out;
}

inline std::string show(const StreamEvent& event, const Venue& venue) {
    const auto symbol = [&](std::size_t i) { return venue.instruments()[i].symbol; };
    if (const auto* e = std::get_if<Reply>(&event)) return "reply " + e->text;
    if (const auto* e = std::get_if<Acknowledged>(&event)) return "acknowledged " + symbol(e->instrument);
    if (const auto* e = std::get_if<SymbolRefused>(&event))
        return "refused " + symbol(e->instrument) + ": " + e->why;
    if (const auto* e = std::get_if<RateLimited>(&event)) return "rate limited: " + e->why;
    if (const auto* e = std::get_if<Gap>(&event))
        return "lost " + std::to_string(e->lost) + " of " + symbol(e->instrument);
    const auto numbered = [](const std::optional<std::uint64_t>& n) {
        return n ? "message " + std::to_string(*n) : std::string("the oldest message");
    };
    if (const auto* e = std::get_if<MessageAcknowledged>(&event))
        return "acknowledged " + numbered(e->number);
    if (const auto* e = std::get_if<MessageRefused>(&event))
        return "refused " + numbered(e->number) + (e->culprit ? " for " + symbol(*e->culprit) : "") + ": " +
               e->why;
    if (const auto* e = std::get_if<Maintenance>(&event)) return "maintenance: " + e->why;
    if (std::holds_alternative<Greeting>(event)) return "greeting";
    if (std::holds_alternative<LostFrames>(event)) return "lost frames";
    if (std::holds_alternative<Resubscribe>(event)) return "resubscribe";
    return std::holds_alternative<Alive>(event) ? "alive" : "server leaves";
}

// Parses frames of one connection.
class ShownStream {
public:
    explicit ShownStream(const Venue& venue, Timestamp now)
        : venue_(venue), parser_(venue.create_parser()), now_(now) {}

    // Quotes, an error or what was left out, then events; "; " between them.
    std::string operator()(std::string_view bytes) {
        output_.clear();
        const ParseResult result = parser_->parse(bytes, now_, output_);
        std::string out = show(result, output_.quotes);
        for (const StreamEvent& event : output_.events)
            out += (out.empty() ? "" : "; ") + show(event, venue_);
        return out;
    }
    // Whether a message that is cut off, at whatever place, gives an error and no quote.
    bool refuses_every_part_of(std::string_view whole) {
        for (std::size_t n = 0; n < whole.size(); ++n) {
            output_.clear();
            if (parser_->parse(whole.substr(0, n), now_, output_) || !output_.quotes.empty()) return false;
        }
        return true;
    }

private:
    const Venue& venue_;
    std::unique_ptr<StreamParser> parser_;
    Timestamp now_;
    StreamOutput output_;
};

inline std::string show_answer(Venue& venue, std::string_view body, Timestamp now) {
    std::vector<Quote> quotes;
    const ParseResult result = venue.parse_answer(body, now, quotes);
    return show(result, quotes);
}

inline bool refuses_every_part_of_answer(Venue& venue, std::string_view whole, Timestamp now) {
    for (std::size_t n = 0; n < whole.size(); ++n) {
        std::vector<Quote> quotes;
        if (venue.parse_answer(whole.substr(0, n), now, quotes) || !quotes.empty()) return false;
    }
    return true;
}

}  // namespace pricewire::feed

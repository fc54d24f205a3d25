#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "feed/session_play.hpp"

namespace pricewire::feed {

// Reads frames that are events in plain text: "price BTC 1", "old BTC 1", "past BTC 1", "ack BTC", "refuse BTC", "slow down",
// "heartbeat", "hello", "leave", "lost BTC", "lost frames", "ask", "acked [1]", "refused 1 [BTC]",
// "maintenance", "resubscribe". Others mean nothing.
class ToyParser final : public StreamParser {
public:
    explicit ToyParser(const Venue& venue) : venue_(venue) {}

    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        const std::string_view word = next(bytes);
        const std::string_view first = next(bytes);
        const std::string_view second = next(bytes);
        const std::size_t i = venue_.find(first).value_or(0);
        const auto number = parse_number<std::uint64_t>(first);
        if (word == "price" || word == "old" || word == "past") {
            if (!venue_.find(first))
                return std::unexpected(ParseError{ParseError::Kind::bad_quote, "not asked for"});
            const Timestamp time = received_at - (word == "past" ? std::chrono::minutes{12} : Duration{});
            Quote quote = venue_.quote(i, *Decimal::parse(second), time, received_at);
            quote.is_live = word == "price";
            out.quotes.push_back(quote);
        } else if (word == "lost" && first == "frames") {
            out.events.push_back(LostFrames{});
        } else if (word == "acked") {
            out.events.push_back(MessageAcknowledged{number});
        } else if (word == "refused") {
            out.events.push_back(MessageRefused{number, "bad request", venue_.find(second)});
        } else if (const auto event = event_of(word, i)) {
            out.events.push_back(*event);
        }
        return Parsed{};
    }

private:
    static std::string_view next(std::string_view& bytes) {
        const std::string_view word = bytes.substr(0, bytes.find(' '));
        bytes.remove_prefix(std::min(word.size() + 1, bytes.size()));
        return word;
    }
    static std::optional<StreamEvent> event_of(std::string_view word, std::size_t i) {
        const std::pair<std::string_view, StreamEvent> events[] = {
            {"ack", Acknowledged{i}},
            {"refuse", SymbolRefused{i, "no such market"}},
            {"heartbeat", Alive{}},
            {"slow", RateLimited{"too many messages"}},
            {"hello", Greeting{}},
            {"leave", ServerLeaves{}},
            {"lost", Gap{i, 3}},
            {"ask", Reply{"answer"}},
            {"resubscribe", Resubscribe{}},
            {"maintenance", Maintenance{"until 10:00"}}};
        for (const auto& [name, event] : events) {
            if (name == word) return event;
        }
        return std::nullopt;
    }

    const Venue& venue_;
};

inline std::vector<Instrument> toy_instruments(std::vector<std::string> tickers) {
    std::vector<Instrument> out;
    for (const std::string& ticker : tickers) out.push_back({Ticker(ticker), ticker});
    return out;
}

class Toy : public Venue {
public:
    Toy(const VenueType& type, std::string rest_url = {},
        std::vector<std::string> tickers = {"BTC", "ETH", "SOL"})
        : Venue(type, toy_instruments(std::move(tickers)), {"wss://toy/ws", std::move(rest_url)}) {}
    std::string subscribe_message(std::span<const std::size_t> asked,
                                  const SubscribeMessage& message) const override {
        last_message = message;
        std::string out = "subscribe";
        for (const std::size_t i : asked) out += " " + instruments()[i].symbol;
        return out;
    }
    std::string unsubscribe_message(std::span<const std::size_t> asked,
                                    const SubscribeMessage&) const override {
        if (!can_unsubscribe) return {};
        std::string out = "unsubscribe";
        for (const std::size_t i : asked) out += " " + instruments()[i].symbol;
        return out;
    }
    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<ToyParser>(*this);
    }
    std::string rest_url(std::span<const std::size_t> asked) const override {
        if (endpoints().rest_url.empty()) return {};
        std::string out = endpoints().rest_url + "/";
        for (const std::size_t i : asked) out += instruments()[i].symbol;
        return out;
    }
    ParseResult parse_answer(std::string_view, Timestamp received_at, std::vector<Quote>& out) override {
        out.push_back(quote(instruments().size() - 1, Decimal::from_int(7), received_at, received_at));
        return Parsed{};
    }

    mutable SubscribeMessage last_message;
    bool can_unsubscribe = true;
};

// Its URL names the symbols.
class UrlToy : public Toy {
public:
    using Toy::Toy;
    std::string stream_url(std::span<const std::size_t> named) const override {
        std::string out = "wss://toy/";
        for (const std::size_t i : named) out += instruments()[i].symbol;
        return out;
    }
};

// It subscribes by messages of two symbols, 100 ms apart.
inline const VenueType toy{.name = "toy",
                           .title = "Toy",
                           .stream = {.symbols_per_message = 2,
                                      .message_gap = std::chrono::milliseconds{100},
                                      .ack_within = std::chrono::seconds{10}}};

}  // namespace pricewire::feed

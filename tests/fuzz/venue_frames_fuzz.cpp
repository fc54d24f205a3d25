#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "feed/detail/inflate.hpp"
#include "feed/refusal.hpp"
#include "feed/venue.hpp"

// The stream and REST parsers of every venue, and the decompression, on any bytes: whatever they are, a quote
// has a price above zero and a ticker that was requested, events name instruments that exist, and an error
// leaves no quote; no refusal is waited out for ever. The input is a venue's name, a line feed and the bytes;
// without a name they go to all venues.

using namespace pricewire;

namespace {

void check(bool holds) {
    if (!holds) std::abort();
}

struct Target {
    const feed::VenueType* type;
    std::unique_ptr<feed::Venue> venue;
    std::unique_ptr<feed::StreamParser> parser;  // null: it has no stream
};

std::vector<Target> make_targets() {
    std::vector<Target> out;
    for (const feed::VenueType* type : feed::venue_types()) {
        std::vector<feed::Instrument> instruments;
        for (const char* ticker : {"BTC", "ETH"}) instruments.push_back({ticker, *type->symbol_of(ticker)});
        auto venue = type->create(std::move(instruments), {"wss://v", "https://v"});
        auto parser = venue->create_parser();
        out.push_back({type, std::move(venue), std::move(parser)});
    }
    return out;
}

void check_quotes(const Target& target, const feed::ParseResult& result, const std::vector<Quote>& quotes) {
    check(result || quotes.empty());
    for (const Quote& quote : quotes) {
        check(quote.price.is_positive());
        check(quote.ticker == Ticker("BTC") || quote.ticker == Ticker("ETH"));
        check(quote.time >= Timestamp{} && quote.source == target.type->name);
    }
}

void check_event(const feed::StreamEvent& event) {
    if (const auto* e = std::get_if<feed::Acknowledged>(&event)) check(e->instrument < 2);
    if (const auto* e = std::get_if<feed::SymbolRefused>(&event)) check(e->instrument < 2);
    if (const auto* e = std::get_if<feed::Gap>(&event)) check(e->instrument < 2 && e->lost > 0);
}

void check_target(const Target& target, std::string_view bytes) {
    static feed::StreamOutput output;
    const Timestamp now{std::chrono::seconds{1'700'000'000}};
    if (target.parser) {
        output.clear();
        const auto result = target.parser->parse(bytes, now, output);
        check_quotes(target, result, output.quotes);
        for (const feed::StreamEvent& event : output.events) check_event(event);
    }
    std::vector<Quote> quotes;
    const auto result = target.venue->parse_answer(bytes, now, quotes);
    check_quotes(target, result, quotes);
    check(quotes.size() <= 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto targets = make_targets();
    static feed::detail::Inflater inflater;
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::size_t line = bytes.find('\n');
    const auto* named =
        line == std::string_view::npos ? nullptr : feed::find_venue_type(bytes.substr(0, line));
    if (named != nullptr) bytes.remove_prefix(line + 1);
    for (const Target& target : targets) {
        if (named == nullptr || named == target.type) check_target(target, bytes);
    }
    const std::string_view header = bytes.substr(0, bytes.find('\n'));
    for (const int status : {200, 403, 429, 451, 503}) {
        const Timestamp now{std::chrono::seconds{1'700'000'000}};
        const auto refusal = feed::judge_refusal(status, header, bytes, now, static_cast<int>(size % 70));
        check(!refusal ||
              (refusal->wait >= std::chrono::seconds{1} && refusal->wait <= std::chrono::hours{72}));
    }
    if (const auto inflated = inflater.inflate(bytes)) check(inflated->size() <= inflater.max_inflated);
    return 0;
}

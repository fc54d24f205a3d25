#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "feed/frame_reader.hpp"
#include "feed/refusal.hpp"
#include "feed/venue.hpp"

// The stream and REST parsers of the venue PRICEWIRE_VENUE, and the decompression, on any bytes. Whatever they
// are: a quote has a ticker that was requested and a price above zero, which is what its digits say; nothing of the
// past is live; events name instruments that exist; an error leaves no quote; no refusal is waited out for ever; candles
// and trades of the past are in the range and in order, and a page leads to another one.
// The input is the frames of one connection, with `separator` between them; a first line that is a venue's name
// only tells people whose they are.

using namespace pricewire;

namespace {

constexpr std::string_view separator = "\n--\n";
constexpr std::size_t instruments = 2;
constexpr Timestamp now{std::chrono::seconds{1'700'000'000}};

void check(bool holds) {
    if (!holds) std::abort();
}

std::unique_ptr<feed::Venue> make_venue() {
    const feed::VenueType* type = feed::find_venue_type(PRICEWIRE_VENUE);
    check(type != nullptr);
    return type->create({{"BTC", *type->symbol_of("BTC")}, {"ETH", *type->symbol_of("ETH")}},
                        {"wss://v", "https://v"});
}

void check_quotes(const feed::Venue& venue, const feed::ParseResult& result,
                  const std::vector<Quote>& quotes) {
    check(result || quotes.empty());
    for (const Quote& quote : quotes) {
        check(quote.price.is_positive());
        check(quote.ticker == Ticker("BTC") || quote.ticker == Ticker("ETH"));
        check(quote.time >= Timestamp{} && quote.source == venue.type().name);
    }
}

void check_spelling(const feed::StreamOutput& output) {
    for (const Quote& quote : output.quotes) {
        check(!quote.is_live || now - quote.time <= std::chrono::minutes{5});
        bool is_spelled = false;
        for (const feed::Spelling& s : output.spellings) {
            const auto price = Decimal::parse(s.price_digits, Decimal::Excess::truncate);
            is_spelled = is_spelled || (s.ticker == quote.ticker && price && *price == quote.price);
        }
        check(is_spelled);
    }
}

void check_event(const feed::StreamEvent& event) {
    if (const auto* e = std::get_if<feed::Acknowledged>(&event)) check(e->instrument < instruments);
    if (const auto* e = std::get_if<feed::SymbolRefused>(&event)) check(e->instrument < instruments);
    if (const auto* e = std::get_if<feed::Gap>(&event)) check(e->instrument < instruments && e->lost > 0);
    if (const auto* e = std::get_if<feed::MessageRefused>(&event))
        check(!e->culprit || *e->culprit < instruments);
}

void check_stream(const feed::Venue& venue, std::string_view bytes) {
    if (venue.create_parser() == nullptr) return;
    feed::StreamOutput output;
    output.keeps_spellings = true;
    feed::FrameReader reader(venue);
    for (bool is_binary : {false, true}) {
        for (std::string_view rest = bytes;;) {
            const std::size_t end = rest.find(separator);
            output.clear();
            const auto result = reader.read(rest.substr(0, end), is_binary, now, output);
            check_quotes(venue, result, output.quotes);
            check_spelling(output);
            for (const feed::StreamEvent& event : output.events) check_event(event);
            if (end == rest.npos) break;
            rest.remove_prefix(end + separator.size());
        }
    }
}

void check_listings(const feed::VenueType& type, std::string_view bytes) {
    if (type.listings.parse == nullptr) return;
    const auto listings = type.listings.parse(bytes);
    if (!listings) return;
    check(!listings->empty());
    for (const feed::Listing& listing : *listings)
        check(type.is_symbol(listing.symbol) && !listing.base.empty() && !listing.quote.empty());
}

void check_candles(const feed::VenueType& type, std::string_view bytes, const feed::PastRequest& request) {
    if (type.past.parse_candles == nullptr) return;
    const auto candles = type.past.parse_candles(bytes, request);
    if (!candles) return;
    for (const feed::Candle& c : *candles) {
        check(c.start >= request.from && c.start < request.to);
        check(to_micros(c.start) % request.interval.count() == 0 && c.low.is_positive());
        check(c.low <= c.open && c.low <= c.close && c.high >= c.open && c.high >= c.close);
        check(!c.volume || c.volume->is_positive());
        check(!c.is_closed || c.start + request.interval <= request.now);
    }
    check(std::ranges::adjacent_find(*candles, std::greater_equal<>(), &feed::Candle::start) ==
          candles->end());
}

void check_trades(const feed::VenueType& type, std::string_view bytes, const feed::PastRequest& request) {
    if (type.past.parse_trades == nullptr) return;
    const auto page = type.past.parse_trades(bytes, request);
    if (!page) return;
    for (const feed::PastTrade& trade : page->trades)
        check(trade.time >= request.from && trade.time < request.to && trade.price.is_positive());
    check(std::ranges::is_sorted(page->trades, {}, &feed::PastTrade::time));
    check(page->next.empty() || page->next != request.cursor);
    feed::PastRequest next = request;
    next.cursor = page->next;
    check(next.cursor.empty() || type.past.trades_url(next) != type.past.trades_url(request));
}

void check_past(const feed::VenueType& type, std::string_view bytes) {
    check_listings(type, bytes);
    const feed::PastRequest request{.symbol = *type.symbol_of("BTC"),
                                    .from = Timestamp{std::chrono::hours{24 * 365 * 45}},
                                    .to = Timestamp{std::chrono::hours{24 * 365 * 120}},
                                    .now = now};
    check_candles(type, bytes, request);
    check_trades(type, bytes, request);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto venue = make_venue();
    static feed::detail::Inflater inflater;
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::size_t line = bytes.find('\n');
    if (line != bytes.npos && feed::find_venue_type(bytes.substr(0, line)) != nullptr)
        bytes.remove_prefix(line + 1);
    check_stream(*venue, bytes);
    std::vector<Quote> quotes;
    check_quotes(*venue, venue->parse_answer(bytes, now, quotes), quotes);
    check(quotes.size() <= instruments);
    check_past(venue->type(), bytes);
    if (venue->address_request()) {
        const auto address = venue->parse_address(bytes);
        check(!address || !address->empty());
    }
    const std::string_view header = bytes.substr(0, bytes.find('\n'));
    for (const int status : {200, 403, 429, 451, 503}) {
        const auto refusal = feed::judge_refusal(status, header, bytes, now, static_cast<int>(size % 70));
        check(!refusal ||
              (refusal->wait >= std::chrono::seconds{1} && refusal->wait <= std::chrono::hours{72}));
    }
    if (const auto inflated = inflater.inflate(bytes)) check(inflated->size() <= inflater.max_inflated);
    return 0;
}

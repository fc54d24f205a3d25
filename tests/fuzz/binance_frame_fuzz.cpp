#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "feed/binance/binance.hpp"

// Binance's stream and REST parsers on any bytes: whatever they are, a quote has a price above zero and a
// ticker that was asked for, and an error leaves none behind.

using namespace pricewire;

namespace {

void check(bool holds) {
    if (!holds) std::abort();
}

void check_quotes(const feed::ParseResult& result, const std::vector<Quote>& quotes, std::size_t most) {
    check(result || quotes.empty());
    check(quotes.size() <= most);
    for (const Quote& quote : quotes) {
        check(quote.price.is_positive());
        check(quote.ticker == Ticker("BTC") || quote.ticker == Ticker("ETH"));
        check(quote.time >= Timestamp{} && quote.source == feed::binance_type.name);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto venue =
        feed::binance_type.create({{"BTC", "BTCUSDT"}, {"ETH", "ETHUSDT"}}, {"wss://b", "https://b"});
    static const auto parser = venue->create_parser();
    static feed::StreamOutput output;
    static std::vector<Quote> quotes;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const Timestamp now{std::chrono::seconds{1'700'000'000}};
    output.clear();
    const auto frame = parser->parse(bytes, now, output);
    check_quotes(frame, output.quotes, 1);
    quotes.clear();
    const auto answer = venue->parse_answer(bytes, now, quotes);
    check_quotes(answer, quotes, 2);
    return 0;
}

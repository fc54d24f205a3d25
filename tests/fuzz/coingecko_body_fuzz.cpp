#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "feed/coingecko/coingecko.hpp"
#include "feed/refusal.hpp"

// CoinGecko's parser, and the judgement of refusals, on any bytes: whatever they are, a quote has a price
// above zero, a ticker that was asked for and a plausible time, an error leaves none behind, and no wait is
// endless.

using namespace pricewire;

namespace {

void check(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto venue =
        feed::coingecko_type.create({{"BTC", "bitcoin"}, {"ETH", "ethereum"}}, {"", "https://c/api/v3"});
    static std::vector<Quote> quotes;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const Timestamp now{std::chrono::seconds{1'700'000'000}};
    quotes.clear();
    const auto result = venue->parse_answer(bytes, now, quotes);
    check(result || quotes.empty());
    check(quotes.size() <= 2);
    for (const Quote& quote : quotes) {
        check(quote.price.is_positive());
        check(quote.ticker == Ticker("BTC") || quote.ticker == Ticker("ETH"));
        check(quote.time > Timestamp{});
    }
    const std::string_view header = bytes.substr(0, bytes.find('\n'));
    for (const int status : {200, 403, 429, 451, 503}) {
        const auto refusal = feed::judge_refusal(status, header, bytes, now, static_cast<int>(size % 70));
        check(!refusal ||
              (refusal->wait >= std::chrono::seconds{1} && refusal->wait <= std::chrono::hours{72}));
    }
    return 0;
}

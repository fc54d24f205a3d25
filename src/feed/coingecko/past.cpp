#include <array>

#include "feed/coingecko/coingecko.hpp"
#include "feed/detail/past.hpp"

namespace pricewire::feed::coingecko {

// [{"id":"bitcoin","symbol":"btc","name":"Bitcoin", …}, …], or
// {"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit. …"}}. Many coins share a symbol.
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr detail::AnswerShape answer{.title = "CoinGecko", .code = "error", .text = "status"};
    static constexpr std::array<std::string_view, 3> names{"id", "symbol", "name"};
    return detail::read_listings(body, answer, names, [](auto row, std::vector<Listing>& out) {
        return detail::add_listing(coingecko_type, row[0], row[1], "USD", true, out, row[2]);
    });
}

}  // namespace pricewire::feed::coingecko

#include <array>

#include "feed/coinpaprika/coinpaprika.hpp"
#include "feed/detail/past.hpp"

namespace pricewire::feed::coinpaprika {

// [{"id":"btc-bitcoin","name":"Bitcoin","symbol":"BTC","rank":1,"is_new":false,"is_active":true,"type":"coin"}, …].
// The letters of dead coins are used again.
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr detail::AnswerShape answer{.title = "CoinPaprika", .text = "error"};
    static constexpr std::array<std::string_view, 4> names{"id", "symbol", "name", "is_active"};
    return detail::read_listings(body, answer, names, [](auto row, std::vector<Listing>& out) {
        return row[3] == "false" ||
               detail::add_listing(coinpaprika_type, row[0], row[1], "USD", true, out, row[2]);
    });
}

}  // namespace pricewire::feed::coinpaprika

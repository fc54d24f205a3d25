#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.hpp"
#include "net/http_server.hpp"
#include "sim/faults.hpp"

// The exchanges' formats as their public documents describe them; pure.
namespace pricewire::sim {

using Prices = std::map<std::string, Decimal>;  // by Binance symbol

// "BTCUSDT" → "btcusdt@trade"
std::string stream_name(std::string_view symbol);
std::string trade_frame(const std::string& symbol, Decimal price, std::uint64_t trade_id);
// The decoded value of one query parameter; empty where it is absent.
std::string query_value(std::string_view query, std::string_view name);
// "a@trade/b@trade" → its parts.
std::vector<std::string> split_streams(const std::string& text);

struct StreamCommand {
    bool subscribe = true;
    std::vector<std::string> streams;
    std::int64_t id = 0;
};
// {"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}
std::optional<StreamCommand> parse_command(std::string_view text);

net::ServerResponse binance_prices(std::string_view query, const Prices& prices);
net::ServerResponse coingecko_prices(std::string_view query, const Prices& prices,
                                     std::chrono::system_clock::time_point taken);

std::string html_page();
net::ServerResponse refusal(const Fault& fault);
// The error body each exchange has been seen to send under status 200.
net::ServerResponse error_body(Door door);

Decimal tenfold(Decimal price);

}  // namespace pricewire::sim

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "base/decimal.hpp"
#include "net/http_server.hpp"
#include "sim/faults.hpp"
#include "sim/venues/venue.hpp"

// What the simulated venues share. Pure.
namespace pricewire::sim {

// The decoded value of one query parameter; empty where it is absent.
std::string query_value(std::string_view query, std::string_view name);
// The string member of an object; empty where there is none.
std::string text_of(const boost::json::value& object, std::string_view name);

// Whether a symbol of the tape exists: it has traded, or is one of the five that always have a market.
bool is_listed(std::string_view symbol, const Prices& known);
// "BTC" for the tape's "BTCUSDT".
std::string base_of(std::string_view symbol);

std::int64_t unix_ms();
std::string html_page();
// The answer under a fault that refuses: a page, or a status with Retry-After.
net::ServerResponse refusal(const Fault& fault);
Decimal tenfold(Decimal price);
std::string gzipped(std::string_view text);

}  // namespace pricewire::sim

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/decimal.hpp"
#include "net/http_server.hpp"
#include "sim/faults.hpp"
#include "sim/venues/venue.hpp"

// What the simulated venues share. Pure.
namespace pricewire::sim {

// The decoded value of one query parameter; empty where it is absent.
std::string query_value(std::string_view query, std::string_view name);
// The object that a client's message holds; empty where it holds none.
boost::json::object parse_object(std::string_view text);
// The string member of an object; empty where there is none.
std::string text_of(const boost::json::object& object, std::string_view name);
// The list member of an object; null where there is none.
const boost::json::array* list_of(const boost::json::object& object, std::string_view name);

// Whether a symbol of the tape exists: it has traded, or is one of the five that always have a market.
bool is_listed(std::string_view symbol, const Prices& known);
// "BTC" for the tape's "BTCUSDT".
std::string base_of(std::string_view symbol);

// A stream that is subscribed to symbols by messages.
class SymbolStream : public SimStream {
public:
    explicit SymbolStream(const Prices& known) : known_(known) {}
    bool wants(std::string_view symbol) const final { return symbols_.contains(symbol); }
    bool is_subscribed() const final { return !symbols_.empty(); }

protected:
    // False: there is no such symbol.
    bool subscribe(const std::string& symbol, bool is_wanted = true);
    const Prices& known() const { return known_; }

private:
    const Prices& known_;
    std::set<std::string, std::less<>> symbols_;
};

// SimVenue::open of such a stream.
template <typename Stream>
std::unique_ptr<SimStream> open_stream(std::string_view, const Prices& known) {
    return std::make_unique<Stream>(known);
}

std::int64_t unix_ms();
std::string html_page();
// The answer under a fault that refuses: a page, or a status with Retry-After.
net::ServerResponse refusal(const Fault& fault);
Decimal tenfold(Decimal price);
std::string gzipped(std::string_view text);

}  // namespace pricewire::sim

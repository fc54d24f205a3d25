#include "sim/control.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "sim/venue_player.hpp"

namespace pricewire::sim {
namespace {

const net::ServerResponse done{.status = 204, .body = {}};

net::ServerResponse bad(const std::string& text) {
    return {.status = 400, .content_type = "text/plain", .body = text + "\n"};
}

net::ServerResponse set_speed(ExchangeSim& sim, const std::string& body) {
    const auto factor = Decimal::parse(body);
    if (!factor || *factor < Decimal{}) return bad("a speed is a number not below 0");
    return sim.set_speed(factor->to_double()), done;
}

net::ServerResponse set_noise(ExchangeSim& sim, const std::string& body) {
    const auto bp = Decimal::parse(body);
    if (!bp || *bp < Decimal{} || *bp > Decimal::from_int(1000))
        return bad("noise is a number of basis points from 0 to 1000");
    return sim.set_noise(bp->to_double()), done;
}

net::ServerResponse set_market(ExchangeSim& sim, const std::string& body) {
    auto market = open_market(body);
    if (!market) return bad(market.error().message);
    return sim.set_tape(std::move(*market)), done;
}

net::ServerResponse set_rate(ExchangeSim& sim, std::string_view coin, const std::string& body) {
    const auto dollars = Decimal::parse(body);
    if (coin != "USDT" && coin != "USDC") return bad("the dollar coins are USDT and USDC");
    if (!dollars || !dollars->is_positive()) return bad("a rate is a positive number of dollars");
    return sim.set_rate(coin, dollars->to_double()), done;
}

bool is_venue(SimVenues venues, std::string_view name) {
    return std::any_of(venues.begin(), venues.end(), [&](auto* venue) { return venue->name == name; });
}

net::ServerResponse trade(ExchangeSim& sim, SimVenues venues, std::string_view what,
                          const std::string& body) {
    const std::string symbol(take_part(what, '/'));
    const auto price = Decimal::parse(body);
    if (!price || !price->is_positive()) return bad("a price is a positive decimal number");
    if (!what.empty() && !is_venue(venues, what)) return bad("no such venue");
    return sim.trade(symbol, *price, std::string(what)), done;
}

net::ServerResponse set_listing(ExchangeSim& sim, SimVenues venues, std::string_view what,
                                std::string_view body) {
    using Kind = ListingState::Kind;
    const std::string_view venue = take_part(what, '/');
    if (!is_venue(venues, venue)) return bad("no such venue");
    if (what.empty()) return bad("a listing is one of a symbol: /_sim/listing/<venue>/<SYMBOL>");
    const std::string_view word = take_part(body, ':');
    const ListingState state{word == "halted"     ? Kind::halted
                             : word == "delisted" ? Kind::delisted
                             : word == "renamed"  ? Kind::renamed
                                                  : Kind::trading,
                             std::string(body)};
    if ((state.kind == Kind::trading && word != "trading") || (state.kind == Kind::renamed) == body.empty())
        return bad("a listing is trading, halted, delisted or renamed:SYMBOL");
    return sim.set_listing(venue, std::string(what), state), done;
}

net::ServerResponse skip(ExchangeSim& sim, const std::string& body) {
    const auto time = parse_duration(body);
    if (!time || *time > std::chrono::hours{48}) return bad("a time to skip is at most 48h");
    return sim.skip(*time), done;
}

net::ServerResponse set_fault(ExchangeSim& sim, SimVenues venues, std::string_view what,
                              const std::string& body) {
    std::string_view symbol = what;
    const Door door(take_part(symbol, '/'));
    const auto known = doors(venues);
    auto fault = parse_fault(body);
    if (std::find(known.begin(), known.end(), door) == known.end())
        return bad(fmt::format("the doors are {}", fmt::join(known, ", ")));
    if (!fault) return bad(fault.error().message);
    if (!symbol.empty() && !is_of_symbol(*fault))
        return bad(fmt::format("'{}' is not a fault of one symbol", body));
    return sim.set_fault(Door(what), std::move(*fault)), done;
}

}  // namespace

std::vector<Door> doors(SimVenues venues) {
    std::vector<Door> out;
    for (const SimVenue* venue : venues) {
        if (!venue->ws_path.empty()) out.push_back(stream_door(*venue));
        if (venue->rest != nullptr) out.push_back(rest_door(*venue));
    }
    return out;
}

net::ServerOptions server_options(const std::string& listen) {
    net::ServerOptions server;
    server.listen = listen;
    server.threads = 1;
    server.error_response = [](int status, std::string_view detail) {
        return net::ServerResponse{
            .status = status, .content_type = "text/plain", .body = std::string(detail)};
    };
    return server;
}

net::ServerResponse control(ExchangeSim& sim, SimVenues venues, const net::ServerRequest& request) {
    std::string_view argument = std::string_view(request.path).substr(6);
    const std::string_view what = take_part(argument, '/');
    const std::string& body = request.body;
    if (what == "status") return {.body = sim.status()};
    if (what == "sources") return {.content_type = "text/plain", .body = sim.source_settings()};
    if (request.method != "POST")
        return {.status = 405, .content_type = "text/plain", .body = "POST, please\n"};
    if (what == "play") return sim.play(), done;
    if (what == "pause") return sim.pause(), done;
    if (what == "speed") return set_speed(sim, body);
    if (what == "noise") return set_noise(sim, body);
    if (what == "market") return set_market(sim, body);
    if (what == "rate") return set_rate(sim, argument, body);
    if (what == "price") return trade(sim, venues, argument, body);
    if (what == "listing") return set_listing(sim, venues, argument, body);
    if (what == "skip") return skip(sim, body);
    if (what == "fault") return set_fault(sim, venues, argument, body);
    return {.status = 404, .content_type = "text/plain", .body = "no such control\n"};
}

}  // namespace pricewire::sim

#include <fmt/format.h>

#include <optional>
#include <string>

#include "api/bodies.hpp"
#include "api/handlers.hpp"
#include "api/paging.hpp"
#include "api/query_values.hpp"
#include "api/watching.hpp"
#include "base/crypto.hpp"
#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "directory/directory.hpp"

namespace pricewire::api {
namespace {

constexpr std::size_t longest_page = 1000;
constexpr std::size_t longest_query = 100;  // bytes

struct TickersQuery {
    std::string text;
    std::size_t limit = 100;
    std::optional<directory::Rank> after;
};

// A cursor is the rank of the last ticker of a page: "2.997.BTC".
std::string cursor_of(const directory::Rank& last) {
    const std::string text = fmt::format("{}.{}.{}", last.match, last.absent, last.ticker.view());
    return base64url_encode(as_bytes(text));
}

std::optional<directory::Rank> rank_in(std::string_view text) {
    const auto bytes = base64url_decode(text);
    if (!bytes) return std::nullopt;
    const std::string decoded(bytes->begin(), bytes->end());
    std::string_view rest = decoded;
    const auto match = parse_number<std::uint8_t>(take_part(rest, '.'));
    const auto absent = parse_number<std::uint32_t>(take_part(rest, '.'));
    if (!match || !absent || !is_ticker(rest)) return std::nullopt;
    return directory::Rank{*match, *absent, Ticker(rest)};
}

Parsed<TickersQuery> parse_tickers_query(const QueryString& query) {
    TickersQuery out;
    std::vector<Issue> issues;
    if (const auto text = query.find("query")) {
        out.text = *text;
        if (out.text.size() > longest_query) {
            issues.push_back({{"query", "query"},
                              fmt::format("String should have at most {} characters", longest_query),
                              "string_too_long"});
        }
    }
    read_limit(query, longest_page, out.limit, issues);
    if (const auto text = query.find("cursor")) {
        out.after = rank_in(*text);
        if (!out.after) issues.push_back(bad_cursor());
    }
    if (!issues.empty()) return std::unexpected(std::move(issues));
    return out;
}

void write_coin(JsonWriter& w, const directory::Coin& coin, const Services& services) {
    const auto board = services.use.bus.board(coin.ticker);
    const bool is_watched = board || coin.is_pinned;
    w.begin_object()
        .field("ticker", coin.ticker.view())
        .field("name", text_or_null(coin.name))
        .field("watched", is_watched)
        .field("price", board && board->price ? std::optional(board->price->value) : std::nullopt)
        .key("venues")
        .begin_array();
    for (const directory::Listing& listing : coin.venues) {
        w.begin_object()
            .field("name", listing.source.view())
            .field("symbol", listing.pair->symbol)
            .field("currency", listing.pair->currency.view())
            .field("status", to_string(listing.pair->status))
            .field("disagrees", listing.pair->disagrees_since.has_value())
            .end_object();
    }
    w.end_array().key("ids").begin_object();
    for (const directory::Listing& listing : coin.aggregators)
        w.field(listing.source.view(), listing.pair->symbol);
    w.end_object().end_object();
}

}  // namespace

net::ServerResponse list_tickers(Services& services, Exchange& exchange) {
    const QueryString query(exchange.request.query);
    const auto wanted = parse_tickers_query(query);
    if (!wanted) return validation_response(wanted.error());
    const auto listed = listed_coins(services);
    auto hits = listed->search(wanted->text, wanted->limit + 1, wanted->after);
    const bool has_more = hits.size() > wanted->limit;
    if (has_more) hits.pop_back();
    JsonWriter w;
    w.begin_array();
    for (const directory::Hit& hit : hits) write_coin(w, *hit.coin, services);
    w.end_array();
    auto response = json_response(200, std::move(w).str());
    if (has_more) add_next_link(response, "/api/v1/tickers", query, cursor_of(hits.back().rank));
    return response;
}

}  // namespace pricewire::api

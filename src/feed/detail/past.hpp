#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "feed/venue.hpp"

// Lists of markets, candles and trades of the past: what the venues' answers have in common is read here, and each
// venue says in a table where its own differ. Pure, any thread.
namespace pricewire::feed::detail {

// How a venue's answers are built around their rows.
struct AnswerShape {
    std::string_view title;  // of the venue, for errors
    // The fields that lead to the list of rows, from the outermost: {"result", "list"}. "*" is a list of any name, and
    // none says that the answer is the list.
    std::array<std::string_view, 2> path = {};
    bool are_fields = false;  // the rows are the fields of an object instead of the elements of a list
    // The fields that report an error, and the code of a success; where `good` is empty, only errors have these fields.
    // A field that holds a list counts as its first element that is not a warning, "W…", one that holds an object as its
    // first string.
    std::string_view code = {}, text = {}, good = {};
    // The field beside the rows that names the symbol, "*" for the name of the list itself; may be absent from an
    // answer.
    std::string_view named = {};
    bool (*is_name_of)(std::string_view named, std::string_view symbol) = nullptr;  // null: if they are equal
};

enum class TimeUnit : std::uint8_t { seconds, milliseconds, microseconds, nanoseconds, rfc3339 };

// The time in a field, as a number or a string, with or without a fraction; nullopt where it is before 2009 or after
// 2099.
std::optional<Timestamp> time_of(std::string_view text, TimeUnit unit);

constexpr std::size_t no_column = std::numeric_limits<std::size_t>::max();

// Where the figures of a candle are in its row: under names where rows are objects, in columns where they are lists.
struct CandleShape {
    AnswerShape answer;
    TimeUnit unit = TimeUnit::milliseconds;
    std::array<std::string_view, 6> names = {};  // start, open, high, low, close, volume in coins
    std::array<std::size_t, 6> columns = {};
    std::size_t open_column = no_column;  // whose word says that its interval is not over
    std::string_view open_word = {};
};

// PastType::parse_candles. `named` is what AnswerShape::named has to say.
std::expected<std::vector<Candle>, ParseError> read_candles(std::string_view body, const CandleShape& shape,
                                                            const PastRequest& request,
                                                            std::string_view named);
inline std::expected<std::vector<Candle>, ParseError> read_candles(std::string_view body,
                                                                   const CandleShape& shape,
                                                                   const PastRequest& request) {
    return read_candles(body, shape, request, request.symbol);
}

// Likewise of a trade.
struct TradeShape {
    AnswerShape answer;
    TimeUnit unit = TimeUnit::milliseconds;
    std::array<std::string_view, 4> names = {};  // time, price, id, symbol; empty: it has none
    std::array<std::size_t, 4> columns = {};     // no_column: it has none
    // The field whose word says that a trade was made outside the market; none: there are no such trades.
    std::string_view kind = {}, off_market = {};
};

// The trades in an answer.
struct TradeRows {
    std::vector<PastTrade> trades;  // oldest first, of whatever time
    std::size_t rows = 0;           // in the answer, invalid ones included: a page may be full
    bool newest_first = false;      // in the answer
};
std::expected<TradeRows, ParseError> read_trades(std::string_view body, const TradeShape& shape,
                                                 std::string_view symbol);

// The trades within the range of the request, and the cursor of the next page.
PastTrades page_of(TradeRows rows, const PastRequest& request, std::string next);

// PastType::parse_trades, where `next(rows)` is the cursor behind a page with all the rows that one may have.
template <typename Next>
std::expected<PastTrades, ParseError> read_page(std::string_view body, const TradeShape& shape,
                                                const PastRequest& request, std::size_t rows_per_page,
                                                Next&& next) {
    auto rows = read_trades(body, shape, request.symbol);
    if (!rows) return std::unexpected(std::move(rows.error()));
    std::string cursor = rows->rows < rows_per_page ? std::string() : next(*rows);
    return page_of(std::move(*rows), request, std::move(cursor));
}

// Cursors of venues that give trades by time, in milliseconds or nanoseconds: the end of the page before this one, and
// the start of the page after it. Pages overlap by a millisecond, or a microsecond, so that it does not matter whether
// a venue takes ends as inclusive. Empty: the range is read. Each is beyond the cursor of `request`.
std::string cursor_before(const TradeRows& rows, const PastRequest& request,
                          TimeUnit unit = TimeUnit::milliseconds);
std::string cursor_after(const TradeRows& rows, const PastRequest& request);

// For lists of markets. `take` gets the fields in the order of `names`, empty where they are absent or null, and adds
// the listing if the row is about a spot market; false: it cannot be read.
using TakeListing = bool(std::span<const std::string_view> fields, std::vector<Listing>& out);
std::expected<std::vector<Listing>, ParseError> read_listings(std::string_view body, const AnswerShape& shape,
                                                              std::span<const std::string_view> names,
                                                              TakeListing* take);
// Adds a market, with its coins in capitals; one whose symbol the venue's rules do not take, or take for one in another
// currency, is passed over. False: a field is absent.
bool add_listing(const VenueType& type, std::string_view symbol, std::string_view base,
                 std::string_view quote, bool is_trading, std::vector<Listing>& out,
                 std::string_view name = {});
// Judges a whole list: an error where it is empty, or where more than a tenth of its rows could not be read.
std::expected<std::vector<Listing>, ParseError> judged_listings(std::vector<Listing> list, std::size_t broken,
                                                                std::string_view title);

// What an error's code and words mean.
ParseError::Kind kind_of_error(std::string_view code, std::string_view text);

// For URLs.
std::int64_t to_seconds(Timestamp t);
std::int64_t to_milliseconds(Timestamp t);
// A venue's word for 1 min, 1 h or 1 day; empty for another interval, or where `words` has none.
std::string_view interval_word(Duration interval, const std::array<std::string_view, 3>& words);

}  // namespace pricewire::feed::detail

#pragma once

#include <string>
#include <string_view>

#include "rule/canonical.hpp"
#include "rule/compared.hpp"
#include "storage/sql/alert_columns.hpp"
#include "storage/sql/rows.hpp"

// Which ratios a user's active alerts watch: in the transaction that adds one, after the user's row was locked, so that
// two that come at once cannot both take the last room.
namespace pricewire::storage::sql {

// Of all but one alert.
template <typename Connection>
rule::ComparedTickers compared_by(Connection& db, const Uuid& user_id, const Uuid& but) {
    rule::ComparedTickers out;
    for (const std::string& ratios : db.all(read_text, "ratios_of", user_id, but)) {
        const std::vector<Ticker> pairs = split_tickers(ratios);
        for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) out.add(pairs[i], pairs[i + 1]);
    }
    // Alerts from before the ratios had a column, or with a rule that a version of before has put in. One that only a newer
    // version can read does not count.
    for (const std::string& text : db.all(read_text, "ratios_not_known_of", user_id, but)) {
        if (const auto terms = rule::parse_canonical(text)) out.add(*terms);
    }
    return out;
}

}  // namespace pricewire::storage::sql

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "domain/market.hpp"

namespace pricewire::alert {

// How far the prices that have come are complete, so that what time decides is decided after every price before it:
// by the feeds' signs of life, which come in order with their prices, and by the clock where they are fresh.
//
// what is known                                    complete until
// -----------------------------------------------  ---------------------------------------------------------------
// every live feed has given one a moment ago, and  `usual` before now: no sign of life is waited for
// prices come in time
// otherwise                                        the earliest of the live feeds' last signs of life
// no feed has given one for `longest`              `longest` before now; prices are gone since the last sign of life
//
// A feed is live until it is `dead_after` behind another one. While prices are past ones, the clock does not count.
// Pure; one thread.
class PriceClock {
public:
    static constexpr Duration usual =
        std::chrono::milliseconds{250};  // a price that comes in time is not older
    static constexpr Duration fresh = std::chrono::milliseconds{1500};
    static constexpr Duration dead_after = std::chrono::seconds{5};
    static constexpr Duration longest = std::chrono::minutes{2};  // as RecentPrices
    static constexpr Duration blind_after = std::chrono::seconds{15};

    // Past prices are handed over from here on, or present ones.
    void replay() { is_past_ = true; }
    void follow(Timestamp now);

    // As if a feed had given a sign of life then: what follows may be long after it.
    void begin(Timestamp judged_until) { judged_until_ = judged_until; }
    void on_heard(std::string_view feed, Timestamp heard);
    void on_price(const Price& price, Timestamp now);

    // For certain; nullopt: nothing is.
    std::optional<Timestamp> certain(Timestamp now) const;
    // As far as is known. Not before certain().
    std::optional<Timestamp> until(Timestamp now) const;
    // When until(), or certain(), reaches `moment` by the clock alone.
    Timestamp until_reaches(Timestamp moment, Timestamp now) const;
    Timestamp certain_reaches(Timestamp moment) const { return std::max(moment, heard_or_start()) + longest; }

    // The sign of life after which it is known whether an earlier price was still in effect at `moment`; nullopt: it is known
    // already. A feed of this process needs none: its prices come before what is made after them. A feed whose clock is
    // behind delays no longer than `most_awaited`.
    std::optional<Timestamp> sign_for(Timestamp moment, Timestamp now) const;
    // Whether every live feed has given this sign, or a later one; or none has given any for `longest`.
    bool is_given(Timestamp sign, Timestamp now) const;
    static constexpr Duration most_awaited = std::chrono::seconds{3};

    // Since when no price is known, because no feed has given a sign of life for longer than `blind_after`: once for
    // each such gap, in order with the prices.
    std::optional<Timestamp> take_blind(Timestamp now);

private:
    Timestamp heard_or_start() const { return newest_.value_or(followed_); }
    std::optional<Timestamp> least_heard() const;
    bool is_fresh(Timestamp now) const;

    std::map<std::string, Timestamp, std::less<>> feeds_;  // the last sign of life of each that lives
    std::optional<Timestamp> newest_;                      // of all of them
    std::optional<Timestamp> judged_until_;                // before there was any
    std::optional<Timestamp> blind_since_;                 // not taken yet
    Timestamp followed_{};                                 // since when prices are present ones
    Timestamp slow_until_{};                               // prices came late a moment ago
    bool is_past_ = true;
    bool is_taken_ = false;  // that prices are gone since newest_
};

}  // namespace pricewire::alert

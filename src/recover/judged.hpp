#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "domain/blind.hpp"
#include "domain/heard.hpp"

namespace pricewire::recover {

// Works out from the feeds' signs of life, which come in order with the prices, when no price was judged: of all
// tickers, because nobody published or nobody read what was published; of one, because no feed heard an exchange that
// trades it. Pure; one thread. judged.cpp describes the cases.
class Judged {
public:
    // All tickers but `except`, which are still blind, and have spans of their own.
    struct Gap {
        Timestamp from, to;
        std::string reason;
        std::set<Ticker> except;
        friend bool operator==(const Gap&, const Gap&) = default;
    };
    struct Changes {
        std::vector<Gap> gaps;
        std::vector<BlindSpan> spans;  // that have begun (open) or ended (waiting), the former first
    };

    // `limit`: a time that is not longer is not blind. `until` and `open` are what the processes before have stored.
    Judged(Duration limit, std::optional<Timestamp> until, const std::vector<BlindSpan>& open);

    // All prices before it were judged, and their firings are durable.
    void on_heard(std::string_view feed, const Heard& heard);

    // Until when everything was judged, but for the gaps and spans given; nullopt: nothing was.
    std::optional<Timestamp> until() const { return until_; }
    std::size_t blind() const { return blind_.size(); }
    Changes take_changes() { return std::exchange(changes_, {}); }

private:
    struct Feed {
        Timestamp time;
        Timestamp unheard_since;  // what it has not heard since its start
        std::map<Ticker, std::optional<Timestamp>> unheard;
    };
    struct Blind {
        Timestamp since;
        bool is_told = false;      // as an open span
        bool follows_gap = false;  // so that it is blind however short it is
    };

    void forget_dead_feeds(Timestamp now);
    std::optional<Timestamp> heard_until(Ticker ticker) const;
    bool is_unheard(Ticker ticker) const;
    bool is_short(const Blind& blind, Timestamp now) const;
    void judge(Ticker ticker, Timestamp now, std::optional<Timestamp> before, bool is_gap);
    std::string why_nothing_was_judged(std::string_view feed) const;

    const Duration limit_;
    std::optional<Timestamp> until_;
    std::optional<Timestamp> gap_end_;  // of the last one
    std::map<std::string, Feed, std::less<>> feeds_;
    std::map<Ticker, Timestamp>
        left_;  // until when feeds that are gone since the last sign of life heard them
    std::map<Ticker, Blind> blind_;
    Changes changes_;
};

}  // namespace pricewire::recover

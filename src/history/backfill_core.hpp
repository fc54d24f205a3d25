#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"
#include "past/past.hpp"

namespace pricewire::history {

// A part of a ticker's past, to be asked as bars of one interval.
struct Step {
    Duration interval;
    Timestamp from, to;
    past::Urgency urgency = past::Urgency::backfill;
    Duration within{};
    friend bool operator==(const Step&, const Step&) = default;
};

// What is missing of a ticker's past since `filled`, in the order in which it is asked; unset: of a year.
//
//   the last day          minutes, the newest first, so that there is a chart at once
//   30 days before that   hours
//   the rest of a year    days
//
// The parts begin and end with an hour and a day (UTC), so that no hour is made of a candle and of minutes, and no day of
// a candle and of hours, but where `filled` lies within one: a candle then stands for the whole of it (domain/bars.hpp).
std::vector<Step> missing(std::optional<Timestamp> filled, Timestamp now);

// Which tickers are filled when. No I/O, no clock; one thread.
class BackfillCore {
public:
    enum class Reason : std::uint8_t { pinned, needed };

    // Replaces the ticker's places, if it is watched already.
    void watch(Ticker ticker, std::vector<past::Place> places, Reason reason, Timestamp now);
    void unwatch(Ticker ticker);

    // What is to be claimed next; nullopt: none now. Those that somebody needs come first, and have places of their
    // own among those that are filled at a time.
    struct Claim {
        Ticker ticker;
        // To be claimed too if it is filled until before this, although it is not its turn: it was not watched.
        Timestamp behind{};
    };
    std::optional<Claim> next(Timestamp now);

    // The answers to next(): it is claimed, and `filled` so far, or it is not to be filled before `at`.
    void claimed(Ticker ticker, std::optional<Timestamp> filled, Timestamp now);
    void not_before(Ticker ticker, Timestamp at);

    // What is to be asked about a claimed ticker; nullopt: nothing more, or it is no longer watched.
    std::optional<past::PastAsk> asking(Ticker ticker) const;
    // What became of that step.
    enum class Next : std::uint8_t { ask, finished, failed };
    Next answered(Ticker ticker, const past::PastBars& bars);
    // After finished or failed, or when it is no longer watched: what is stored, and when it is its turn again. `until` is
    // unset after a failure.
    struct Outcome {
        std::optional<Timestamp> until;
        Timestamp next_at;
        std::size_t bars = 0;
        bool is_first = false;
        std::string why;  // it failed
    };
    Outcome ended(Ticker ticker, Timestamp now);

    std::size_t waiting(Timestamp now) const;  // for their turn
    std::size_t under_way() const { return jobs_.size(); }

private:
    struct Entry {
        std::vector<past::Place> places;
        Reason reason = Reason::pinned;
        std::uint64_t number = 0;  // in the order of watching
        Timestamp next_at;
        int failures = 0;    // in a row
        bool is_new = true;  // not claimed since it is watched
    };
    struct Job {
        Reason reason = Reason::pinned;
        std::vector<Step> steps;
        std::size_t at = 0;
        Timestamp until;
        bool is_first = false;
        bool joins = false;  // what was watched begins now
        bool has_answer = false;
        bool failed = false;
        std::size_t bars = 0;
        std::string why;
    };
    std::size_t under_way(Reason reason) const;

    std::map<Ticker, Entry> entries_;
    std::map<Ticker, Job> jobs_;
    std::uint64_t last_number_ = 0;
};

}  // namespace pricewire::history

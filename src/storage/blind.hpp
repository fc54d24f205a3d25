#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "domain/blind.hpp"
#include "storage/error.hpp"

namespace pricewire::storage {

// Times in which no price of a ticker was judged. Part of Storage: see there for threads. A call survives kill -9,
// not a loss of power: after that a blind time may be taken for longer than it was, never for shorter.
class BlindSpans {
public:
    virtual ~BlindSpans() = default;

    // Until when all prices were judged and their firings are durable, by whichever checker is the furthest; the
    // spans tell of tickers for which that is not so. nullopt: none has said so yet.
    virtual std::optional<Timestamp> judged_until() = 0;
    // Moves it forward. One that lies after `now` is replaced: a clock was wrong.
    virtual void note_judged(Timestamp until, Timestamp now) = 0;

    // Writes spans that have begun or ended (state open or waiting; a waiting one is due at once). One that is
    // stored as ended is left as it is.
    virtual void save_blind(std::span<const BlindSpan> spans) = 0;
    virtual std::vector<BlindSpan> open_blind() = 0;
    // The newest `limit` spans of a ticker, or of all where it is empty, that have not ended before `since`,
    // newest first.
    virtual std::vector<BlindSpan> blind_spans(Ticker ticker, Timestamp since, std::size_t limit) = 0;

    // Claims up to `limit` of those waiting that are due, the oldest first, until `lease_until`: no other owner
    // gets them before. What `owner` has claimed already is among them.
    virtual std::vector<BlindSpan> claim_blind(Timestamp now, std::size_t limit, std::string_view owner,
                                               Timestamp lease_until) = 0;
    // The outcome of a claim: the span's state, unknown, fired and tries. One that is still waiting is due at
    // `due`. False if `owner` has lost the claim; nothing is written then.
    virtual bool finish_blind(const BlindSpan& span, std::string_view owner,
                              std::optional<Timestamp> due) = 0;
    // Those of the ticker's active alerts that were created before `before` and may fire late, in no order.
    virtual std::vector<RecoverableAlert> recoverable_alerts(Ticker ticker, Timestamp before) = 0;
    // Removes at most `limit` spans that began before `before`; returns how many.
    virtual std::size_t prune_blind(Timestamp before, std::size_t limit) = 0;
};

}  // namespace pricewire::storage

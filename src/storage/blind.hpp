#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "domain/blind.hpp"
#include "storage/error.hpp"

namespace pricewire::storage {

// Times in which no price of a ticker was judged. Part of Storage: see there for threads. A call survives kill -9,
// not a loss of power: after that a blind time may be taken for longer than it was, never for shorter.
class BlindSpans {
public:
    virtual ~BlindSpans() = default;

    // Until when all prices were judged and their firings are durable, according to the checker that is furthest
    // ahead; the spans say for which tickers that is not so. nullopt: nothing was noted yet.
    virtual std::optional<Timestamp> judged_until() = 0;
    // Moves it forward. One that lies after `now` is replaced: a clock was wrong.
    virtual void note_judged(Timestamp until, Timestamp now) = 0;

    // Writes spans that have begun or ended (state open or waiting; a waiting one is due at once). A span that is
    // stored as ended is not changed.
    virtual void save_blind(std::span<const BlindSpan> spans) = 0;
    virtual std::vector<BlindSpan> open_blind() = 0;
    // Since when not all prices of a ticker are known that may yet be: the beginning of the first of its spans that last or
    // wait to be asked back.
    virtual std::map<Ticker, Timestamp> unresolved_blind() = 0;
    // The newest `limit` spans of a ticker, or of all where it is empty, that have not ended before `since`,
    // newest first.
    virtual std::vector<BlindSpan> blind_spans(Ticker ticker, Timestamp since, std::size_t limit) = 0;

    // Claims up to `limit` waiting spans that are due, those that have been due longest, until `lease_until`: no other
    // owner gets them before. Spans that `owner` has already claimed are among them. In no order.
    virtual std::vector<BlindSpan> claim_blind(Timestamp now, std::size_t limit, std::string_view owner,
                                               Timestamp lease_until) = 0;
    // The outcome of a claim: the span's state, unknown, fired and tries. One that is still waiting is due at
    // `due`. False if `owner` has lost the claim; nothing is written then.
    virtual bool finish_blind(const BlindSpan& span, std::string_view owner,
                              std::optional<Timestamp> due) = 0;
    // Those of the ticker's active alerts that were created before `before` and may fire late, in no order.
    virtual std::vector<RecoverableAlert> recoverable_alerts(Ticker ticker, Timestamp before) = 0;
    // The same of those with terms, that have begun before `before`; at most `limit`, any of them.
    virtual std::vector<ActiveAlert> recoverable_ruled(Ticker ticker, Timestamp before,
                                                       std::size_t limit) = 0;
    // Removes at most `limit` spans that began before `before`; returns how many.
    virtual std::size_t prune_blind(Timestamp before, std::size_t limit) = 0;
};

}  // namespace pricewire::storage

#pragma once

#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "domain/market.hpp"
#include "storage/storage.hpp"

namespace pricewire::api {

// The price of a ticker 24 hours ago, and at the end of each hour since.
struct LastDay {
    std::optional<Decimal> open;  // unset: nothing is known of these hours
    Timestamp
        since;  // when it was that: 24 hours ago, or the nearest that is known; the first price if that is later
    std::vector<std::pair<Timestamp, Decimal>> ends;
};

// `hours`: those of one ticker from the one that contains the moment 24 hours before `now`, oldest first. `minute`: the
// last one that had ended then, if it is known. Pure.
LastDay last_day(std::span<const Bar> hours, const Bar* minute, Timestamp now);

// The last day of many tickers, from stored bars that are read at most once a minute, whoever asks. Thread-safe.
class LastDays {
public:
    // `storage` outlives it.
    explicit LastDays(storage::Storage& storage) : storage_(storage) {}

    // Of each of `tickers`. Remembers these alone. Throws StorageError.
    std::map<Ticker, LastDay> of(std::span<const Ticker> tickers, Timestamp now);

private:
    struct Known {
        LastDay day;
        Timestamp read_at;
    };
    void read(std::span<const Ticker> tickers, Timestamp now) REQUIRES(mutex_);

    storage::Storage& storage_;
    Mutex mutex_;
    std::map<Ticker, Known> known_ GUARDED_BY(mutex_);
};

}  // namespace pricewire::api

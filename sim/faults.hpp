#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"

namespace pricewire::sim {

// Where a fault applies: a venue's name and one of its two interfaces, "binance.stream", "binance.rest"; or one
// symbol of it, "binance.stream/BTCUSDT".
using Door = std::string;

// What can be wrong with a venue. Those marked * may be set for one symbol.
//
//   cut              drops every open stream, once; REST: never answers
//   silence          the stream stays open and sends nothing, not even answers; REST: never answers
//   deaf *           answers and heartbeats go on, trades do not
//   garbage          bytes that are not JSON
//   shape            JSON of the wrong shape
//   html             an HTML page with status 200 (stream: 403 at the upgrade, open streams are cut)
//   STATUS           429, 418:120 (with Retry-After), 451: refused so (stream: likewise)
//   blocked          403 with the page of a venue that does not serve this country (stream: likewise)
//   error200         an exchange's error body under status 200
//   stale *          the price from when the fault began, in new trades; an aggregator's keeps its old time
//   stuck *          the last trade again and again: its id, its time
//   behind[:TIME] *  trades are told that much later (a minute), with the time at which they were made
//   old *            trades of the past are sent again, once, as if they were new ones
//   duplicate *      each trade twice
//   batch *          several trades in one message, in the venue's order
//   wild *           every price times ten
//   crash *          every price times 0.13: a loss of 87 %
//   factor:X *       every price times X
//   removed *        the symbol is refused as one that does not exist (open streams are cut)
//   unacknowledged * subscribing the symbol is not answered and gives no trades (open streams are cut)
//   leaving          the venue says that it will close the connections, and does so
//   maintenance      the venue says that it is closed, and refuses or sends nothing until the fault ends
struct Fault {
    enum class Kind {
        none,
        cut,
        silence,
        deaf,
        garbage,
        shape,
        html,
        status,
        blocked,
        error200,
        stale,
        stuck,
        behind,
        old,
        duplicate,
        batch,
        wild,
        crash,
        factor,
        removed,
        unacknowledged,
        leaving,
        maintenance
    };
    Kind kind = Kind::none;
    int status = 429;
    std::string argument;  // Retry-After as sent, `behind`'s time, `factor`'s number; may be empty

    // 1, unless it multiplies prices.
    double factor() const;
    // 0, unless it delays trades.
    Duration delay() const;
};

// For a help text: all of them.
std::string fault_names();
// As in the list above. An error names all of them.
Result<Fault> parse_fault(std::string_view text);
std::string to_string(const Fault& fault);
// Whether `door` is `whole` or one symbol of it.
bool is_within(const Door& door, const Door& whole);
// Whether it may be set for one symbol.
bool is_of_symbol(const Fault& fault);
// Whether a stream with this fault is refused at the upgrade.
bool refuses_upgrade(const Fault& fault);
// Whether open streams have to be cut for it to be seen.
bool cuts(const Fault& fault);

// The current faults. Thread-safe.
class Faults {
public:
    Fault at(const Door& door) const;
    // That of the symbol; where it has none, that of the door.
    Fault at(const Door& door, std::string_view symbol) const;
    void set(const Door& door, Fault fault);
    // All that are not `none`, by door or symbol.
    std::map<Door, Fault> all() const;

private:
    mutable Mutex mutex_;
    std::map<Door, Fault> faults_ GUARDED_BY(mutex_);
};

}  // namespace pricewire::sim

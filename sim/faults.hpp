#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.hpp"
#include "base/result.hpp"

namespace pricewire::sim {

// Where a fault applies: a venue's name and one of its two interfaces, "binance.stream", "binance.rest".
using Door = std::string;

// cut       drops every open stream, once; REST: never answers
// silence   the stream stays open and sends nothing; REST: never answers
// garbage   bytes that are not JSON
// shape     JSON of the wrong shape
// html      an HTML page with status 200 (stream: 403 at the upgrade, open streams are cut)
// status    refused with `status` and, if set, Retry-After (stream: at the upgrade, open streams are cut)
// error200  an exchange's error body under status 200
// stale     the price from when the fault began, until it ends; an aggregator's keeps its old time
// wild      every price times ten
struct Fault {
    enum class Kind { none, cut, silence, garbage, shape, html, status, error200, stale, wild };
    Kind kind = Kind::none;
    int status = 429;
    std::string retry_after;  // as sent in the header; empty: none
};

// "none", "cut", "silence", "garbage", "shape", "html", "error200", "stale", "wild", "429", "429:30"
// (Retry-After 30), "418:120", "403", "451", any status from 400 to 599.
Result<Fault> parse_fault(std::string_view text);
std::string to_string(const Fault& fault);

// The current faults. Thread-safe.
class Faults {
public:
    Fault at(const Door& door) const;
    void set(const Door& door, Fault fault);

private:
    mutable Mutex mutex_;
    std::map<Door, Fault> faults_ GUARDED_BY(mutex_);
};

}  // namespace pricewire::sim

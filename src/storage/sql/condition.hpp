#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "storage/error.hpp"

namespace pricewire::storage::sql {

// Whether the database does its work, by what became of the calls. A trouble that lasts (see storage::lasts)
// is remembered until the method that met it succeeds, or until it was not met for a while and the probe
// works. Logs when it begins and when it ends. Thread-safe.
//
// The probe is a ping that also writes a row of its own. Other calls are no proof that writing works, since
// most that may write find nothing to write.
class Condition {
public:
    static constexpr Duration probe_every = std::chrono::seconds{1};

    // To be called after each call of a method, with the time it ended.
    void succeeded(std::string_view method, MonoTime now);
    void failed(std::string_view method, const StorageError& error, MonoTime now);

    // A call that may write, for as long as this exists.
    class Writing {
    public:
        Writing(Condition& condition, MonoTime now);
        ~Writing();
        Writing(const Writing&) = delete;
        Writing& operator=(const Writing&) = delete;

    private:
        Condition& condition_;
        std::multiset<MonoTime>::iterator entry_;
    };

    // Whether a ping made now is to be a probe: at most one in `probe_every`, and none while another write is
    // under way, which it would have to wait for and which shows the same, unless that one takes suspiciously
    // long.
    bool claim_probe(MonoTime now);
    // Throws the trouble that was met last, if there is one.
    void check() const;

private:
    struct Met {
        StorageError error;
        MonoTime at;
    };

    mutable Mutex mutex_;
    std::map<std::string, Met, std::less<>> troubles_ GUARDED_BY(mutex_);  // by method
    std::optional<StorageError> last_ GUARDED_BY(mutex_);                  // unless troubles_ is empty
    std::optional<MonoTime> probed_ GUARDED_BY(mutex_);
    std::multiset<MonoTime> writing_ GUARDED_BY(mutex_);  // when each began
};

}  // namespace pricewire::storage::sql

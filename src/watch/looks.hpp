#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"

namespace pricewire::watch {

// Who looks at what, within bounds, and what of it is to be written. Pure; one thread.
class Looks {
public:
    explicit Looks(std::size_t most_per_user) : most_per_user_(most_per_user) {}

    // False if `who` looks at too many other tickers, or too many users look at something.
    bool look(const Ticker& ticker, std::string_view who, MonoTime now);
    // Those looked at that were not taken within `written_for`.
    std::vector<Ticker> take(MonoTime now);
    bool any_new() const { return !pending_.empty(); }
    // take() did not help: they are pending again.
    void give_back(const std::vector<Ticker>& tickers);

private:
    void forget(MonoTime now);

    const std::size_t most_per_user_;
    std::map<std::string, std::map<Ticker, MonoTime>, std::less<>> users_;  // by when each was looked at last
    std::map<Ticker, MonoTime> written_;
    std::set<Ticker> pending_;
    MonoTime forgotten_at_{};
};

}  // namespace pricewire::watch

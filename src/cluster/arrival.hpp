#pragma once

#include <string>

namespace pricewire::cluster {

// Whether a member has seen all that were there before it. Pure.
//
// Of two that begin at the same time each may miss the other in its first renewal, whose statement may have begun before the
// other's has ended. The second one finds whoever had told that it takes part before the first had ended; whoever told it
// later finds this one, and has not seen all either.
class Arrival {
public:
    // A renewal was answered in that life of the member. `told`: it said that the member takes part.
    bool has_seen_all(const std::string& life, bool told) {
        if (life_ != life) times_told_ = 0;
        life_ = life;
        if (told && times_told_ < needed) ++times_told_;
        return times_told_ == needed;
    }

private:
    static constexpr int needed = 2;
    std::string life_;
    int times_told_ = 0;
};

}  // namespace pricewire::cluster

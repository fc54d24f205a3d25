#include "live/blindness.hpp"

#include <algorithm>

namespace pricewire::live {

void Blindness::look(const std::vector<WatchState>& unwatched, Timestamp now) {
    now_ = now;
    unwatched_ = &unwatched;
    any_ = !unwatched.empty() || !bus_.unpriced().empty();
    // What nobody has asked for since the look before does not have to be remembered.
    std::erase_if(missing_since_, [&](const auto& missing) { return !judged_.contains(missing.first); });
    judged_.clear();
}

const std::optional<BlindTicker>& Blindness::of(const Ticker& ticker) {
    const auto [found, fresh] = judged_.try_emplace(ticker);
    if (fresh) found->second = judge(ticker);
    return found->second;
}

std::optional<BlindTicker> Blindness::judge(const Ticker& ticker) {
    const std::optional<TickerBoard> board = bus_.board(ticker);
    if (board && board->price) {
        missing_since_.erase(ticker);
        return std::nullopt;
    }
    const WatchState* const state = find_state(*unwatched_, ticker);
    const Timestamp seen = missing_since_.try_emplace(ticker, now_).first->second;
    const Timestamp since = state != nullptr ? state->since
                            : board          ? board->unpriced_since.value_or(seen)
                                             : seen;
    if (now_ - since < after_) return std::nullopt;
    return BlindTicker{.since = since, .reason = reason_(ticker, state, board)};
}

}  // namespace pricewire::live

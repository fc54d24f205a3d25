#include <algorithm>
#include <utility>

#include "feed/session.hpp"

// Instruments that are added and removed while the session runs; session.cpp describes the whole.
//
// A new one is subscribed on the present connection, and on its successor if one is being opened. Where only the URL
// names symbols, a successor is opened at once. One that is removed is unsubscribed; its trades, which may arrive for a
// moment longer, are dropped. Its place is given to another instrument only when no answer or frame about it can be
// outstanding, so that no trade is ever taken for one of another coin.

namespace pricewire::feed {

using namespace std::chrono_literals;

std::optional<std::size_t> Session::index_of(Ticker ticker) const {
    const auto found =
        std::ranges::lower_bound(by_ticker_, ticker, {}, [&](std::size_t i) { return lines_[i].ticker; });
    if (found == by_ticker_.end() || lines_[*found].ticker != ticker) return std::nullopt;
    return *found;
}

Session::Actions Session::watch(const Instrument& instrument, Moment now) {
    actions_.clear();
    if (index_of(instrument.ticker)) return done();
    const std::size_t i = venue_.add(instrument);
    std::erase_if(gone_, [&](const Gone& gone) { return gone.instrument == i; });
    if (lines_.size() <= i) lines_.resize(i + 1);
    lines_[i] = {.ticker = instrument.ticker, .ask_at = now.mono + options_.fallback_grace};
    lines_[i].hearing.connected(now.mono);
    if (neighbours_ != nullptr)
        lines_[i].seat = neighbours_->traded.seat(instrument.ticker, venue_.type().name);
    by_ticker_.insert(std::ranges::lower_bound(by_ticker_, instrument.ticker, {},
                                               [&](std::size_t at) { return lines_[at].ticker; }),
                      i);
    for (auto* stream : {&stream_, &successor_}) {
        if (!*stream) continue;
        if ((*stream)->subscriptions.add(i, now.mono)) (*stream)->reader->forget(i);
        if (!(*stream)->subscriptions.carries(i)) reshape_at_ = now.mono;
    }
    advance(now);
    return done();
}

Session::Actions Session::unwatch(Ticker ticker, Moment now) {
    actions_.clear();
    const auto i = index_of(ticker);
    if (!i) return done();
    std::erase(by_ticker_, *i);
    lines_[*i] = {.ticker = ticker, .is_watched = false};
    gone_.push_back({*i, now.mono});
    for (auto* stream : {&stream_, &successor_}) {
        if (!*stream) continue;
        (*stream)->subscriptions.remove(*i, now.mono);
        std::erase_if((*stream)->found, [&](const SymbolRefused& r) { return r.instrument == *i; });
        if (stream_type_.symbols_per_message == 0) reshape_at_ = std::min(reshape_at_, now.mono + kept_for);
    }
    for (auto& group : suspects_) std::erase(group, *i);
    std::erase_if(suspects_, [](const auto& group) { return group.empty(); });
    std::erase(found_, *i);
    advance(now);
    return done();
}

// Whether a frame or an answer that is still to come may name it.
bool Session::is_in_use(std::size_t instrument) const {
    const auto carries = [&](const std::optional<Stream>& stream) {
        return stream && stream->subscriptions.carries(instrument);
    };
    return carries(stream_) || carries(successor_) ||
           (request_ && std::ranges::find(request_->asked, instrument) != request_->asked.end());
}

void Session::free_places(Moment now) {
    std::erase_if(gone_, [&](const Gone& gone) {
        if (now.mono < gone.at + place_kept_for || is_in_use(gone.instrument)) return false;
        venue_.remove(gone.instrument);
        return true;
    });
}

}  // namespace pricewire::feed

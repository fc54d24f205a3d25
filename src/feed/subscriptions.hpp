#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "feed/venue.hpp"

namespace pricewire::feed {

// What one connection has subscribed: which symbols the next message asks for or gives up and when, what the venue has
// answered, and which symbol is to blame where it refused a whole message. No I/O, no clock. One thread.
// Instruments are indexes into Venue::instruments().
class Subscriptions {
public:
    struct Message {
        std::uint64_t number = 0;  // from 1
        std::vector<std::size_t> asked;
    };

    // `present`: those to be subscribed from the start. A symbol that was refused, or not acknowledged in time, is
    // asked for again after `again`. `type` outlives it.
    Subscriptions(const StreamType& type, const std::vector<bool>& present, Duration again);

    // A new instrument, which is asked for before all others. False: this connection cannot carry it, or still does.
    bool add(std::size_t instrument, MonoTime now);
    // One that is no longer watched. If it was asked for, it is unsubscribed once the venue has answered.
    void remove(std::size_t instrument, MonoTime now);
    // Whether the venue may send its trades on this connection.
    bool carries(std::size_t instrument) const {
        return instrument < symbols_.size() && symbols_[instrument].state != State::absent;
    }

    // No message before this.
    void wait_until(MonoTime at) { next_at_ = at; }
    // A message of its own asks for it, so that it takes no others with it.
    void set_apart(std::size_t instrument) { symbols_[instrument].group = ++last_group_; }
    // The message to send now; nullopt: none is due.
    std::optional<Message> next(MonoTime now);
    // Likewise a message that unsubscribes; next() goes first. Removed instruments wait a little, because they may come
    // back, and so that one message takes several.
    std::optional<Message> next_to_leave(MonoTime now);
    // No message unsubscribes them: they stay until the connection ends.
    void keep(const Message& message);

    // The venue's answers. Trades acknowledge as well.
    void acknowledge(std::size_t instrument);
    // False: it was subscribed, and asked for again by ask_again(): some venues refuse that ("already
    // subscribed"), so it counts as acknowledged.
    bool refuse(std::size_t instrument, MonoTime now);
    void acknowledge_message(std::optional<std::uint64_t> number);
    struct Blame {
        bool is_subscription = false;  // the message was one
        // nullopt: not known yet, its symbols are asked for by halves; or none, as for refuse().
        std::optional<std::size_t> instrument;
    };
    // After too many refused messages the rest of their symbols waits.
    Blame refuse_message(const MessageRefused& refused, MonoTime now);
    // It wants fewer messages: those not answered are sent again after `again`.
    void slow_down(MonoTime now);
    // Those sent that were not acknowledged in time; they are asked for again, in smaller messages.
    std::vector<std::size_t> take_unanswered(MonoTime now);

    void ask_again(std::size_t instrument, MonoTime now);
    void ask_all_again(MonoTime now);

    // Each symbol was acknowledged or refused.
    bool all_answered() const;
    bool any_acknowledged() const;
    bool is_acknowledged(std::size_t i) const { return symbols_[i].state == State::acknowledged; }
    // When next(), next_to_leave() or take_unanswered() has something to do, if nothing happens until then.
    // MonoTime::max(): never.
    MonoTime next_event() const;

private:
    enum class State : std::uint8_t { absent, wanted, sent, acknowledged, refused };
    struct Symbol {
        State state = State::absent;
        std::uint32_t group = 0;                // asked for with others of this group; 0: with any of 0
        MonoTime not_before = MonoTime::min();  // if wanted or refused
        bool is_repeat = false;                 // it was acknowledged before it was asked for again
        bool is_unanswered = false;             // it was asked for before, and may be subscribed
        bool is_urgent = false;                 // it came while the connection lived
        bool is_leaving = false;                // it has gone; the venue does not know
        bool is_kept = false;                   // likewise, and no message says so
    };

    bool is_due(const Symbol& symbol, MonoTime now) const {
        return (symbol.state == State::wanted || symbol.state == State::refused) && symbol.not_before <= now;
    }
    bool may_leave(const Symbol& symbol) const {
        return symbol.is_leaving && !symbol.is_kept && symbol.state == State::acknowledged;
    }
    // It is not subscribed: asked for later, or not at all if it has gone.
    void want(Symbol& symbol, MonoTime not_before);
    // It was sent, and may be subscribed: asked for again, or unsubscribed if it has gone.
    static Symbol& unanswered(Symbol& symbol);
    std::uint64_t count_message(MonoTime now);
    // When the messages of this hour are used up, if they are; `share` of them may be used.
    MonoTime hour_allows(MonoTime now, std::size_t share) const;

    bool is_open(const Message& message) const;
    std::optional<Message> take_message(std::optional<std::uint64_t> number);
    // Asks for them again in two halves, or one by one where they are few.
    void split(const std::vector<std::size_t>& asked, MonoTime not_before);

    const StreamType* type_;
    Duration again_;
    std::vector<Symbol> symbols_;
    std::deque<Message> sent_;  // oldest first; each has a symbol that was not answered
    std::uint64_t messages_ = 0;
    std::uint32_t last_group_ = 0;
    MonoTime next_at_;
    MonoTime answer_by_ = MonoTime::max();
    MonoTime leave_at_ = MonoTime::max();
    MonoTime hour_began_ = MonoTime::min();
    std::size_t hour_messages_ = 0;  // since then
    int search_messages_ = 0;        // refused since search_began_
    MonoTime search_began_ = MonoTime::min();
};

}  // namespace pricewire::feed

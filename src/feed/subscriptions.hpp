#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "feed/venue.hpp"

namespace pricewire::feed {

// What one connection has subscribed: which symbols the next message asks for and when, what the venue has
// answered, and which symbol is to blame where it refused a whole message. No I/O, no clock. One thread.
// Instruments are indexes into Venue::instruments().
class Subscriptions {
public:
    struct Message {
        std::uint64_t number = 0;  // from 1
        std::vector<std::size_t> asked;
    };

    // A symbol that was refused, or not acknowledged in time, is asked for again after `again`. `type`
    // outlives it.
    Subscriptions(const StreamType& type, std::size_t instruments, Duration again);

    // No message before this.
    void wait_until(MonoTime at) { next_at_ = at; }
    // A message of its own asks for it, so that it takes no others with it.
    void set_apart(std::size_t instrument) { symbols_[instrument].group = ++last_group_; }
    // The message to send now; nullopt: none is due.
    std::optional<Message> next(MonoTime now);

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
    // When next() or take_unanswered() has something to do, if nothing happens until then. MonoTime::max():
    // never.
    MonoTime next_event() const;

private:
    enum class State : std::uint8_t { wanted, sent, acknowledged, refused };
    struct Symbol {
        State state = State::wanted;
        std::uint32_t group = 0;                // asked for with others of this group; 0: with any of 0
        MonoTime not_before = MonoTime::min();  // if wanted or refused
        bool is_repeat = false;                 // it was acknowledged before it was asked for again
    };

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
    int search_messages_ = 0;  // refused since search_began_
    MonoTime search_began_ = MonoTime::min();
};

}  // namespace pricewire::feed

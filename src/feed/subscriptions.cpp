#include "feed/subscriptions.hpp"

#include <algorithm>
#include <utility>

//   a symbol is     then
//   wanted          a message asks for it, not before its time and no faster than the venue wants messages
//   sent            acknowledged by an answer or a trade, refused, or after `ack_within` wanted again later
//   acknowledged    until the connection ends, or it is to be asked for again
//   refused         asked for again later, alone
//
// Some venues refuse a whole message for one bad symbol, and do not say which. Its symbols are then asked for
// in two messages, and so on until a message of one symbol is refused. So each bad symbol costs about
// 2 log2(n) messages, and the good ones are subscribed meanwhile.

namespace pricewire::feed {
namespace {

// Refused messages of one search; enough for some bad symbols among the 200 of a connection.
constexpr int most_search_messages = 64;
// So many unanswered symbols are asked for one by one.
constexpr std::size_t few = 10;

}  // namespace

Subscriptions::Subscriptions(const StreamType& type, std::size_t instruments, Duration again)
    : type_(&type), again_(again), symbols_(instruments) {
    // The URL names the symbols.
    if (type.symbols_per_message == 0) symbols_.assign(instruments, {.state = State::acknowledged});
}

std::optional<Subscriptions::Message> Subscriptions::next(MonoTime now) {
    if (now < next_at_) return std::nullopt;
    const auto is_due = [&](const Symbol& s) {
        return (s.state == State::wanted || s.state == State::refused) && s.not_before <= now;
    };
    // Those set apart are doubtful: they come last.
    std::optional<std::uint32_t> group;
    for (const Symbol& symbol : symbols_) {
        if (!is_due(symbol) || (group && symbol.group != 0)) continue;
        group = symbol.group;
        if (*group == 0) break;
    }
    if (!group) return std::nullopt;
    Message message{.number = ++messages_, .asked = {}};
    for (std::size_t i = 0; i < symbols_.size() && message.asked.size() < type_->symbols_per_message; ++i) {
        if (is_due(symbols_[i]) && symbols_[i].group == *group) message.asked.push_back(i);
    }
    const bool are_answered = type_->ack_within > Duration{};
    for (const std::size_t i : message.asked)
        symbols_[i].state = are_answered ? State::sent : State::acknowledged;
    next_at_ = now + type_->message_gap;
    if (are_answered) {
        answer_by_ = now + type_->ack_within;
        // An answer to an earlier message says nothing about a symbol that is asked for again.
        for (Message& earlier : sent_) {
            std::erase_if(earlier.asked, [&](std::size_t i) {
                return std::ranges::find(message.asked, i) != message.asked.end();
            });
        }
        std::erase_if(sent_, [&](const Message& m) { return !is_open(m); });
        sent_.push_back(message);
    }
    return message;
}

bool Subscriptions::is_open(const Message& message) const {
    return std::ranges::any_of(message.asked,
                               [&](std::size_t i) { return symbols_[i].state == State::sent; });
}

void Subscriptions::acknowledge(std::size_t instrument) {
    symbols_[instrument].state = State::acknowledged;
}

bool Subscriptions::refuse(std::size_t instrument, MonoTime now) {
    Symbol& symbol = symbols_[instrument];
    if (symbol.state == State::sent && symbol.is_repeat) {
        symbol.state = State::acknowledged;
        return false;
    }
    symbol.state = State::refused;
    symbol.not_before = now + again_;
    set_apart(instrument);
    return true;
}

std::optional<Subscriptions::Message> Subscriptions::take_message(std::optional<std::uint64_t> number) {
    std::erase_if(sent_, [&](const Message& m) { return !is_open(m); });
    const auto found = !number ? sent_.begin() : std::ranges::find(sent_, *number, &Message::number);
    if (found == sent_.end()) return std::nullopt;
    Message message = std::move(*found);
    sent_.erase(found);
    std::erase_if(message.asked, [&](std::size_t i) { return symbols_[i].state != State::sent; });
    return message;
}

void Subscriptions::acknowledge_message(std::optional<std::uint64_t> number) {
    const auto message = take_message(number);
    if (!message) return;
    for (const std::size_t i : message->asked) symbols_[i] = {.state = State::acknowledged};
}

Subscriptions::Blame Subscriptions::refuse_message(const MessageRefused& refused, MonoTime now) {
    const auto message = take_message(refused.number);
    if (!message) return {};
    const std::vector<std::size_t>& asked = message->asked;
    const bool is_in_it = refused.culprit && std::ranges::find(asked, *refused.culprit) != asked.end();
    if (asked.size() > 1 && !is_in_it) {
        if (now >= search_began_ + again_) {
            search_began_ = now;
            search_messages_ = 0;
        }
        split(asked, ++search_messages_ > most_search_messages ? search_began_ + again_ : now);
        return {.is_subscription = true, .instrument = {}};
    }
    const std::size_t culprit = is_in_it ? *refused.culprit : asked.front();
    const bool is_refused = refuse(culprit, now);
    for (const std::size_t i : asked) {
        if (i != culprit) symbols_[i].state = State::wanted;
    }
    return {.is_subscription = true, .instrument = is_refused ? std::optional(culprit) : std::nullopt};
}

void Subscriptions::split(const std::vector<std::size_t>& asked, MonoTime not_before) {
    const std::size_t middle = (asked.size() + 1) / 2;
    const std::uint32_t first = ++last_group_;
    const std::uint32_t second = ++last_group_;
    for (std::size_t n = 0; n < asked.size(); ++n) {
        Symbol& symbol = symbols_[asked[n]];
        symbol.state = State::wanted;
        symbol.group = n < middle ? first : second;
        symbol.not_before = not_before;
    }
}

void Subscriptions::slow_down(MonoTime now) {
    for (Symbol& symbol : symbols_) {
        if (symbol.state == State::sent) symbol.state = State::wanted;
    }
    sent_.clear();
    answer_by_ = MonoTime::max();
    next_at_ = now + again_;
}

std::vector<std::size_t> Subscriptions::take_unanswered(MonoTime now) {
    std::vector<std::size_t> missing;
    if (now < answer_by_) return missing;
    answer_by_ = MonoTime::max();
    sent_.clear();
    for (std::size_t i = 0; i < symbols_.size(); ++i) {
        if (symbols_[i].state == State::sent) missing.push_back(i);
    }
    // A bad symbol may be why the venue did not answer.
    split(missing, now + again_);
    if (missing.size() <= few) {
        for (const std::size_t i : missing) set_apart(i);
    }
    return missing;
}

void Subscriptions::ask_again(std::size_t instrument, MonoTime now) {
    if (type_->symbols_per_message == 0) return;
    Symbol& symbol = symbols_[instrument];
    symbol = {.state = State::wanted,
              .group = ++last_group_,
              .not_before = now,
              .is_repeat = symbol.is_repeat || symbol.state == State::acknowledged};
}

void Subscriptions::ask_all_again(MonoTime now) {
    if (type_->symbols_per_message == 0) return;
    for (Symbol& symbol : symbols_) {
        if (symbol.state != State::refused) symbol = {.state = State::wanted, .not_before = now};
    }
    sent_.clear();
    answer_by_ = MonoTime::max();
}

bool Subscriptions::all_answered() const {
    return std::ranges::none_of(
        symbols_, [](const Symbol& s) { return s.state == State::wanted || s.state == State::sent; });
}

bool Subscriptions::any_acknowledged() const {
    return std::ranges::any_of(symbols_, [](const Symbol& s) { return s.state == State::acknowledged; });
}

MonoTime Subscriptions::next_event() const {
    MonoTime next = MonoTime::max();
    bool is_waiting = false;
    for (const Symbol& symbol : symbols_) {
        if (symbol.state == State::sent) is_waiting = true;
        if (symbol.state == State::wanted || symbol.state == State::refused)
            next = std::min(next, std::max(symbol.not_before, next_at_));
    }
    return is_waiting ? std::min(next, answer_by_) : next;
}

}  // namespace pricewire::feed

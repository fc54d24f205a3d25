#include "feed/subscriptions.hpp"

#include <algorithm>
#include <utility>

//   a symbol is     then
//   wanted          a message asks for it, not before its time and no faster than the venue wants messages
//   sent            acknowledged by an answer or a trade, refused, or after `ack_within` wanted again later
//   acknowledged    until the connection ends, or it is to be asked for again
//   refused         asked for again later, alone
//
// A symbol that has gone is absent at once if it was not asked for yet. Otherwise it is marked as leaving, and
// unsubscribed when it is acknowledged: an answer that is still on its way could not be distinguished from
// one to a later message.
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
// One that has gone is unsubscribed after this.
constexpr Duration leaves_after = std::chrono::seconds{5};

}  // namespace

Subscriptions::Subscriptions(const StreamType& type, const std::vector<bool>& present, Duration again)
    : type_(&type), again_(again), symbols_(present.size()) {
    const bool are_in_url = type.symbols_per_message == 0 || type.names_in_url;
    for (std::size_t i = 0; i < present.size(); ++i) {
        if (present[i]) symbols_[i].state = are_in_url ? State::acknowledged : State::wanted;
    }
}

bool Subscriptions::add(std::size_t instrument, MonoTime now) {
    if (symbols_.size() <= instrument) symbols_.resize(instrument + 1);
    Symbol& symbol = symbols_[instrument];
    symbol.is_leaving = symbol.is_kept = false;
    if (symbol.state != State::absent || type_->symbols_per_message == 0) return false;
    symbol = {.state = State::wanted, .not_before = now, .is_urgent = true};
    return true;
}

void Subscriptions::remove(std::size_t instrument, MonoTime now) {
    if (!carries(instrument)) return;
    Symbol& symbol = symbols_[instrument];
    const bool may_be_subscribed = symbol.is_repeat || symbol.is_unanswered;
    if (symbol.state == State::wanted && may_be_subscribed) symbol.state = State::acknowledged;
    if (symbol.state == State::wanted || symbol.state == State::refused) {
        symbol = {};
        return;
    }
    symbol.is_leaving = true;
    symbol.is_kept = type_->symbols_per_message == 0;
    leave_at_ = std::min(leave_at_, now + leaves_after);
}

void Subscriptions::want(Symbol& symbol, MonoTime not_before) {
    if (symbol.is_leaving) {
        symbol = {};
        return;
    }
    symbol.state = State::wanted;
    symbol.not_before = not_before;
}

std::uint64_t Subscriptions::count_message(MonoTime now) {
    if (now >= hour_began_ + std::chrono::hours{1} || hour_messages_ == 0) {
        hour_began_ = now;
        hour_messages_ = 0;
    }
    ++hour_messages_;
    next_at_ = now + type_->message_gap;
    return ++messages_;
}

MonoTime Subscriptions::hour_allows(MonoTime now, std::size_t share) const {
    const bool is_used_up = share > 0 && hour_messages_ >= share && now < hour_began_ + std::chrono::hours{1};
    return is_used_up ? hour_began_ + std::chrono::hours{1} : MonoTime::min();
}

std::optional<Subscriptions::Message> Subscriptions::next(MonoTime now) {
    if (now < next_at_ || now < hour_allows(now, type_->messages_per_hour)) return std::nullopt;
    // Those that are waited for come first, those set apart last, since they are doubtful.
    const auto rank = [](const Symbol& symbol) { return std::pair(symbol.group != 0, !symbol.is_urgent); };
    const Symbol* first = nullptr;
    for (const Symbol& symbol : symbols_) {
        if (is_due(symbol, now) && (first == nullptr || rank(symbol) < rank(*first))) first = &symbol;
    }
    if (first == nullptr) return std::nullopt;
    const std::uint32_t group = first->group;
    Message message{.number = count_message(now), .asked = {}};
    for (const bool is_urgent : {true, false}) {
        for (std::size_t i = 0; i < symbols_.size() && message.asked.size() < type_->symbols_per_message;
             ++i) {
            Symbol& symbol = symbols_[i];
            if (!is_due(symbol, now) || symbol.group != group || symbol.is_urgent != is_urgent) continue;
            message.asked.push_back(i);
        }
    }
    const bool are_answered = type_->ack_within > Duration{};
    for (const std::size_t i : message.asked) {
        symbols_[i].state = are_answered ? State::sent : State::acknowledged;
        symbols_[i].is_urgent = false;
    }
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

std::optional<Subscriptions::Message> Subscriptions::next_to_leave(MonoTime now) {
    // The other half of an hour's messages is for those that come.
    if (now < next_at_ || now < leave_at_ || now < hour_allows(now, type_->messages_per_hour / 2))
        return std::nullopt;
    std::vector<std::size_t> leaving;
    for (std::size_t i = 0; i < symbols_.size() && leaving.size() < type_->symbols_per_message; ++i) {
        if (may_leave(symbols_[i])) leaving.push_back(i);
    }
    if (leaving.empty()) return std::nullopt;
    for (const std::size_t i : leaving) symbols_[i] = {};
    if (std::ranges::none_of(symbols_, &Symbol::is_leaving)) leave_at_ = MonoTime::max();
    return Message{.number = count_message(now), .asked = std::move(leaving)};
}

void Subscriptions::keep(const Message& message) {
    for (const std::size_t i : message.asked)
        symbols_[i] = {.state = State::acknowledged, .is_leaving = true, .is_kept = true};
}

bool Subscriptions::is_open(const Message& message) const {
    return std::ranges::any_of(message.asked,
                               [&](std::size_t i) { return symbols_[i].state == State::sent; });
}

void Subscriptions::acknowledge(std::size_t instrument) {
    // A trade of one that has come back may be from before it was unsubscribed.
    if (carries(instrument) && !symbols_[instrument].is_urgent)
        symbols_[instrument].state = State::acknowledged;
}

bool Subscriptions::refuse(std::size_t instrument, MonoTime now) {
    if (!carries(instrument)) return false;
    Symbol& symbol = symbols_[instrument];
    if (symbol.state == State::sent && symbol.is_repeat) {
        symbol.state = State::acknowledged;
        return false;
    }
    if (symbol.is_leaving) {
        symbol = {};
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
    for (const std::size_t i : message->asked)
        symbols_[i] = {.state = State::acknowledged, .is_leaving = symbols_[i].is_leaving};
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
        if (i != culprit) want(symbols_[i], now);
    }
    return {.is_subscription = true, .instrument = is_refused ? std::optional(culprit) : std::nullopt};
}

Subscriptions::Symbol& Subscriptions::unanswered(Symbol& symbol) {
    symbol.state = symbol.is_leaving ? State::acknowledged : State::wanted;
    symbol.is_unanswered = true;
    return symbol;
}

void Subscriptions::split(const std::vector<std::size_t>& asked, MonoTime not_before) {
    const std::size_t middle = (asked.size() + 1) / 2;
    const std::uint32_t first = ++last_group_;
    const std::uint32_t second = ++last_group_;
    for (std::size_t n = 0; n < asked.size(); ++n) {
        Symbol& symbol = symbols_[asked[n]];
        symbol.group = n < middle ? first : second;
        want(symbol, not_before);
    }
}

void Subscriptions::slow_down(MonoTime now) {
    for (Symbol& symbol : symbols_) {
        if (symbol.state == State::sent) unanswered(symbol);
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
        Symbol& symbol = symbols_[i];
        if (symbol.state == State::sent && !unanswered(symbol).is_leaving) missing.push_back(i);
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
    if (symbol.is_leaving || symbol.state == State::absent) return;
    symbol = {.state = State::wanted,
              .group = ++last_group_,
              .not_before = now,
              .is_repeat = symbol.is_repeat || symbol.state == State::acknowledged};
}

void Subscriptions::ask_all_again(MonoTime now) {
    if (type_->symbols_per_message == 0) return;
    for (Symbol& symbol : symbols_) {
        if (symbol.is_leaving) symbol = {};
        if (symbol.state == State::refused || symbol.state == State::absent) continue;
        symbol = {.state = State::wanted, .not_before = now};
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
    bool are_leaving = false;
    for (const Symbol& symbol : symbols_) {
        if (symbol.state == State::sent) is_waiting = true;
        if (may_leave(symbol)) are_leaving = true;
        if (symbol.state == State::wanted || symbol.state == State::refused)
            next = std::min(next, std::max(symbol.not_before, next_at_));
    }
    next = std::max(next, hour_allows(next, type_->messages_per_hour));
    if (are_leaving) {
        const MonoTime at = std::max(leave_at_, next_at_);
        next = std::min(next, std::max(at, hour_allows(at, type_->messages_per_hour / 2)));
    }
    return is_waiting ? std::min(next, answer_by_) : next;
}

}  // namespace pricewire::feed

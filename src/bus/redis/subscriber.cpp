#include "bus/redis/subscriber.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "bus/redis/waits.hpp"

namespace pricewire::bus {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view read_at_once_text = "1000";
constexpr std::size_t read_at_once = 1000;
// Prices are written before the alerts they fire are durable, so a subscriber that resumes starts this much
// earlier.
constexpr std::uint64_t overlap_ms = 10'000;
constexpr std::uint64_t first_look_back_ms = 60'000;
// A subscriber that has not read for this long, because it was suspended or starved, is behind.
constexpr Duration absent_after = 2s;
constexpr Duration lives_every = 1s;
constexpr Duration feed_kept_for = 10min;

}  // namespace

Subscriber::Subscriber(const RedisBusOptions& options, const Keys& keys, const redis::Address& address,
                       Outage& outage, const Clock& clock, PriceSubscriber subscriber)
    : options_(options),
      keys_(keys),
      address_(address),
      clock_(clock),
      subscriber_(std::move(subscriber)),
      reconnect_(reconnect_policy, outage),
      thread_([this] { run(); }) {}

Subscriber::~Subscriber() {
    stop_.set();
    thread_.join();
}

void Subscriber::run() {
    reconnect_.run<redis::RedisError>(
        stop_,
        [this] {
            forget_silent_feeds(std::chrono::steady_clock::now());
            if (!connection_) {
                connection_ = redis::Connection::open(address_, stream_timeouts);
                begin();
            }
            read();
            return Duration::zero();
        },
        [this] { connection_.reset(); });
}

// After connecting: determines where to continue and whether that is in the past.
void Subscriber::begin() {
    connection_->append({"TIME"});
    connection_->append({"XREVRANGE", keys_.prices, "+", "-", "COUNT", "1"});
    connection_->append({"XRANGE", keys_.prices, "-", "+", "COUNT", "1"});
    connection_->append({"XLEN", keys_.prices});
    connection_->append({"GET", keys_.processed});
    const MonoTime deadline = connection_->deadline();
    connection_->send(deadline);
    const redis::Reply time = connection_->read(deadline);
    const redis::Reply newest = connection_->read(deadline);
    const redis::Reply oldest = connection_->read(deadline);
    const redis::Reply length = connection_->read(deadline);
    const redis::Reply processed = connection_->read(deadline);
    for (const redis::Reply* reply : {&time, &newest, &oldest, &length, &processed}) reply->checked();

    const auto last = parse_position(newest[0][0].text());
    const auto first = parse_position(oldest[0][0].text());
    if (!placed_) choose_place(time, last, newest[0], processed.text());
    placed_ = true;
    // A stream that ends before our position is a new one: Redis was wiped and its clock went back.
    if (last && *last < place_) place_ = {};
    // Only a full stream is trimmed. A shorter one that starts later was wiped and refilled by the feeds.
    if (first && *first > place_ && place_ != BusPosition{} &&
        static_cast<std::size_t>(length.integer()) >= options_.stream_cap &&
        !std::exchange(warned_of_trimming_, true)) {
        log::warn("prices were trimmed from the stream before they were read; alerts may not have fired",
                  {{"from", to_text(place_)}, {"to", to_text(*first)}});
    }
    if (last && *last > place_) {
        fall_behind();
    } else if (!told_caught_up_) {
        catch_up();
    }
    read_at_ = std::chrono::steady_clock::now();
}

void Subscriber::choose_place(const redis::Reply& time, std::optional<BusPosition> last,
                              redis::ReplyView last_entry, std::string_view processed) {
    if (!subscriber_.resume) {
        if (!last) return;  // everything that comes is new
        place_ = *last;
        // So that what its feed resends is recognized as old.
        const redis::ReplyView fields = last_entry[1];
        if (const auto entry = parse_entry(fields[0].text(), fields[1].text()))
            feed_of(entry->feed)->second.last = entry->number;
        return;
    }
    const std::string seconds(time[0].text());
    const BusPosition now{std::strtoull(seconds.c_str(), nullptr, 10) * 1000, 0};
    auto done = parse_position(processed);
    // A position in the future means that the clock has gone back since.
    if (done && *done > now) done = last.value_or(now);
    place_ = done ? earlier(*done, overlap_ms) : earlier(now, first_look_back_ms);
    // Never beyond the stream's end, which would look like a new stream.
    place_ = last ? std::min(place_, *last) : BusPosition{};
}

void Subscriber::read() {
    const std::string from = to_text(place_);
    const redis::Reply reply =
        behind_ ? connection_->command({"XREAD", "COUNT", read_at_once_text, "STREAMS", keys_.prices, from})
                : connection_->command(
                      {"XREAD", "COUNT", read_at_once_text, "BLOCK", block_ms, "STREAMS", keys_.prices, from},
                      read_timeout);
    reply.checked();
    const redis::ReplyView entries = reply[0][1];
    const MonoTime now = std::chrono::steady_clock::now();
    if (entries.size() > 0 && !behind_ && now - read_at_ > absent_after) fall_behind();
    for (std::size_t i = 0; i < entries.size(); ++i) deliver(entries[i], now);
    if (entries.size() > 0 && subscriber_.position) subscriber_.position(place_);
    if (behind_ && entries.size() < read_at_once) {
        catch_up();
    } else if (entries.size() == 0) {
        look_whether_younger();
    }
    if (now >= lives_at_) ask_for_lives(now);
    read_at_ = std::chrono::steady_clock::now();
}

void Subscriber::deliver(redis::ReplyView entry, MonoTime now) {
    const auto id = parse_position(entry[0].text());
    const redis::ReplyView fields = entry[1];
    const auto parsed = parse_entry(fields[0].text(), fields[1].text());
    if (id) place_ = *id;
    if (parsed) {
        deliver(*parsed, now);
    } else if (!std::exchange(warned_of_nonsense_, true)) {
        log::warn("skipped invalid entries in the stream of prices",
                  {{"key", keys_.prices}, {"entry", std::string(entry[0].text().substr(0, 50))}});
    }
}

void Subscriber::deliver(const StreamEntry& entry, MonoTime now) {
    const auto feed = feed_of(entry.feed);
    feed->second.heard = now;
    if (entry.number <= feed->second.last) return;
    feed->second.last = entry.number;
    if (entry.heard) {
        if (subscriber_.heard) subscriber_.heard(entry.feed, *entry.heard);
        return;
    }
    const Ticker ticker = entry.price.ticker;
    if (!entry.gone) {
        last_feed_.insert_or_assign(ticker, feed);
        if (subscriber_.price) subscriber_.price(entry.price);
        return;
    }
    const auto known = last_feed_.find(ticker);
    if (known == last_feed_.end() || known->second != feed) return;
    last_feed_.erase(known);
    if (subscriber_.gone) subscriber_.gone({ticker, entry.price.time});
}

// If nothing follows our position, the stream may also be a new one, started after the clock went back.
void Subscriber::look_whether_younger() {
    const redis::Reply newest = connection_->command({"XREVRANGE", keys_.prices, "+", "-", "COUNT", "1"});
    const auto last = parse_position(newest.checked()[0][0].text());
    if (!last || *last >= place_) return;
    place_ = {};
    fall_behind();
}

void Subscriber::fall_behind() {
    if (std::exchange(behind_, true)) return;
    if (subscriber_.behind) subscriber_.behind();
}

void Subscriber::catch_up() {
    behind_ = false;
    told_caught_up_ = true;
    if (subscriber_.caught_up) subscriber_.caught_up();
}

Subscriber::Feeds::iterator Subscriber::feed_of(std::string_view id) {
    const auto found = feeds_.find(id);
    if (found != feeds_.end()) return found;
    return feeds_.emplace(id, Feed{.last = 0, .heard = std::chrono::steady_clock::now()}).first;
}

// A feed without new prices is live as long as its source report exists.
void Subscriber::ask_for_lives(MonoTime now) {
    lives_at_ = now + lives_every;
    for (const auto& [id, feed] : feeds_) connection_->append({"EXISTS", keys_.feed + id});
    const MonoTime deadline = connection_->deadline();
    connection_->send(deadline);
    for (auto& [id, feed] : feeds_) {
        if (connection_->read(deadline).checked().integer() > 0) feed.heard = now;
    }
}

void Subscriber::forget_silent_feeds(MonoTime now) {
    for (auto last = last_feed_.begin(); last != last_feed_.end();) {
        if (now - last->second->second.heard <= options_.latest_ttl) {
            ++last;
            continue;
        }
        const Ticker ticker = last->first;
        last = last_feed_.erase(last);
        if (subscriber_.gone) subscriber_.gone({ticker, clock_.now()});
    }
    // Its number is remembered for longer than it could resend anything.
    std::erase_if(feeds_, [&](const auto& entry) {
        return now - entry.second.heard > feed_kept_for &&
               std::none_of(last_feed_.begin(), last_feed_.end(),
                            [&](const auto& l) { return l.second->first == entry.first; });
    });
}

}  // namespace pricewire::bus

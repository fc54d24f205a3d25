#include "bus/redis/publisher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/log.hpp"
#include "bus/redis/latest_json.hpp"
#include "bus/redis/waits.hpp"

namespace pricewire::bus {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t mailbox_capacity = 300'000;
constexpr std::size_t most_waiting = 100'000;
constexpr Duration longest_wait = 60s;
// What a killed Redis may have lost: its append-only file is flushed once a second.
constexpr Duration resent = 5s;
constexpr std::size_t most_resent = 100'000;
constexpr std::size_t batch = 1024;
constexpr Duration boards_every = 50ms;
// More than these at once would keep prices waiting, and Redis busy. Of a thousand tickers each has its turn within a
// second.
constexpr std::size_t boards_at_once = 100;
constexpr Duration processed_every = 100ms;
// An idle connection is checked this often, so that prices sent just before it broke can still be resent.
constexpr Duration idle_for = 500ms;
constexpr Duration goodbye = 1s;

// Another feed's board is kept if it has a price and this one has none or an older one.
constexpr std::string_view board_script = R"(
local old = redis.call('GET', KEYS[1])
if old then
  local ok, board = pcall(cjson.decode, old)
  if ok and type(board) == 'table' and board.feed ~= ARGV[4] and type(board.time) == 'number'
      and board.time > tonumber(ARGV[3]) then
    return 0
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
)";

// ARGV: how long a board lives, and the tickers of boards that were just published. By Redis's clock, since those of
// feeds differ.
constexpr std::string_view boards_script = R"(
local time = redis.call('TIME')
local ms = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], string.format('%.0f', ms), ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', ms - ARGV[1]))
return 1
)";

constexpr std::string_view sources_script = R"(
local time = redis.call('TIME')
local ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[1], ARGV[1], 'PX', 5000)
redis.call('ZADD', KEYS[2], string.format('%.0f', ms), ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', ms - 60000))
return 1
)";

constexpr std::string_view processed_script = R"(
local ms, sequence = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+)-(%d+)$')
local new_ms, new_sequence = tonumber(ARGV[1]), tonumber(ARGV[2])
if not ms or tonumber(ms) < new_ms or (tonumber(ms) == new_ms and tonumber(sequence) < new_sequence) then
  redis.call('SET', KEYS[1], ARGV[1] .. '-' .. ARGV[2])
end
return 1
)";

std::string head_of(const RedisBusOptions& options, const Keys& keys, std::string_view field) {
    const std::string cap = std::to_string(options.stream_cap);
    std::string out = "*8\r\n";
    for (const std::string_view word :
         std::array<std::string_view, 7>{"XADD", keys.prices, "MAXLEN", "~", cap, "*", field}) {
        fmt::format_to(std::back_inserter(out), "${}\r\n{}\r\n", word.size(), word);
    }
    return out;
}

}  // namespace

Publisher::Publisher(const RedisBusOptions& options, const Keys& keys, const redis::Address& address,
                     Outage& outage)
    : options_(options),
      keys_(keys),
      address_(address),
      price_head_(head_of(options, keys, price_field)),
      gone_head_(head_of(options, keys, gone_field)),
      heard_head_(head_of(options, keys, heard_field)),
      mailbox_(mailbox_capacity),
      reconnect_(reconnect_policy, outage),
      thread_([this] { run(); }) {}

Publisher::~Publisher() {
    mailbox_.close();
    thread_.join();
}

void Publisher::run() {
    std::vector<Message> inbox;
    std::optional<MonoTime> closing_until;
    while (true) {
        const bool got = mailbox_.drain(inbox, next_look(std::chrono::steady_clock::now()));
        const MonoTime now = std::chrono::steady_clock::now();
        for (Message& message : inbox) take(message, now);
        if (!got && mailbox_.closed() && !closing_until) closing_until = now + goodbye;
        drop_oldest(now);
        if (now >= retry_at_ || closing_until) {
            try {
                if (!connection_) connection_ = redis::Connection::open(address_, stream_timeouts);
                send(now, closing_until.has_value());
            } catch (const redis::RedisError& e) {
                failed(e.what(), std::chrono::steady_clock::now());
            }
        }
        if (!closing_until) continue;
        if (!connection_ || next_ == kept_.size() || now >= *closing_until) break;
    }
    say_goodbye();
}

// When there is something to do even if no message arrives.
MonoTime Publisher::next_look(MonoTime now) const {
    if (!connection_) return std::max(now, retry_at_);
    if (next_ < kept_.size() || sources_) return now;
    MonoTime at = now + idle_for;
    if (!boards_.empty()) at = std::min(at, boards_at_);
    if (processed_waits_) at = std::min(at, processed_at_);
    return at;
}

void Publisher::take(Message& message, MonoTime now) {
    if (const auto* price = std::get_if<Price>(&message)) {
        kept_.push_back(
            {{.number = ++number_, .gone = false, .price = *price, .feed = options_.feed_id}, now});
    } else if (const auto* gone = std::get_if<PriceGone>(&message)) {
        const Price nothing{.ticker = gone->ticker, .value = {}, .time = gone->time, .sequence = 0};
        kept_.push_back(
            {{.number = ++number_, .gone = true, .price = nothing, .feed = options_.feed_id}, now});
    } else if (auto* heard = std::get_if<Heard>(&message)) {
        kept_.push_back({{.number = ++number_,
                          .gone = false,
                          .price = {},
                          .feed = options_.feed_id,
                          .heard = std::make_shared<const Heard>(std::move(*heard))},
                         now});
    } else if (auto* board = std::get_if<TickerBoard>(&message)) {
        // Only the newest matters.
        const Ticker ticker = board->ticker;
        boards_.insert_or_assign(ticker, std::move(*board));
    } else if (auto* sources = std::get_if<std::vector<SourceReport>>(&message)) {
        sources_ = std::move(*sources);
    } else if (const auto* position = std::get_if<BusPosition>(&message)) {
        processed_ = std::max(processed_, *position);
        processed_waits_ = true;
    }
}

void Publisher::drop_oldest(MonoTime now) {
    const auto too_old = [&] {
        return !connection_ && !kept_.empty() && now - kept_.front().taken > longest_wait;
    };
    // Entries already sent are at the front and are dropped first.
    while (kept_.size() - next_ > most_waiting || too_old()) {
        if (kept_.front().entry.number > sent_number_) ++dropped_;
        kept_.pop_front();
        if (next_ > 0) --next_;
    }
    dropped_ += overflowed_.exchange(0, std::memory_order_relaxed);
}

void Publisher::send(MonoTime now, bool closing) {
    const std::size_t prices = append_prices(std::min(kept_.size() - next_, batch));
    std::size_t expected = prices;
    const bool with_boards = !boards_.empty() && (now >= boards_at_ || closing);
    const bool with_sources = sources_.has_value();
    const bool with_processed = processed_waits_ && (now >= processed_at_ || closing);
    if (with_boards) expected += append_boards();
    if (with_sources) expected += append_sources();
    if (with_processed) expected += append_processed();
    if (expected == 0) {
        if (reconnect_.works() && now - heard_at_ < idle_for) return;
        connection_->append({"PING"});
        expected = 1;
    }
    const MonoTime deadline = connection_->deadline();
    connection_->send(deadline);
    for (std::size_t i = 0; i < expected; ++i) connection_->read(deadline).checked();
    // Nothing is removed before Redis has acknowledged everything.
    if (with_boards) {
        for (const Ticker& ticker : sent_boards_) boards_.erase(ticker);
        last_board_ = sent_boards_.back();
        boards_at_ = now + boards_every;
    }
    if (with_sources) {
        sources_.reset();
        told_sources_ = true;
    }
    if (with_processed) {
        processed_waits_ = false;
        processed_at_ = now + processed_every;
    }
    sent(prices, now);
}

std::size_t Publisher::append_prices(std::size_t count) {
    std::string commands;
    for (std::size_t i = next_; i < next_ + count; ++i) {
        const StreamEntry& entry = kept_[i].entry;
        value_.clear();
        append_value(value_, entry);
        commands += entry.heard ? heard_head_ : entry.gone ? gone_head_ : price_head_;
        fmt::format_to(std::back_inserter(commands), "${}\r\n", value_.size());
        commands += value_;
        commands += "\r\n";
    }
    connection_->append_raw(commands);
    return count;
}

// In turn, beginning after the last one that was sent.
std::size_t Publisher::append_boards() {
    const std::string ttl =
        std::to_string(std::chrono::ceil<std::chrono::milliseconds>(options_.latest_ttl).count());
    sent_boards_.clear();
    auto next = boards_.upper_bound(last_board_);
    for (std::size_t i = 0; i < std::min(boards_.size(), boards_at_once); ++i, ++next) {
        if (next == boards_.end()) next = boards_.begin();
        const auto& [ticker, board] = *next;
        const std::string key = keys_.latest + std::string(ticker.view());
        const std::string time = std::to_string(board.price ? to_micros(board.price->time) : 0);
        connection_->append({"EVAL", board_script, "1", key, board_json(board, options_.feed_id), ttl, time,
                             options_.feed_id});
        sent_boards_.push_back(ticker);
    }
    std::vector<std::string_view> words{"EVAL", boards_script, "1", keys_.boards, ttl};
    for (const Ticker& ticker : sent_boards_) words.push_back(ticker.view());
    connection_->append(words);
    return sent_boards_.size() + 1;
}

std::size_t Publisher::append_sources() {
    connection_->append({"EVAL", sources_script, "2", keys_.feed + options_.feed_id, keys_.feeds,
                         sources_json(*sources_), options_.feed_id});
    return 1;
}

std::size_t Publisher::append_processed() {
    connection_->append({"EVAL", processed_script, "1", keys_.processed, std::to_string(processed_.ms),
                         std::to_string(processed_.sequence)});
    return 1;
}

void Publisher::sent(std::size_t count, MonoTime now) {
    for (std::size_t i = next_; i < next_ + count; ++i) {
        kept_[i].sent = now;
        sent_number_ = std::max(sent_number_, kept_[i].entry.number);
    }
    next_ += count;
    heard_at_ = now;
    reconnect_.worked();
    while (next_ > 0 && (next_ > most_resent || now - kept_.front().sent > resent)) {
        kept_.pop_front();
        --next_;
    }
    if (dropped_ > 0) {
        log::warn("dropped prices that waited too long for Redis; no checker has seen them",
                  {{"prices", std::to_string(std::exchange(dropped_, 0))}});
    }
}

void Publisher::failed(std::string_view reason, MonoTime now) {
    connection_.reset();
    next_ = 0;
    processed_waits_ = processed_waits_ || processed_ != BusPosition{};
    retry_at_ = now + reconnect_.failed(reason);
}

// A feed that stops in an orderly way is no longer live.
void Publisher::say_goodbye() {
    if (!connection_ || !told_sources_) return;
    try {
        connection_->append({"DEL", keys_.feed + options_.feed_id});
        connection_->append({"ZREM", keys_.feeds, options_.feed_id});
        const MonoTime deadline = std::chrono::steady_clock::now() + goodbye;
        connection_->send(deadline);
        for (int i = 0; i < 2; ++i) connection_->read(deadline);
    } catch (const redis::RedisError& e) {
        log::debug("could not sign the feed off; it expires within seconds", {{"reason", e.what()}});
    }
}

}  // namespace pricewire::bus

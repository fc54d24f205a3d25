#include "bus/redis/reader.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/log.hpp"
#include "bus/redis/latest_json.hpp"

namespace pricewire::bus {
namespace {

using namespace std::chrono_literals;

constexpr redis::Timeouts board_timeouts{.connect = 1s, .command = 1s};
constexpr Duration read_every = 100ms;
// Data not confirmed for this long is not shown: no price is better than a wrong one.
constexpr Duration shown_for = 2s;
constexpr Duration all_every = 900ms;
// A ticker that is asked for is read every time for this long.
constexpr Duration asked_for = 30s;
constexpr std::string_view last_feed_index = "31";  // the newest 32 of those seen within a minute

}  // namespace

Reader::Reader(const RedisBusOptions& options, const Keys& keys, const redis::Address& address,
               Outage& outage, const Clock& clock)
    : options_(options),
      keys_(keys),
      address_(address),
      clock_(clock),
      boards_(options.tickers),
      reconnect_(reconnect_policy, outage) {
    thread_ = std::thread([this] { run(); });
}

Reader::~Reader() {
    stop_.set();
    thread_.join();
}

std::optional<TickerBoard> Reader::board(Ticker ticker) const {
    MutexLock lock(mutex_);
    const TickerBoard* board = boards_.find(ticker);
    // Reading a ticker that has no board would be in vain.
    if (board == nullptr) return std::nullopt;
    asked_[ticker] = clock_.mono();
    return confirmed() ? *board : TickerBoard{.ticker = ticker};
}

bool Reader::has_price(const Ticker& ticker) const {
    MutexLock lock(mutex_);
    return confirmed() && boards_.has_price(ticker);
}

std::vector<Ticker> Reader::unpriced() const {
    MutexLock lock(mutex_);
    return confirmed() ? boards_.unpriced() : boards_.tickers();
}

std::vector<Price> Reader::prices() const {
    MutexLock lock(mutex_);
    return confirmed() ? boards_.prices() : std::vector<Price>{};
}

std::shared_ptr<const std::string> Reader::rates_json() const {
    MutexLock lock(mutex_);
    return confirmed() ? rates_ : no_rates_;
}

std::vector<SourceReport> Reader::sources() const {
    MutexLock lock(mutex_);
    return confirmed() ? sources_ : std::vector<SourceReport>{};
}

bool Reader::confirmed() const {
    return confirmed_at_ && clock_.mono() - *confirmed_at_ <= shown_for;
}

void Reader::run() {
    reconnect_.run<redis::RedisError>(
        stop_,
        [this] {
            if (!connection_) connection_ = redis::Connection::open(address_, board_timeouts);
            read();
            return read_every;
        },
        [this] { connection_.reset(); });
}

void Reader::read() {
    const std::vector<Ticker> tickers = due(clock_.mono());
    std::vector<std::string> keys;
    for (const Ticker& ticker : tickers) keys.push_back(keys_.latest + std::string(ticker.view()));
    std::vector<std::string_view> words{"MGET"};
    words.insert(words.end(), keys.begin(), keys.end());
    if (!keys.empty()) connection_->append(words);
    connection_->append({"ZREVRANGE", keys_.feeds, "0", last_feed_index});
    const MonoTime deadline = connection_->deadline();
    connection_->send(deadline);
    const redis::Reply texts = keys.empty() ? redis::Reply(nullptr) : connection_->read(deadline);
    const redis::Reply feeds = connection_->read(deadline);
    texts.checked();
    feeds.checked();
    show(tickers, texts, read_sources(feeds));
}

// The tickers to read now; reads the list of all of them, if that is due.
std::vector<Ticker> Reader::due(MonoTime now) {
    std::set<Ticker> out(options_.tickers.begin(), options_.tickers.end());
    const bool all = now >= all_at_;
    if (all) {
        out.merge(listed());
        all_at_ = now + all_every;
    }
    MutexLock lock(mutex_);
    std::erase_if(asked_, [&](const auto& asked) { return now - asked.second > asked_for; });
    for (const auto& [ticker, at] : asked_) out.insert(ticker);
    if (all) {
        for (const Ticker& ticker : boards_.tickers()) out.insert(ticker);
    }
    return {out.begin(), out.end()};
}

// The tickers that have a board. An older feed lists none: it has boards of pinned tickers alone.
std::set<Ticker> Reader::listed() {
    const redis::Reply reply = connection_->command({"ZRANGE", keys_.boards, "0", "-1"});
    reply.checked();
    std::set<Ticker> out;
    for (std::size_t i = 0; i < reply.size(); ++i) {
        if (is_ticker(reply[i].text())) out.insert(Ticker(reply[i].text()));
    }
    return out;
}

std::vector<SourceReport> Reader::read_sources(const redis::Reply& feeds) {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < feeds.size(); ++i) keys.push_back(keys_.feed + std::string(feeds[i].text()));
    // Sorted by id, so that the order does not depend on which feed reported last.
    std::sort(keys.begin(), keys.end());
    std::vector<SourceReport> out;
    if (keys.empty()) return out;
    std::vector<std::string_view> words{"MGET"};
    words.insert(words.end(), keys.begin(), keys.end());
    const redis::Reply reports = connection_->command(words);
    reports.checked();
    for (std::size_t i = 0; i < reports.size(); ++i) {
        if (reports[i].is_nil()) continue;
        if (auto parsed = parse_sources(reports[i].text())) merge_sources(out, std::move(*parsed));
    }
    return out;
}

void Reader::show(const std::vector<Ticker>& tickers, const redis::Reply& texts,
                  std::vector<SourceReport> sources) {
    std::vector<std::pair<Ticker, std::optional<TickerBoard>>> changed;
    for (std::size_t i = 0; i < tickers.size(); ++i) {
        const Ticker& ticker = tickers[i];
        const std::string_view text = texts[i].text();
        if (text.empty()) {
            if (texts_.erase(ticker) > 0) changed.emplace_back(ticker, std::nullopt);
            continue;
        }
        std::string& before = texts_[ticker];
        if (text == before) continue;
        before = text;
        auto board = parse_board(text);
        if (!board || board->ticker != ticker) {
            board = TickerBoard{.ticker = ticker};
            if (!std::exchange(warned_of_nonsense_, true)) {
                log::warn("Redis holds an invalid board; its ticker is shown without a price",
                          {{"key", keys_.latest + std::string(ticker.view())}});
            }
        }
        changed.emplace_back(ticker, std::move(board));
    }
    MutexLock lock(mutex_);
    bool prices_changed = false;
    for (auto& [ticker, board] : changed)
        prices_changed |= board ? boards_.put(std::move(*board)) : boards_.remove(ticker);
    if (prices_changed) rates_ = std::make_shared<const std::string>(boards_.rates_json());
    sources_ = std::move(sources);
    confirmed_at_ = clock_.mono();
}

}  // namespace pricewire::bus

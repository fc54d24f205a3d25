#include "bus/redis/reader.hpp"

#include <algorithm>
#include <utility>

#include "base/json_writer.hpp"
#include "base/log.hpp"
#include "bus/redis/latest_json.hpp"

namespace pricewire::bus {
namespace {

using namespace std::chrono_literals;

constexpr redis::Timeouts timeouts{.connect = 1s, .command = 1s};
constexpr Duration read_every = 100ms;
// Data not confirmed for this long is not shown: no price is better than a wrong one.
constexpr Duration shown_for = 2s;
constexpr std::string_view last_feed_index = "31";  // the newest 32 of those seen within a minute

std::shared_ptr<const std::string> rates_of(const std::vector<TickerBoard>& boards) {
    JsonWriter w;
    w.begin_object();
    for (const TickerBoard& b : boards) {
        if (b.price) w.field(b.ticker.view(), b.price->value);
    }
    w.end_object();
    return std::make_shared<const std::string>(std::move(w).str());
}

}  // namespace

Reader::Reader(const RedisBusOptions& options, const Keys& keys, const redis::Address& address,
               Outage& outage, const Clock& clock)
    : options_(options), keys_(keys), address_(address), clock_(clock), reconnect_(reconnect_policy, outage) {
    for (const Ticker ticker : options_.tickers) boards_.push_back({ticker, std::nullopt, {}});
    texts_.resize(boards_.size());
    thread_ = std::thread([this] { run(); });
}

Reader::~Reader() {
    stop_.set();
    thread_.join();
}

std::optional<TickerBoard> Reader::board(Ticker ticker) const {
    MutexLock lock(mutex_);
    const auto found =
        std::find_if(boards_.begin(), boards_.end(), [&](const auto& b) { return b.ticker == ticker; });
    if (found == boards_.end()) return std::nullopt;
    if (!confirmed()) return TickerBoard{ticker, std::nullopt, {}};
    return *found;
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
            if (!connection_) connection_ = redis::Connection::open(address_, timeouts);
            read();
            return read_every;
        },
        [this] { connection_.reset(); });
}

void Reader::read() {
    std::vector<std::string> keys;
    for (const Ticker ticker : options_.tickers) keys.push_back(keys_.latest + std::string(ticker.view()));
    std::vector<std::string_view> words{"MGET"};
    words.insert(words.end(), keys.begin(), keys.end());
    if (!keys.empty()) connection_->append(words);
    connection_->append({"ZREVRANGE", keys_.feeds, "0", last_feed_index});
    const MonoTime deadline = connection_->deadline();
    connection_->send(deadline);
    const redis::Reply boards = keys.empty() ? redis::Reply(nullptr) : connection_->read(deadline);
    const redis::Reply feeds = connection_->read(deadline);
    boards.checked();
    feeds.checked();
    show(boards, read_sources(feeds));
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

void Reader::show(const redis::Reply& boards, std::vector<SourceReport> sources) {
    std::vector<std::pair<std::size_t, TickerBoard>> changed;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
        const std::string_view text = boards[i].text();
        if (text == texts_[i]) continue;
        texts_[i] = text;
        TickerBoard board{options_.tickers[i], std::nullopt, {}};
        if (!text.empty()) {
            auto parsed = parse_board(text);
            if (parsed && parsed->ticker == board.ticker) {
                board = std::move(*parsed);
            } else if (!std::exchange(warned_of_nonsense_, true)) {
                log::warn("Redis holds an invalid board; its ticker is shown without a price",
                          {{"key", keys_.latest + std::string(board.ticker.view())}});
            }
        }
        changed.emplace_back(i, std::move(board));
    }
    MutexLock lock(mutex_);
    for (auto& [i, board] : changed) boards_[i] = std::move(board);
    if (!changed.empty()) rates_ = rates_of(boards_);
    sources_ = std::move(sources);
    confirmed_at_ = clock_.mono();
}

}  // namespace pricewire::bus

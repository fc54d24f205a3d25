#include "app/market_thread.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <future>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "app/options.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "net/event_loop.hpp"
#include "net/http_client.hpp"
#include "price/market.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

constexpr Duration bars_every = 5s;
// Where the bus keeps no prices: those with a new high or low. A hold that such a price has broken must not go on after a
// kill.
constexpr Duration widened_bars_every = 100ms;
constexpr Duration compare_every = 5s;
constexpr auto unknown_symbol = static_cast<std::size_t>(feed::ParseError::Kind::unknown_symbol);
// Between two calls of judge_ages(); after a longer one it leaves the judgement to the next call.
constexpr Duration longest_pause = 3s;

SourceCondition condition_of(feed::SourceState state) {
    switch (state) {
        case feed::SourceState::streaming:
        case feed::SourceState::polling:
            return SourceCondition::ok;
        case feed::SourceState::refused:
        case feed::SourceState::unavailable_here:
        case feed::SourceState::maintenance:
        case feed::SourceState::silent:
        case feed::SourceState::idle:
            return SourceCondition::down;
        case feed::SourceState::disabled:
        case feed::SourceState::starting:
        case feed::SourceState::connecting:
        case feed::SourceState::polling_fallback:
            return SourceCondition::degraded;
    }
    return SourceCondition::down;
}

SourceReport report_of(const feed::SourceStatus& status, feed::VenueTypes venues, Timestamp started) {
    const feed::VenueType& venue = *feed::find_venue_type(status.name, venues);
    std::string detail(to_string(status.state));
    if (!status.detail.empty()) detail += ": " + status.detail;
    if (!status.last_quote_at && status.state != feed::SourceState::disabled) {
        detail += fmt::format("; no price of it has arrived since the start at {}",
                              format_rfc3339(std::chrono::floor<std::chrono::seconds>(started)));
    }
    return {.name = status.name,
            .condition = condition_of(status.state),
            .detail = std::move(detail),
            .last_quote_at = status.last_quote_at,
            .kind = venue.kind,
            .title = std::string(venue.title),
            .state = std::string(to_string(status.state))};
}

// Those that the feed does not know, so that people see what there is besides. Nothing is wrong with them.
std::vector<SourceReport> switched_off(const ops::Config& config, feed::VenueTypes venues) {
    std::vector<SourceReport> reports;
    for (const feed::VenueType* venue : venues) {
        const auto source = config.sources.find(std::string(venue->name.view()));
        if (source != config.sources.end() && source->second.enabled) continue;
        std::string detail(to_string(feed::SourceState::disabled));
        if (!venue->off_reason.empty()) detail += fmt::format(": {}", venue->off_reason);
        reports.push_back({.name = venue->name,
                           .condition = SourceCondition::ok,
                           .detail = std::move(detail),
                           .last_quote_at = std::nullopt,
                           .kind = venue->kind,
                           .title = std::string(venue->title),
                           .state = std::string(to_string(feed::SourceState::disabled))});
    }
    return reports;
}

std::vector<SourceName> source_names(const feed::FeedOptions& options) {
    std::vector<SourceName> names;
    for (const feed::SourceOptions& source : options.sources) names.emplace_back(source.name);
    return names;
}

feed::FeedOptions with_tap(feed::FeedOptions options, feed::FrameTap* tap) {
    options.tap = tap;
    return options;
}

class MarketThreadImpl final : public MarketThread {
public:
    MarketThreadImpl(const ops::Config& config, bus::PriceBus& bus, history::BarWriter& bars,
                     const Clock& clock, feed::VenueTypes venues, feed::FrameTap* tap,
                     MarketFindings findings)
        : clock_(clock),
          venues_(venues),
          switched_off_(switched_off(config, venues)),
          bus_keeps_prices_(!config.storage.redis_url.empty()),
          bus_(bus),
          bars_(bars),
          findings_(std::move(findings)),
          loop_(net::create_event_loop()),
          http_(
              net::create_http_client({.max_connections = 64, .user_agent = "Pricewire/" PRICEWIRE_VERSION})),
          market_(tickers_of(config), consolidation_of(config, venues),
                  {.price = [this](const Price& price) { bus_.publish(price); },
                   .price_gone = [this](const PriceGone& gone) { on_price_gone(gone); },
                   .board = [this](const TickerBoard& board) { on_board(board); },
                   .rate = [this](const price::DollarRate& rate) { on_rate(rate); },
                   .removed =
                       [this](Ticker ticker) {
                           bus_.remove_board(ticker);
                           gone_lines_.erase(ticker);
                       }},
                  source_names(feed_options_of(config, venues))),
          feed_(create_feed(
              *loop_, *http_, clock_, with_tap(feed_options_of(config, venues), tap),
              [this](std::span<const Quote> quotes) { market_.on_quotes(quotes, clock_.now()); })) {
        // Before the first request, so that no source is unknown to it.
        publish_sources();
    }

    void start() override {
        std::promise<void> started;
        loop_->post([this, &started] {
            try {
                loop_->every(1s, "judging prices by their age", [this] { judge_ages(); });
                loop_->every(1s, "publishing what is heard", [this] { publish_heard(); });
                loop_->every(1s, "reporting the sources", [this] { publish_sources(); });
                if (bus_keeps_prices_) {
                    loop_->every(bars_every, "passing on the bars",
                                 [this] { bars_.write(market_.take_bars()); });
                } else {
                    loop_->every(widened_bars_every, "passing on the bars' new highs and lows",
                                 [this] { bars_.write(market_.take_widened_bars()); });
                }
                feed_->start();
                judged_at_ = heard_at_ = clock_.mono();
                publish_heard();
                started.set_value();
            } catch (...) {
                started.set_exception(std::current_exception());
            }
        });
        thread_ = std::thread([this] {
            pthread_setname_np(pthread_self(), "market");  // for people, and for tests that stop it
            loop_->run();
        });
        // Throws what start() has thrown: without its feed the process cannot work.
        started.get_future().get();
        runs_ = true;
    }

    void stop() override {
        runs_ = false;
        loop_->post([this] {
            feed_->stop();
            bars_.write(market_.take_bars());
            loop_->stop();
        });
        if (thread_.joinable()) thread_.join();
    }

    void watch(Ticker ticker, std::vector<feed::FoundAt> found) override {
        loop_->post([this, ticker, found = std::move(found)] {
            market_.watch(ticker);
            feed_->watch(ticker, found);
        });
    }
    void unwatch(Ticker ticker) override {
        loop_->post([this, ticker] {
            feed_->unwatch(ticker);
            unwatched_ = ticker;
            market_.unwatch(ticker, clock_.now());
            unwatched_.reset();
        });
    }

    void set_elsewhere(std::vector<Ticker> tickers) override {
        loop_->post([this, tickers = std::move(tickers)]() mutable { elsewhere_ = std::move(tickers); });
    }
    watch::HeardRound heard() const override {
        MutexLock lock(mutex_);
        return heard_;
    }

    std::uint64_t signs_of_life() override {
        if (!runs_) {
            ++signs_;
        } else if (!is_asked_.exchange(true)) {
            loop_->post([this] {
                ++signs_;
                is_asked_ = false;
            });
        }
        return signs_;
    }

    std::vector<feed::SourceStatus> sources() const override { return feed_->statuses(); }
    const price::MarketMeters& meters() const override { return market_.meters(); }
    const price::RateMeters& rate_meters() const override { return market_.rate_meters(); }

private:
    void on_board(const TickerBoard& board) {
        bus_.publish_board(board);
        if (compares_) disagreements_.look(board, clock_.mono());
    }
    void on_price_gone(const PriceGone& gone) {
        bus_.publish_gone(gone);
        if (gone.ticker == unwatched_) return;  // nobody waits for it
        // Logged once a minute at most: a price may come and go with every trade.
        auto& lines = gone_lines_.try_emplace(gone.ticker, 1min).first->second;
        if (!lines.take(clock_.mono())) return;
        log::warn("no source has a valid price; alerts of this ticker wait",
                  {{"ticker", std::string(gone.ticker.view())}});
    }
    void on_rate(const price::DollarRate& rate) {
        // Leaving a peg and returning to it are apart; what is known may change with every quote.
        RateLines& lines = rate_lines_[rate.currency];
        const bool is_peg = std::exchange(lines.is_off_peg, rate.is_off_peg) != rate.is_off_peg;
        if (!is_peg && !lines.known.take(clock_.mono())) return;
        const char* text = rate.is_off_peg ? "a currency is off its peg; the dollar venues lead"
                           : is_peg        ? "a currency has returned to its peg"
                           : rate.is_known
                               ? "a currency's dollar rate is known"
                               : "a currency's dollar rate is unknown: fewer than two venues say it";
        (rate.is_off_peg || !rate.is_known ? log::warn : log::info)(
            text, {{"currency", std::string(rate.currency.view())}, {"dollars", rate.value().to_string()}});
    }
    void publish_sources() {
        std::vector<SourceReport> reports;
        for (const feed::SourceStatus& status : feed_->statuses()) {
            reports.push_back(report_of(status, venues_, started_));
            const std::uint64_t unknown = status.left_out[unknown_symbol];
            if (std::exchange(unknown_symbols_[status.name], unknown) != unknown && findings_.doubted)
                findings_.doubted(status.name);
        }
        reports.insert(reports.end(), switched_off_.begin(), switched_off_.end());
        bus_.publish_sources(reports);
    }
    // A thread that was stopped for a while first reads what has arrived meanwhile: it does not say before that what
    // it has heard. Nor does it judge ages: every price would be gone, and then be back as of now.
    bool was_stopped(MonoTime& last) const {
        const MonoTime now = clock_.mono();
        return now - std::exchange(last, now) > longest_pause;
    }
    void publish_heard() {
        if (was_stopped(heard_at_)) return;
        // First, so that they are stored before what is judged up to here is noted (RecorderOptions::store_bars).
        if (!bus_keeps_prices_) bars_.write(market_.take_bars());
        Heard heard{clock_.now(), feed_->unheard()};
        note_heard(heard.unheard);
        add_elsewhere(heard.unheard);
        bus_.publish_heard(heard);
    }
    void note_heard(const std::vector<Unheard>& unheard) {
        MutexLock lock(mutex_);
        ++heard_.number;
        heard_.unheard.clear();
        for (const Unheard& each : unheard) heard_.unheard.push_back(each.ticker);
    }
    void add_elsewhere(std::vector<Unheard>& unheard) const {
        const auto middle = static_cast<std::ptrdiff_t>(unheard.size());
        for (const Ticker& ticker : elsewhere_) {
            const auto end = unheard.begin() + middle;
            const auto own = std::ranges::lower_bound(unheard.begin(), end, ticker, {}, &Unheard::ticker);
            if (own == end || own->ticker != ticker) unheard.push_back({ticker, std::nullopt});
        }
        std::ranges::inplace_merge(unheard, unheard.begin() + middle, {}, &Unheard::ticker);
    }
    void judge_ages() {
        if (was_stopped(judged_at_)) return;
        const MonoTime now = clock_.mono();
        compares_ = findings_.compared && now - compared_at_ >= compare_every;
        market_.refresh(clock_.now());
        if (!std::exchange(compares_, false)) return;
        compared_at_ = now;
        if (auto settled = disagreements_.end_round(); !settled.empty())
            findings_.compared(std::move(settled));
    }

    const Clock& clock_;
    const Timestamp started_ = clock_.now();
    const feed::VenueTypes venues_;
    const std::vector<SourceReport> switched_off_;
    const bool bus_keeps_prices_;
    bus::PriceBus& bus_;
    history::BarWriter& bars_;
    const MarketFindings findings_;
    directory::Disagreements disagreements_;
    bool compares_ = false;  // the boards that are being published
    MonoTime compared_at_;
    std::map<SourceName, std::uint64_t> unknown_symbols_;  // how often each was said
    std::unique_ptr<net::EventLoop> loop_;
    std::unique_ptr<net::HttpClient> http_;
    price::Market market_;
    std::unique_ptr<feed::Feed> feed_;
    struct RateLines {
        bool is_off_peg = false;
        log::AtMostEvery known{1min};
    };
    std::map<Ticker, log::AtMostEvery> gone_lines_;
    std::vector<Ticker> elsewhere_;
    mutable Mutex mutex_;
    watch::HeardRound heard_ GUARDED_BY(mutex_);
    std::atomic<bool> runs_ = false;
    std::atomic<bool> is_asked_ = false;  // for a sign of life
    std::atomic<std::uint64_t> signs_ = 0;
    std::optional<Ticker> unwatched_;  // the one that is being given up
    std::map<Currency, RateLines> rate_lines_;
    MonoTime judged_at_ = clock_.mono(), heard_at_ = judged_at_;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<MarketThread> create_market_thread(const ops::Config& config, bus::PriceBus& bus,
                                                   history::BarWriter& bars, const Clock& clock,
                                                   feed::VenueTypes venues, feed::FrameTap* tap,
                                                   MarketFindings findings) {
    return std::make_unique<MarketThreadImpl>(config, bus, bars, clock, venues, tap, std::move(findings));
}

}  // namespace pricewire::app

#include "feed/feed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "feed/source.hpp"

namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

constexpr Duration look_every = 5s;

class FeedImpl final : public Feed {
public:
    FeedImpl(net::EventLoop& loop, net::HttpClient& http, const Clock& clock, FeedOptions options,
             OnQuotes on_quotes)
        : loop_(loop), clock_(clock), options_(std::move(options)), on_quotes_(std::move(on_quotes)) {
        for (const SourceOptions& source : options_.sources)
            sources_.push_back(
                std::make_unique<Source>(Surroundings{loop, http, clock, options_, on_quotes_, neighbours_},
                                         *find_venue_type(source.name, options_.venues), source));
    }
    ~FeedImpl() override {
        if (look_) loop_.cancel(*look_);
    }

    void start() override {
        look_ = loop_.every(look_every, "watching the sources", [this] {
            for (auto& source : sources_) source->revive();
        });
        for (auto& source : sources_) source->start();
    }
    void stop() override {
        if (look_) loop_.cancel(*std::exchange(look_, std::nullopt));
        for (auto& source : sources_) source->stop();
    }
    void watch(Ticker ticker, std::span<const FoundAt> found) override {
        for (auto& source : sources_) {
            const auto at = std::ranges::find(found, source->name(), &FoundAt::source);
            source->watch(ticker, at == found.end() ? std::string() : at->symbol);
        }
    }
    void unwatch(Ticker ticker) override { watch(ticker, {}); }
    std::vector<Unheard> unheard() override {
        for (const auto& source : sources_) source->note(heard_);
        return heard_.take_unheard(clock_.now());
    }
    std::vector<SourceStatus> statuses() const override {
        std::vector<SourceStatus> out;
        for (const auto& source : sources_) out.push_back(source->status());
        return out;
    }

private:
    net::EventLoop& loop_;
    const Clock& clock_;
    const FeedOptions options_;
    const OnQuotes on_quotes_;
    Neighbours neighbours_;
    std::vector<std::unique_ptr<Source>> sources_;
    HeardTickers heard_;
    std::optional<net::EventLoop::TimerId> look_;
};

}  // namespace

std::vector<Ticker> tickers_with_a_source(const FeedOptions& options) {
    std::vector<Ticker> out;
    for (const Ticker ticker : options.tickers) {
        const auto has_it = [&](const SourceOptions& source) {
            const VenueType* type = find_venue_type(source.name, options.venues);
            return source.enabled && type != nullptr && !(source.ws_url.empty() && source.rest_url.empty()) &&
                   (source.symbols.contains(std::string(ticker.view())) || type->symbol_of(ticker));
        };
        if (std::ranges::any_of(options.sources, has_it)) out.push_back(ticker);
    }
    return out;
}

std::vector<std::string> wrong_options(const FeedOptions& options) {
    std::vector<std::string> wrong;
    for (const SourceOptions& source : options.sources) {
        const VenueType* type = find_venue_type(source.name, options.venues);
        if (type == nullptr) {
            wrong.push_back(fmt::format("there is no source '{}'", source.name));
        } else if (const auto found = instruments_of(*type, source, options.tickers); !found) {
            wrong.push_back(found.error().message);
        }
    }
    return wrong;
}

std::unique_ptr<Feed> create_feed(net::EventLoop& loop, net::HttpClient& http, const Clock& clock,
                                  FeedOptions options,
                                  std::function<void(std::span<const Quote>)> on_quotes) {
    if (const auto wrong = wrong_options(options); !wrong.empty()) throw std::invalid_argument(wrong.front());
    return std::make_unique<FeedImpl>(loop, http, clock, std::move(options), std::move(on_quotes));
}

}  // namespace pricewire::feed

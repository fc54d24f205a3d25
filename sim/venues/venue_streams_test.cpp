#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "feed/venue.hpp"
#include "sim/protocol.hpp"
#include "sim/venues/venue.hpp"

// A simulated venue understands what the venue's own messages ask for, and its answers are understood.
namespace pricewire::sim {
namespace {

std::unique_ptr<feed::Venue> venue_of(const SimVenue& sim) {
    const feed::VenueType& type = *feed::find_venue_type(sim.name);
    std::vector<feed::Instrument> instruments;
    for (const char* ticker : {"BTC", "ETH", "DOGE"})
        instruments.push_back({ticker, *type.symbol_of(ticker)});
    return type.create(std::move(instruments), {"wss://venue", "https://venue"});
}

constexpr std::size_t leaver = 1;

class VenueStreams : public testing::TestWithParam<const SimVenue*> {
protected:
    // Sends a message of ours, and reads the answers. What they say is in `events_`.
    void send(const std::string& text) {
        events_.clear();
        for (const std::string& answer : stream_->on_text(text)) {
            feed::StreamOutput out;
            const auto read =
                parser_->parse(answer, std::chrono::floor<std::chrono::microseconds>(now()), out);
            EXPECT_TRUE(read) << read.error().text << ": " << answer << " to " << text;
            events_.insert(events_.end(), out.events.begin(), out.events.end());
        }
    }
    template <typename Event>
    bool has_come() const {
        return std::ranges::any_of(events_, [](const auto& e) { return std::holds_alternative<Event>(e); });
    }
    void subscribe_all() {
        // Some refuse what comes in the first second.
        const auto later = std::chrono::steady_clock::now();
        const auto then = later - std::chrono::seconds{2};
        stream_->tick({.now = later, .opened = then, .last_push = then, .last_text = then});
        if (const std::string text = venue_->opening_message(); !text.empty()) send(text);
        const std::size_t most = venue_->type().stream.symbols_per_message;
        for (std::size_t i = 0; i < venue_->instruments().size(); i += most) {
            std::vector<std::size_t> asked;
            for (std::size_t k = i; k < std::min(i + most, venue_->instruments().size()); ++k)
                asked.push_back(k);
            send(venue_->subscribe_message(asked, {.number = ++number_, .now = Timestamp{}}));
            EXPECT_FALSE(has_come<feed::SymbolRefused>() || has_come<feed::MessageRefused>());
        }
    }

    const SimVenue& sim_ = *GetParam();
    const std::unique_ptr<feed::Venue> venue_ = venue_of(sim_);
    const std::unique_ptr<feed::StreamParser> parser_ = venue_->create_parser();
    const SimMarket market_{.currency = sim_.currency};
    const std::string url_ = venue_->stream_url();
    const std::unique_ptr<SimStream> stream_ =
        sim_.open(url_.substr(std::min(url_.find('?') + 1, url_.size())), market_);
    std::vector<feed::StreamEvent> events_;
    std::uint64_t number_ = 0;
};

TEST_P(VenueStreams, UnsubscribeOneSymbolAndNoOther) {
    subscribe_all();
    for (const char* symbol : {"BTCUSDT", "ETHUSDT", "DOGEUSDT"})
        EXPECT_TRUE(stream_->wants(symbol)) << symbol;
    const std::string text = venue_->unsubscribe_message(
        std::vector<std::size_t>{leaver},
        {.number = ++number_, .now = Timestamp{}, .channel = parser_->channel_id(leaver)});
    ASSERT_FALSE(text.empty());
    send(text);
    EXPECT_TRUE(stream_->wants("BTCUSDT"));
    EXPECT_FALSE(stream_->wants("ETHUSDT"));
    EXPECT_TRUE(stream_->wants("DOGEUSDT"));
    EXPECT_FALSE(has_come<feed::SymbolRefused>() || has_come<feed::MessageRefused>() ||
                 has_come<feed::RateLimited>());
    for (const feed::StreamEvent& event : events_) {
        // MEXC's answers to both messages are alike.
        if (const auto* e = std::get_if<feed::Acknowledged>(&event); e != nullptr && sim_.name != "mexc")
            EXPECT_NE(e->instrument, leaver);
        if (const auto* e = std::get_if<feed::MessageAcknowledged>(&event)) EXPECT_EQ(e->number, number_);
    }
    // It comes back.
    send(venue_->subscribe_message(std::vector<std::size_t>{leaver},
                                   {.number = ++number_, .now = Timestamp{}}));
    EXPECT_TRUE(stream_->wants("ETHUSDT"));
    EXPECT_TRUE(has_come<feed::Acknowledged>() || has_come<feed::MessageAcknowledged>());
}

std::vector<const SimVenue*> venues_with_streams() {
    std::vector<const SimVenue*> out;
    for (const SimVenue* sim : sim_venues()) {
        if (!sim->ws_path.empty()) out.push_back(sim);
    }
    return out;
}

INSTANTIATE_TEST_SUITE_P(Of, VenueStreams, testing::ValuesIn(venues_with_streams()),
                         [](const auto& info) { return std::string(info.param->name); });

}  // namespace
}  // namespace pricewire::sim

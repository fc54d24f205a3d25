#include "past/past.hpp"

#include <gtest/gtest.h>

#include <future>
#include <map>

#include "base/mutex.hpp"
#include "fakes/fake_http_client.hpp"
#include "past/toy_venues.hpp"

namespace pricewire::past {
namespace {

using namespace std::chrono_literals;

// Answers by the URL; what is not named gets an empty answer.
class PastTest : public ::testing::Test {
protected:
    void start(std::initializer_list<const feed::VenueType*> types,
               std::map<Currency, std::vector<Place>> dollars = {}) {
        for (const feed::VenueType* type : types) {
            quick_.push_back(std::make_unique<feed::VenueType>(*type));
            quick_.back()->past.least_gap = 0s;
            quick_.back()->past.candles_per_request = 1000;
        }
        std::vector<AskedVenue> venues;
        for (const auto& type : quick_)
            venues.push_back({type.get(), "http://" + std::string(type->name.view()), 4});
        auto http = std::make_unique<fakes::FakeHttpClient>();
        http->script = [this](const net::HttpRequest& request) -> std::optional<net::HttpResult> {
            MutexLock lock(mutex_);
            asked_.push_back(request.url);
            const auto found = answers_.find(request.url);
            net::HttpResult result = fakes::http_status(found == answers_.end() ? 200 : found->second.first);
            if (found != answers_.end()) result.body = found->second.second;
            return result;
        };
        past_ = nullptr;
        asker_ = start_asker(std::move(venues), std::move(http), clock_);
        past_ = create_past(*asker_, std::move(dollars));
    }
    void TearDown() override { asker_.reset(); }
    void answers(std::string url, std::string body, int status = 200) {
        MutexLock lock(mutex_);
        answers_[std::move(url)] = {status, std::move(body)};
    }
    PastAsk ask(std::vector<Place> places) const {
        return {.places = std::move(places), .from = toy_noon, .to = toy_noon + 3min};
    }
    PastBars bars(PastAsk ask) {
        std::promise<PastBars> made;
        past_->bars(std::move(ask), [&](PastBars bars) { made.set_value(std::move(bars)); });
        return made.get_future().get();
    }
    std::vector<PlaceTrades> trades(PastAsk ask) {
        std::promise<std::vector<PlaceTrades>> made;
        past_->trades(std::move(ask), [&](auto trades) { made.set_value(std::move(trades)); });
        return made.get_future().get();
    }
    int times_asked(const std::string& url) {
        MutexLock lock(mutex_);
        return static_cast<int>(std::ranges::count(asked_, url));
    }

    ManualClock clock_{toy_noon + 24h};
    std::vector<std::unique_ptr<feed::VenueType>> quick_;
    Mutex mutex_;
    std::map<std::string, std::pair<int, std::string>> answers_ GUARDED_BY(mutex_);
    std::vector<std::string> asked_ GUARDED_BY(mutex_);
    std::unique_ptr<Past> past_;
    std::unique_ptr<Asker> asker_;
};

TEST_F(PastTest, CombinesWhatItsVenuesSay) {
    start({&toy_alpha, &toy_beta});
    answers("http://alpha/A/60/0-3", "0=100 1=101");
    answers("http://beta/B/60/0-3", "1=102 2=103");
    const PastBars found = bars(ask({{"alpha", "A"}, {"beta", "B"}, {"gone", "G"}}));
    ASSERT_EQ(found.bars.size(), 3U);
    EXPECT_EQ(found.bars[0].owners, 1);
    EXPECT_EQ(found.bars[1].owners, 2);
    EXPECT_EQ(found.bars[1].close, Decimal::parse("101.5").value());
    ASSERT_EQ(found.venues.size(), 2U);
    EXPECT_EQ(found.venues[1].place, (Place{"beta", "B"}));
    EXPECT_TRUE(found.has_answer());
}

TEST_F(PastTest, DoesWithoutAVenueThatFails) {
    start({&toy_alpha, &toy_beta});
    answers("http://alpha/A/60/0-3", "", 404);
    answers("http://beta/B/60/0-3", "0");
    const PastBars found = bars(ask({{"alpha", "A"}, {"beta", "B"}}));
    EXPECT_EQ(found.bars.size(), 1U);
    ASSERT_TRUE(found.venues[0].failure);
    EXPECT_EQ(found.venues[0].failure->kind, Failure::Kind::refused);
    answers("http://beta/B/60/0-3", "", 404);
    EXPECT_FALSE(bars(ask({{"alpha", "A"}, {"beta", "B"}})).has_answer());
    EXPECT_FALSE(bars(ask({})).has_answer());
}

TEST_F(PastTest, ConvertsByTheRatesOfTheDollarVenuesAndAsksThemOnce) {
    start({&toy_alpha, &toy_beta, &toy_tether}, {{"USDT", {{"alpha", "USDT"}, {"beta", "USDT"}}}});
    for (const char* venue : {"alpha", "beta"})
        answers(std::string("http://") + venue + "/USDT/60/-30-3", "0=0.99 1=0.99 2=0.98");
    answers("http://tether/T/60/0-3", "0 2");
    const PastBars found = bars(ask({{"tether", "T"}}));
    ASSERT_EQ(found.bars.size(), 2U);
    EXPECT_EQ(found.bars[0].close, Decimal::from_int(99));
    EXPECT_EQ(found.bars[1].close, Decimal::from_int(98));
    EXPECT_EQ(found.rates.e5_at("USDT", toy_noon), 99'000);
    EXPECT_EQ(bars(ask({{"tether", "T"}})).bars.size(), 2U);
    EXPECT_EQ(times_asked("http://alpha/USDT/60/-30-3"), 1);
    PastAsk later = ask({{"tether", "T"}});
    later.to += 1min;
    bars(later);
    EXPECT_EQ(times_asked("http://alpha/USDT/60/-30-4"), 1) << "a longer period";
}

TEST_F(PastTest, WithoutRatesACoinsVenuesDoNotCount) {
    start({&toy_alpha, &toy_tether}, {{"USDT", {{"alpha", "USDT"}}}});
    answers("http://alpha/USDT/60/-30-3", "", 404);
    answers("http://tether/T/60/0-3", "0");
    EXPECT_TRUE(bars(ask({{"tether", "T"}})).bars.empty());
}

TEST_F(PastTest, WhereNoVenueTradesACoinForDollarsItCountsAsOne) {
    start({&toy_tether});
    answers("http://tether/T/60/0-3", "0");
    EXPECT_EQ(bars(ask({{"tether", "T"}})).bars.size(), 1U);
}

TEST_F(PastTest, AsksThoseWithTheMostWeight) {
    start({&toy_alpha, &toy_beta});
    PastAsk one = ask({{"beta", "B"}, {"alpha", "A"}});
    one.most_venues = 1;
    const PastBars found = bars(one);
    ASSERT_EQ(found.venues.size(), 1U);
    EXPECT_EQ(found.venues[0].place.source, SourceName("alpha"));
}

TEST_F(PastTest, GivesTradesInDollars) {
    start({&toy_alpha, &toy_beta, &toy_tether}, {{"USDT", {{"alpha", "USDT"}}}});
    answers("http://alpha/trades/A/0-3/", "2=7 1=6");
    const auto found = trades(ask({{"alpha", "A"}, {"beta", "B"}}));
    ASSERT_EQ(found.size(), 1U) << "the other has none";
    ASSERT_TRUE(found[0].trades);
    ASSERT_EQ(found[0].trades->size(), 2U);
    EXPECT_EQ(found[0].trades->front().price, Decimal::from_int(6));
}

}  // namespace
}  // namespace pricewire::past

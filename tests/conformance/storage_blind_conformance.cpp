// Blind times, and firings for them.
#include "storage_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageBlindConformance : public StorageConformance {
protected:
    BlindSpan open(Ticker ticker, Timestamp from) const {
        return {.ticker = ticker, .from = from, .to = {}, .reason = "binance was silent", .told_until = {}};
    }
    BlindSpan over(Ticker ticker, Timestamp from, Timestamp to) const {
        BlindSpan span = open(ticker, from);
        span.to = to;
        span.state = BlindState::waiting;
        span.unknown = to - from;
        return span;
    }
    void save(const BlindSpan& span) { storage_->save_blind(std::vector{span}); }
    std::vector<BlindSpan> claim_blind(Timestamp now, const std::string& owner = "feed-1",
                                       std::size_t limit = 10) {
        return storage_->claim_blind(now, limit, owner, now + lease_);
    }
    std::vector<BlindSpan> spans(Ticker ticker) {
        return storage_->blind_spans(ticker, Timestamp::min(), 100);
    }
};

TEST_P(StorageBlindConformance, WhatWasJudgedOnlyMovesForwardUnlessItsClockWasWrong) {
    EXPECT_EQ(storage_->judged_until(), std::nullopt);
    storage_->note_judged(now_, now_);
    EXPECT_EQ(storage_->judged_until(), now_);
    storage_->note_judged(now_ - 5s, now_);
    EXPECT_EQ(storage_->judged_until(), now_) << "another checker is further";
    storage_->note_judged(now_ + 3h, now_ + 3h);
    storage_->note_judged(now_ + 1s, now_ + 1s);
    EXPECT_EQ(storage_->judged_until(), now_ + 1s) << "the time before lies in the future";
}

TEST_P(StorageBlindConformance, ASpanIsOpenUntilItsEndIsSaved) {
    const BlindSpan begun = open("BTC", now_);
    save(begun);
    EXPECT_EQ(storage_->open_blind(), std::vector{begun});
    EXPECT_TRUE(claim_blind(now_ + 1h).empty());
    const BlindSpan ended = over("BTC", now_, now_ + 2min);
    storage_->save_blind(std::vector{begun, ended});
    EXPECT_TRUE(storage_->open_blind().empty());
    EXPECT_EQ(spans("BTC"), std::vector{ended});
    save(begun);
    save(over("BTC", now_, now_ + 5min));
    EXPECT_EQ(spans("BTC"), std::vector{ended}) << "another checker has ended it before";
}

TEST_P(StorageBlindConformance, SaysSinceWhenPricesOfATickerMayYetBecomeKnown) {
    EXPECT_TRUE(storage_->unresolved_blind().empty());
    save(over("BTC", now_, now_ + 1min));
    save(over("BTC", now_ + 2min, now_ + 3min));
    save(open("ETH", now_ + 5min));
    EXPECT_EQ(storage_->unresolved_blind(),
              (std::map<Ticker, Timestamp>{{"BTC", now_}, {"ETH", now_ + 5min}}));
    auto claimed = claim_blind(now_ + 1h, "feed-1", 1);
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(storage_->unresolved_blind().at("BTC"), now_) << "it is claimed, and not finished";
    claimed[0].state = BlindState::recovered;
    EXPECT_TRUE(storage_->finish_blind(claimed[0], "feed-1", std::nullopt));
    EXPECT_EQ(storage_->unresolved_blind().at("BTC"), now_ + 2min);
}

TEST_P(StorageBlindConformance, ListsTheNewestSpansOfATickerOrOfAll) {
    save(over("BTC", now_, now_ + 1min));
    save(over("BTC", now_ + 10min, now_ + 11min));
    save(open("BTC", now_ + 20min));
    save(over("ETH", now_ + 15min, now_ + 16min));
    const auto starts = [&](Ticker ticker, Timestamp since, std::size_t limit) {
        std::vector<Duration> out;
        for (const BlindSpan& span : storage_->blind_spans(ticker, since, limit))
            out.push_back(span.from - now_);
        return out;
    };
    EXPECT_EQ(starts("BTC", now_, 10), (std::vector<Duration>{20min, 10min, 0min}));
    EXPECT_EQ(starts("BTC", now_ + 1min, 10), (std::vector<Duration>{20min, 10min}));
    EXPECT_EQ(starts("BTC", now_, 1), (std::vector<Duration>{20min}));
    EXPECT_EQ(starts({}, now_, 3), (std::vector<Duration>{20min, 15min, 10min}));
}

TEST_P(StorageBlindConformance, ASpanThatWaitsIsClaimedByOneOwnerAtATime) {
    save(over("BTC", now_, now_ + 2min));
    save(over("ETH", now_, now_ + 1min));
    EXPECT_TRUE(claim_blind(now_ + 30s).empty()) << "it is due at its end";
    const auto first = claim_blind(now_ + 3min, "feed-1", 1);
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(first[0], over("ETH", now_, now_ + 1min)) << "the one that is due for longer";
    ASSERT_EQ(claim_blind(now_ + 3min, "feed-2").size(), 1U);
    EXPECT_TRUE(claim_blind(now_ + 3min, "feed-3").empty());
    EXPECT_EQ(claim_blind(now_ + 3min, "feed-1"), first) << "its own, as after a kill";

    BlindSpan done = first[0];
    done.state = BlindState::recovered;
    done.told_until = now_ + 1min;
    done.unknown = {};
    done.fired = 3;
    done.tries = 1;
    EXPECT_FALSE(storage_->finish_blind(done, "feed-2", std::nullopt)) << "it is not its claim";
    EXPECT_TRUE(storage_->finish_blind(done, "feed-1", std::nullopt));
    EXPECT_EQ(spans("ETH"), std::vector{done});
    EXPECT_FALSE(storage_->finish_blind(done, "feed-1", std::nullopt)) << "it has been handed back";
    EXPECT_EQ(claim_blind(now_ + 24h, "feed-3").size(), 1U) << "the other one's lease has ended";
}

TEST_P(StorageBlindConformance, ASpanThatIsTriedAgainIsDueAtItsTime) {
    save(over("BTC", now_, now_ + 1min));
    BlindSpan tried = claim_blind(now_ + 1min).at(0);
    tried.tries = 1;
    tried.told_until = now_ + 20s;
    EXPECT_TRUE(storage_->finish_blind(tried, "feed-1", now_ + 10min));
    EXPECT_TRUE(claim_blind(now_ + 9min, "feed-2").empty());
    EXPECT_EQ(claim_blind(now_ + 10min, "feed-2"), std::vector{tried});
}

TEST_P(StorageBlindConformance, PrunesTheOldestSpans) {
    save(over("BTC", now_, now_ + 1min));
    save(over("BTC", now_ + 1min, now_ + 2min));
    save(over("ETH", now_ + 2min, now_ + 3min));
    EXPECT_EQ(storage_->prune_blind(now_ + 2min, 1), 1U);
    EXPECT_EQ(storage_->prune_blind(now_ + 2min, 10), 1U);
    EXPECT_EQ(storage_->prune_blind(now_ + 2min, 10), 0U);
    EXPECT_TRUE(spans("BTC").empty());
    EXPECT_EQ(spans("ETH").size(), 1U);
}

TEST_P(StorageBlindConformance, FindsTheAlertsThatMayFireLate) {
    const Alert old = add_alert("100");
    Alert never = new_alert("200");
    never.recover = false;
    Alert young = new_alert("300");
    young.created_at = now_ + 1min;
    Alert other = new_alert("400");
    other.ticker = "ETH";
    for (const Alert& alert : {never, young, other}) ASSERT_TRUE(storage_->create_alert(alert, 100));
    const RecoverableAlert expected{old.id, old.condition, old.target, now_};
    EXPECT_EQ(storage_->recoverable_alerts("BTC", now_ + 1min), std::vector{expected});
    EXPECT_EQ(storage_->recoverable_alerts("BTC", now_ + 2min).size(), 2U);
    EXPECT_TRUE(storage_->recoverable_alerts("BTC", now_).empty());
    fire({old.id});
    EXPECT_TRUE(storage_->recoverable_alerts("BTC", now_ + 1min).empty());
    EXPECT_FALSE(storage_->alert(user_, never.id)->recover);
    EXPECT_TRUE(storage_->alert(user_, young.id)->recover);
}

TEST_P(StorageBlindConformance, FindsTheAlertsWithTermsThatMayFireLate) {
    const auto ruled = [&](const char* level, bool recover, Duration begun) {
        Alert alert = new_alert(level);
        alert.recover = recover;
        alert.terms = std::make_shared<const Terms>(Terms{
            .rules = {{.ticker = "BTC", .level = {.number = *Decimal::parse(level)}}}, .repeat = Repeat{}});
        alert.begun_at = now_ + begun;
        alert.created_at = now_ + begun;
        EXPECT_TRUE(storage_->create_alert(alert, 100));
        return alert.id;
    };
    add_alert("100");
    const Uuid old = ruled("200", true, 0min);
    ruled("300", false, 0min);
    ruled("400", true, 1min);
    const auto found = storage_->recoverable_ruled("BTC", now_ + 1min, 10);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].id, old);
    ASSERT_TRUE(found[0].ruled);
    EXPECT_EQ(found[0].ruled->terms->rules[0].level.number, *Decimal::parse("200"));
    EXPECT_EQ(storage_->recoverable_ruled("BTC", now_ + 2min, 10).size(), 2U);
    EXPECT_EQ(storage_->recoverable_ruled("BTC", now_ + 2min, 1).size(), 1U);
    EXPECT_TRUE(storage_->recoverable_ruled("ETH", now_ + 2min, 10).empty());
}

TEST_P(StorageBlindConformance, AFiringThatIsLateSaysWhenAndByWhomWhereverItIsRead) {
    const Alert alert = add_alert();
    const Alert present = add_alert("101");
    const LateFiring late{now_ - 10min, now_ - 9min, {"binance", "kraken"}};
    FiringGroup group = this->group({alert.id});
    group.late = late;
    const auto tasks = storage_->fire(std::vector{group, this->group({present.id})});
    ASSERT_EQ(tasks.size(), 2U);
    EXPECT_EQ(storage_->alert(user_, alert.id)->late, late);
    EXPECT_EQ(storage_->alert(user_, present.id)->late, std::nullopt);
    EXPECT_EQ(view(alert.id).late, late);
    EXPECT_EQ(view(present.id).late, std::nullopt);
    EXPECT_EQ(claim(tasks[0].delivery_id, 1, now_).at(0).alert.late, late);
    EXPECT_EQ(claim(tasks[1].delivery_id, 1, now_).at(0).alert.late, std::nullopt);
    EXPECT_TRUE(storage_->fire(std::vector{group}).empty()) << "it has fired";

    const Uuid test = make_uuid(now_);
    ASSERT_TRUE(storage_->add_test_delivery(user_, alert.id, test, Decimal::from_int(5), now_));
    EXPECT_EQ(storage_->delivery(user_, test)->late, std::nullopt);
    EXPECT_EQ(claim(test, 1, now_).at(0).alert.late, std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageBlindConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance

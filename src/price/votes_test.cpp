#include "price/votes.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <numeric>

namespace pricewire::price {
namespace {

struct Ballot {
    int value;
    int weight;
    std::uint32_t owner;
};

Votes votes_of(const std::vector<Ballot>& ballots) {
    Votes votes;
    for (std::uint32_t i = 0; i < ballots.size(); ++i)
        votes.add({Decimal::from_int(ballots[i].value), ballots[i].weight, i, ballots[i].owner});
    votes.settle();
    return votes;
}

std::map<std::uint32_t, double> shares(const Votes& votes) {
    double total = 0;
    for (const Votes::Vote& vote : votes.all()) total += static_cast<double>(vote.weight);
    std::map<std::uint32_t, double> out;
    for (const Votes::Vote& vote : votes.all()) out[vote.owner] += static_cast<double>(vote.weight) / total;
    return out;
}

Decimal decimal(std::string_view text) {
    return Decimal::parse(text).value();
}

TEST(Votes, TheMedianIsWhereHalfOfTheWeightLies) {
    EXPECT_EQ(votes_of({{100, 1, 0}}).median(), decimal("100"));
    EXPECT_EQ(votes_of({{101, 1, 0}, {100, 1, 1}}).median(), decimal("100.5"));
    EXPECT_EQ(votes_of({{103, 1, 0}, {100, 1, 1}, {101, 1, 2}}).median(), decimal("101"));
    EXPECT_EQ(votes_of({{100, 2, 0}, {101, 1, 1}, {102, 1, 2}, {103, 1, 3}}).median(), decimal("101"));
    EXPECT_EQ(votes_of({{100, 2, 0}, {101, 1, 1}, {102, 1, 2}}).median(), decimal("101"))
        << "half would be too much";
}

TEST(Votes, NoOwnerHasMoreThanFortyPercentOfTheWeight) {
    EXPECT_NEAR(shares(votes_of({{100, 4, 0}, {101, 2, 1}, {102, 1, 2}}))[0], 0.4, 0.001);
    const auto two = shares(votes_of({{100, 4, 0}, {101, 4, 1}, {102, 1, 2}}));
    EXPECT_NEAR(two.at(0), 0.4, 0.001);
    EXPECT_NEAR(two.at(2), 0.2, 0.001);
    EXPECT_NEAR(shares(votes_of({{100, 4, 0}, {100, 1, 0}, {101, 2, 1}, {102, 2, 2}}))[0], 0.4, 0.001)
        << "one owner's venues have it together";
    EXPECT_NEAR(shares(votes_of({{100, 100, 0}, {101, 1, 1}}))[0], 0.5, 0.001) << "of two both have half";
}

TEST(Votes, OfAnyOwnersNoneHasMoreThanFortyPercentAndNoneLosesItsPlace) {
    EXPECT_TRUE(rc::check([] {
        std::vector<Ballot> ballots;
        for (const auto& [weight, owner] : *rc::gen::container<std::vector<std::pair<int, int>>>(
                 rc::gen::pair(rc::gen::inRange(1, 100), rc::gen::inRange(0, 16)))) {
            ballots.push_back({*rc::gen::inRange(1, 1000), weight, static_cast<std::uint32_t>(owner)});
        }
        const Votes votes = votes_of(ballots);
        if (votes.owners() < 3) return;
        for (const auto& [owner, share] : shares(votes)) {
            RC_ASSERT(share < 0.401);
            RC_ASSERT(share > 0);
        }
    }));
}

TEST(Votes, AMovedVoteKeepsTheOrder) {
    EXPECT_TRUE(rc::check([] {
        std::vector<Ballot> ballots;
        for (std::uint32_t i = 0; i < 14; ++i)
            ballots.push_back({*rc::gen::inRange(1, 100), *rc::gen::inRange(1, 5), i});
        Votes moved = votes_of(ballots);
        for (const auto& [source, value] : *rc::gen::container<std::vector<std::pair<int, int>>>(
                 rc::gen::pair(rc::gen::inRange(0, 14), rc::gen::inRange(1, 100)))) {
            ballots[static_cast<std::size_t>(source)].value = value;
            RC_ASSERT(moved.move(static_cast<std::uint32_t>(source), Decimal::from_int(value)));
            const Votes again = votes_of(ballots);
            RC_ASSERT(moved.median() == again.median());
            RC_ASSERT(moved.percentile(25) == again.percentile(25));
            RC_ASSERT(moved.percentile(75) == again.percentile(75));
        }
        RC_ASSERT(!moved.move(14, Decimal::from_int(1)));
    }));
}

TEST(Votes, PercentilesAreByWeight) {
    const Votes votes = votes_of({{100, 1, 0}, {101, 1, 1}, {102, 1, 2}, {103, 1, 3}});
    EXPECT_EQ(votes.percentile(25), decimal("100"));
    EXPECT_EQ(votes.percentile(26), decimal("101"));
    EXPECT_EQ(votes.percentile(75), decimal("102"));
    EXPECT_EQ(votes.percentile(100), decimal("103"));
}

}  // namespace
}  // namespace pricewire::price

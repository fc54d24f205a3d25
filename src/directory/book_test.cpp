#include "directory/book.hpp"

#include <gtest/gtest.h>

#include "directory/directory_fixture.hpp"
#include "fakes/test_storage.hpp"

namespace pricewire::directory {
namespace {

using namespace std::chrono_literals;

class BookTest : public ::testing::Test {
protected:
    void list(SourceName source, const std::vector<std::string>& pairs) {
        storage_.replace_listings(source, SourceKind::exchange, list_of(source, pairs)->pairs, clock_.now());
    }
    std::size_t places(Ticker ticker) {
        const auto directory = book_->current();
        const Coin* const coin = directory->find(ticker);
        return coin == nullptr ? 0 : coin->venues.size();
    }

    fakes::TestStorage storage_;
    ManualClock clock_;
    std::unique_ptr<Book> book_ = create_book(storage_, clock_);
};

TEST_F(BookTest, FollowsWhatIsStored) {
    EXPECT_TRUE(book_->current()->empty());
    list("binance", {"SOL/USDT"});
    list("kraken", {"SOL/USD"});
    EXPECT_EQ(places("SOL"), 0U) << "it was read within the second";
    clock_.advance(1s);
    EXPECT_TRUE(book_->latest()->empty());
    EXPECT_EQ(places("SOL"), 2U);
    EXPECT_NE(book_->latest()->find("SOL"), nullptr);
    clock_.advance(1s);
    list("kraken", {});
    EXPECT_EQ(book_->current()->find("SOL")->count(ListingStatus::delisted), 1U);
}

TEST_F(BookTest, ReadsOnlyTheListsThatHaveChanged) {
    list("binance", {"SOL/USDT"});
    list("kraken", {"SOL/USD"});
    const auto first = book_->current();
    EXPECT_EQ(storage_.calls("listings"), 2);
    clock_.advance(1s);
    EXPECT_EQ(book_->current(), first);
    clock_.advance(1s);
    list("kraken", {"SOL/USD"});
    book_->current();
    EXPECT_EQ(storage_.calls("listings"), 2) << "the same list, read again";
    clock_.advance(1s);
    list("kraken", {"SOL/USD", "ADA/USD"});
    EXPECT_EQ(places("ADA"), 1U);
    EXPECT_EQ(storage_.calls("listings"), 3);
}

TEST_F(BookTest, CountsEnabledSourcesAloneWhereTheyAreKnown) {
    list("binance", {"SOL/USDT"});
    list("kraken", {"SOL/USD"});
    book_ = create_book(storage_, clock_, {.sources = {{"kraken"}}});
    EXPECT_EQ(places("SOL"), 1U);
}

TEST_F(BookTest, KeepsTheLastOneWhileTheDatabaseIsAway) {
    list("binance", {"SOL/USDT"});
    EXPECT_EQ(places("SOL"), 1U);
    clock_.advance(1s);
    storage_.fail();
    EXPECT_THROW(book_->current(), storage::StorageError);
    EXPECT_NE(book_->latest()->find("SOL"), nullptr);
    storage_.heal();
    EXPECT_EQ(places("SOL"), 1U);
}

}  // namespace
}  // namespace pricewire::directory

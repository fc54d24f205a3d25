// The contract of every Storage: what each source lists.
#include "storage_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageListingsConformance : public StorageConformance {
protected:
    static ListedPair pair(const std::string& symbol, std::string_view ticker,
                           ListingStatus status = ListingStatus::trading) {
        return {.symbol = symbol, .ticker = ticker, .currency = "USDT", .status = status};
    }
    storage::ListingChanges replace(SourceName source, std::vector<ListedPair> pairs, Timestamp at) {
        const SourceKind kind =
            source == SourceName("coingecko") ? SourceKind::aggregator : SourceKind::exchange;
        return storage_->replace_listings(source, kind, pairs, at);
    }
    std::int64_t revision(SourceName source) {
        for (const storage::ListedSource& s : storage_->listed_sources()) {
            if (s.source == source) return s.revision;
        }
        return -1;
    }
};

TEST_P(StorageListingsConformance, AListReplacesTheOneBefore) {
    EXPECT_TRUE(storage_->listed_sources().empty());
    ListedPair named = pair("bitcoin", "BTC");
    named.name = "Bitcoin \xe2\x82\xbf";
    auto changes = replace("coingecko", {named}, now_);
    EXPECT_EQ(changes.added, std::vector{named});
    changes = replace("binance", {pair("SOLUSDT", "SOL"), pair("ADAUSDT", "ADA")}, now_ + 1s);
    EXPECT_EQ(changes.added.size(), 2U);
    EXPECT_EQ(storage_->listings("binance"), (std::vector{pair("ADAUSDT", "ADA"), pair("SOLUSDT", "SOL")}));
    EXPECT_EQ(storage_->listings("coingecko"), std::vector{named});
    EXPECT_TRUE(storage_->listings("kraken").empty());
    const auto sources = storage_->listed_sources();
    ASSERT_EQ(sources.size(), 2U);
    EXPECT_EQ(sources[0],
              (storage::ListedSource{"binance", SourceKind::exchange, now_ + 1s, revision("binance")}));
    EXPECT_EQ(sources[1].source, "coingecko");
    EXPECT_EQ(sources[1].kind, SourceKind::aggregator);

    const ListedPair halted = pair("ADAUSDT", "ADA", ListingStatus::halted);
    changes = replace("binance", {halted, pair("XRPUSDT", "XRP")}, now_ + 2s);
    EXPECT_EQ(changes.added, std::vector{pair("XRPUSDT", "XRP")});
    EXPECT_EQ(changes.changed, std::vector{halted});
    EXPECT_EQ(changes.gone, std::vector{pair("SOLUSDT", "SOL")});
    ListedPair gone = pair("SOLUSDT", "SOL", ListingStatus::delisted);
    gone.gone_at = now_ + 2s;
    EXPECT_EQ(storage_->listings("binance"), (std::vector{halted, gone, pair("XRPUSDT", "XRP")}));
    EXPECT_EQ(storage_->listings("coingecko"), std::vector{named});
}

TEST_P(StorageListingsConformance, ItsRevisionChangesWithItsPairsAlone) {
    replace("binance", {pair("SOLUSDT", "SOL")}, now_);
    const std::int64_t first = revision("binance");
    const auto same = replace("binance", {pair("SOLUSDT", "SOL")}, now_ + 1s);
    EXPECT_TRUE(same.added.empty() && same.changed.empty() && same.gone.empty());
    EXPECT_EQ(storage_->listed_sources().at(0),
              (storage::ListedSource{"binance", SourceKind::exchange, now_ + 1s, first}));
    replace("binance", {pair("SOLUSDT", "SOL", ListingStatus::halted)}, now_ + 2s);
    EXPECT_GT(revision("binance"), first);
}

TEST_P(StorageListingsConformance, AnOlderListChangesNothing) {
    replace("binance", {pair("SOLUSDT", "SOL")}, now_);
    const auto changes = replace("binance", {}, now_ - 1us);
    EXPECT_TRUE(changes.gone.empty());
    EXPECT_EQ(storage_->listings("binance"), std::vector{pair("SOLUSDT", "SOL")});
    EXPECT_EQ(storage_->listed_sources().at(0).read_at, now_);
}

TEST_P(StorageListingsConformance, ADelistedPairStaysAYearAndMayComeBack) {
    replace("binance", {pair("SOLUSDT", "SOL"), pair("LUNAUSDT", "LUNA")}, now_);
    replace("binance", {}, now_ + 1s);
    replace("binance", {}, now_ + 2s);
    EXPECT_EQ(storage_->listings("binance").at(0).gone_at, now_ + 1s) << "since it was first missing";
    const auto back = replace("binance", {pair("SOLUSDT", "SOL")}, now_ + 3s);
    EXPECT_EQ(back.added, std::vector{pair("SOLUSDT", "SOL")});
    EXPECT_EQ(storage_->listings("binance").size(), 2U);
    const std::int64_t before = revision("binance");
    replace("binance", {pair("SOLUSDT", "SOL")}, now_ + 366 * 24h);
    EXPECT_EQ(storage_->listings("binance"), std::vector{pair("SOLUSDT", "SOL")});
    EXPECT_GT(revision("binance"), before);
}

TEST_P(StorageListingsConformance, ADisagreementStaysWithThePair) {
    replace("binance", {pair("MIRUSDT", "MIR"), pair("SOLUSDT", "SOL")}, now_);
    const std::int64_t before = revision("binance");
    EXPECT_FALSE(storage_->note_disagreement("binance", "NONE", now_));
    EXPECT_FALSE(storage_->note_disagreement("binance", "MIRUSDT", std::nullopt));
    EXPECT_TRUE(storage_->note_disagreement("binance", "MIRUSDT", now_));
    EXPECT_GT(revision("binance"), before);
    EXPECT_FALSE(storage_->note_disagreement("binance", "MIRUSDT", now_ + 1s)) << "since the first time";
    replace("binance", {pair("MIRUSDT", "MIR", ListingStatus::halted), pair("SOLUSDT", "SOL")}, now_ + 1s);
    EXPECT_EQ(storage_->listings("binance").at(0).disagrees_since, now_);
    EXPECT_FALSE(storage_->listings("binance").at(1).disagrees_since);
    EXPECT_TRUE(storage_->note_disagreement("binance", "MIRUSDT", std::nullopt));
    EXPECT_FALSE(storage_->listings("binance").at(0).disagrees_since);

    storage_->note_disagreement("binance", "MIRUSDT", now_ + 2s);
    replace("binance", {pair("MIRUSDT", "MIRROR")}, now_ + 3s);
    EXPECT_FALSE(storage_->listings("binance").at(0).disagrees_since) << "another coin is not judged by it";
}

TEST_P(StorageListingsConformance, TwoFeedsMayStoreOneListAtATime) {
    std::vector<ListedPair> pairs;
    for (int i = 0; i < 100; ++i)
        pairs.push_back(pair(fmt::format("C{:03}USDT", i), fmt::format("C{:03}", i)));
    std::atomic<std::size_t> added = 0;
    at_once(4, [&](int) { added += replace("binance", pairs, now_).added.size(); });
    EXPECT_EQ(added, 100U) << "each is new to one of them";
    EXPECT_EQ(storage_->listings("binance"), pairs);
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageListingsConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance

#include "bus/redis/stream.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace pricewire::bus {
namespace {

TEST(StreamEntry, HasACompactFormat) {
    std::string text;
    append_value(
        text,
        {17, false, {"BTC", *Decimal::parse("65420.15"), from_micros(1'700'000'000'000'001), 12}, "feed-a"});
    EXPECT_EQ(text, "17 BTC 65420.15 1700000000000001 12 feed-a");
    text.clear();
    append_value(text, {18, true, {"ETH", {}, from_micros(1234), 0}, "feed-a"});
    EXPECT_EQ(text, "18 ETH 1234 feed-a");
}

TEST(StreamEntry, ReadsBackWhatWasWritten) {
    rc::check([] {
        StreamEntry entry;
        entry.number = *rc::gen::arbitrary<std::uint64_t>();
        entry.gone = *rc::gen::arbitrary<bool>();
        entry.feed = "f";
        entry.price.ticker = "BTC";
        entry.price.time = from_micros(*rc::gen::arbitrary<std::int64_t>());
        if (!entry.gone) {
            entry.price.value = Decimal::from_raw(*rc::gen::positive<std::int64_t>());
            entry.price.sequence = *rc::gen::arbitrary<std::uint64_t>();
        }
        std::string text;
        append_value(text, entry);
        const auto back = parse_entry(entry.gone ? gone_field : price_field, text);
        RC_ASSERT(back.has_value());
        RC_ASSERT(back->number == entry.number && back->gone == entry.gone && back->feed == entry.feed);
        RC_ASSERT(back->price.ticker == entry.price.ticker && back->price.value == entry.price.value);
        RC_ASSERT(back->price.time == entry.price.time && back->price.sequence == entry.price.sequence);
    });
}

TEST(StreamEntry, ASignOfLifeNamesWhatIsNotHeard) {
    const Heard heard{from_micros(1'700'000'000'000'001),
                      {{"BTC", from_micros(1234)}, {"ETH", std::nullopt}}};
    StreamEntry entry{.number = 19, .feed = "feed-a", .heard = std::make_shared<const Heard>(heard)};
    std::string text;
    append_value(text, entry);
    EXPECT_EQ(text, "19 1700000000000001 feed-a BTC:1234,ETH");
    EXPECT_EQ(*parse_entry(heard_field, text)->heard, heard);
    const auto all = parse_entry(heard_field, "19 1700000000000001 feed-a");
    ASSERT_TRUE(all);
    EXPECT_EQ(*all->heard, (Heard{heard.time, {}}));
    EXPECT_EQ(all->feed, "feed-a");
    for (const char* wrong : {"", "19", "19 x feed-a", "19 1", "19 1 f btc", "19 1 f BTC:", "19 1 f BTC:x",
                              "19 1 f BTC,,ETH", "19 1 f BTC ETH"})
        EXPECT_FALSE(parse_entry(heard_field, wrong)) << wrong;
}

TEST(StreamEntry, RejectsAnythingElse) {
    for (const char* text :
         {"", " ", "1", "1 BTC", "1 BTC 2 3 4", "1 BTC 2 3 4 ", "1 BTC 2 3 4 f g", "x BTC 2 3 4 f",
          "1 btc 2 3 4 f", "1 BTC -2 3 4 f", "1 BTC 0 3 4 f", "1 BTC 2x 3 4 f", "1 BTC 2 3.5 4 f",
          "1  BTC 2 3 4 f", "99999999999999999999 BTC 2 3 4 f"}) {
        EXPECT_FALSE(parse_entry(price_field, text)) << text;
    }
    EXPECT_TRUE(parse_entry(price_field, "1 BTC 2 3 4 f"));
    EXPECT_FALSE(parse_entry("x", "1 BTC 2 3 4 f"));
    EXPECT_FALSE(parse_entry(price_field, "1 BTC 2 3 4 " + std::string(65, 'f')));
    EXPECT_TRUE(parse_entry(gone_field, "1 BTC 2 f"));
    EXPECT_FALSE(parse_entry(gone_field, "1 BTC f"));
    EXPECT_FALSE(parse_entry(gone_field, "1 BTC 2 3 4 f"));
}

TEST(StreamPosition, IsParsedStrictly) {
    EXPECT_EQ(parse_position("12-3"), (BusPosition{12, 3}));
    EXPECT_EQ(to_text({12, 3}), "12-3");
    for (const char* text : {"", "-", "12", "12-", "-3", "12-3-4", "a-b", "-1-2", "12-3 "})
        EXPECT_FALSE(parse_position(text)) << text;
    EXPECT_EQ(earlier({12'000, 3}, 10'000), (BusPosition{2'000, 0}));
    EXPECT_EQ(earlier({1'000, 3}, 10'000), BusPosition{});
}

}  // namespace
}  // namespace pricewire::bus

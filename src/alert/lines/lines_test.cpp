#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <set>

#include "alert/lines/pieces_past.hpp"
#include "alert/lines/shared_line.hpp"
#include "alert/lines/shift.hpp"
#include "alert/lines/timers.hpp"
#include "alert/lines/trailing.hpp"
#include "alert/lines/window.hpp"

namespace pricewire::alert {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

Timestamp at(double s) {
    return from_micros(1'000'000'000'000'000 + static_cast<std::int64_t>(s * 1e6));
}
Decimal dec(std::string_view text) {
    return *Decimal::parse(text);
}

// A random walk with gaps, as pieces.
class Walk {
public:
    explicit Walk(unsigned seed) : rng_(seed) {}
    Piece next() {
        value_ += static_cast<std::int64_t>(rng_() % 11) - 5;
        value_ = std::clamp<std::int64_t>(value_, 1, 1000);
        if (rng_() % 50 == 0) time_ += seconds{rng_() % 300};
        const Timestamp from = time_;
        time_ += Duration{1 + rng_() % 3'000'000};
        return {Decimal::from_int(value_), from, time_};
    }
    std::uint64_t random(std::uint64_t below) { return rng_() % below; }

private:
    std::mt19937_64 rng_;
    std::int64_t value_ = 500;
    Timestamp time_ = at(0);
};

std::optional<Decimal> highest_since(const std::deque<Piece>& pieces, Timestamp moment) {
    std::optional<Decimal> found;
    for (const Piece& piece : pieces) {
        if (piece.until > moment) found = std::max(found.value_or(piece.value), piece.value);
    }
    return found;
}

TEST(SuffixExtremes, AnswerAsALookAtEveryPriceDoes) {
    Walk walk(1);
    PiecesPast past;
    std::deque<Piece> all;
    for (int i = 0; i < 3000; ++i) {
        all.push_back(walk.next());
        past.push(all.back());
        const Timestamp moment = all.back().until - seconds{walk.random(2000)};
        const auto* high = past.highs().since(moment);
        ASSERT_EQ(high == nullptr ? std::nullopt : std::optional(high->value), highest_since(all, moment));

        const Decimal level = Decimal::from_int(static_cast<std::int64_t>(walk.random(1000)));
        std::optional<Timestamp> at_or_below, above;
        for (const Piece& piece : all) {
            if (piece.value <= level) at_or_below = piece.until;
            if (piece.value > level) above = piece.until;
        }
        ASSERT_EQ(past.lows().last_reaching(level, false), at_or_below);
        ASSERT_EQ(past.highs().last_reaching(level, true), above);
    }
}

// What is asked for seldom is put into the stacks late, and most of it in one piece.
TEST(SuffixExtremes, AnswerAfterManyPricesThatNobodyAskedAbout) {
    Walk walk(7);
    PiecesPast past;
    std::deque<Piece> all;
    for (int round = 0; round < 60; ++round) {
        for (std::uint64_t more = walk.random(round % 3 == 0 ? 15'000 : 300); more > 0; --more) {
            all.push_back(walk.next());
            past.push(all.back());
        }
        for (std::uint64_t fewer = walk.random(400); fewer > 0 && all.size() > 1; --fewer) {
            ASSERT_EQ(past.undo(), all.back());
            all.pop_back();
        }
        while (all.size() > 20'000) all.pop_front();
        if (all.empty()) continue;
        for (int look = 0; look < 20; ++look) {
            const Timestamp moment = all.back().until - seconds{walk.random(3000)};
            const auto* high = past.highs().since(moment);
            ASSERT_EQ(high == nullptr ? std::nullopt : std::optional(high->value),
                      highest_since(all, moment));
        }
    }
}

TEST(SuffixExtremes, TellWhenTheirPriceWasMade) {
    PiecesPast past;
    past.push({dec("5"), at(1), at(3)});
    past.push({dec("4"), at(3), at(9)});
    EXPECT_EQ(past.highs().since(at(0))->from(), at(1));
    EXPECT_EQ(past.highs().since(at(3))->from(), at(3));
    EXPECT_EQ(past.highs().since(at(9)), nullptr);
}

TEST(SuffixExtremes, ArePutBackByUndo) {
    Walk walk(2);
    PiecesPast past;
    for (int round = 0; round < 300; ++round) {
        for (int i = 0; i < 40; ++i) past.push(walk.next());
        const PiecesPast before = past;
        std::vector<Piece> pieces(1 + walk.random(5));
        for (Piece& piece : pieces) past.push(piece = walk.next());
        PiecesPast undone = past;
        for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) ASSERT_EQ(undone.undo(), *piece);
        ASSERT_EQ(undone.lows().size(), before.lows().size());
        for (int look = 0; look < 20; ++look) {
            const Timestamp moment = pieces.front().from - seconds{walk.random(3000)};
            const auto *now = undone.lows().since(moment), *then = before.lows().since(moment);
            ASSERT_EQ(now == nullptr, then == nullptr);
            if (now != nullptr) ASSERT_EQ(now->value, then->value);
        }
    }
}

TEST(SuffixExtremes, UndoGoesBackAsFarAsRecentPricesDo) {
    PiecesPast past;
    for (int i = 0; i < 20'000; ++i) past.push({dec("1"), at(i), at(i + 1)});
    std::size_t undone = 0;
    Timestamp undone_until = at(0);
    while (past.undo()) ++undone;
    EXPECT_GE(undone, PiecesPast::least_undone);
    // As far as prices are recent, where there are many of them.
    PiecesPast busy;
    for (int i = 0; i < 20'000; ++i) busy.push({dec("1"), at(i / 80.0), at((i + 1) / 80.0)});
    while (const auto piece = busy.undo()) undone_until = piece->from;
    EXPECT_LE(undone_until, at(20'000 / 80.0) - PiecesPast::undone_for);
    // So many, all of them lows, that those of before are thinned.
    PiecesPast storm;
    for (int i = 0; i < 400'000; ++i) {
        storm.push({Decimal::from_int(i), at(i / 1e3), at((i + 1) / 1e3)});
        if (i % 1000 == 0) ASSERT_GT(storm.lows().size(), 0U);
    }
    EXPECT_LT(storm.lows().size(), 300'000U);
    for (int i = 399'999; i > 220'000; --i) {
        ASSERT_EQ(storm.undo()->value, Decimal::from_int(i));
        if (i % 10 == 0) ASSERT_EQ(storm.lows().since(at((i - 1) / 1e3))->value, Decimal::from_int(i - 1));
    }
}

// A line that only rises keeps every price.
TEST(SuffixExtremes, AreThinnedSoThatAlertsWait) {
    SuffixExtremes<Side::below> lows;
    std::vector<SuffixEntry> removed;
    const int prices = 300'000, a_second = 10;
    for (int i = 0; i < prices; ++i) {
        lows.push({Decimal::from_int(i), at(double(i) / a_second), at(double(i + 1) / a_second)}, removed);
    }
    EXPECT_LT(lows.size(), SuffixExtremes<Side::below>::exact_entries * 2 + prices / a_second);
    EXPECT_TRUE(removed.empty());
    for (int i = 0; i < prices - 1; i += 37) {
        const Timestamp over = at(double(i + 1) / a_second);
        // What was over at `over` may be forgotten up to a second early, and remembered up to a second late.
        const Decimal low = lows.since(over)->value, kept = lows.since(over, true)->value;
        ASSERT_GE(low, Decimal::from_int(i + 1));
        ASSERT_LE(low, Decimal::from_int(i + 1 + a_second));
        ASSERT_LE(kept, Decimal::from_int(i + 1));
        ASSERT_GE(kept, Decimal::from_int(i + 1 - a_second));
        const auto last = *lows.last_reaching(Decimal::from_int(i), false);
        ASSERT_GE(last, over);
        ASSERT_LE(last, over + seconds{1});
    }
}

TEST(SuffixExtremes, OfALongRiseAreBounded) {
    SuffixExtremes<Side::below> lows;
    std::vector<SuffixEntry> removed;
    constexpr int days = 20;
    for (int i = 0; i < days * 86'400; ++i) lows.push({Decimal::from_int(i), at(i), at(i + 1)}, removed);
    EXPECT_LT(lows.size(), SuffixExtremes<Side::below>::second_entries + 200'000);
    EXPECT_LE(lows.since(at(3600), true)->value, Decimal::from_int(3600));
    EXPECT_GE(lows.since(at(3600))->value, Decimal::from_int(3600));
}

TEST(SuffixExtremes, ForgetWhatIsOver) {
    Walk walk(3);
    PiecesPast past;
    std::deque<Piece> all;
    for (int i = 0; i < 50'000; ++i) {
        all.push_back(walk.next());
        past.push(all.back());
        past.forget_before(all.back().until - hours{1});
        while (all.front().until <= all.back().until - hours{1}) all.pop_front();
        if (i % 100 != 0) continue;
        const Timestamp moment = all.back().until - seconds{walk.random(3600)};
        ASSERT_EQ(past.highs().since(moment)->value, highest_since(all, moment));
    }
}

TEST(Shift, IsCutOnTheSideThatWakesEarly) {
    EXPECT_EQ(shifted<Side::above>(dec("100"), {Shift::whole, dec("5")}), dec("105"));
    EXPECT_EQ(shifted<Side::above>(dec("100"), {1'050'000'000'000, {}}), dec("105") - Decimal::from_raw(4));
    EXPECT_EQ(shifted<Side::below>(dec("100"), {970'000'000'000, {}}), dec("97") + Decimal::from_raw(4));
    EXPECT_EQ(shifted<Side::above>(dec("100"), {970'000'000'000, dec("-500")}),
              dec("-403") - Decimal::from_raw(4));
    const Decimal dear = dec("100000000000000000000");
    EXPECT_EQ(shifted<Side::above>(dear, {3 * Shift::whole, {}}), greatest_decimal);
    EXPECT_LT(shifted<Side::above>(dear, {Shift::whole / 2, {}}), dear);
}

TEST(Shift, OfAFactorAndAnAmountIsPutDownNearer) {
    std::mt19937_64 rng(4);
    for (int i = 0; i < 20'000; ++i) {
        const Shift shift{static_cast<std::int64_t>(rng() % (2 * Shift::whole)),
                          Decimal::from_raw(static_cast<std::int64_t>(rng() >> rng() % 64))};
        const Shift other{shift.factor, -shift.amount};
        for (const Shift& s : {shift, other}) {
            const auto [up, up_order] = place_of<Side::above>(s);
            ASSERT_LE(up.with(up_order).amount, s.amount);
            ASSERT_GE(up.with(up_order).amount, s.amount - Decimal::from_raw(s.amount.abs().raw() / 16));
            ASSERT_EQ(up.with(up_order).factor, s.factor);
            const auto [down, down_order] = place_of<Side::below>(s);
            ASSERT_GE(down.with(down_order).amount, s.amount);
        }
    }
}

struct Waiting {
    Slot slot;
    Decimal anchor;
    Shift shift;
};

template <Side side>
std::set<Slot> woken_one_by_one(std::vector<Waiting>& waiting, Decimal value) {
    std::set<Slot> out;
    std::erase_if(waiting, [&](const Waiting& w) {
        const bool is_woken = reaches<side>(value, shifted<side>(w.anchor, w.shift));
        if (is_woken) out.insert(w.slot);
        return is_woken;
    });
    return out;
}

TEST(TrailingClasses, WakeWhomALookAtEachWould) {
    std::mt19937_64 rng(5);
    TrailingClasses<Side::below> classes(Side::above, {true, {}});
    std::vector<Waiting> waiting;
    std::int64_t price = 100'000;
    std::size_t woken = 0;
    for (Slot slot = 0; slot < 8'000; ++slot) {
        price += static_cast<std::int64_t>(rng() % 101) - 50;
        const Decimal value = Decimal::from_int(price);
        classes.on_price(value);
        for (Waiting& w : waiting) w.anchor = std::max(w.anchor, value);
        const Waiting w{
            slot, value, {Shift::whole - 1'000'000 * static_cast<std::int64_t>(1 + rng() % 20'000), {}}};
        classes.insert(value, Decimal::from_raw(w.shift.factor), slot);
        waiting.push_back(w);
        if (rng() % 4 == 0) {
            const std::size_t i = rng() % waiting.size();
            ASSERT_TRUE(classes.erase(waiting[i].anchor, Decimal::from_raw(waiting[i].shift.factor),
                                      waiting[i].slot));
            waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(i));
        }
        const Decimal next = Decimal::from_int(price - static_cast<std::int64_t>(rng() % 200));
        std::vector<Slot> out;
        classes.take(next, out);
        const auto expected = woken_one_by_one<Side::below>(waiting, next);
        ASSERT_EQ(std::set<Slot>(out.begin(), out.end()), expected);
        woken += expected.size();
        ASSERT_GE(waiting.size(), classes.classes());
    }
    EXPECT_GT(woken, 500u);
}

TEST(TrailingClasses, MeetAtANewExtreme) {
    TrailingClasses<Side::above> classes(Side::below, {false, {}});
    for (Slot slot = 0; slot < 10; ++slot) classes.insert(Decimal::from_int(100 + slot), dec("3"), slot);
    EXPECT_EQ(classes.classes(), 10u);
    EXPECT_EQ(classes.guard(), dec("103"));
    classes.on_price(dec("104"));
    EXPECT_EQ(classes.classes(), 5u);
    classes.on_price(dec("90"));
    EXPECT_EQ(classes.classes(), 1u);
    EXPECT_EQ(classes.guard(), dec("93"));
    // Found although its anchor was taken for another.
    EXPECT_TRUE(classes.erase(dec("91"), dec("3"), 7));
    EXPECT_FALSE(classes.erase(dec("90"), dec("3"), 7));
}

// One that a value has taken is gone, until it waits again, be it at an anchor that is not quite its own.
TEST(TrailingClasses, KnowWhatTheyHaveTaken) {
    TrailingClasses<Side::above> classes(Side::below, {false, {}});
    std::vector<Slot> out;
    for (Slot slot = 0; slot < 3; ++slot) classes.insert(Decimal::from_int(100 + slot), dec("3"), slot);
    classes.take(dec("104"), out);
    EXPECT_EQ(out, (std::vector<Slot>{0, 1}));
    EXPECT_FALSE(classes.erase(dec("100"), dec("3"), 0));
    classes.insert(dec("110"), dec("3"), 0);
    classes.insert(dec("110"), dec("3"), 1);
    EXPECT_TRUE(classes.erase(dec("100"), dec("3"), 0));
    EXPECT_TRUE(classes.erase(dec("101"), dec("3"), 1));
    EXPECT_FALSE(classes.erase(dec("101"), dec("3"), 1));
    EXPECT_TRUE(classes.erase(dec("50"), dec("3"), 2));
    EXPECT_TRUE(classes.empty());
}

TEST(Window, WakesWhomALookAtEachWould) {
    Walk walk(6);
    PiecesPast past;
    std::deque<Piece> all;
    Window window({std::chrono::minutes{5}, Side::below});
    std::vector<Waiting> waiting;
    Slot slot = 0;
    std::size_t woken = 0;
    for (int i = 0; i < 5'000; ++i) {
        const Piece piece = walk.next();
        if (piece.from >= window.changes_at()) window.renew(past, piece.from);
        const Timestamp begin = piece.from - std::chrono::minutes{5};
        std::optional<Decimal> low;
        for (const Piece& p : all) {
            if (p.until > begin) low = std::min(low.value_or(p.value), p.value);
        }
        ASSERT_EQ(window.anchor(), low);
        const Decimal anchor = low.value_or(piece.value);
        for (Waiting& w : waiting) w.anchor = anchor;
        const auto expected = woken_one_by_one<Side::above>(waiting, piece.value);
        std::vector<Slot> out;
        if (reaches<Side::above>(piece.value, window.guard<Side::above>())) window.take(piece.value, out);
        ASSERT_EQ(std::set<Slot>(out.begin(), out.end()), expected);
        woken += expected.size();

        past.push(piece);
        all.push_back(piece);
        if (window.is_beaten_by(piece.value)) window.renew_by(piece, past, piece.until);
        for (int made = 0; made < 2; ++made) {
            const Shift shift =
                walk.random(2) == 0
                    ? Shift{Shift::whole + 1'000'000 * static_cast<std::int64_t>(walk.random(90'000)), {}}
                    : Shift{Shift::whole, Decimal::from_int(static_cast<std::int64_t>(1 + walk.random(60)))};
            window.insert<Side::above>(shift, slot);
            waiting.push_back({slot++, {}, shift});
        }
        if (waiting.size() > 200) {
            ASSERT_TRUE(window.erase<Side::above>(waiting.front().shift, waiting.front().slot));
            waiting.erase(waiting.begin());
        }
    }
    EXPECT_GT(woken, 500u);
}

TEST(Window, OfANewHighIsUnknownUntilPricesOfBeforeItAreKnown) {
    PiecesPast past;
    Window window({hours{24}, Side::above, true, true});
    window.insert<Side::above>({Shift::whole, Decimal::from_raw(1)}, 1);
    past.push({dec("110"), at(0), at(100)});
    window.renew(past, at(100));
    EXPECT_EQ(window.anchor(), std::nullopt);
    EXPECT_EQ(window.guard<Side::above>(), never_reached<Side::above>);
    EXPECT_EQ(window.changes_at(), at(86'400));
    window.renew(past, at(86'400));
    EXPECT_EQ(window.anchor(), dec("110"));
    EXPECT_EQ(window.changes_at(), at(86'500));
}

// pass() is a shorter way to the same.
TEST(SharedLine, PassesWhatMovesNothingAndWakesNobody) {
    Walk walk(8);
    SharedLine quick, slow;
    Slot slot = 0;
    std::size_t passed = 0, woken = 0;
    const auto each = [&](auto&& f) {
        f(quick);
        f(slow);
    };
    for (int i = 0; i < 30'000; ++i) {
        const Piece piece = walk.next();
        std::vector<Slot> of_quick, of_slow;
        slow.set(piece.value, piece.from);
        slow.take_woken(piece.from, of_slow);
        if (quick.pass(piece.value, piece.from)) {
            ++passed;
        } else {
            quick.set(piece.value, piece.from);
            quick.take_woken(piece.from, of_quick);
        }
        ASSERT_EQ(of_quick, of_slow);
        woken += of_slow.size();
        if (walk.random(40) == 0) each([&](SharedLine& line) { line.set(std::nullopt, piece.until); });
        ASSERT_EQ(quick.state().current, slow.state().current);
        ASSERT_EQ(quick.state().previous, slow.state().previous);
        if (walk.random(30) != 0) continue;
        ++slot;
        const Decimal by = Decimal::from_int(static_cast<std::int64_t>(100 + walk.random(400)));
        const WindowKind kind{std::chrono::minutes{1 + walk.random(60)}, Side::above, walk.random(2) == 0,
                              walk.random(4) == 0};
        switch (walk.random(3)) {
            case 0:
                each([&](SharedLine& line) {
                    line.wait_in_window<Side::below>(kind, {Shift::whole, -by}, slot);
                });
                break;
            case 1:
                each([&](SharedLine& line) {
                    line.wait_in_class<Side::above>(Side::below, piece.value, {Shift::whole, by}, slot);
                });
                break;
            default:
                each([&](SharedLine& line) { line.wait_at<Side::above>(piece.value + by, slot); });
        }
    }
    EXPECT_GT(passed, 10'000u);
    EXPECT_GT(woken, 300u);
}

TEST(Timers, ComeInOrderOfTime) {
    Timers timers;
    EXPECT_EQ(timers.next(), Timestamp::max());
    timers.insert(at(5), 1);
    timers.insert(at(-2e9), 2);
    timers.insert(at(3), 3);
    timers.erase(at(3), 3);
    timers.insert(at(5), 0);
    EXPECT_EQ(timers.next(), at(-2e9));
    EXPECT_EQ(timers.take(), 2u);
    EXPECT_EQ(timers.take(), 0u);
    EXPECT_EQ(timers.take(), 1u);
    EXPECT_EQ(timers.size(), 0u);
}

}  // namespace
}  // namespace pricewire::alert

#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "bus/price_bus.hpp"
#include "domain/heard.hpp"

namespace pricewire::app {

// A place in what a bus hands over: its position, if it stores prices, or a feed's sign of life.
struct Mark {
    std::optional<bus::BusPosition> position = {};
    std::optional<std::pair<std::string, Heard>> heard = {};
};

// Marks on their way through the checker, which may pass over all but the last that wait. Thread-safe.
class Marks {
public:
    // Returns its number, for take_until().
    std::uint64_t push(Mark mark) {
        MutexLock lock(mutex_);
        if (!mark.heard && !marks_.empty() && !marks_.back().heard) {
            marks_.back() = std::move(mark);
        } else {
            if (marks_.size() == most) {
                marks_.pop_front();
                ++first_;
            }
            marks_.push_back(std::move(mark));
        }
        return first_ + marks_.size() - 1;
    }
    // Those up to that number.
    std::vector<Mark> take_until(std::uint64_t number) {
        MutexLock lock(mutex_);
        std::vector<Mark> out;
        for (; first_ <= number && !marks_.empty(); ++first_) {
            out.push_back(std::move(marks_.front()));
            marks_.pop_front();
        }
        return out;
    }

private:
    // The oldest are dropped: what they say then counts as missed, or a later one repeats it.
    static constexpr std::size_t most = 10'000;
    Mutex mutex_;
    std::deque<Mark> marks_ GUARDED_BY(mutex_);
    std::uint64_t first_ GUARDED_BY(mutex_) = 1;  // the number of the first of them
};

// Tracks up to which mark every firing is durable. Pure; one thread.
class Progress {
public:
    // Everything up to the mark has been matched; its firings are among the first `taken` that the outbox took.
    void note(Mark mark, std::uint64_t taken) {
        const bool is_next = !waiting_.empty() && waiting_.back().second == taken;
        if (is_next && !mark.heard && !waiting_.back().first.heard) {
            waiting_.back().first = std::move(mark);
        } else {
            if (waiting_.size() == most) waiting_.pop_front();
            waiting_.emplace_back(std::move(mark), taken);
        }
    }
    // The marks whose firings have become durable, now that the outbox has settled its first `settled` firings.
    std::vector<Mark> done(std::uint64_t settled) {
        std::vector<Mark> out;
        while (!waiting_.empty() && waiting_.front().second <= settled) {
            out.push_back(std::move(waiting_.front().first));
            waiting_.pop_front();
        }
        return out;
    }

private:
    // While the database is away for hours. The oldest are dropped, as in Marks.
    static constexpr std::size_t most = 10'000;
    std::deque<std::pair<Mark, std::uint64_t>> waiting_;
};

}  // namespace pricewire::app

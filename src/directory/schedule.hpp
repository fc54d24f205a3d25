#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "base/backoff.hpp"
#include "base/clock.hpp"

namespace pricewire::directory {

struct ScheduleOptions {
    Duration every = std::chrono::hours{4};  // lists are read, give or take a quarter
    BackoffPolicy retry{std::chrono::seconds{30}, std::chrono::minutes{30}};  // after failures in a row
    // A doubted list is read earlier, but not before `least` after the last time, and not more often than this.
    Duration least = std::chrono::minutes{5};
    Duration doubts_every = std::chrono::hours{1};
    std::size_t at_once = 3;  // lists that are read at a time
};

// When each of some lists is read: all at the start, then every few hours. Pure; one thread.
class Schedule {
public:
    Schedule(std::size_t lists, const ScheduleOptions& options, Rng rng)
        : options_(options), rng_(rng), lists_(lists) {}

    // A list that is due and not being read, which then is; nullopt: none is due, or enough are being read.
    std::optional<std::size_t> begin(MonoTime now) {
        if (reading_ >= options_.at_once) return std::nullopt;
        std::optional<std::size_t> first;
        for (std::size_t i = 0; i < lists_.size(); ++i) {
            if (lists_[i].is_reading || lists_[i].due > now) continue;
            if (!first || lists_[i].due < lists_[*first].due) first = i;
        }
        if (!first) return std::nullopt;
        lists_[*first].is_reading = true;
        lists_[*first].begun = now;
        ++reading_;
        return first;
    }
    // When begin() has something; nullopt: not before a list has been read.
    std::optional<MonoTime> next() const {
        std::optional<MonoTime> next;
        if (reading_ >= options_.at_once) return next;
        for (const List& list : lists_) {
            if (!list.is_reading && (!next || list.due < *next)) next = list.due;
        }
        return next;
    }
    void succeeded(std::size_t list, MonoTime now) {
        end(list).failures = 0;
        const auto quarter = options_.every.count() / 4;
        lists_[list].due = now + options_.every +
                           Duration{std::uniform_int_distribution<std::int64_t>(-quarter, quarter)(rng_)};
    }
    void failed(std::size_t list, MonoTime now) {
        List& failing = end(list);
        failing.due = now + options_.retry.equal_jitter(++failing.failures, rng_);
    }
    // The list may be out of date.
    void doubt(std::size_t list) {
        List& doubted = lists_[list];
        if (!doubted.begun) return;
        MonoTime at = *doubted.begun + options_.least;
        if (doubted.doubted) at = std::max(at, *doubted.doubted + options_.doubts_every);
        if (at >= doubted.due) return;
        doubted.doubted = at;
        doubted.due = at;
    }

private:
    struct List {
        MonoTime due = MonoTime::min();   // at once
        std::optional<MonoTime> begun;    // when it was last read
        std::optional<MonoTime> doubted;  // when a doubt last had it read
        bool is_reading = false;
        int failures = 0;  // in a row
    };
    List& end(std::size_t list) {
        lists_[list].is_reading = false;
        --reading_;
        return lists_[list];
    }

    const ScheduleOptions options_;
    Rng rng_;
    std::vector<List> lists_;
    std::size_t reading_ = 0;
};

}  // namespace pricewire::directory

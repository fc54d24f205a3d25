#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "past/asker.hpp"

namespace pricewire::past {

// What an Asker requests when, and what it makes of the answers. No I/O, no clock; one thread. Its methods call what
// was given as `done`, which may ask again.
class AskerCore {
public:
    // To be sent at once.
    struct Request {
        std::uint64_t id = 0;
        std::string url;
        std::size_t max_answer = 0;  // bytes
        Duration timeout{};
    };

    explicit AskerCore(std::vector<AskedVenue> venues);

    void candles(Ask ask, CandlesDone done, Moment now);
    void trades(Ask ask, TradesDone done, Moment now);
    std::vector<Request> due(Moment now);
    void answered(std::uint64_t id, const net::HttpResult& result, Moment now);
    // When due() is to be called next; nullopt: after the next call of something else.
    std::optional<MonoTime> wake() const;
    // Ends everything as `stopped`; what is asked from now on, too.
    void stop();

    bool is_left_out(SourceName source, MonoTime now) const;
    Duration wait(SourceName source, MonoTime now) const;
    std::span<const AskedVenue> venues() const { return venues_; }

private:
    struct Job {
        Ask ask;
        std::variant<CandlesDone, TradesDone> done;
        MonoTime until;
        feed::PastRequest page{};  // the next one, or the one under way
        std::vector<feed::Candle> candles{};
        std::vector<feed::PastTrade> trades{};
        std::set<std::string> cursors{};  // of the window, so that a venue that repeats itself is left
        int pages = 0;
        int failures = 0;
    };
    using JobPtr = std::unique_ptr<Job>;
    // One venue's queue.
    struct Line {
        const AskedVenue* venue = nullptr;
        std::array<std::deque<JobPtr>, urgencies> waiting{};
        JobPtr under_way{};
        std::uint64_t request = 0;  // id of that
        MonoTime next_at{};
        MonoTime left_out_until{};
        std::string why{};  // it is left out
        int failures = 0;   // in a row
        int refusals = 0;   // likewise
        std::size_t size() const;
    };

    void ask(JobPtr job, Moment now);
    std::optional<Failure> prepare(const Line& line, Job& job, Timestamp now) const;
    void begin_window(const Line& line, Job& job) const;
    std::optional<Failure> take_page(const Line& line, Job& job, const net::HttpResult& result) const;
    bool turn_page(const Line& line, Job& job) const;
    void failed(Line& line, JobPtr job, Failure failure, Moment now);
    void leave_out(Line& line, Duration wait, std::string why, MonoTime now);
    void expire(Line& line, MonoTime now);
    static void end(JobPtr job, std::optional<Failure> failure);

    const std::vector<AskedVenue> venues_;
    std::map<SourceName, Line> lines_;  // of those that are asked
    std::uint64_t last_request_ = 0;
    bool is_stopped_ = false;
};

}  // namespace pricewire::past

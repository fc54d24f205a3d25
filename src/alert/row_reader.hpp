#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "alert/passed_over.hpp"
#include "alert/rule_engine.hpp"
#include "base/backoff.hpp"
#include "base/clock.hpp"

namespace pricewire::alert {

// Reads for a checker what alerts with terms need of the database, on a thread of its own, one thing after the other: rows
// first, then what is short. What throws is tried again until stop().
class RowReader {
public:
    struct Uses {
        std::function<std::vector<Stretch>(Ticker, Timestamp from)> past;
        std::function<std::optional<ActiveAlert>(const Uuid&)> row;
        // The answers.
        std::function<void(std::shared_ptr<const LinePast>)> take_past;
        std::function<void(const PassedOver&, std::optional<ActiveAlert>)> take_row;
    };

    virtual ~RowReader() = default;  // as stop()
    // Any thread; they never block.
    virtual void read_past(const PastNeed& need) = 0;
    virtual void read_row(const PassedOver& firing) = 0;
    virtual void stop() = 0;
};

std::unique_ptr<RowReader> start_row_reader(RowReader::Uses uses, BackoffPolicy retry);

}  // namespace pricewire::alert

#pragma once

#include <memory>
#include <string>

#include "history/backfill.hpp"
#include "ops/config.hpp"
#include "past/past.hpp"
#include "storage/bars.hpp"

namespace pricewire::app {

// Asks venues about the past in a feed's process, and fills the history of the pinned tickers.
class FeedPast {
public:
    // `storage` and `clock` outlive it. `owner`: of what it claims, see history::BackfillOptions.
    FeedPast(const ops::Config& config, storage::Bars& storage, const Clock& clock, std::string owner);
    ~FeedPast();
    FeedPast(const FeedPast&) = delete;
    FeedPast& operator=(const FeedPast&) = delete;

    past::Past& past() { return *past_; }
    history::Backfill& backfill() { return *backfill_; }
    // Before what uses past() is destroyed: nothing more is asked, and what is open ends as `stopped`.
    void stop();

private:
    std::unique_ptr<past::Asker> asker_;
    std::unique_ptr<past::Past> past_;
    std::unique_ptr<history::Backfill> backfill_;
};

}  // namespace pricewire::app

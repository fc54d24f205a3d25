#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "directory/book.hpp"
#include "directory/disagreement.hpp"
#include "directory/schedule.hpp"
#include "domain/listing.hpp"
#include "net/http_client.hpp"
#include "storage/listings.hpp"

namespace pricewire::directory {

// A source whose list is read.
struct ListSource {
    SourceName source;
    SourceKind kind = SourceKind::exchange;
    std::string url;
    net::Headers headers = {};  // such as the operator's key
    std::size_t max_answer = 16 * 1024 * 1024;
    // The pairs in the body of an answer; the error says in one sentence what is wrong with it.
    std::function<Result<std::vector<ListedPair>>(std::string_view body)> parse;
};

struct DiscoveryOptions {
    ScheduleOptions schedule;
    Duration timeout = std::chrono::seconds{30};  // of a request
    // A list of less than half of the pairs before is believed after as many readings in a row.
    int shrunk_readings = 5;
};

// For metrics.
struct ListReport {
    SourceName source;
    std::size_t pairs = 0;             // in the last good list that this process has read
    std::optional<Timestamp> read_at;  // when that was
};

// Reads the sources' own lists at the start and every few hours, and stores what has changed, on its own thread. A list
// that cannot be read, or has suddenly lost most of its pairs, leaves the stored one as it is.
class Discovery {
public:
    virtual ~Discovery() = default;  // as stop()
    // Requests under way are abandoned.
    virtual void stop() = 0;
    // What a source does contradicts its list (it refuses a symbol, say): it is read again soon. Any thread.
    virtual void doubt(SourceName source) = 0;
    // Notes in the list which sources mean another coin by a ticker. Any thread.
    virtual void compared(std::vector<Comparison> comparisons) = 0;
    // In the order of the sources. Any thread.
    virtual std::vector<ListReport> reports() const = 0;
};

// `client`, `storage`, its `book` and `clock` outlive it.
std::unique_ptr<Discovery> start_discovery(std::vector<ListSource> sources, net::HttpClient& client,
                                           storage::Listings& storage, Book& book, const Clock& clock,
                                           const DiscoveryOptions& options = {});

}  // namespace pricewire::directory

#include "directory/discovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <thread>
#include <unordered_set>
#include <utility>
#include <variant>

#include "base/log.hpp"
#include "base/mailbox.hpp"
#include "base/mutex.hpp"

namespace pricewire::directory {
namespace {

constexpr std::size_t max_pairs = 20'000;  // of a source
constexpr std::size_t max_symbol = 100;    // bytes
constexpr std::size_t max_name = 100;
constexpr std::size_t shown_symbols = 10;  // in a log line
constexpr std::size_t small_list = 20;     // which may lose any number of its pairs

// Messages to the thread.
struct Answer {
    std::size_t list = 0;
    net::HttpResult result;
};
struct Doubt {
    SourceName source;
};
using Event = std::variant<Answer, Doubt, std::vector<Comparison>>;

// "2 added: ADA/USD, SOL/USD"; empty if there are none.
void say(std::string& out, const std::vector<ListedPair>& pairs, std::string_view what) {
    if (pairs.empty()) return;
    out += fmt::format("{}{} {}", out.empty() ? "" : "; ", pairs.size(), what);
    for (std::size_t i = 0; i < std::min(pairs.size(), shown_symbols); ++i)
        out += fmt::format("{} {}", i == 0 ? ":" : ",", pairs[i].symbol);
    if (pairs.size() > shown_symbols) out += ", …";
}

std::string changes_in(const storage::ListingChanges& changes, std::size_t pairs) {
    if (changes.added.size() == pairs) return "all added";
    std::string out;
    say(out, changes.added, "added");
    say(out, changes.changed, "changed");
    say(out, changes.gone, "delisted");
    return out.empty() ? "none" : out;
}

// What may be stored: each symbol once, texts of bounded length.
std::vector<ListedPair> storable(std::vector<ListedPair> pairs) {
    std::unordered_set<std::string> seen;
    std::vector<ListedPair> out;
    for (ListedPair& pair : pairs) {
        if (pair.symbol.empty() || pair.symbol.size() > max_symbol || pair.name.size() > max_name) continue;
        if (out.size() < max_pairs && seen.insert(pair.symbol).second) out.push_back(std::move(pair));
    }
    return out;
}

// Why an answer is no list, as one sentence; empty if it may be one.
std::string trouble_in(const net::HttpResult& result) {
    if (result.error != net::HttpError::none) return result.error_text;
    if (result.truncated) return "its answer is too long";
    if (result.status != 200) return fmt::format("it answered with status {}", result.status);
    return {};
}

class DiscoveryImpl final : public Discovery {
public:
    DiscoveryImpl(std::vector<ListSource> sources, net::HttpClient& client, storage::Listings& storage,
                  Book& book, const Clock& clock, const DiscoveryOptions& options)
        : sources_(std::move(sources)),
          client_(client),
          storage_(storage),
          book_(book),
          clock_(clock),
          options_(options),
          schedule_(sources_.size(), options.schedule, Rng(std::random_device{}())),
          states_(sources_.size()) {
        for (const ListSource& source : sources_) reports_.push_back({.source = source.source});
        thread_ = std::thread([this] { run(); });
    }
    ~DiscoveryImpl() override { stop(); }

    void stop() override {
        events_->close();
        if (thread_.joinable()) thread_.join();
    }
    void doubt(SourceName source) override { events_->try_push(Doubt{source}); }
    void compared(std::vector<Comparison> comparisons) override { events_->try_push(std::move(comparisons)); }
    std::vector<ListReport> reports() const override {
        MutexLock lock(mutex_);
        return reports_;
    }

private:
    // Of one list. Used by the thread only.
    struct State {
        bool was_read = false;  // by this process
        bool is_failing = false;
        int shrunk = 0;  // readings in a row that have lost most of their pairs
    };

    void run() {
        std::vector<Event> batch;
        while (!events_->closed()) {
            while (const auto list = schedule_.begin(clock_.mono())) start(*list);
            events_->drain(batch, schedule_.next());
            for (const Event& event : batch) {
                if (events_->closed()) return;
                std::visit([this](const auto& e) { take(e); }, event);
            }
        }
    }

    void start(std::size_t list) {
        net::HttpRequest request;
        request.url = sources_[list].url;
        request.headers = sources_[list].headers;
        request.timeout = options_.timeout;
        request.max_response_bytes = sources_[list].max_answer;
        // The answer may come when this is gone.
        client_.start(std::move(request), [events = events_, list](net::HttpResult result) {
            events->push(Answer{list, std::move(result)});
        });
    }

    void take(const Doubt& doubt) {
        for (std::size_t i = 0; i < sources_.size(); ++i) {
            if (sources_[i].source == doubt.source) schedule_.doubt(i);
        }
    }

    void take(const std::vector<Comparison>& comparisons) {
        try {
            const auto directory = book_.current();
            for (const Comparison& comparison : comparisons) {
                const Coin* const coin = directory->find(comparison.ticker);
                if (coin == nullptr) continue;
                for (const auto* listings : {&coin->venues, &coin->aggregators}) {
                    for (const Listing& listing : *listings) {
                        if (listing.source == comparison.source) note(comparison, *listing.pair);
                    }
                }
            }
        } catch (const storage::StorageError& e) {
            // What still holds is seen again after a restart.
            log::warn("which sources mean another coin could not be stored", {{"reason", e.what()}});
        }
    }

    void note(const Comparison& comparison, const ListedPair& pair) {
        if (comparison.disagrees == pair.disagrees_since.has_value()) return;
        storage_.note_disagreement(comparison.source, pair.symbol,
                                   comparison.disagrees ? std::optional(clock_.now()) : std::nullopt);
        const char* text = comparison.disagrees
                               ? "a source's price is far from the others': another coin of the same letters?"
                               : "a source's price agrees with the others' again";
        (comparison.disagrees ? log::warn : log::info)(text,
                                                       {{"ticker", std::string(comparison.ticker.view())},
                                                        {"source", std::string(comparison.source.view())},
                                                        {"symbol", pair.symbol}});
    }

    void take(const Answer& answer) {
        const std::string trouble = stored(answer);
        log_trouble(answer.list, trouble);
        if (trouble.empty()) {
            schedule_.succeeded(answer.list, clock_.mono());
        } else {
            schedule_.failed(answer.list, clock_.mono());
        }
    }

    // Stores the list in the answer. Returns why it could not, as one sentence; empty if it did.
    std::string stored(const Answer& answer) {
        const ListSource& source = sources_[answer.list];
        if (const std::string trouble = trouble_in(answer.result); !trouble.empty()) return trouble;
        auto parsed = source.parse(answer.result.body);
        if (!parsed) return parsed.error().message;
        const std::vector<ListedPair> pairs = storable(std::move(*parsed));
        if (pairs.empty()) return "its list has no pair in dollars";
        try {
            const std::vector<ListedPair> before = storage_.listings(source.source);
            if (const std::string doubt = shrunk(answer.list, before, pairs.size()); !doubt.empty())
                return doubt;
            log_changes(answer.list, pairs.size(),
                        storage_.replace_listings(source.source, source.kind, pairs, clock_.now()));
            if (source.kind == SourceKind::aggregator) try_again(source.source, before);
        } catch (const storage::StorageError& e) {
            return e.what();
        }
        MutexLock lock(mutex_);
        reports_[answer.list].pairs = pairs.size();
        reports_[answer.list].read_at = clock_.now();
        return {};
    }

    // Venues answer with a part of their list when they are in trouble.
    std::string shrunk(std::size_t list, const std::vector<ListedPair>& stored, std::size_t pairs) {
        const auto before = static_cast<std::size_t>(
            std::ranges::count_if(stored, [](const ListedPair& pair) { return !pair.gone_at; }));
        if (before < small_list || 2 * pairs >= before ||
            ++states_[list].shrunk >= options_.shrunk_readings) {
            states_[list].shrunk = 0;
            return {};
        }
        return fmt::format("its list has {} pairs, and had {}", pairs, before);
    }

    // An aggregator whose price disagreed is not asked for the ticker any more, so nothing else would show that it
    // agrees again.
    void try_again(SourceName source, const std::vector<ListedPair>& pairs) {
        for (const ListedPair& pair : pairs) {
            if (pair.disagrees_since) storage_.note_disagreement(source, pair.symbol, std::nullopt);
        }
    }

    void log_changes(std::size_t list, std::size_t pairs, const storage::ListingChanges& changes) {
        const bool is_first = !std::exchange(states_[list].was_read, true);
        const std::string text = changes_in(changes, pairs);
        if (!is_first && text == "none") return;
        log::info(is_first ? "a source's symbol list was read" : "a source's symbol list has changed",
                  {{"source", std::string(sources_[list].source.view())},
                   {"pairs", std::to_string(pairs)},
                   {"changes", text}});
    }

    // Logs the first of failures in a row, and the end of them.
    void log_trouble(std::size_t list, const std::string& trouble) {
        const bool is_failing = !trouble.empty();
        if (std::exchange(states_[list].is_failing, is_failing) == is_failing) return;
        const std::string source(sources_[list].source.view());
        if (is_failing) {
            log::warn("a source's symbol list cannot be read; the last one stays in use",
                      {{"source", source}, {"reason", trouble}});
        } else {
            log::info("a source's symbol list can be read again", {{"source", source}});
        }
    }

    const std::vector<ListSource> sources_;
    net::HttpClient& client_;
    storage::Listings& storage_;
    Book& book_;
    const Clock& clock_;
    const DiscoveryOptions options_;
    const std::shared_ptr<Mailbox<Event>> events_ = std::make_shared<Mailbox<Event>>();
    Schedule schedule_;  // this and the next belong to the thread
    std::vector<State> states_;
    mutable Mutex mutex_;
    std::vector<ListReport> reports_ GUARDED_BY(mutex_);
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Discovery> start_discovery(std::vector<ListSource> sources, net::HttpClient& client,
                                           storage::Listings& storage, Book& book, const Clock& clock,
                                           const DiscoveryOptions& options) {
    return std::make_unique<DiscoveryImpl>(std::move(sources), client, storage, book, clock, options);
}

}  // namespace pricewire::directory

#include "directory/book.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/mutex.hpp"

namespace pricewire::directory {
namespace {

class BookImpl final : public Book {
public:
    BookImpl(storage::Listings& storage, const Clock& clock, const BookOptions& options)
        : storage_(storage),
          clock_(clock),
          options_(options),
          latest_(std::make_shared<const Directory>(Directory::Lists{}, options_.choices)) {}

    Pointer current() override {
        {
            MutexLock lock(mutex_);
            const bool is_fresh = read_at_ && clock_.mono() - *read_at_ < options_.fresh_for;
            if (is_fresh || (is_reading_ && read_at_)) return latest_;
            read_.wait(lock, [&]() REQUIRES(mutex_) { return !is_reading_; });
            if (read_at_ && clock_.mono() - *read_at_ < options_.fresh_for) return latest_;
            is_reading_ = true;
        }
        return read();
    }

    Pointer latest() const override {
        MutexLock lock(mutex_);
        return latest_;
    }

private:
    using Lists = std::map<SourceName, std::shared_ptr<const SourceList>>;

    // By the one thread that has set is_reading_.
    Pointer read() {
        std::optional<Lists> lists;
        Pointer built;
        try {
            lists = changed_lists();
            if (lists) {
                Directory::Lists all;
                for (const auto& [name, list] : *lists) all.push_back(list);
                built = std::make_shared<const Directory>(std::move(all), options_.choices);
            }
        } catch (...) {
            finish(nullptr, false);
            throw;
        }
        if (lists) lists_ = std::move(*lists);
        return finish(std::move(built), true);
    }

    // Nullopt if nothing has changed.
    std::optional<Lists> changed_lists() {
        Lists lists;
        bool is_new = false;
        for (const storage::ListedSource& source : storage_.listed_sources()) {
            if (options_.sources &&
                std::ranges::find(*options_.sources, source.source) == options_.sources->end())
                continue;
            const auto before = lists_.find(source.source);
            if (before != lists_.end() && before->second->source == source) {
                lists.insert(*before);
                continue;
            }
            is_new = true;
            const bool same_pairs =
                before != lists_.end() && before->second->source.revision == source.revision;
            lists[source.source] = std::make_shared<const SourceList>(
                source, same_pairs ? before->second->pairs : storage_.listings(source.source));
        }
        if (!is_new && lists.size() == lists_.size()) return std::nullopt;
        return lists;
    }

    // Null: the directory stays.
    Pointer finish(Pointer built, bool is_good) {
        Pointer out;
        {
            MutexLock lock(mutex_);
            is_reading_ = false;
            if (is_good) read_at_ = clock_.mono();
            if (built) latest_ = std::move(built);
            out = latest_;
        }
        read_.notify_all();
        return out;
    }

    storage::Listings& storage_;
    const Clock& clock_;
    const BookOptions options_;
    Lists lists_;  // of the thread that reads
    mutable Mutex mutex_;
    CondVar read_;
    bool is_reading_ GUARDED_BY(mutex_) = false;
    std::optional<MonoTime> read_at_ GUARDED_BY(mutex_);
    Pointer latest_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Book> create_book(storage::Listings& storage, const Clock& clock,
                                  const BookOptions& options) {
    return std::make_unique<BookImpl>(storage, clock, options);
}

}  // namespace pricewire::directory

#include "storage/sql/condition.hpp"

#include "base/log.hpp"

namespace pricewire::storage::sql {
namespace {

// The method whose success proves that writing works.
constexpr std::string_view probe = "ping";

// For how long a trouble counts after it was met last, though other writes work: a disk with room for a small
// row may have none for a large one. Longer than writers of firings and outcomes wait before they retry.
constexpr Duration counts_for = std::chrono::seconds{8};
// A transaction with a hundred thousand firings takes seconds.
constexpr Duration suspiciously_long = std::chrono::seconds{10};
// Damage does not go away because most pages are intact.
constexpr Duration damage_counts_for = std::chrono::minutes{10};

Duration counting_time(Trouble trouble) {
    return trouble == Trouble::damaged ? damage_counts_for : counts_for;
}

}  // namespace

void Condition::succeeded(std::string_view method, MonoTime now) {
    MutexLock lock(mutex_);
    if (troubles_.empty()) return;
    std::erase_if(troubles_, [&](const auto& t) {
        const Trouble trouble = t.second.error.trouble();
        const bool same = t.first == method && trouble != Trouble::damaged;
        return same || (method == probe && now - t.second.at >= counting_time(trouble));
    });
    if (!troubles_.empty()) return;
    last_.reset();
    log::info("the database works again");
}

void Condition::failed(std::string_view method, const StorageError& error, MonoTime now) {
    if (!lasts(error.trouble())) return;
    MutexLock lock(mutex_);
    const bool news = !last_ || last_->trouble() != error.trouble();
    last_ = error;
    troubles_.insert_or_assign(std::string(method), Met{error, now});
    if (!news) return;
    log::error("the database does not work; what needs it waits or is refused until it does",
               {{"reason", error.what()}, {"call", std::string(method)}});
}

Condition::Writing::Writing(Condition& condition, MonoTime now) : condition_(condition) {
    MutexLock lock(condition_.mutex_);
    entry_ = condition_.writing_.insert(now);
}

Condition::Writing::~Writing() {
    MutexLock lock(condition_.mutex_);
    condition_.writing_.erase(entry_);
}

bool Condition::claim_probe(MonoTime now) {
    MutexLock lock(mutex_);
    if (!writing_.empty() && now - *writing_.begin() < suspiciously_long) return false;
    if (probed_ && now - *probed_ < probe_every) return false;
    probed_ = now;
    return true;
}

void Condition::check() const {
    MutexLock lock(mutex_);
    if (last_) throw StorageError(*last_);
}

}  // namespace pricewire::storage::sql

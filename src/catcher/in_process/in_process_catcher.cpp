#include "catcher/in_process/in_process_catcher.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include "base/mutex.hpp"
#include "catcher/token.hpp"

namespace pricewire::catcher {
namespace {

struct Entry {
    CatcherAddress address;
    std::deque<CaughtRequest> requests;
};

class InProcessCatcher final : public Catcher {
public:
    explicit InProcessCatcher(std::size_t max_addresses) : max_addresses_(max_addresses) {}

    CatcherAddress open(const Uuid& user_id, Timestamp now, bool& is_new) override {
        MutexLock lock(mutex_);
        std::erase_if(by_user_, [&](const auto& e) { return e.second.address.expires_at <= now; });
        is_new = !by_user_.contains(user_id);
        if (is_new && by_user_.size() >= max_addresses_) {
            by_user_.erase(std::ranges::min_element(
                by_user_, {}, [](const auto& e) { return e.second.address.expires_at; }));
        }
        CatcherAddress& address = by_user_[user_id].address;
        if (is_new) address = {make_uuid(now), user_id, make_token(), {}};
        address.expires_at = now + address_life;
        return address;
    }

    std::optional<CatcherAddress> of_user(const Uuid& user_id, Timestamp now) override {
        MutexLock lock(mutex_);
        const auto found = by_user_.find(user_id);
        if (found == by_user_.end() || found->second.address.expires_at <= now) return std::nullopt;
        return found->second.address;
    }

    std::optional<CatcherAddress> find(std::string_view token, Timestamp now) override {
        MutexLock lock(mutex_);
        for (const auto& [user, entry] : by_user_) {
            if (entry.address.token == token && entry.address.expires_at > now) return entry.address;
        }
        return std::nullopt;
    }

    bool keep(const CatcherAddress& address, const CaughtRequest& request, Timestamp now) override {
        MutexLock lock(mutex_);
        const auto found = by_user_.find(address.user_id);
        if (found == by_user_.end() || found->second.address.token != address.token ||
            found->second.address.expires_at <= now)
            return false;
        std::deque<CaughtRequest>& requests = found->second.requests;
        requests.push_front(request);
        if (requests.size() > kept_requests) requests.pop_back();
        return true;
    }

    std::vector<CaughtRequest> requests(const CatcherAddress& address, Timestamp now) override {
        MutexLock lock(mutex_);
        const auto found = by_user_.find(address.user_id);
        if (found == by_user_.end() || found->second.address.token != address.token ||
            found->second.address.expires_at <= now)
            return {};
        return {found->second.requests.begin(), found->second.requests.end()};
    }

    bool close(const Uuid& user_id) override {
        MutexLock lock(mutex_);
        return by_user_.erase(user_id) > 0;
    }

private:
    const std::size_t max_addresses_;
    Mutex mutex_;
    std::map<Uuid, Entry> by_user_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Catcher> create_in_process_catcher(std::size_t max_addresses) {
    return std::make_unique<InProcessCatcher>(max_addresses);
}

}  // namespace pricewire::catcher

#include "watch/looks.hpp"

#include <algorithm>

#include "watch/watch_list.hpp"

namespace pricewire::watch {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_users = 20'000;
constexpr Duration written_for = 30s;
constexpr Duration forget_every = 10s;

}  // namespace

bool Looks::look(const Ticker& ticker, std::string_view who, MonoTime now) {
    if (now - forgotten_at_ >= forget_every) forget(now);
    auto user = users_.find(who);
    if (user == users_.end()) {
        if (users_.size() >= most_users) return false;
        user = users_.try_emplace(std::string(who)).first;
    }
    auto& looked = user->second;
    if (!looked.contains(ticker) && looked.size() >= most_per_user_) {
        // Perhaps one of them is over by now.
        std::erase_if(looked, [&](const auto& each) { return now - each.second >= grace; });
        if (looked.size() >= most_per_user_) return false;
    }
    looked[ticker] = now;
    const auto written = written_.find(ticker);
    if (written == written_.end() || now - written->second >= written_for) pending_.insert(ticker);
    return true;
}

std::vector<Ticker> Looks::take(MonoTime now) {
    std::vector<Ticker> out(pending_.begin(), pending_.end());
    pending_.clear();
    for (const Ticker& ticker : out) written_[ticker] = now;
    return out;
}

void Looks::give_back(const std::vector<Ticker>& tickers) {
    for (const Ticker& ticker : tickers) {
        written_.erase(ticker);
        pending_.insert(ticker);
    }
}

void Looks::forget(MonoTime now) {
    forgotten_at_ = now;
    std::erase_if(written_, [&](const auto& each) { return now - each.second >= written_for; });
    for (auto& [who, looked] : users_)
        std::erase_if(looked, [&](const auto& each) { return now - each.second >= grace; });
    std::erase_if(users_, [](const auto& user) { return user.second.empty(); });
}

}  // namespace pricewire::watch

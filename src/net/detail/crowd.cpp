#include "net/detail/crowd.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace pricewire::net::detail {
namespace {

bool is_loopback(const IpAddress& address) {
    static const Network v4 = Network::parse("127.0.0.0/8").value();
    static const Network v6 = Network::parse("::1").value();
    return v4.contains(address) || v6.contains(address);
}

}  // namespace

Crowd::Crowd(CrowdLimits limits, std::function<void(std::string_view)> report)
    : limits_(std::move(limits)), report_(std::move(report)) {}

bool Crowd::has_share(const IpAddress& peer) const {
    const auto holds_peer = [&](const Network& n) { return n.contains(peer); };
    return limits_.per_address > 0 && !is_loopback(peer) && std::ranges::none_of(limits_.exempt, holds_peer);
}

std::optional<std::unique_ptr<Crowd::Guest>> Crowd::enter(const IpAddress& peer) {
    const bool counted = has_share(peer);
    auto guest = std::make_unique<Guest>(*this, peer);
    std::string_view reason;
    bool admitted = true;
    bool say = false;
    {
        const MonoTime now = std::chrono::steady_clock::now();
        MutexLock lock(mutex_);
        const auto found = counted ? groups_.find(peer.client()) : groups_.end();
        Group* const group = found == groups_.end() ? nullptr : &found->second;
        // As many as may be on their way out at a time.
        const bool crowded = guests_ - in_reserve_ >= limits_.connections + limits_.reserve;
        if (crowded && (leaving_ > 0 || ask_to_go(waiting_))) return std::nullopt;
        if (group != nullptr && group->guests - group->leaving >= limits_.per_address) {
            reason = cut::address;
            admitted = ask_to_go(group->waiting);
            say = address_lines_.take(now);
        } else if (guests_ - in_reserve_ - leaving_ >= limits_.connections) {
            if (waiting_.empty() && arriving_ > 0) return std::nullopt;
            reason = cut::full;
            guest->health_only_ = !ask_to_go(waiting_);
            admitted = !guest->health_only_ || in_reserve_ < limits_.reserve * (is_loopback(peer) ? 2 : 1);
            say = !is_full_ && full_lines_.take(now);
            is_full_ = is_full_ || say;
        }
        if (admitted) {
            ++guests_;
            ++arriving_;
            if (guest->health_only_) ++in_reserve_;
            guest->is_in_ = true;
            if (counted) {
                guest->group_ = &groups_[peer.client()];
                ++guest->group_->guests;
            }
        }
    }
    if (!reason.empty()) report_(reason);
    if (say && reason == cut::full) {
        log::warn("all connections are in use; the longest idle are closed",
                  {{"connections", std::to_string(limits_.connections)}});
    } else if (say) {
        log::warn("an address has as many connections as it may; its longest idle are closed",
                  {{"address", peer.to_string()}, {"connections", std::to_string(limits_.per_address)}});
    }
    if (!admitted) guest.reset();
    return guest;
}

bool Crowd::make_room(std::string_view reason) {
    {
        MutexLock lock(mutex_);
        if (!ask_to_go(waiting_)) return false;
    }
    report_(reason);
    return true;
}

std::size_t Crowd::size() const {
    MutexLock lock(mutex_);
    return guests_;
}

bool Crowd::ask_to_go(std::list<Guest*>& waiting) {
    if (waiting.empty()) return false;
    Guest& guest = *waiting.front();
    stop_waiting(guest);
    guest.leaves_ = true;
    ++leaving_;
    if (guest.group_ != nullptr) ++guest.group_->leaving;
    guest.go_();
    return true;
}

void Crowd::arrive(Guest& guest) {
    if (!std::exchange(guest.has_arrived_, true)) --arriving_;
}

void Crowd::stop_waiting(Guest& guest) {
    if (!std::exchange(guest.waits_, false)) return;
    guest.node_.splice(guest.node_.begin(), waiting_, guest.place_);
    if (guest.group_ != nullptr)
        guest.group_node_.splice(guest.group_node_.begin(), guest.group_->waiting, guest.group_place_);
}

void Crowd::stop_leaving(Guest& guest) {
    if (!std::exchange(guest.leaves_, false)) return;
    --leaving_;
    if (guest.group_ != nullptr) --guest.group_->leaving;
}

void Crowd::stop_streaming(Guest& guest) {
    if (!std::exchange(guest.is_stream_, false)) return;
    --streams_;
    if (guest.group_ != nullptr) --guest.group_->streams;
}

void Crowd::leave(Guest& guest) {
    bool has_room_again = false;
    {
        MutexLock lock(mutex_);
        if (!guest.is_in_) return;
        arrive(guest);
        stop_waiting(guest);
        stop_leaving(guest);
        --guests_;
        if (guest.health_only_) --in_reserve_;
        stop_streaming(guest);
        if (Group* const group = guest.group_; group != nullptr) {
            if (--group->guests == 0) groups_.erase(guest.peer_.client());
        }
        has_room_again = is_full_ && guests_ <= limits_.connections / 4 * 3;
        if (has_room_again) is_full_ = false;
    }
    if (has_room_again) log::info("connections are free again");
}

void Crowd::Guest::waits() {
    MutexLock lock(crowd_.mutex_);
    crowd_.arrive(*this);
    crowd_.stop_waiting(*this);
    crowd_.stop_streaming(*this);
    if (health_only_ || leaves_) return;
    waits_ = true;
    crowd_.waiting_.splice(crowd_.waiting_.end(), node_);
    if (group_ != nullptr) group_->waiting.splice(group_->waiting.end(), group_node_);
}

void Crowd::Guest::is_served() {
    MutexLock lock(crowd_.mutex_);
    crowd_.arrive(*this);
    crowd_.stop_waiting(*this);
    crowd_.stop_leaving(*this);
}

bool Crowd::Guest::becomes_stream() {
    bool room = false;
    {
        MutexLock lock(crowd_.mutex_);
        if (is_stream_) return true;
        crowd_.arrive(*this);
        crowd_.stop_waiting(*this);
        crowd_.stop_leaving(*this);
        // Half, so that streams leave room for requests.
        room =
            crowd_.streams_ < std::max<std::size_t>(1, crowd_.limits_.connections / 2) &&
            (group_ == nullptr || group_->streams < std::max<std::size_t>(1, crowd_.limits_.per_address / 2));
        if (room) {
            is_stream_ = true;
            ++crowd_.streams_;
            if (group_ != nullptr) ++group_->streams;
        }
    }
    if (!room) crowd_.report(cut::streams);
    return room;
}

}  // namespace pricewire::net::detail

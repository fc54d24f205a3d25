#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

namespace pricewire::net::detail {

// Whose turn it is to have a connection: at most `total` at once and at most `per_host` of one host. Hosts
// that wait take turns, so that a host at its limit delays only itself. Pure; single-threaded.
class HostSlots {
public:
    using Id = std::uint64_t;

    HostSlots(std::size_t total, std::size_t per_host) : total_(total), per_host_(per_host) {}

    // `id` waits for a place; unique among those known.
    void enqueue(const std::string& host, Id id);
    // The next that may go; it has its place until release().
    std::optional<Id> next();
    // Removes `id` from the queue, or releases its place; does nothing if `id` is unknown.
    void release(Id id);
    std::size_t taken() const { return taken_; }

private:
    struct Host {
        std::size_t taken = 0;
        bool has_turn = false;  // is in turns_
        std::list<Id> waiting;
    };
    using Hosts = std::unordered_map<std::string, Host>;
    struct Member {
        Hosts::value_type* host;
        std::optional<std::list<Id>::iterator> waits_at;  // nullopt: it has a place
    };
    void offer_turn(Hosts::value_type& host);
    void forget_if_idle(Hosts::value_type& host);

    const std::size_t total_;
    const std::size_t per_host_;
    std::size_t taken_ = 0;
    Hosts hosts_;
    std::unordered_map<Id, Member> members_;
    std::deque<Hosts::value_type*> turns_;
};

}  // namespace pricewire::net::detail

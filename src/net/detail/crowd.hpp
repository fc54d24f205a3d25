#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "net/http_server.hpp"
#include "net/ip_address.hpp"

// Who may hold a connection of an HTTP server, and who goes when there is no room. No sockets here.
//
// | newcomer, and the server has | is |
// | --- | --- |
// | room | served |
// | no room left for its address | served in place of the address's connection that has waited longest |
// | no room | served in place of the connection that has waited longest |
// | no room, and all are being served | answered about the server's health only, within the reserve |
// | not even that | turned away |
//
// A connection waits while its client has to send something: a request, or the rest of one. Streams do not
// wait.
namespace pricewire::net::detail {

struct CrowdLimits {
    std::size_t connections = 0;
    // Beyond `connections`: as many may be on their way out, as many answer for health, and the same again
    // for health from loopback.
    std::size_t reserve = 0;
    std::size_t per_address = 0;  // of one client, an IPv6 client being its /64; 0: no limit
    std::vector<Network> exempt;  // from per_address, like loopback: proxies, which stand for many clients
};

// Thread-safe; outlives its guests.
class Crowd {
public:
    class Guest;

    // `report` gets the reason of every cut. Any thread.
    Crowd(CrowdLimits limits, std::function<void(std::string_view reason)> report);

    // Null if the newcomer is turned away; nullopt if it cannot be said before those on their way in or out
    // have arrived or gone: ask again in a moment.
    std::optional<std::unique_ptr<Guest>> enter(const IpAddress& peer);
    // Closes the connection that has waited longest; false if none waits.
    bool make_room(std::string_view reason);
    void report(std::string_view reason) const { report_(reason); }
    std::size_t size() const;

private:
    struct Group {
        std::size_t guests = 0;
        std::size_t leaving = 0;
        std::size_t streams = 0;
        std::list<Guest*> waiting;  // longest first
    };

    bool has_share(const IpAddress& peer) const;
    bool ask_to_go(std::list<Guest*>& waiting) REQUIRES(mutex_);
    void arrive(Guest& guest) REQUIRES(mutex_);
    void stop_waiting(Guest& guest) REQUIRES(mutex_);
    void stop_leaving(Guest& guest) REQUIRES(mutex_);
    void stop_streaming(Guest& guest) REQUIRES(mutex_);
    void leave(Guest& guest);

    const CrowdLimits limits_;
    const std::function<void(std::string_view)> report_;
    mutable Mutex mutex_;
    std::size_t guests_ GUARDED_BY(mutex_) = 0;
    std::size_t in_reserve_ GUARDED_BY(mutex_) = 0;
    std::size_t arriving_ GUARDED_BY(mutex_) = 0;  // of guests_: neither waited nor were served yet
    std::size_t leaving_ GUARDED_BY(mutex_) = 0;   // of guests_: have been asked to go
    std::size_t streams_ GUARDED_BY(mutex_) = 0;
    std::list<Guest*> waiting_ GUARDED_BY(mutex_);          // longest first; without those of the reserve
    std::map<IpAddress, Group> groups_ GUARDED_BY(mutex_);  // by client; without the exempt
    bool is_full_ GUARDED_BY(mutex_) = false;
    // A lack of room is logged when it begins and when it ends, but no more often than these allow.
    log::AtMostEvery full_lines_ GUARDED_BY(mutex_){std::chrono::minutes{1}};
    log::AtMostEvery address_lines_ GUARDED_BY(mutex_){std::chrono::minutes{1}};
};

// One connection's place; leaves the crowd when destroyed. Methods: the connection's thread.
class Crowd::Guest {
public:
    Guest(Crowd& crowd, const IpAddress& peer) : crowd_(crowd), peer_(peer) {}
    ~Guest() { crowd_.leave(*this); }
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;

    const IpAddress& peer() const { return peer_; }
    bool health_only() const { return health_only_; }
    Crowd& crowd() { return crowd_; }
    // `go` is called at most once, from any thread and with the crowd locked: it must only pass on that the
    // connection should end, unless it is being served by then. To be called before waits().
    void when_asked_to_go(std::function<void()> go) { go_ = std::move(go); }
    // Its client has to send something: it joins the end of those that wait. It is no stream any more, if it
    // was one.
    void waits();
    // If it was asked to go, it stays after all.
    void is_served();
    // From now on it counts as a stream; false if there are too many.
    bool becomes_stream();

private:
    friend class Crowd;

    Crowd& crowd_;
    const IpAddress peer_;
    bool health_only_ = false;
    std::function<void()> go_;
    // The rest under the crowd's mutex.
    Group* group_ = nullptr;  // null: exempt
    bool is_in_ = false;
    bool has_arrived_ = false;
    bool waits_ = false;
    bool leaves_ = false;
    bool is_stream_ = false;
    // The nodes for the two lists of those that wait, while it is in neither.
    std::list<Guest*> node_{this};
    std::list<Guest*> group_node_{this};
    std::list<Guest*>::iterator place_ = node_.begin();
    std::list<Guest*>::iterator group_place_ = group_node_.begin();
};

}  // namespace pricewire::net::detail

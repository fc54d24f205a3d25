#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.hpp"
#include "net/http_server.hpp"
#include "sim/faults.hpp"
#include "sim/venue_player.hpp"
#include "sim/venues/venue.hpp"

namespace pricewire::sim {

// The clients of all venues' streams, each under the faults of its venue's door. Guarded by the simulator's
// lock; sending only queues.
class StreamClients {
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit StreamClients(const Faults& faults) : faults_(faults) {}

    // Greets the client. The market outlives it.
    void add(std::uint64_t id, const SimVenue& venue, std::shared_ptr<net::WsPeer> peer,
             std::string_view query, const SimMarket& market);
    void erase(std::uint64_t id) { clients_.erase(id); }
    // Returns whether the client has now asked for the dollar coins.
    bool on_text(std::uint64_t id, std::string_view text);
    // Sends a telling to the venue's clients that are subscribed to its symbol.
    void tell(const SimVenue& venue, const VenuePlayer::Telling& telling);
    // Heartbeats, pings, and the end of clients that do not keep their connection alive.
    void tick(Time now);
    // What open connections notice of a fault: `before` was the door's until now.
    void fault_changed(const Door& door, const Fault& before, const Fault& now);

    std::size_t subscribed() const;
    // "clients", those "subscribed" to each of the symbols, and how many venues have "opened"; without the braces.
    void write(JsonWriter& w, const Prices& symbols) const;
    // Some client has not read what it was sent.
    bool is_somebody_slow() const;

private:
    struct Client {
        const SimVenue* venue = nullptr;
        std::shared_ptr<net::WsPeer> peer;
        std::unique_ptr<SimStream> stream;
        StreamTimes times;
        std::optional<Time> cut_at;
    };
    static void send(const Client& client, std::string text, bool is_trade = false);
    static void say(Client& client, std::string_view frame, bool and_leave);
    std::vector<std::string> frames(Client& client, const VenuePlayer::Telling& telling) const;
    void leave_unanswered(const SimVenue& venue, std::string_view text,
                          std::vector<std::string>& answers) const;

    const Faults& faults_;
    std::map<std::uint64_t, Client> clients_;
    // How many connections there have been, by venue.
    std::map<std::string, std::uint64_t, std::less<>> opened_;
};

}  // namespace pricewire::sim

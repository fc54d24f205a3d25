#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "deliver/dispatcher.hpp"
#include "net/http_client.hpp"
#include "queue/delivery_queue.hpp"
#include "secrets/secret_box.hpp"
#include "storage/outbox.hpp"

namespace pricewire::deliver {

// The sender's thread: takes tasks from the queue, asks the database for those the queue lost, attempts each
// delivery as a signed POST and writes every attempt. Dispatcher documents the guarantees.
class Sender {
public:
    // Stops with a deadline of zero if stop() was not called.
    virtual ~Sender() = default;

    // Claims nothing more, waits until the attempts under way have ended or `deadline` has passed, writes
    // outcomes and gives back all other claims. Blocking; any thread.
    virtual void stop(Duration deadline) = 0;
    // For an outbox of the same process; any thread. The claim under which few deliveries may be written now, if nothing
    // waits here that came before them; take() those that were, after their commit.
    virtual std::optional<storage::Claim> claim() = 0;
    virtual void take(std::vector<ClaimedDelivery> claimed, Timestamp lease_until) = 0;
    // They may come here before their commit, to be made ready meanwhile. One take() with the same ones follows, or
    // drop(); another prepare() drops what came before it.
    virtual void prepare(std::vector<ClaimedDelivery> coming, Timestamp lease_until) = 0;
    virtual void drop() = 0;
    // Any thread; may be slightly out of date.
    virtual SenderStats stats() const = 0;
};

// First gives back claims of options.owner that a crash has left. `storage`, `queue`, `client`, `secrets` and
// `clock` outlive the sender, which is the queue's consumer. `clock` must run: the thread sleeps by it.
std::unique_ptr<Sender> start_sender(const SenderOptions& options, storage::Outbox& storage,
                                     queue::DeliveryQueue& queue, net::HttpClient& client,
                                     const secrets::SecretBox& secrets, const Clock& clock);

}  // namespace pricewire::deliver

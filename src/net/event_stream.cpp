#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <vector>

#include "net/detail/out_queue.hpp"
#include "net/detail/server_core.hpp"

namespace pricewire::net::detail {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// A client that has accepted nothing for this long is gone.
constexpr Duration stall_timeout = std::chrono::seconds{30};
constexpr std::size_t items_a_write = 64;

class EventStream final : public StreamPeer,
                          public Connection,
                          public std::enable_shared_from_this<EventStream> {
public:
    EventStream(Worker& worker, Tcp::socket socket, std::unique_ptr<Crowd::Guest> guest)
        : worker_(worker), gate_(worker.gate()), socket_(std::move(socket)), guest_(std::move(guest)) {}

    void start(std::string head,
               const std::function<std::function<void()>(std::shared_ptr<StreamPeer>)>& opened) {
        worker_.add(shared_from_this());
        guest_->when_asked_to_go([gate = gate_, weak = weak_from_this()] {
            gate->post([weak] {
                const auto self = weak.lock();
                if (self && self->closing_) self->finish();
            });
        });
        out_.add({std::make_shared<const std::string>(std::move(head)), false});
        write();
        read();
        on_close_ = opened(shared_from_this());
    }

    void send(std::shared_ptr<const std::string> data) override {
        if (out_.add({std::move(data), false})) gate_->post([self = shared_from_this()] { self->write(); });
    }
    using StreamPeer::close;
    void close(std::uint16_t, std::string) override {
        gate_->post([self = shared_from_this()] { self->begin_close(); });
    }
    void abort() override {
        gate_->post([self = shared_from_this()] { self->finish(); });
    }
    std::size_t queued_bytes() const override { return out_.bytes(); }

    void on_sweep(MonoTime now) override {
        if (writing_ > 0 && now > deadline_) finish();
    }
    void on_stop() override { begin_close(); }

private:
    // Nothing more is expected from the client: the read only detects its end.
    void read() {
        socket_.async_read_some(asio::buffer(ignored_),
                                [self = shared_from_this()](error_code error, std::size_t) {
                                    if (error) {
                                        self->finish();
                                    } else {
                                        self->read();
                                    }
                                });
    }

    void write() {
        const auto& outgoing = out_.take();
        if (writing_ > 0 || finished_) return;
        if (outgoing.empty()) {
            if (closing_) finish();
            return;
        }
        buffers_.clear();
        for (const OutQueue::Item& item : outgoing) {
            if (buffers_.size() == items_a_write) break;
            buffers_.push_back(asio::buffer(*item.data));
        }
        writing_ = buffers_.size();
        deadline_ = std::chrono::steady_clock::now() + stall_timeout;
        asio::async_write(socket_, buffers_, [self = shared_from_this()](error_code error, std::size_t) {
            self->out_.pop(std::exchange(self->writing_, 0));
            if (error) {
                self->finish();
            } else {
                self->write();
            }
        });
    }

    void begin_close() {
        if (finished_ || std::exchange(closing_, true)) return;
        guest_->waits();
        write();
    }

    void finish() {
        if (std::exchange(finished_, true)) return;
        error_code ignored;
        socket_.shutdown(Tcp::socket::shutdown_send, ignored);
        socket_.close(ignored);
        guest_.reset();
        worker_.remove(shared_from_this());
        // It may hold the peer.
        if (const auto closed = std::exchange(on_close_, {})) closed();
    }

    Worker& worker_;
    const std::shared_ptr<Gate> gate_;
    Tcp::socket socket_;
    std::unique_ptr<Crowd::Guest> guest_;
    std::function<void()> on_close_;
    OutQueue out_;
    std::vector<asio::const_buffer> buffers_;
    std::array<char, 256> ignored_{};
    MonoTime deadline_{};
    std::size_t writing_ = 0;  // items
    bool closing_ = false;
    bool finished_ = false;
};

}  // namespace

void start_event_stream(Worker& worker, Tcp::socket socket, std::unique_ptr<Crowd::Guest> guest,
                        std::string head,
                        const std::function<std::function<void()>(std::shared_ptr<StreamPeer>)>& opened) {
    std::make_shared<EventStream>(worker, std::move(socket), std::move(guest))
        ->start(std::move(head), opened);
}

}  // namespace pricewire::net::detail

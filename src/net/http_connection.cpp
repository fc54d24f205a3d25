#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/status.hpp>

#include "base/log.hpp"
#include "net/detail/request_parser.hpp"
#include "net/detail/server_core.hpp"

namespace pricewire::net::detail {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t slow_line_bytes_a_second = 16 * 1024;
constexpr std::size_t max_written = 64 * 1024;                // at a time, to a client that reads slowly
constexpr int max_drained = 64;                               // reads after the last answer
constexpr Duration health_timeout = std::chrono::seconds{2};  // for each step of a connection of the reserve
constexpr std::string_view not_our_name =
    "This server does not go by the name '{}'. If it should, whoever runs it has to add the name to "
    "http.allowed_hosts.";
constexpr std::string_view too_many_large_bodies =
    "too many large requests are being handled; try again shortly";
constexpr std::string_view too_many_streams = "too many streams are open; close some, or try again later";

class HttpConnection final : public Connection, public std::enable_shared_from_this<HttpConnection> {
public:
    HttpConnection(Worker& worker, Tcp::socket socket, std::unique_ptr<Crowd::Guest> guest)
        : worker_(worker), socket_(std::move(socket)), guest_(std::move(guest)), parser_(limits()) {}

    void start() {
        guest_->when_asked_to_go([gate = worker_.gate(), weak = weak_from_this()] {
            gate->post([weak] {
                if (const auto self = weak.lock()) self->make_room();
            });
        });
        error_code ignored;
        socket_.non_blocking(true, ignored);
        set_stage(Stage::idle);
        read();
    }

    void on_sweep(MonoTime now) override {
        if (now < deadline_ || stage_ == Stage::handling) return;
        if (stage_ == Stage::header || stage_ == Stage::body) {
            refuse(408, "the request took too long to arrive");
        } else {
            if (stage_ == Stage::idle && turn_ == 0) guest_->crowd().report(cut::silent);
            finish();
        }
    }
    void on_stop() override {
        if (stage_ == Stage::idle) finish();
        keep_alive_ = false;
    }
    void abort() override { finish(); }

private:
    enum class Stage { idle, header, body, handling, writing, closed };

    void set_stage(Stage stage) {
        if (stage_ == Stage::closed) return;
        stage_ = stage;
        const ServerOptions& o = worker_.core().options;
        Duration limit = stage == Stage::idle     ? (turn_ == 0 ? o.first_byte_timeout : o.idle_timeout)
                         : stage == Stage::header ? o.header_timeout
                         : stage == Stage::body   ? o.body_timeout
                                                  : o.write_timeout;
        if (guest_->health_only()) limit = std::min(limit, health_timeout);
        deadline_ = std::chrono::steady_clock::now() + limit;
        if (stage == Stage::idle || stage == Stage::header) guest_->waits();
        if (stage == Stage::handling) guest_->is_served();
    }

    // Another connection needs the place.
    void make_room() {
        keep_alive_ = false;
        if (stage_ < Stage::handling || stalled_) finish();
    }

    RequestParser::Limits limits() const {
        const ServerOptions& o = worker_.core().options;
        return {.header_bytes = o.max_header_bytes,
                .body_bytes = o.max_body_bytes,
                .large_body_bytes = o.max_large_body_bytes,
                .takes_large_body = &o.takes_large_body};
    }

    // Bytes are read into what all connections of a thread share, so that one that waits holds no buffer.
    void wait(void (HttpConnection::*then)()) {
        socket_.async_wait(Tcp::socket::wait_read, [self = shared_from_this(), then](error_code error) {
            if (self->stage_ == Stage::closed) return;
            if (error) return self->finish();
            (*self.*then)();
        });
    }

    void read() { wait(&HttpConnection::on_readable); }

    void on_readable() {
        if (stage_ > Stage::body) return;  // refused meanwhile: nothing that follows is a request
        error_code error;
        const std::size_t size = socket_.read_some(asio::buffer(worker_.scratch()), error);
        if (error == asio::error::would_block) return read();
        if (error == asio::error::eof && parser_.started()) return refuse(400, "the request ended too early");
        if (error) return finish();
        input_ = {worker_.scratch().data(), size};
        parse();
    }

    // Parses what has been read up to the end of a request; pipelined ones follow without another read.
    void parse() {
        take_input();
        keep_read_ahead();
    }

    void take_input() {
        input_.remove_prefix(parser_.take(input_));
        if (stage_ == Stage::idle && parser_.started()) set_stage(Stage::header);
        if (const auto& refusal = parser_.refusal()) return refuse(refusal->status, refusal->detail);
        if (!place_ && parser_.body_size() > worker_.core().options.max_body_bytes) {
            place_ = worker_.core().place_of_large_body();
            if (!place_) return refuse(503, too_many_large_bodies);
        }
        if (parser_.done()) return handle();
        if (parser_.head_done() && stage_ == Stage::header) set_stage(Stage::body);
        if (parser_.expects_continue() && stage_ == Stage::body && !std::exchange(continued_, true)) {
            // A few bytes into an empty socket buffer do not block.
            static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
            error_code error;
            if (socket_.write_some(asio::buffer(go_on), error) != go_on.size()) return finish();
        }
        read();
    }

    // Requests that were read with the one in hand wait for its answer; nothing more is read meanwhile.
    void keep_read_ahead() {
        if (input_.empty()) {
            std::string().swap(read_ahead_);
        } else if (read_ahead_.empty()) {
            read_ahead_ = input_;
            input_ = read_ahead_;
        }
    }

    // Through the event loop, so that a client that sends many requests at once does not keep the others
    // waiting.
    void next_request() {
        if (input_.empty()) return read();
        asio::post(worker_.context(), [self = shared_from_this()] {
            if (self->stage_ == Stage::idle) self->parse();
        });
    }

    void handle() {
        keep_alive_ = parser_.keep_alive() && !worker_.stopping();
        head_only_ = parser_.is_head();
        http11_ = parser_.http11();
        const bool upgrades = parser_.upgrades_to_websocket() && worker_.core().upgrade;
        // A client sends frames once its upgrade is answered. What comes before may be a hidden request.
        if (upgrades && (parser_.has_body() || !input_.empty())) {
            return refuse(400, "an upgrade request has no body");
        }
        begin_turn();
        ServerRequest request = take_request();
        if (guest_->health_only()) {
            const auto& is_health = worker_.core().options.is_health;
            keep_alive_ = false;
            if (!is_health || !is_health(request.path)) return end_with(503, no_connection_free);
        }
        if (const auto& is_own = worker_.core().options.is_own_host; is_own && !is_own(request.host)) {
            return send(turn_,
                        worker_.core().error(421, fmt::format(not_our_name, request.host.substr(0, 100))));
        }
        if (upgrades) return upgrade(std::move(request));
        call_handler(std::move(request));
    }
    void begin_turn() {
        set_stage(Stage::handling);
        ++turn_;
    }
    ServerRequest take_request() {
        ServerRequest request = parser_.release();
        request.peer = guest_->peer();
        request.place = std::move(place_);
        return request;
    }

    // Answers one request, from any thread and at any time; a late or second answer, and one after the
    // server's end, is ignored. Answers 500 if the handler drops it.
    class Responder {
    public:
        explicit Responder(HttpConnection& connection)
            : connection_(connection.weak_from_this()),
              gate_(connection.worker_.gate()),
              turn_(connection.turn_) {}
        Responder(Responder&&) = default;
        Responder& operator=(Responder&&) = delete;
        ~Responder() {
            if (!gate_) return;
            reach([turn = turn_](HttpConnection& c) {
                c.send(turn, c.worker_.core().error(500, "the request was not answered"));
            });
        }
        void operator()(ServerResponse response) {
            if (!gate_) return;
            reach([turn = turn_, r = std::move(response)](HttpConnection& c) mutable {
                c.send(turn, std::move(r));
            });
        }

    private:
        template <typename F>
        void reach(F action) {
            const auto gate = std::move(gate_);
            if (gate->on_own_thread()) {
                if (const auto connection = connection_.lock()) action(*connection);
                return;
            }
            gate->post([weak = connection_, a = std::move(action)]() mutable {
                if (const auto connection = weak.lock()) a(*connection);
            });
        }

        std::weak_ptr<HttpConnection> connection_;
        std::shared_ptr<Gate> gate_;  // empty once used
        std::uint64_t turn_;
    };

    void call_handler(ServerRequest request) {
        const std::uint64_t turn = turn_;
        try {
            worker_.core().handler(std::move(request), Responder(*this));
        } catch (const std::exception& e) {
            static log::LineBudget lines{"requests that could not be handled", 1};
            if (lines.take(std::chrono::steady_clock::now()))
                log::error("a request could not be handled", {{"reason", e.what()}});
            send(turn, worker_.core().error(500, "internal error"));
        }
    }

    void upgrade(ServerRequest request) {
        if (worker_.stopping()) return end_with(503, "the server is stopping");
        if (!guest_->becomes_stream()) return end_with(503, too_many_streams);
        const auto pending = create_websocket(worker_);
        WsHandler handler;
        try {
            handler = worker_.core().upgrade(request, pending->peer());
        } catch (const std::exception& e) {
            log::error("a WebSocket upgrade could not be handled", {{"reason", e.what()}});
            handler.refusal = worker_.core().error(500, "internal error");
        }
        if (!handler.on_text) {
            keep_alive_ = false;
            send(turn_, handler.refusal ? std::move(*handler.refusal)
                                        : worker_.core().error(404, "there is no WebSocket here"));
            return;
        }
        Tcp::socket socket = std::move(socket_);
        auto guest = std::move(guest_);
        leave();
        pending->accept(std::move(socket), std::move(guest), std::move(request), std::move(handler));
    }

    void refuse(int status, std::string_view detail) {
        head_only_ = false;
        begin_turn();
        end_with(status, detail);
    }
    void end_with(int status, std::string_view detail) {
        keep_alive_ = false;
        send(turn_, worker_.core().error(status, detail));
    }

    void send(std::uint64_t turn, ServerResponse response) {
        if (stage_ != Stage::handling || turn != turn_) return;
        set_stage(Stage::writing);
        response_ = std::move(response);
        if (response_.stream && !head_only_ && !worker_.stopping() && !guest_->becomes_stream()) {
            keep_alive_ = false;
            response_ = worker_.core().error(503, too_many_streams);
        }
        const std::string& body = response_.shared_body ? *response_.shared_body : response_.body;
        const bool streams = response_.stream != nullptr && !worker_.stopping();
        if (streams) keep_alive_ = false;
        const bool bodiless = response_.status == 204 || response_.status == 304 || streams;
        head_.clear();
        auto out = std::back_inserter(head_);
        const auto reason =
            boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(response_.status));
        fmt::format_to(out, "HTTP/1.1 {} {}\r\nDate: {}\r\n", response_.status,
                       std::string_view(reason.data(), reason.size()),
                       worker_.date(deadline_ - worker_.core().options.write_timeout));
        if (streams) {
            fmt::format_to(out, "Content-Type: {}\r\n", response_.content_type);
        } else if (!bodiless) {
            fmt::format_to(out, "Content-Type: {}\r\nContent-Length: {}\r\n", response_.content_type,
                           body.size());
        }
        for (const auto& [name, value] : response_.headers) fmt::format_to(out, "{}: {}\r\n", name, value);
        if (!keep_alive_) {
            head_ += "Connection: close\r\n";
        } else if (!http11_) {
            head_ += "Connection: keep-alive\r\n";
        }
        head_ += "\r\n";
        if (streams && !head_only_) {
            open_stream();
            return;
        }
        const std::array<asio::const_buffer, 2> buffers{
            asio::buffer(head_), bodiless || head_only_ ? asio::const_buffer() : asio::buffer(body)};
        // Nearly every answer fits the socket's buffer: one write now saves a round through the event loop.
        error_code error;
        const std::size_t written = socket_.write_some(buffers, error);
        const std::size_t total = asio::buffer_size(buffers);
        if (!error && written == total) {
            on_written({});
            return;
        }
        if (error && error != asio::error::would_block) {
            on_written(error);
            return;
        }
        // A large answer gets more time, for slow lines.
        deadline_ += std::chrono::seconds{total / slow_line_bytes_a_second};
        rest_ = {buffers[0], buffers[1]};
        std::size_t skip = error ? 0 : written;
        for (auto& buffer : rest_) {
            const std::size_t part = std::min(skip, buffer.size());
            buffer += part;
            skip -= part;
        }
        waits_to_be_read();
        const auto go_on = [self = shared_from_this(), sent = std::size_t{0}](error_code failed,
                                                                              std::size_t now) mutable {
            if (failed) return std::size_t{0};
            if (std::exchange(sent, now) != now) self->waits_to_be_read();
            return max_written;
        };
        asio::async_write(socket_, rest_, go_on, [self = shared_from_this()](error_code failed, std::size_t) {
            self->on_written(failed);
        });
    }

    // The client has to read first: like one that has to send, it goes if another connection needs the place.
    void waits_to_be_read() {
        if (stage_ == Stage::closed) return;
        stalled_ = true;
        guest_->waits();
    }

    // From here on the connection is the stream's.
    void open_stream() {
        const auto opened = std::move(response_.stream);
        Tcp::socket socket = std::move(socket_);
        auto guest = std::move(guest_);
        leave();
        start_event_stream(worker_, std::move(socket), std::move(guest), std::move(head_), opened);
    }

    void on_written(error_code error) {
        if (stage_ == Stage::closed) return;
        if (error) {
            finish();
            return;
        }
        if (!keep_alive_ || worker_.stopping()) {
            linger();
            return;
        }
        // An idle connection keeps nothing of what it was sent or has sent.
        std::string().swap(head_);
        response_ = {};
        parser_ = RequestParser(limits());
        continued_ = false;
        stalled_ = false;
        set_stage(Stage::idle);
        next_request();
    }

    // Closing with unread input would reset the connection and lose the answer: shut down sending, then read
    // what still arrives, for a moment.
    void linger() {
        place_ = nullptr;
        error_code ignored;
        socket_.shutdown(Tcp::socket::shutdown_send, ignored);
        input_ = {};
        std::string().swap(read_ahead_);
        response_ = {};
        stage_ = Stage::writing;
        deadline_ = std::chrono::steady_clock::now() + std::chrono::seconds{1};
        if (guest_->health_only()) return finish();  // the reserve is small
        waits_to_be_read();
        wait(&HttpConnection::drain);
    }
    void drain() {
        error_code error;
        socket_.read_some(asio::buffer(worker_.scratch()), error);
        if ((error && error != asio::error::would_block) || ++drained_ == max_drained) return finish();
        wait(&HttpConnection::drain);
    }

    void finish() {
        if (stage_ == Stage::closed) return;
        error_code ignored;
        socket_.close(ignored);
        leave();
    }
    void leave() {
        stage_ = Stage::closed;
        guest_.reset();
        worker_.remove(shared_from_this());
    }

    Worker& worker_;
    Tcp::socket socket_;
    std::unique_ptr<Crowd::Guest> guest_;  // empty once closed
    RequestParser parser_;
    std::string_view input_;  // read and not yet parsed: in the worker's scratch, or in read_ahead_
    std::string read_ahead_;
    Stage stage_ = Stage::idle;
    MonoTime deadline_{};
    std::uint64_t turn_ = 0;
    bool keep_alive_ = true;
    bool head_only_ = false;
    bool http11_ = true;
    bool continued_ = false;
    bool stalled_ = false;  // its client has to read
    int drained_ = 0;
    std::shared_ptr<const void> place_;  // of the large body that is arriving
    ServerResponse response_;
    std::string head_;
    std::array<asio::const_buffer, 2> rest_;
};

}  // namespace

std::shared_ptr<Connection> start_http_connection(Worker& worker, Tcp::socket socket,
                                                  std::unique_ptr<Crowd::Guest> guest) {
    auto connection = std::make_shared<HttpConnection>(worker, std::move(socket), std::move(guest));
    worker.add(connection);
    connection->start();
    return connection;
}

}  // namespace pricewire::net::detail

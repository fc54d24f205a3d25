#include "queue/rabbitmq/connection.hpp"

#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <openssl/ssl.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "queue/rabbitmq/task_text.hpp"

namespace pricewire::queue {
namespace {

using Kind = BrokerError::Kind;

constexpr amqp_channel_t channel = 1;
constexpr amqp_channel_t other_channel = 2;  // open for one question only
constexpr std::string_view own_tag = "own";
constexpr int frame_max = 131'072;
constexpr Duration goodbye = std::chrono::milliseconds{500};

timeval timeval_of(Duration d) {
    return {static_cast<time_t>(d.count() / 1'000'000), static_cast<suseconds_t>(d.count() % 1'000'000)};
}

amqp_bytes_t bytes_of(std::string_view text) {
    return {text.size(), const_cast<char*>(text.data())};  // the library only reads it
}

std::string_view text_of(amqp_bytes_t bytes) {
    return {static_cast<const char*>(bytes.bytes), bytes.len};
}

std::string string_of(amqp_bytes_t bytes) {
    return std::string(text_of(bytes));
}

amqp_table_entry_t yes(const char* key) {
    amqp_table_entry_t entry{.key = amqp_cstring_bytes(key), .value = {}};
    entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
    entry.value.value.boolean = 1;
    return entry;
}

amqp_table_entry_t number(const char* key, std::int32_t value) {
    amqp_table_entry_t entry{.key = amqp_cstring_bytes(key), .value = {}};
    entry.value.kind = AMQP_FIELD_KIND_I32;
    entry.value.value.i32 = value;
    return entry;
}

std::optional<std::uint8_t> slot_in(const amqp_frame_t& header) {
    const auto* properties = static_cast<const amqp_basic_properties_t*>(header.payload.properties.decoded);
    if (properties == nullptr || (properties->_flags & AMQP_BASIC_TYPE_FLAG) == 0) return std::nullopt;
    return parse_number<std::uint8_t>(text_of(properties->type));
}

}  // namespace

Connection::Connection(const BrokerUrl& url, const RabbitmqOptions& options, SocketCut& cut)
    : queue_(options.queue),
      own_(options.own),
      prefetch_(options.prefetch),
      cut_(cut),
      state_(amqp_new_connection()) {
    if (!state_) throw std::bad_alloc();
    open_socket(url, options);
    log_in(url, options);
    declare_queue();
}

Connection::~Connection() {
    cut_.clear();
}

void Connection::open_socket(const BrokerUrl& url, const RabbitmqOptions& options) {
    amqp_socket_t* socket = url.tls ? amqp_ssl_socket_new(state_.get()) : amqp_tcp_socket_new(state_.get());
    if (socket == nullptr) throw BrokerError(Kind::away, "cannot create a socket");
    if (url.tls) {
        amqp_ssl_socket_set_verify_peer(socket, 1);
        amqp_ssl_socket_set_verify_hostname(socket, 1);
        if (options.ca_file.empty()) {
            SSL_CTX_set_default_verify_paths(static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket)));
        } else {
            check(amqp_ssl_socket_set_cacert(socket, options.ca_file.c_str()), "reading the CA file");
        }
    }
    const timeval timeout = timeval_of(options.connect_timeout);
    check(amqp_socket_open_noblock(socket, url.host.c_str(), url.port, &timeout), "connecting");
    socket_ = amqp_get_sockfd(state_.get());
    cut_.watch(socket_);
    amqp_set_handshake_timeout(state_.get(), &timeout);
    amqp_set_rpc_timeout(state_.get(), &timeout);
}

void Connection::log_in(const BrokerUrl& url, const RabbitmqOptions& options) {
    // Without these the broker reports neither that it is short of memory nor that the queue was deleted.
    std::array capabilities{yes("connection.blocked"), yes("consumer_cancel_notify")};
    amqp_table_entry_t entry{.key = amqp_cstring_bytes("capabilities"), .value = {}};
    entry.value.kind = AMQP_FIELD_KIND_TABLE;
    entry.value.value.table = {static_cast<int>(capabilities.size()), capabilities.data()};
    const amqp_table_t properties{1, &entry};
    const auto heartbeat = static_cast<int>(options.heartbeat.count());
    check(amqp_login_with_properties(state_.get(), url.vhost.c_str(), 2, frame_max, heartbeat, &properties,
                                     AMQP_SASL_METHOD_PLAIN, url.user.c_str(), url.password.c_str()),
          "logging in");
}

void Connection::declare_queue() {
    const auto differs = try_to_declare("classic");
    if (!differs) return;
    // As earlier versions declared it?
    if (try_to_declare("quorum")) throw BrokerError(Kind::queue_differs, *differs);
    writes_first_ = true;
}

std::optional<std::string> Connection::try_to_declare(const char* type) {
    amqp_table_entry_t entry{.key = amqp_cstring_bytes("x-queue-type"), .value = {}};
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = amqp_cstring_bytes(type);
    amqp_channel_open(state_.get(), channel);
    check(amqp_get_rpc_reply(state_.get()), "opening a channel");
    amqp_queue_declare(state_.get(), channel, bytes_of(queue_), 0, 1, 0, 0, {1, &entry});
    const amqp_rpc_reply_t reply = amqp_get_rpc_reply(state_.get());
    auto why = why_closed(channel, reply, AMQP_PRECONDITION_FAILED);
    if (!why) check(reply, "declaring the queue");
    return why;
}

std::optional<std::string> Connection::why_closed(std::uint16_t of, const amqp_rpc_reply_t& reply,
                                                  std::optional<std::uint16_t> code) {
    if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION || reply.reply.id != AMQP_CHANNEL_CLOSE_METHOD)
        return std::nullopt;
    const auto* close = static_cast<amqp_channel_close_t*>(reply.reply.decoded);
    if (code && close->reply_code != *code) return std::nullopt;
    std::string why = string_of(close->reply_text);
    amqp_channel_close_ok_t seen{};
    check(amqp_send_method(state_.get(), of, AMQP_CHANNEL_CLOSE_OK_METHOD, &seen), "closing a channel");
    return why;
}

void Connection::ask_for_confirms() {
    amqp_confirm_select(state_.get(), channel);
    check(amqp_get_rpc_reply(state_.get()), "enabling confirms");
}

std::optional<std::string> Connection::begin_to_consume() {
    amqp_basic_qos(state_.get(), channel, 0,
                   static_cast<std::uint16_t>(std::min<std::size_t>(prefetch_, 65'535)), 0);
    check(amqp_get_rpc_reply(state_.get()), "setting the prefetch");
    amqp_basic_consume(state_.get(), channel, bytes_of(queue_), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    check(amqp_get_rpc_reply(state_.get()), "starting to consume");
    if (own_.empty()) return std::nullopt;
    const auto refused = declare_own();
    if (refused) return refused;
    amqp_basic_consume(state_.get(), channel, bytes_of(own_), bytes_of(own_tag), 0, 0, 0, amqp_empty_table);
    check(amqp_get_rpc_reply(state_.get()), "starting to consume");
    return std::nullopt;
}

// It goes with its consumer, or if none comes; and has a bound in case the consumer hangs. On a channel of its own, which
// the broker closes if the user may not declare it.
std::optional<std::string> Connection::declare_own() {
    std::array arguments{number("x-expires", 60'000), number("x-max-length", 100'000),
                         number("x-max-length-bytes", 10'000'000)};
    amqp_channel_open(state_.get(), other_channel);
    check(amqp_get_rpc_reply(state_.get()), "opening a channel");
    amqp_queue_declare(state_.get(), other_channel, bytes_of(own_), 0, 1, 0, 1,
                       {static_cast<int>(arguments.size()), arguments.data()});
    const amqp_rpc_reply_t reply = amqp_get_rpc_reply(state_.get());
    if (auto why = why_closed(other_channel, reply, AMQP_ACCESS_REFUSED)) return why;
    check(reply, "declaring a queue for this process");
    check(amqp_channel_close(state_.get(), other_channel, AMQP_REPLY_SUCCESS), "closing a channel");
    return std::nullopt;
}

std::optional<std::uint32_t> Connection::messages_in(const std::string& queue) {
    // On a channel of its own, which the broker closes if there is no such queue.
    amqp_channel_open(state_.get(), other_channel);
    check(amqp_get_rpc_reply(state_.get()), "opening a channel");
    const auto* found =
        amqp_queue_declare(state_.get(), other_channel, bytes_of(queue), 1, 0, 0, 0, amqp_empty_table);
    const amqp_rpc_reply_t reply = amqp_get_rpc_reply(state_.get());
    if (why_closed(other_channel, reply)) return std::nullopt;
    check(reply, "looking for an earlier queue");
    const std::uint32_t messages = found->message_count;
    check(amqp_channel_close(state_.get(), other_channel, AMQP_REPLY_SUCCESS), "closing a channel");
    return messages;
}

void Connection::send_ping() {
    amqp_queue_declare_t declare{};
    declare.queue = bytes_of(queue_);
    declare.passive = 1;
    check(amqp_send_method(state_.get(), channel, AMQP_QUEUE_DECLARE_METHOD, &declare), "checking the queue");
}

void Connection::publish(const std::string& queue, const std::string& body,
                         std::optional<std::uint8_t> slot) {
    const std::string type = slot ? std::to_string(*slot) : "";
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties.delivery_mode = AMQP_DELIVERY_NONPERSISTENT;
    if (slot) {
        properties._flags |= AMQP_BASIC_TYPE_FLAG;
        properties.type = bytes_of(type);
    }
    check(amqp_basic_publish(state_.get(), channel, amqp_empty_bytes, bytes_of(queue), 1, 0, &properties,
                             bytes_of(body)),
          "publishing");
}

void Connection::ack(std::uint64_t tag, bool multiple) {
    check(amqp_basic_ack(state_.get(), channel, tag, multiple ? 1 : 0), "acknowledging");
}

void Connection::reject(std::uint64_t tag) {
    check(amqp_basic_reject(state_.get(), channel, tag, 0), "rejecting a message");
}

std::optional<Connection::Event> Connection::next() {
    while (true) {
        // The data of the last frame is no longer needed.
        amqp_maybe_release_buffers(state_.get());
        amqp_frame_t frame;
        const timeval at_once{};
        const int status = amqp_simple_wait_frame_noblock(state_.get(), &frame, &at_once);
        if (status == AMQP_STATUS_TIMEOUT) return std::nullopt;
        check(status, "reading");
        auto event = frame.frame_type == AMQP_FRAME_METHOD ? on_method(frame.payload.method) : on_body(frame);
        if (event) return event;
    }
}

std::optional<Connection::Event> Connection::on_method(const amqp_method_t& method) {
    switch (method.id) {
        case AMQP_BASIC_DELIVER_METHOD: {
            const auto* deliver = static_cast<amqp_basic_deliver_t*>(method.decoded);
            incoming_ =
                Event{.kind = Event::Kind::delivered, .message = {deliver->delivery_tag, {}}, .reason = {}};
            incoming_->message.own = text_of(deliver->consumer_tag) == own_tag;
            return std::nullopt;
        }
        case AMQP_BASIC_RETURN_METHOD:
            incoming_ = Event{.kind = Event::Kind::returned, .message = {}, .reason = {}};
            incoming_->message.own =
                text_of(static_cast<amqp_basic_return_t*>(method.decoded)->routing_key) != queue_;
            return std::nullopt;
        case AMQP_BASIC_ACK_METHOD: {
            const auto* ack = static_cast<amqp_basic_ack_t*>(method.decoded);
            return Event{Event::Kind::acked, {}, ack->delivery_tag, ack->multiple != 0, {}};
        }
        case AMQP_BASIC_NACK_METHOD: {
            const auto* nack = static_cast<amqp_basic_nack_t*>(method.decoded);
            return Event{Event::Kind::nacked, {}, nack->delivery_tag, nack->multiple != 0, {}};
        }
        case AMQP_CONNECTION_BLOCKED_METHOD:
            return Event{
                .kind = Event::Kind::blocked,
                .message = {},
                .reason = string_of(static_cast<amqp_connection_blocked_t*>(method.decoded)->reason)};
        case AMQP_CONNECTION_UNBLOCKED_METHOD:
            return Event{.kind = Event::Kind::unblocked, .message = {}, .reason = {}};
        case AMQP_QUEUE_DECLARE_OK_METHOD:
            return Event{.kind = Event::Kind::pong, .message = {}, .reason = {}};
        case AMQP_BASIC_CANCEL_METHOD:
            throw BrokerError(Kind::away, "the queue was deleted");
        case AMQP_CHANNEL_CLOSE_METHOD:
        case AMQP_CONNECTION_CLOSE_METHOD:
            closed_by_broker(method, "using the queue");
        default:
            return std::nullopt;
    }
}

std::optional<Connection::Event> Connection::on_body(const amqp_frame_t& frame) {
    if (!incoming_) throw BrokerError(Kind::away, "the broker sent a body without a message");
    if (frame.frame_type == AMQP_FRAME_HEADER) {
        incoming_left_ = frame.payload.properties.body_size;
        incoming_->message.slot = slot_in(frame);
    } else {
        const amqp_bytes_t part = frame.payload.body_fragment;
        incoming_left_ -= std::min<std::uint64_t>(incoming_left_, part.len);
        std::string& body = incoming_->message.body;
        // One byte more than the longest text, so that a longer body is not taken for tasks.
        body.append(static_cast<const char*>(part.bytes),
                    std::min(part.len, max_tasks_text + 1 - body.size()));
    }
    if (incoming_left_ > 0) return std::nullopt;
    return std::exchange(incoming_, std::nullopt);
}

void Connection::wait(Wake& wake, MonoTime until) {
    // Writing may have read frames into memory, for which the socket does not become readable.
    if (amqp_frames_enqueued(state_.get()) || amqp_data_in_buffer(state_.get())) return;
    wake.wait(socket_, until);
}

void Connection::close() {
    const timeval timeout = timeval_of(goodbye);
    amqp_set_rpc_timeout(state_.get(), &timeout);
    // Without an answer, destroying the connection closes it as well.
    amqp_connection_close(state_.get(), AMQP_REPLY_SUCCESS);
}

void Connection::check(int status, const char* doing) const {
    if (status == AMQP_STATUS_OK) return;
    throw BrokerError(Kind::away, std::string(doing) + ": " + amqp_error_string2(status));
}

void Connection::check(const amqp_rpc_reply_t& reply, const char* doing) const {
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION) closed_by_broker(reply.reply, doing);
    throw BrokerError(Kind::away, std::string(doing) + ": " + amqp_error_string2(reply.library_error));
}

// AMQP 0-9-1, "Reply constants".
void Connection::closed_by_broker(const amqp_method_t& method, const char* doing) const {
    std::uint16_t code = 0;
    std::string text = "the broker closed it";
    if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
        const auto* close = static_cast<amqp_channel_close_t*>(method.decoded);
        code = close->reply_code;
        text = string_of(close->reply_text);
    } else if (method.id == AMQP_CONNECTION_CLOSE_METHOD) {
        const auto* close = static_cast<amqp_connection_close_t*>(method.decoded);
        code = close->reply_code;
        text = string_of(close->reply_text);
    }
    const bool refused = code == AMQP_ACCESS_REFUSED || code == AMQP_NOT_ALLOWED;
    const Kind other = code == AMQP_INTERNAL_ERROR ? Kind::busy : Kind::away;
    throw BrokerError(refused ? Kind::refused : other, std::string(doing) + ": " + text);
}

}  // namespace pricewire::queue

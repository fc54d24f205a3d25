#include "support/hostile_receiver.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <zlib.h>

#include <array>
#include <atomic>
#include <charconv>
#include <list>
#include <stdexcept>
#include <thread>
#include <utility>

#include "support/peer_socket.hpp"

namespace pricewire::test {
namespace {

constexpr std::size_t max_connections = 2000;
constexpr std::size_t max_request = 1024 * 1024;
constexpr std::chrono::milliseconds drip_pause{1000};

constexpr std::pair<Behaviour, std::string_view> names[] = {
    {Behaviour::answers, "answers"},
    {Behaviour::gone, "gone"},
    {Behaviour::too_many, "too_many"},
    {Behaviour::redirects, "redirects"},
    {Behaviour::drips, "drips"},
    {Behaviour::drips_body, "drips_body"},
    {Behaviour::keeps_open, "keeps_open"},
    {Behaviour::informs_first, "informs_first"},
    {Behaviour::many_headers, "many_headers"},
    {Behaviour::endless_headers, "endless_headers"},
    {Behaviour::endless_header_line, "endless_header_line"},
    {Behaviour::huge_body, "huge_body"},
    {Behaviour::gzip_bomb, "gzip_bomb"},
    {Behaviour::resets_on_accept, "resets_on_accept"},
    {Behaviour::resets_after_request, "resets_after_request"},
    {Behaviour::resets_in_headers, "resets_in_headers"},
    {Behaviour::resets_in_body, "resets_in_body"},
    {Behaviour::half_closes, "half_closes"},
    {Behaviour::silent, "silent"},
    {Behaviour::stalls_handshake, "stalls_handshake"},
    {Behaviour::http09, "http09"},
    {Behaviour::informational_flood, "informational_flood"},
    {Behaviour::answers_early, "answers_early"},
    {Behaviour::ends_early, "ends_early"},
    {Behaviour::says_too_much, "says_too_much"},
    {Behaviour::negative_length, "negative_length"},
    {Behaviour::two_lengths, "two_lengths"},
    {Behaviour::garbage_chunks, "garbage_chunks"},
    {Behaviour::huge_chunk, "huge_chunk"},
    {Behaviour::garbage, "garbage"},
};

struct ReleaseContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, ReleaseContext>;

Context make_context(const TlsIdentity& identity) {
    Context context(SSL_CTX_new(TLS_server_method()));
    const auto bio_of = [](const std::string& text) {
        return std::unique_ptr<BIO, decltype(&BIO_free)>(
            BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
    };
    const auto certificate_bio = bio_of(identity.certificate);
    const auto key_bio = bio_of(identity.key);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr), &X509_free);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
    if (!context || SSL_CTX_use_certificate(context.get(), certificate.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1) {
        throw std::runtime_error("a TLS identity that OpenSSL does not take");
    }
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

// 100 MB of zeros, as gzip: about 100 KB.
const std::string& gzip_bomb() {
    static const std::string bomb = [] {
        constexpr std::size_t size = 100'000'000;
        const std::string zeros(1'000'000, '\0');
        z_stream stream{};
        if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
            throw std::runtime_error("zlib does not start");
        std::string out;
        std::array<unsigned char, 16 * 1024> buffer;
        for (std::size_t fed = 0; fed < size;) {
            fed += zeros.size();
            stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(zeros.data()));
            stream.avail_in = static_cast<unsigned>(zeros.size());
            do {
                stream.next_out = buffer.data();
                stream.avail_out = buffer.size();
                deflate(&stream, fed < size ? Z_NO_FLUSH : Z_FINISH);
                out.append(reinterpret_cast<char*>(buffer.data()), buffer.size() - stream.avail_out);
            } while (stream.avail_out == 0);
        }
        deflateEnd(&stream);
        return out;
    }();
    return bomb;
}

// Reads one request to its end; what was read beyond it stays in `buffer`.
bool read_request(PeerSocket& peer, std::string& buffer) {
    std::size_t end = 0;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
        if (buffer.size() > max_request || !peer.read_some(buffer)) return false;
    }
    std::size_t length = 0;
    constexpr std::string_view name = "\r\nContent-Length: ";
    if (const std::size_t at = buffer.find(name); at < end) {
        const char* digits = buffer.data() + at + name.size();
        std::from_chars(digits, buffer.data() + end, length);
    }
    const std::size_t whole = end + 4 + std::min(length, max_request);
    while (buffer.size() < whole) {
        if (!peer.read_some(buffer)) return false;
    }
    buffer.erase(0, whole);
    return true;
}

std::string answer(std::string_view status, std::string_view body, std::string_view headers = {}) {
    return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), headers, body);
}

void repeat(PeerSocket& peer, const std::string& bytes) {
    while (peer.write(bytes)) {
    }
}

void drip(PeerSocket& peer, const StopSignal& stop, std::string_view bytes, std::chrono::milliseconds pause) {
    for (std::size_t i = 0; peer.write(bytes.substr(i % bytes.size(), 1)) && !stop.wait_for(pause); ++i) {
    }
}

}  // namespace

struct HostileReceiver::Impl {
    struct Connection {
        std::thread thread;
        std::atomic<bool> done = false;
    };

    explicit Impl(HostileOptions o) : options(std::move(o)) {
        if (options.identity) context = make_context(*options.identity);
        if (options.behaviour == Behaviour::gzip_bomb) gzip_bomb();  // made before anyone waits for it
        std::tie(listener, port) = bind_loopback(SOCK_STREAM, options.address, options.port);
        acceptor = std::thread([this] { accept_all(); });
    }

    ~Impl() {
        stop.set();
        acceptor.join();
        for (Connection& connection : open) connection.thread.join();
    }

    void accept_all() {
        // OpenSSL writes with write(2), and a peer that has gone is no reason to end the test.
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
        std::array<pollfd, 2> waiting{{{listener.get(), POLLIN, 0}, {stop.fd(), POLLIN, 0}}};
        while (true) {
            poll(waiting.data(), waiting.size(), -1);
            if (waiting[1].revents != 0) return;
            Descriptor socket(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!socket) continue;
            ++connections;
            open.remove_if([](Connection& connection) {
                if (connection.done) connection.thread.join();
                return connection.done.load();
            });
            if (open.size() + kept.size() >= max_connections) continue;
            if (options.behaviour == Behaviour::silent) {
                kept.push_back(std::move(socket));
            } else {
                Connection& connection = open.emplace_back();
                connection.thread = std::thread([this, &connection, taken = std::move(socket)]() mutable {
                    PeerSocket peer(std::move(taken), stop, written);
                    serve(peer);
                    connection.done = true;
                });
            }
        }
    }

    void serve(PeerSocket& peer) {
        if (options.behaviour == Behaviour::resets_on_accept) return peer.reset();
        if (options.behaviour == Behaviour::stalls_handshake) {
            // A record of a handshake message that will have 16 KB once it is whole.
            const std::string record = std::string("\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03", 11);
            if (peer.write(record)) drip(peer, stop, "x", std::chrono::milliseconds{100});
            return;
        }
        if (context && !peer.handshake(context.get())) return;
        if (options.behaviour == Behaviour::answers_early) peer.write(answer("200 OK", "early"));
        std::string buffer;
        while (read_request(peer, buffer)) {
            ++requests;
            if (!react(peer)) return;
        }
    }

    // True if the connection stays open.
    bool react(PeerSocket& peer) {
        const std::string filler(16 * 1024, 'x');
        switch (options.behaviour) {
            case Behaviour::answers:
                return peer.write(answer("200 OK", "ok"));
            case Behaviour::gone:
                return peer.write(answer("410 Gone", "gone"));
            case Behaviour::too_many:
                return peer.write(answer("429 Too Many Requests", "slower",
                                         fmt::format("Retry-After: {}\r\n", options.retry_after.count())));
            case Behaviour::redirects:
                return peer.write(
                    answer("302 Found", "", fmt::format("Location: {}\r\n", options.redirect_to)));
            case Behaviour::drips:
                drip(peer, stop, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nxxxxxxxx", drip_pause);
                return false;
            case Behaviour::drips_body:
                if (peer.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"))
                    drip(peer, stop, "x", drip_pause);
                return false;
            case Behaviour::keeps_open:
                if (peer.write("HTTP/1.1 200 OK\r\n\r\nok")) peer.read_to_end();
                return false;
            case Behaviour::informs_first:
                for (int i = 0; i < 1000; ++i) {
                    if (!peer.write("HTTP/1.1 103 Early Hints\r\n\r\n")) return false;
                }
                return peer.write(answer("200 OK", "ok"));
            case Behaviour::many_headers: {
                std::string fillers;
                for (int i = 0; i < 500; ++i) fillers += "X-Filler: y\r\n";
                return peer.write(answer("200 OK", "ok", fillers));
            }
            case Behaviour::endless_headers:
                if (peer.write("HTTP/1.1 200 OK\r\n")) repeat(peer, "X-Filler: xxxxxxxxxxxxxxxx\r\n");
                return false;
            case Behaviour::endless_header_line:
                if (peer.write("HTTP/1.1 200 OK\r\nX-Filler: ")) repeat(peer, filler);
                return false;
            case Behaviour::huge_body:
                if (peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n"))
                    repeat(peer, filler);
                return false;
            case Behaviour::gzip_bomb:
                return peer.write(answer("200 OK", gzip_bomb(), "Content-Encoding: gzip\r\n"));
            case Behaviour::resets_after_request:
                peer.reset();
                return false;
            case Behaviour::resets_in_headers:
                peer.write("HTTP/1.1 200 OK\r\nContent-Le");
                peer.reset();
                return false;
            case Behaviour::resets_in_body:
                peer.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.");
                peer.reset();
                return false;
            case Behaviour::half_closes:
                peer.finish();
                peer.read_to_end();
                return false;
            case Behaviour::http09:
                peer.write("{\"ok\":true}\r\n");
                return false;
            case Behaviour::informational_flood:
                repeat(peer, "HTTP/1.1 103 Early Hints\r\n\r\n");
                return false;
            case Behaviour::ends_early:
                peer.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.");
                return false;
            case Behaviour::says_too_much:
                return peer.write(answer("200 OK", "ok") + answer("500 Smuggled", "no"));
            case Behaviour::negative_length:
                return peer.write("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello");
            case Behaviour::two_lengths:
                return peer.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 2\r\n\r\nhello");
            case Behaviour::garbage_chunks:
                peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n-1\r\n");
                return false;
            case Behaviour::huge_chunk:
                if (peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n"))
                    repeat(peer, filler);
                return false;
            case Behaviour::garbage:
                repeat(peer, std::string("\x00\xff\x16\x03\x01\r\n\r\nHTTP/9.9 999\n\x80", 24));
                return false;
            case Behaviour::answers_early:  // the answer to the next one
                return peer.write(answer("200 OK", "early"));
            case Behaviour::silent:  // these three never come here
            case Behaviour::stalls_handshake:
            case Behaviour::resets_on_accept:
                break;
        }
        return false;
    }

    HostileOptions options;
    Context context;
    Descriptor listener;
    std::uint16_t port = 0;
    StopSignal stop;
    std::atomic<std::int64_t> connections = 0;
    std::atomic<std::int64_t> requests = 0;
    std::atomic<std::int64_t> written = 0;
    std::list<Connection> open;  // the acceptor's own, as is kept
    std::list<Descriptor> kept;
    std::thread acceptor;
};

std::string_view to_string(Behaviour behaviour) {
    for (const auto& [value, name] : names) {
        if (value == behaviour) return name;
    }
    return "unknown";
}

const std::vector<Behaviour>& all_behaviours() {
    static const std::vector<Behaviour> all = [] {
        std::vector<Behaviour> out;
        for (const auto& [value, name] : names) out.push_back(value);
        return out;
    }();
    return all;
}

HostileReceiver::HostileReceiver(HostileOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
HostileReceiver::~HostileReceiver() = default;

std::uint16_t HostileReceiver::port() const {
    return impl_->port;
}

std::string HostileReceiver::url(const std::string& path, const std::string& host) const {
    const bool tls = impl_->options.identity || impl_->options.behaviour == Behaviour::stalls_handshake;
    const std::string& where = host.empty() ? impl_->options.address : host;
    const bool v6 = where.find(':') != std::string::npos;
    return fmt::format("{}://{}{}{}:{}{}", tls ? "https" : "http", v6 ? "[" : "", where, v6 ? "]" : "",
                       impl_->port, path);
}

std::int64_t HostileReceiver::connections() const {
    return impl_->connections;
}

std::int64_t HostileReceiver::requests() const {
    return impl_->requests;
}

std::int64_t HostileReceiver::bytes_written() const {
    return impl_->written;
}

}  // namespace pricewire::test

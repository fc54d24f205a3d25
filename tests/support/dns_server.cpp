#include "support/dns_server.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <stdexcept>
#include <thread>

#include "base/mutex.hpp"
#include "base/text.hpp"
#include "support/peer_socket.hpp"

namespace pricewire::test {
namespace {

constexpr std::size_t header_size = 12;
constexpr std::uint16_t type_a = 1;
constexpr std::uint16_t type_aaaa = 28;

struct Question {
    std::string name;  // lower case
    std::uint16_t type = 0;
    std::size_t end = 0;  // where it ends in the message
};

// The one question of a query, RFC 1035 §4.1.2; nullopt if there is none or it is truncated.
std::optional<Question> read_question(std::string_view message) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(message[i]); };
    if (message.size() < header_size || byte(4) != 0 || byte(5) != 1) return std::nullopt;
    Question out;
    std::size_t at = header_size;
    while (at < message.size() && byte(at) != 0) {
        const std::size_t size = byte(at);
        if (size > 63 || at + 1 + size >= message.size()) return std::nullopt;
        if (!out.name.empty()) out.name += '.';
        out.name += message.substr(at + 1, size);
        at += 1 + size;
    }
    if (at + 5 > message.size()) return std::nullopt;
    out.name = lower_case(out.name);
    out.type = static_cast<std::uint16_t>(byte(at + 1) << 8 | byte(at + 2));
    out.end = at + 5;
    return out;
}

void put16(std::string& out, std::size_t value) {
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value);
}

std::string reply(std::string_view query, const Question& question, const DnsAnswer& answer) {
    std::string records;
    std::size_t count = 0;
    if (answer.kind == DnsAnswer::Kind::addresses) {
        for (const net::IpAddress& address : answer.addresses) {
            const bool as_v4 = address.is_v4() && !answer.mapped;
            if (question.type != (as_v4 ? type_a : type_aaaa)) continue;
            const std::size_t skip = as_v4 ? 12 : 0;
            put16(records, 0xc000 | header_size);  // the name is the question's
            put16(records, question.type);
            put16(records, 1);  // IN
            put16(records, answer.ttl_seconds >> 16);
            put16(records, answer.ttl_seconds & 0xffff);
            put16(records, 16 - skip);
            records.append(reinterpret_cast<const char*>(address.bytes.data()) + skip, 16 - skip);
            ++count;
        }
    }
    const int code = answer.kind == DnsAnswer::Kind::no_such_name     ? 3
                     : answer.kind == DnsAnswer::Kind::server_failure ? 2
                                                                      : 0;
    std::string out(query.substr(0, 2));
    out += static_cast<char>(0x84 | (query[2] & 0x01));  // an authoritative answer; RD as it came
    out += static_cast<char>(0x80 | code);
    put16(out, 1);
    put16(out, count);
    put16(out, 0);
    put16(out, 0);
    out += query.substr(header_size, question.end - header_size);
    return out + records;
}

}  // namespace

DnsAnswer DnsAnswer::of(const std::vector<std::string>& addresses, std::uint32_t ttl_seconds) {
    DnsAnswer out{.kind = Kind::addresses, .addresses = {}, .ttl_seconds = ttl_seconds};
    for (const std::string& text : addresses) {
        const auto address = net::IpAddress::parse(text);
        if (!address) throw std::runtime_error("not an address: " + text);
        out.addresses.push_back(*address);
    }
    return out;
}

struct DnsServer::Impl {
    struct Name {
        std::vector<DnsAnswer> answers;
        std::map<std::uint16_t, std::size_t> asked;  // by type
    };

    Impl() {
        std::tie(socket, port) = bind_loopback(SOCK_DGRAM, "127.0.0.1", 0);
        thread = std::thread([this] { run(); });
    }

    ~Impl() {
        stop.set();
        thread.join();
    }

    void run() {
        std::array<pollfd, 2> waiting{{{socket.get(), POLLIN, 0}, {stop.fd(), POLLIN, 0}}};
        std::array<char, 4096> buffer;
        while (true) {
            poll(waiting.data(), waiting.size(), -1);
            if (waiting[1].revents != 0) return;
            sockaddr_storage peer{};
            socklen_t size = sizeof peer;
            const ssize_t got = recvfrom(socket.get(), buffer.data(), buffer.size(), 0,
                                         reinterpret_cast<sockaddr*>(&peer), &size);
            if (got <= 0) continue;
            const std::string_view query(buffer.data(), static_cast<std::size_t>(got));
            const auto question = read_question(query);
            if (!question) continue;
            const DnsAnswer answer = next(*question);
            if (answer.kind == DnsAnswer::Kind::silence) continue;
            const std::string bytes = reply(query, *question, answer);
            // The client may be gone; then the answer is lost.
            sendto(socket.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&peer), size);
        }
    }

    DnsAnswer next(const Question& question) {
        MutexLock lock(mutex);
        ++queries;
        const auto found = names.find(question.name);
        if (found == names.end()) return DnsAnswer::no_such_name();
        Name& name = found->second;
        const std::size_t turn = name.asked[question.type]++;
        return name.answers[std::min(turn, name.answers.size() - 1)];
    }

    Descriptor socket;
    std::uint16_t port = 0;
    StopSignal stop;
    mutable Mutex mutex;
    std::int64_t queries GUARDED_BY(mutex) = 0;
    std::map<std::string, Name> names GUARDED_BY(mutex);
    std::thread thread;
};

DnsServer::DnsServer() : impl_(std::make_unique<Impl>()) {}
DnsServer::~DnsServer() = default;

void DnsServer::set(const std::string& name, std::vector<DnsAnswer> answers) {
    if (answers.empty()) throw std::runtime_error("a name without answers: " + name);
    MutexLock lock(impl_->mutex);
    impl_->names[name] = {.answers = std::move(answers), .asked = {}};
}

std::string DnsServer::address() const {
    return fmt::format("127.0.0.1:{}", impl_->port);
}

std::int64_t DnsServer::queries() const {
    MutexLock lock(impl_->mutex);
    return impl_->queries;
}

std::int64_t DnsServer::queries(const std::string& name) const {
    MutexLock lock(impl_->mutex);
    const auto found = impl_->names.find(name);
    std::int64_t out = 0;
    if (found == impl_->names.end()) return out;
    for (const auto& [type, count] : found->second.asked) out += static_cast<std::int64_t>(count);
    return out;
}

}  // namespace pricewire::test

#pragma once

#include <poll.h>

#include <map>
#include <optional>

#include "base/mutex.hpp"
#include "net/address_guard.hpp"
#include "net/server_fixture.hpp"

namespace pricewire::net {

// A name server on loopback (RFC 1035, over UDP) that answers A and AAAA by script; names it does not know do
// not exist.
class DnsFixture {
public:
    struct Script {
        // The answer to the n-th query of a type: addresses of that type; the last is repeated.
        std::vector<std::vector<std::string>> answers;
        int ttl = 60;
        bool silent = false;
        int code = 0;  // the answer's RCODE; if it is not 0 there are no addresses
    };

    DnsFixture() : fd_(bound_socket(SOCK_DGRAM, "127.0.0.1", 0)), port_(port_of(fd_)) {
        // Many questions at once; if this is not allowed, the client asks again what was lost.
        const int bytes = 16 << 20;
        setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
        thread_ = std::thread([this] { run(); });
    }
    ~DnsFixture() {
        stopping_ = true;
        thread_.join();
        close(fd_);
    }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    void set(const std::string& name, Script script) {
        MutexLock lock(mutex_);
        scripts_[name] = std::move(script);
    }
    // The number of queries for IPv4 addresses.
    int asked(const std::string& name) const {
        MutexLock lock(mutex_);
        const auto found = asked_.find({name, type_a});
        return found == asked_.end() ? 0 : found->second;
    }

private:
    static constexpr int type_a = 1;
    static constexpr int type_aaaa = 28;

    void run() {
        while (!stopping_) {
            pollfd waiting{fd_, POLLIN, 0};
            if (poll(&waiting, 1, 20) <= 0) continue;
            sockaddr_in from{};
            socklen_t size = sizeof from;
            std::string question(512, '\0');
            const ssize_t n =
                recvfrom(fd_, question.data(), question.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
            if (n < 17) continue;
            question.resize(static_cast<std::size_t>(n));
            if (const auto answer = answer_to(question)) {
                sendto(fd_, answer->data(), answer->size(), 0, reinterpret_cast<sockaddr*>(&from), size);
            }
        }
    }

    std::optional<std::string> answer_to(const std::string& question) {
        std::string name;
        std::size_t at = 12;
        while (at < question.size() && question[at] != 0) {
            const auto length = static_cast<std::size_t>(question[at]);
            name += (name.empty() ? "" : ".") + question.substr(at + 1, length);
            at += length + 1;
        }
        if (at + 5 > question.size()) return std::nullopt;
        const int type = static_cast<unsigned char>(question[at + 2]);
        MutexLock lock(mutex_);
        const auto nth = static_cast<std::size_t>(asked_[{name, type}]++);
        const auto script = scripts_.find(name);
        if (script != scripts_.end() && script->second.silent) return std::nullopt;
        std::string records;
        char count = 0;
        if (script != scripts_.end() && !script->second.answers.empty()) {
            const auto& answers = script->second.answers;
            for (const std::string& text : answers.at(std::min(nth, answers.size() - 1))) {
                const IpAddress address = IpAddress::parse(text).value();
                if (address.is_v4() != (type == type_a)) continue;
                const std::size_t skip = address.is_v4() ? 12 : 0;
                records +=
                    std::string("\xc0\x0c\0", 3) + static_cast<char>(type) + std::string("\0\1\0\0\0", 5);
                records += static_cast<char>(script->second.ttl);
                records += std::string("\0", 1) + static_cast<char>(16 - skip);
                records.append(reinterpret_cast<const char*>(address.bytes.data()) + skip, 16 - skip);
                ++count;
            }
        }
        // NXDOMAIN for what is unknown.
        const auto code = static_cast<char>(script == scripts_.end() ? 3 : script->second.code);
        std::string out = question.substr(0, 2) + "\x81" + static_cast<char>(0x80 | code);
        out += std::string("\0\1\0", 3) + count + std::string("\0\0\0\0", 4);
        return out + question.substr(12, at + 5 - 12) + records;
    }

    const int fd_;
    const std::uint16_t port_;
    mutable Mutex mutex_;
    std::map<std::string, Script> scripts_ GUARDED_BY(mutex_);
    std::map<std::pair<std::string, int>, int> asked_ GUARDED_BY(mutex_);
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

}  // namespace pricewire::net

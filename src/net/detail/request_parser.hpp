#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_server.hpp"

namespace pricewire::net::detail {

// One HTTP/1.1 or 1.0 request, from its bytes in pieces of any size. Whatever RFC 9112 lets a recipient
// repair is refused instead, since a proxy in front may repair it differently and then disagree on where a
// request ends. Pure; one thread at a time.
//
// It holds at most max_header_bytes of text at a time as a line and as fields, max_fields of them, and the
// body that has arrived: what is only framing (chunk extensions, trailers) is counted as headers are and
// dropped.
class RequestParser {
public:
    struct Limits {
        std::size_t header_bytes = 0;
        std::size_t body_bytes = 0;
        std::size_t large_body_bytes = 0;
        // Paths with the larger limit; empty or null: none. Outlives the parser.
        const std::function<bool(std::string_view path)>* takes_large_body = nullptr;
    };
    struct Refusal {
        int status = 0;
        std::string detail;
    };
    static constexpr std::size_t max_fields = 100;

    explicit RequestParser(Limits limits) : limits_(limits) {}

    // Takes what belongs to this request; returns how many bytes that is: all, unless it is done or refused.
    std::size_t take(std::string_view bytes);
    bool started() const;  // more has come than the empty line that may precede a request
    bool head_done() const { return phase_ > Phase::fields; }
    bool done() const { return phase_ == Phase::done; }
    // Set once the bytes are no valid request; nothing after them may be taken for one.
    const std::optional<Refusal>& refusal() const { return refusal_; }

    // Once the head is done:
    bool http11() const { return http11_; }
    bool keep_alive() const { return keep_alive_; }
    bool is_head() const { return request_.method == "HEAD"; }
    bool expects_continue() const { return expects_continue_; }  // and no byte of the body has come
    bool upgrades_to_websocket() const { return upgrades_; }
    bool has_body() const { return chunked_ || length_ > 0; }
    std::size_t body_size() const { return request_.body.size(); }  // so far
    // Once the request is done: without `peer`.
    ServerRequest release() { return std::move(request_); }

private:
    enum class Phase { request_line, fields, body, chunk_size, chunk, chunk_end, trailers, done, refused };

    void take_line(std::string_view& rest);
    void on_line(std::string_view line);
    void on_request_line(std::string_view line);
    void on_target(std::string_view target);
    void on_field(std::string_view line);
    void on_known_field(std::string_view name, std::string_view value);
    void on_content_length(std::string_view value);
    void on_transfer_encoding(std::string_view value);
    void on_expect(std::string_view value);
    void on_head_end();
    void on_chunk_size(std::string_view line);
    void on_trailer(std::string_view line);
    void take_body(std::string_view& rest);
    void refuse(int status, std::string_view detail);
    void malformed(std::string_view detail);
    bool listed(std::string_view field, std::string_view token) const;

    Limits limits_;
    Phase phase_ = Phase::request_line;
    std::string line_;               // the part of an unfinished line that has come
    std::size_t framing_bytes_ = 0;  // of the head, chunk extensions and trailers
    std::uint64_t left_ = 0;         // bytes of the body, or of the chunk, still to come
    ServerRequest request_;
    std::optional<std::string> host_;      // of the Host header
    std::optional<std::uint64_t> length_;  // of the Content-Length header
    std::optional<Refusal> refusal_;
    bool skipped_empty_line_ = false;
    bool http11_ = true;
    bool keep_alive_ = true;
    bool chunked_ = false;
    bool expects_continue_ = false;
    bool upgrades_ = false;
};

}  // namespace pricewire::net::detail

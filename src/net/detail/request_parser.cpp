#include "net/detail/request_parser.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace pricewire::net::detail {
namespace {

constexpr std::size_t max_size_digits = 16;

// What may stand in a line: no control character but the tab.
bool is_text(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 ? c != 0x7f : c == '\t'; });
}

// Visible ASCII. A fragment is never sent.
bool is_target(std::string_view text) {
    return !text.empty() &&
           std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

bool all_digits(std::string_view text) {
    return std::ranges::all_of(text, is_digit);
}

bool is_name_of_host(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
    });
}

bool is_port(std::string_view text) {
    return text.empty() || (all_digits(text) && parse_number<std::uint16_t>(text));
}

// The host of "host", "host:port" or "[v6]:port", in lower case.
std::optional<std::string> host_in(std::string_view authority) {
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view address = authority.substr(1, end - 1);
        const std::string_view port = authority.substr(end + 1);
        if (!address.contains(':') || !IpAddress::parse(address)) return std::nullopt;
        if (!port.empty() && (port[0] != ':' || !is_port(port.substr(1)))) return std::nullopt;
        return lower_case(address);
    }
    std::string_view port = authority;
    const std::string_view host = take_part(port, ':');
    if (!is_name_of_host(host) || !is_port(port)) return std::nullopt;
    return lower_case(host);
}

// Adds without room to spare beyond `most`: growing by doubling would hold up to twice the limit.
void append(std::string& to, std::string_view part, std::size_t most) {
    const std::size_t needed = to.size() + part.size();
    if (needed > to.capacity()) to.reserve(std::max(needed, std::min(most, 2 * to.capacity())));
    to += part;
}

}  // namespace

std::size_t RequestParser::take(std::string_view bytes) {
    std::string_view rest = bytes;
    while (!rest.empty() && phase_ != Phase::done && phase_ != Phase::refused) {
        if (phase_ == Phase::body || phase_ == Phase::chunk) {
            take_body(rest);
        } else {
            take_line(rest);
        }
    }
    if (phase_ == Phase::refused) std::string().swap(line_);
    return bytes.size() - rest.size();
}

bool RequestParser::started() const {
    return phase_ != Phase::request_line || !line_.empty();
}

void RequestParser::take_line(std::string_view& rest) {
    const std::size_t feed = rest.find('\n');
    const bool whole = feed != std::string_view::npos;
    std::string_view part = rest.substr(0, whole ? feed + 1 : feed);
    // A line is counted as it comes; what a chunk's size needs is given back when the line is complete.
    framing_bytes_ += part.size();
    if (framing_bytes_ > limits_.header_bytes) {
        return refuse(431,
                      fmt::format("the request's headers are larger than {} bytes", limits_.header_bytes));
    }
    rest.remove_prefix(part.size());
    if (!whole) {
        // Refused now, not at the end of a line that may never come: another protocol's bytes, for example.
        if (!is_text(part.ends_with('\r') ? part.substr(0, part.size() - 1) : part)) {
            return malformed("a control character");
        }
        append(line_, part, limits_.header_bytes);
        return;
    }
    if (!line_.empty()) {
        append(line_, part, limits_.header_bytes);
        part = line_;
    }
    if (!part.ends_with("\r\n")) return malformed("a line that does not end with CR LF");
    part.remove_suffix(2);
    if (!is_text(part)) return malformed("a control character");
    on_line(part);
    line_.clear();
    if (phase_ > Phase::fields) line_.shrink_to_fit();
}

void RequestParser::on_line(std::string_view line) {
    switch (phase_) {
        case Phase::request_line:
            return on_request_line(line);
        case Phase::fields:
            return line.empty() ? on_head_end() : on_field(line);
        case Phase::chunk_size:
            return on_chunk_size(line);
        case Phase::chunk_end:
            framing_bytes_ -= 2;
            if (!line.empty()) return malformed("a chunk that is longer than its size");
            phase_ = Phase::chunk_size;
            return;
        case Phase::trailers:
            return on_trailer(line);
        default:
            return;
    }
}

void RequestParser::on_request_line(std::string_view line) {
    if (line.empty()) {
        if (std::exchange(skipped_empty_line_, true)) malformed("empty lines before it");
        return;
    }
    const std::string_view method = take_part(line, ' ');
    const std::string_view target = take_part(line, ' ');
    if (!is_token(method)) return malformed("the method is not a token");
    if (!is_target(target)) return malformed("the target is not one of visible ASCII characters");
    const bool is_version = line.size() == 8 && line.starts_with("HTTP/") && is_digit(line[5]) &&
                            line[6] == '.' && is_digit(line[7]);
    if (!is_version) return malformed("the request line does not end with HTTP/1.1");
    if (line != "HTTP/1.1" && line != "HTTP/1.0") return refuse(505, "only HTTP/1.1 and HTTP/1.0 are served");
    http11_ = line == "HTTP/1.1";
    if (method == "CONNECT") return refuse(501, "CONNECT is not implemented");
    request_.method = method;
    phase_ = Phase::fields;
    on_target(target);
}

// The origin form, the absolute form, whose authority replaces the Host header, or the asterisk.
void RequestParser::on_target(std::string_view target) {
    const bool asterisk = target == "*" && request_.method == "OPTIONS";
    if (!target.starts_with('/') && !asterisk) {
        const std::size_t scheme = target.find("://");
        const std::string_view name = target.substr(0, scheme);
        if (scheme == std::string_view::npos ||
            (!equal_ignoring_case(name, "http") && !equal_ignoring_case(name, "https"))) {
            return malformed("the target is neither a path nor an absolute URL");
        }
        target.remove_prefix(scheme + 3);
        const std::string_view authority = target.substr(0, target.find_first_of("/?"));
        const auto host = host_in(authority);
        if (!host) return malformed("the target's host is not a valid one");
        request_.host = *host;
        target.remove_prefix(authority.size());
    }
    request_.target = target.starts_with('/') || asterisk ? target : "/" + std::string(target);
    std::string_view query = request_.target;
    request_.path = take_part(query, '?');
    request_.query = query;
}

void RequestParser::on_field(std::string_view line) {
    if (line.starts_with(' ') || line.starts_with('\t')) return malformed("a folded header");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return malformed("a header without a colon");
    if (!is_token(line.substr(0, colon))) return malformed("a header's name is not a token");
    if (request_.headers.size() == max_fields) {
        return refuse(431, fmt::format("the request has more than {} headers", max_fields));
    }
    const auto& [name, value] =
        request_.headers.emplace_back(lower_case(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    on_known_field(name, value);
}

void RequestParser::on_known_field(std::string_view name, std::string_view value) {
    if (name == "host") {
        if (host_) return malformed("two Host headers");
        host_ = host_in(value);
        if (!host_) malformed("the Host header is not a valid host");
    } else if (name == "content-length") {
        on_content_length(value);
    } else if (name == "transfer-encoding") {
        on_transfer_encoding(value);
    } else if (name == "expect") {
        on_expect(value);
    }
}

void RequestParser::on_content_length(std::string_view value) {
    if (length_) return malformed("two Content-Length headers");
    if (value.empty() || !all_digits(value)) return malformed("the Content-Length is not a number");
    // A number too large for any type is one that is over the limit.
    length_ = parse_number<std::uint64_t>(value).value_or(UINT64_MAX);
}

void RequestParser::on_transfer_encoding(std::string_view value) {
    if (std::exchange(chunked_, true)) return malformed("two Transfer-Encoding headers");
    if (equal_ignoring_case(value, "chunked")) return;
    const auto codings = split_list(value);
    const auto is_chunked = [](std::string_view coding) { return equal_ignoring_case(coding, "chunked"); };
    if (codings.size() > 1 && std::ranges::count_if(codings, is_chunked) == 1 && is_chunked(codings.back())) {
        return refuse(501, "the only Transfer-Encoding implemented is chunked");
    }
    malformed("the Transfer-Encoding is not chunked");
}

void RequestParser::on_expect(std::string_view value) {
    if (!http11_) return;
    for (const std::string_view one : split_list(value)) {
        if (!equal_ignoring_case(one, "100-continue")) {
            return refuse(417, "the only expectation that can be met is 100-continue");
        }
        expects_continue_ = true;
    }
}

void RequestParser::on_head_end() {
    if (http11_ && !host_) return malformed("the Host header is missing");
    if (chunked_ && length_) return malformed("both Transfer-Encoding and Content-Length");
    if (chunked_ && !http11_) return malformed("Transfer-Encoding in HTTP/1.0");
    if (limits_.takes_large_body != nullptr && *limits_.takes_large_body &&
        (*limits_.takes_large_body)(request_.path)) {
        limits_.body_bytes = limits_.large_body_bytes;
    }
    if (length_.value_or(0) > limits_.body_bytes) {
        return refuse(413, fmt::format("the request's body is larger than {} bytes", limits_.body_bytes));
    }
    if (request_.host.empty() && host_) request_.host = *host_;
    keep_alive_ = !listed("connection", "close") && (http11_ || listed("connection", "keep-alive"));
    upgrades_ = http11_ && request_.method == "GET" && listed("connection", "upgrade") &&
                listed("upgrade", "websocket");
    left_ = length_.value_or(0);
    phase_ = chunked_ ? Phase::chunk_size : left_ > 0 ? Phase::body : Phase::done;
    expects_continue_ = expects_continue_ && phase_ != Phase::done;
}

// 1*HEXDIG, perhaps with extensions, of which none has a meaning here.
void RequestParser::on_chunk_size(std::string_view line) {
    const std::size_t digits = std::min(line.find_first_of("; \t"), line.size());
    const std::string_view extensions = trimmed(line.substr(digits));
    const std::string_view size = line.substr(0, digits);
    const bool hex = !size.empty() && std::ranges::all_of(size, [](char c) { return hex_digit(c) >= 0; });
    if (!hex || size.size() > max_size_digits || (digits < line.size() && !extensions.starts_with(';'))) {
        return malformed("a chunk's size is not a hexadecimal number");
    }
    framing_bytes_ -= digits + 2;
    left_ = *parse_number<std::uint64_t>(size, 16);
    if (left_ > limits_.body_bytes - request_.body.size()) {
        return refuse(413, fmt::format("the request's body is larger than {} bytes", limits_.body_bytes));
    }
    phase_ = left_ == 0 ? Phase::trailers : Phase::chunk;
}

// Checked as fields are, since a proxy may take them for such, and dropped.
void RequestParser::on_trailer(std::string_view line) {
    if (line.empty()) {
        phase_ = Phase::done;
        return;
    }
    if (!is_token(line.substr(0, line.find(':'))) || !line.contains(':'))
        malformed("a trailer is not a header");
}

void RequestParser::take_body(std::string_view& rest) {
    expects_continue_ = false;
    const std::string_view part = rest.substr(0, std::min<std::uint64_t>(left_, rest.size()));
    append(request_.body, part, chunked_ ? limits_.body_bytes : *length_);
    rest.remove_prefix(part.size());
    left_ -= part.size();
    if (left_ == 0) phase_ = phase_ == Phase::chunk ? Phase::chunk_end : Phase::done;
}

void RequestParser::refuse(int status, std::string_view detail) {
    if (refusal_) return;
    phase_ = Phase::refused;
    refusal_ = {status, std::string(detail)};
    request_ = {};
}

void RequestParser::malformed(std::string_view detail) {
    refuse(400, fmt::format("not a valid HTTP/1.1 request: {}", detail));
}

bool RequestParser::listed(std::string_view field, std::string_view token) const {
    return std::ranges::any_of(request_.headers, [&](const auto& header) {
        return header.first == field &&
               std::ranges::any_of(split_list(header.second),
                                   [&](std::string_view item) { return equal_ignoring_case(item, token); });
    });
}

}  // namespace pricewire::net::detail
